//! `Elector::lead`: the work of a term begins and ends with it.

use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::election::{EventKind, Led, LossReason, OneTerm, Term};
use futures_util::FutureExt;

use crate::support::{Member, TTL, World, ms, run_for, s, timing, told};

/// Says what was left of the term when the work was dropped.
struct Left(Term, Arc<Mutex<Vec<Option<Duration>>>>);

impl Drop for Left {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.remaining());
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_returns_hands_its_value_out_and_leaves_the_key_released() {
    let world = World::new();
    let a = world.member("a");
    let led = a.elector.lead(|term| async move {
        assert!(term.is_valid());
        term.token()
    });
    let Led::Done(token) = led.await.unwrap() else {
        panic!("it overran")
    };
    assert!(token.get() > 1);
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn work_that_returns_lets_another_member_lead_at_once() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let led = a.elector.lead(|_| async {
        b.elector.contend().unwrap();
        world.pass(s(1)).await;
    });
    assert_eq!(led.await.unwrap(), Led::Done(()));
    let ended_at = world.elapsed();
    assert!(b.elector.acquire().await.unwrap().is_valid());
    assert!(world.elapsed().abs_diff(ended_at) < ms(100));
}

#[tokio::test(start_paused = true)]
async fn work_of_a_member_that_is_cut_off_is_dropped_when_the_stop_time_is_left() {
    let world = World::new();
    let a = world.member("a");
    let left = Arc::default();
    let mut lead = Box::pin(a.elector.lead(|term| {
        let guard = Left(term, Arc::clone(&left));
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    }));
    run_for(&world, &mut lead, TTL * 2).await;
    a.dcs.cut_off();
    run_for(&world, &mut lead, TTL * 2).await;
    assert_eq!(*left.lock().unwrap(), [Some(timing().stop_time())]);
}

