//! Work that blocks: it is told of, and nothing is released while it goes on.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::Clock;
use dcs_core::election::{EventKind, Led, OneTerm, Overrun};
use futures_util::{FutureExt, StreamExt};

use crate::support::{Member, RETRY, TTL, World, ms, run_for, s, timing};

type Overruns = Arc<Mutex<Vec<(Duration, Overrun)>>>;

/// A member that notes when its hook was called, and with what.
fn hooked(world: &World) -> (Member, Overruns) {
    let overruns = Overruns::default();
    let (clock, noted) = (Arc::clone(&world.clock), Arc::clone(&overruns));
    let start = clock.now();
    let hook = move |overrun| {
        let at = clock.now().holder_elapsed_since(start);
        noted.lock().unwrap().push((at, overrun));
    };
    let member = world.join("a", timing(), |builder| builder.on_overrun(Arc::new(hook)));
    (member, overruns)
}

#[tokio::test(start_paused = true)]
async fn work_that_blocks_past_the_end_of_belief_is_reported_once_it_yields() {
    let world = World::new();
    let a = world.member("a");
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, TTL + s(1)).await;
    let token = world.store.snapshot(&world.scope).leader.revision.unwrap();
    a.dcs.cut_off();
    // Sent at 30 s, not renewed: belief ends 29.405 s later. Nobody polls.
    world.pass(TTL).await;
    let Led::Overran { token: said, by } = lead.await.unwrap() else {
        panic!("it did not overrun")
    };
    assert_eq!(said.get(), token.get());
    assert_eq!(by, world.elapsed() - TTL - timing().holder_span());
}

#[tokio::test(start_paused = true)]
async fn the_hook_is_called_at_the_end_of_belief_while_the_work_still_blocks() {
    let world = World::new();
    let (a, overruns) = hooked(&world);
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, TTL + s(1)).await;
    a.dcs.cut_off();
    world.pass(TTL).await;
    let overruns = overruns.lock().unwrap().clone();
    let [(at, overrun)] = overruns[..] else {
        panic!("it was called {} times", overruns.len())
    };
    let end = TTL + timing().holder_span();
    assert!(at >= end && at < end + ms(2), "{at:?} and not {end:?}");
    assert!(overrun.by < ms(2), "{overrun:?}");
}

#[tokio::test(start_paused = true)]
async fn the_loss_is_told_at_the_end_of_belief_while_the_work_still_blocks() {
    let world = World::new();
    let a = world.member("a");
    let mut events = a.elector.events();
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, TTL + s(1)).await;
    a.dcs.cut_off();
    let end = TTL + timing().holder_span();
    while let Some(event) = events.next().await {
        if matches!(event.kind, EventKind::Lost { .. }) {
            break;
        }
    }
    assert!(world.elapsed() < end + ms(2), "{:?}", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_hook_is_called_once_the_work_yields_where_it_blocked_the_driver_too() {
    let world = World::new();
    let (a, overruns) = hooked(&world);
    let led = a.elector.lead(|_| {
        let clock = Arc::clone(&world.clock);
        async move { clock.block_for(TTL) }
    });
    let Led::Overran { by, .. } = led.await.unwrap() else {
        panic!("it did not overrun")
    };
    let overruns = overruns.lock().unwrap().clone();
    assert_eq!(overruns.len(), 1);
    assert_eq!(overruns[0].1.by, by);
    assert!(by > Duration::ZERO && by < s(1), "{by:?}");
}

#[tokio::test(start_paused = true)]
async fn the_hook_is_not_called_for_work_that_was_stopped_in_time() {
    let world = World::new();
    let (a, overruns) = hooked(&world);
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, TTL * 2).await;
    a.dcs.cut_off();
    run_for(&world, &mut lead, TTL * 3).await;
    assert!(overruns.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn work_that_blocks_after_an_early_loss_overruns_at_the_deadline_its_term_had() {
    let world = World::new();
    let (a, overruns) = hooked(&world);
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, TTL + s(1)).await;
    world.store.delete_leader(&world.scope);
    world.pass(TTL).await;
    let overruns = overruns.lock().unwrap().clone();
    let [(at, _)] = overruns[..] else {
        panic!("it was called {} times", overruns.len())
    };
    let end = TTL + timing().holder_span();
    assert!(at >= end && at < end + ms(2), "{at:?} and not {end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_term_that_others_give_up_is_released_after_its_work_was_joined() {
    let world = World::new();
    let a = world.member("a");
    let mut one = Box::pin(a.elector.lead_one_term(|_| pending::<()>()));
    run_for(&world, &mut one, TTL * 2).await;
    let elector = a.elector.clone();
    let stepping_down = tokio::spawn(async move { elector.step_down().await });
    world.pass(s(2)).await;
    assert!(!a.elector.is_leader());
    assert_eq!(world.holder().as_deref(), Some("a"));
    // The work yields, and its future is dropped.
    assert!(matches!(one.now_or_never(), Some(Ok(OneTerm::Lost { .. }))));
    stepping_down.await.unwrap().unwrap();
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_term_whose_work_goes_on_blocking_is_not_released_and_stepping_down_returns() {
    let world = World::new();
    let a = world.member("a");
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, TTL * 2).await;
    let asked_at = world.elapsed();
    a.elector.step_down().await.unwrap();
    assert_eq!(world.holder().as_deref(), Some("a"));
    let took = world.elapsed() - asked_at;
    assert!(took >= RETRY && took < RETRY * 2, "{took:?}");
}