#[tokio::test(start_paused = true)]
async fn work_is_run_anew_in_the_next_term_with_a_larger_token() {
    let world = World::new();
    let a = world.member("a");
    let tokens = Mutex::new(Vec::new());
    let mut lead = Box::pin(a.elector.lead(|term| {
        tokens.lock().unwrap().push(term.token());
        pending::<()>()
    }));
    run_for(&world, &mut lead, TTL * 2).await;
    a.dcs.cut_off();
    run_for(&world, &mut lead, TTL * 2).await;
    a.dcs.heal();
    run_for(&world, &mut lead, TTL * 2).await;
    let tokens = tokens.lock().unwrap();
    assert!(tokens.len() == 2 && tokens[0] < tokens[1], "{tokens:?}");
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_at_once_when_its_record_is_deleted() {
    let world = World::new();
    let a = world.member("a");
    let left = Arc::default();
    let mut lead = Box::pin(a.elector.lead(|term| {
        let guard = Left(term, Arc::clone(&left));
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    }));
    run_for(&world, &mut lead, TTL * 2).await;
    world.store.delete_leader(&world.scope);
    run_for(&world, &mut lead, ms(1)).await;
    assert_eq!(*left.lock().unwrap(), [None]);
}

#[tokio::test(start_paused = true)]
async fn stepping_down_ends_the_term_and_lead_contends_again() {
    let world = World::new();
    let a = world.member("a");
    let (terms, elector) = (Mutex::new(0), a.elector.clone());
    let mut lead = Box::pin(a.elector.lead(|_| {
        *terms.lock().unwrap() += 1;
        pending::<()>()
    }));
    run_for(&world, &mut lead, TTL * 2).await;
    let both = Box::pin(futures_util::future::join(&mut lead, elector.step_down()));
    run_for(&world, &mut { both }, TTL * 2).await;
    assert_eq!(*terms.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn work_may_step_down_itself() {
    let world = World::new();
    let a = world.member("a");
    let elector = a.elector.clone();
    let ended = a.elector.lead_one_term(|_| async move {
        elector.step_down().await.unwrap();
    });
    let ended = ended.await.unwrap();
    assert!(
        matches!(ended, OneTerm::Lost { why: None, .. }),
        "{ended:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_term_ends_with_the_reason_of_its_loss() {
    for (why, cause) in [
        (LossReason::Deleted, delete as fn(&World, &Member)),
        (LossReason::Replaced, replace),
        (LossReason::Expired, cut_off),
    ] {
        let world = World::new();
        let a = world.member("a");
        let mut one = Box::pin(a.elector.lead_one_term(|_| pending::<()>()));
        run_for(&world, &mut one, TTL * 2).await;
        cause(&world, &a);
        let ended = one.await.unwrap();
        let lost = matches!(ended, OneTerm::Lost { why: Some(said), .. } if said == why);
        assert!(lost, "{ended:?} and not {why:?}");
    }
}

fn delete(world: &World, _: &Member) {
    world.store.delete_leader(&world.scope);
}

fn replace(world: &World, _: &Member) {
    let stranger = "stranger".parse().unwrap();
    world
        .store
        .edit_leader(&world.scope, |record| record.holder = Some(stranger));
}

fn cut_off(_: &World, a: &Member) {
    a.dcs.cut_off();
}

#[tokio::test(start_paused = true)]
async fn a_member_stays_out_after_one_term() {
    let world = World::new();
    let a = world.member("a");
    let mut one = Box::pin(a.elector.lead_one_term(|_| pending::<()>()));
    run_for(&world, &mut one, TTL * 2).await;
    world.store.delete_leader(&world.scope);
    assert!(matches!(one.await.unwrap(), OneTerm::Lost { .. }));
    world.pass(TTL * 3).await;
    assert!(!a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn leading_fails_once_the_driver_is_gone_and_the_work_was_stopped_before() {
    let world = World::new();
    let a = world.member("a");
    let left = Arc::default();
    let mut lead = Box::pin(a.elector.lead(|term| {
        let guard = Left(term, Arc::clone(&left));
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    }));
    run_for(&world, &mut lead, TTL * 2).await;
    a.crash();
    assert!(lead.await.is_err());
    assert_eq!(*left.lock().unwrap(), [Some(timing().stop_time())]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_lead_stops_the_work_and_releases() {
    let world = World::new();
    let a = world.member("a");
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, TTL * 2).await;
    assert!(a.elector.is_leader());
    drop(lead);
    assert!(!a.elector.is_leader());
    world.pass(ms(1)).await;
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_is_joined_and_its_term_released() {
    let world = World::new();
    let a = world.member("a");
    let elector = a.elector.clone();
    let working = tokio::spawn(async move {
        let led = elector.lead(|_| async { panic!("as asked") });
        let _: Led<()> = led.await.unwrap();
    });
    assert!(working.await.unwrap_err().is_panic());
    world.pass(ms(1)).await;
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_term_kept_by_someone_is_over_with_its_work_and_stays_over() {
    let world = World::new();
    let a = world.member("a");
    let led = a.elector.lead(|term| async move { term });
    let Led::Done(term) = led.await.unwrap() else {
        panic!("it overran")
    };
    let again = a.elector.acquire().await.unwrap();
    assert!(!term.is_valid() && again.is_valid());
    assert!(again.token() > term.token());
    assert!(term.ended().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn work_that_goes_on_is_renewed_for_as_long_as_it_takes() {
    let world = World::new();
    let a = world.member("a");
    let mut events = a.elector.events();
    let led = a.elector.lead(|_| world.pass(TTL * 10)).await.unwrap();
    assert_eq!(led, Led::Done(()));
    let told = told(&mut events);
    let elected = |kind: &&EventKind| matches!(kind, EventKind::Elected { .. });
    assert_eq!(told.iter().filter(elected).count(), 1);
    assert!(told.len() > 30);
}

#[tokio::test(start_paused = true)]
async fn leading_can_be_spawned() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    let world = World::new();
    let a = world.member("a");
    let elector = a.elector.clone();
    let lead = async move { elector.lead(|term| async move { term.token() }).await };
    let boxed: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(sendable(lead));
    assert!(matches!(
        tokio::spawn(boxed).await.unwrap(),
        Ok(Led::Done(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn asking_whether_one_leads_reads_the_clock_once() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.elector.acquire().await.unwrap();
    let asks: [&dyn Fn() -> bool; 3] = [
        &|| a.elector.is_leader(),
        &|| lease.remaining().is_some(),
        &|| lease.term().is_valid(),
    ];
    for ask in asks {
        let before = world.clock.reads();
        assert!(ask());
        assert_eq!(world.clock.reads() - before, 1);
    }
}
