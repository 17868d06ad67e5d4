//! Electors over the store in memory, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use dcs_core::election::{ElectionEvent, Elector, ElectorBuilder, EventKind, Lease, LeaseTiming};
use dcs_core::{
    Clock, Dcs, DcsExt, MemberName, MemberRecord, Outcome, Scope, Stamp, Status, TokioClock,
};
use dcs_faults::covers;
use dcs_memory::{MemoryDcs, MemoryStore, SeededEntropy};
use futures_util::{FutureExt, StreamExt};
use tokio::task::JoinHandle;

const TTL: Duration = Duration::from_secs(30);

struct World {
    clock: Arc<TokioClock>,
    store: MemoryStore,
    scope: Scope,
    start: Stamp,
}

fn timing() -> LeaseTiming {
    let seconds = Duration::from_secs;
    LeaseTiming::new(TTL, seconds(10), seconds(8)).unwrap()
}

struct Member {
    dcs: Arc<MemoryDcs>,
    elector: Elector,
    driver: JoinHandle<()>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(TokioClock::new());
        let store = MemoryStore::new(Arc::<TokioClock>::clone(&clock));
        Self {
            start: clock.now(),
            clock,
            store,
            scope: "demo".parse().unwrap(),
        }
    }

    fn member(&self, name: &str) -> Member {
        self.join(name, |builder| builder)
    }

    fn join(&self, name: &str, as_asked: fn(ElectorBuilder) -> ElectorBuilder) -> Member {
        let dcs = Arc::new(self.store.handle(&self.scope));
        let me: MemberName = name.parse().unwrap();
        let seed = name.bytes().map(u64::from).sum();
        let builder = Elector::builder(
            Arc::<MemoryDcs>::clone(&dcs),
            me,
            timing(),
            Arc::<TokioClock>::clone(&self.clock),
            Arc::new(SeededEntropy::new(seed)),
        );
        let (elector, driver) = as_asked(builder).build();
        Member {
            dcs,
            elector,
            driver: tokio::spawn(driver.run()),
        }
    }

    fn elapsed(&self) -> Duration {
        self.clock.now().holder_elapsed_since(self.start)
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    fn holder(&self) -> Option<String> {
        self.store
            .snapshot(&self.scope)
            .holder()
            .map(ToString::to_string)
    }
}

impl Member {
    async fn acquire(&self) -> Lease {
        self.elector.acquire().await.unwrap()
    }

    /// As SIGKILL does: no release, nothing said.
    fn crash(self) {
        self.driver.abort();
    }
}

async fn seen(
    events: &mut dcs_core::election::Events,
    wanted: fn(&EventKind) -> bool,
) -> ElectionEvent {
    loop {
        let event = events.next().await.expect("the driver runs");
        if wanted(&event.kind) {
            return event;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_election_of_a_new_scope_takes_one_wait() {
    let world = World::new();
    let lease = world.member("a").acquire().await;
    assert!(lease.is_valid());
    assert!(world.elapsed() >= TTL && world.elapsed() < TTL + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_asserted_first_bootstrap_leads_at_once() {
    let world = World::new();
    let member = world.join("a", ElectorBuilder::assert_first_bootstrap);
    let lease = member.acquire().await;
    assert!(lease.is_valid());
    assert!(world.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn of_three_members_one_leads() {
    let world = World::new();
    let members = ["a", "b", "c"].map(|name| world.member(name));
    for member in &members {
        member.elector.contend().unwrap();
    }
    world.pass(TTL * 3).await;
    assert_eq!(
        members
            .iter()
            .filter(|member| member.elector.is_leader())
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_renews_keeps_its_token() {
    let world = World::new();
    let member = world.member("a");
    let lease = member.acquire().await;
    let token = lease.token();
    world.pass(TTL * 10).await;
    assert!(lease.is_valid());
    assert_eq!(lease.token(), token);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_another_member_leads_with_a_larger_token() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let lease = a.acquire().await;
    let first = lease.token();
    a.crash();
    let crashed_at = world.elapsed();
    let second = b.acquire().await.token();
    assert!(second > first);
    assert!(world.elapsed().abs_diff(crashed_at) <= TTL + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_crashed_leaders_lease_ends_by_itself_before_another_one_begins() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let lease = a.acquire().await;
    a.crash();
    let next = b.acquire().await;
    assert!(next.is_valid() && !lease.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_lease_is_invalid_at_once() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    drop(lease);
    assert!(!a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_lease_lets_another_member_lead_at_once() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let lease = a.acquire().await;
    b.elector.contend().unwrap();
    world.pass(Duration::from_secs(1)).await;
    let dropped_at = world.elapsed();
    drop(lease);
    let next = b.acquire().await;
    assert!(next.is_valid());
    assert!(world.elapsed().abs_diff(dropped_at) < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_gave_up_can_lead_again_in_a_new_term() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let first = lease.token();
    lease.release().await;
    let again = a.acquire().await;
    assert!(again.is_valid() && again.token() > first);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_dropped_and_asked_for_again_in_one_breath_is_a_new_term() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let first = lease.token();
    drop(lease);
    assert!(a.acquire().await.token() > first);
}

#[tokio::test(start_paused = true)]
async fn a_released_record_shows_no_holder_when_release_returns() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    assert_eq!(world.holder().as_deref(), Some("a"));
    lease.release().await;
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn stepping_down_returns_when_the_key_is_released() {
    let world = World::new();
    let a = world.member("a");
    let _lease = a.acquire().await;
    a.elector.step_down().await.unwrap();
    assert!(!a.elector.is_leader());
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_driver_whose_electors_are_gone_releases_and_returns() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    drop((lease, a.elector));
    a.driver.await.unwrap();
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_stops_before_another_one_begins() {
    let cut_off = covers(25);
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let lease = a.acquire().await;
    let mut events = a.elector.events();
    b.elector.contend().unwrap();
    world.pass(Duration::from_secs(5)).await;
    a.dcs.cut_off();
    let next = b.acquire().await;
    assert!(next.is_valid() && !lease.is_valid());
    let lost = seen(&mut events, |kind| matches!(kind, EventKind::Lost { .. })).await;
    let now = dcs_core::Timestamp::from_system_time(world.clock.wall());
    assert!(
        lost.at < now,
        "belief ended at {} and not before {now}",
        lost.at
    );
    cut_off.hit();
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_the_retry_timeout_demotes_nobody() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    for _ in 0..5 {
        a.dcs.cut_off();
        world.pass(Duration::from_secs(7)).await;
        a.dcs.heal();
        world.pass(Duration::from_secs(23)).await;
        assert!(lease.is_valid());
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_is_lost_costs_no_leadership() {
    let answer_lost = covers(5);
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    for _ in 0..10 {
        a.dcs.lose_next_answer();
        world.pass(Duration::from_secs(10)).await;
        assert!(lease.is_valid());
    }
    answer_lost.hit();
}

#[tokio::test(start_paused = true)]
async fn an_acquire_whose_answer_is_lost_is_found_by_reading_back() {
    let world = World::new();
    let a = world.member("a");
    a.elector.contend().unwrap();
    world.pass(TTL / 2).await;
    a.dcs.lose_next_answer();
    let lease = a.acquire().await;
    assert!(lease.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_ends_the_lease_at_once() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    assert!(world.store.delete_leader(&world.scope));
    lease.ended().await;
    assert!(!lease.is_valid());
}

#[tokio::test(start_paused = true)]
async fn the_work_is_told_to_stop_in_time_although_the_driver_is_gone() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.crash();
    lease.ended().await;
    let left = lease.remaining().expect("the work has its stop time left");
    assert!(left <= Duration::from_secs(3), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_goes_to_one_of_two_callers() {
    let world = World::new();
    let a = world.member("a");
    let _first = a.acquire().await;
    assert!(a.elector.acquire().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn acquiring_fails_once_the_driver_is_gone() {
    let world = World::new();
    let a = world.member("a");
    a.driver.abort();
    assert!(a.elector.acquire().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_late_subscriber_learns_the_present_state() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let mut events = a.elector.events();
    let leader = events.next().now_or_never().flatten().unwrap();
    assert!(matches!(
        leader.kind,
        EventKind::Leader {
            holder: Some(_),
            ..
        }
    ));
    let elected = events.next().now_or_never().flatten().unwrap();
    assert!(matches!(elected.kind, EventKind::Elected { token, .. } if token == lease.token()));
}

#[tokio::test(start_paused = true)]
async fn events_of_a_term_come_in_order_with_until_moving_on() {
    let world = World::new();
    let a = world.member("a");
    let mut events = a.elector.events();
    let lease = a.acquire().await;
    world.pass(TTL).await;
    lease.release().await;
    let mut until = None;
    let mut order = Vec::new();
    while let Some(Some(event)) = events.next().now_or_never() {
        match event.kind {
            EventKind::Elected { until: reached, .. }
            | EventKind::Renewed { until: reached, .. } => {
                assert!(until < Some(reached));
                until = Some(reached);
                order.push('+');
            }
            EventKind::Released { .. } => order.push('-'),
            _ => {}
        }
    }
    assert_eq!(order.iter().collect::<String>(), "++++-");
}

#[tokio::test(start_paused = true)]
async fn the_view_follows_the_store_without_a_request() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let _lease = a.acquire().await;
    let mut view = b.elector.cluster();
    let view = view.wait_for(|view| view.holder().is_some()).await.unwrap();
    assert_eq!(view.holder().unwrap().as_str(), "a");
}

#[tokio::test(start_paused = true)]
async fn the_status_is_written_with_the_next_renewal() {
    let world = World::new();
    let a = world.member("a");
    let _lease = a.acquire().await;
    a.elector.set_status(Status::at(42)).unwrap();
    world.pass(Duration::from_secs(11)).await;
    let status = world.store.snapshot(&world.scope).status;
    assert_eq!(status.get().and_then(|status| status.optime), Some(42));
}

#[tokio::test(start_paused = true)]
async fn an_elector_that_follows_the_config_key_renews_as_it_says() {
    let world = World::new();
    let a = world.join("a", ElectorBuilder::follow_config);
    let _lease = a.acquire().await;
    a.dcs
        .edit_config(|_| Some(r#"{"loop_wait": 2}"#.parse().unwrap()))
        .await
        .unwrap();
    world.pass(Duration::from_secs(11)).await;
    let mut events = a.elector.events();
    world.pass(Duration::from_secs(20)).await;
    let mut renewals = 0;
    while let Some(Some(event)) = events.next().now_or_never() {
        renewals += usize::from(matches!(event.kind, EventKind::Renewed { .. }));
    }
    assert_eq!(renewals, 10);
}

#[tokio::test(start_paused = true)]
async fn an_unsafe_config_key_is_told_and_not_taken() {
    let world = World::new();
    let a = world.join("a", ElectorBuilder::follow_config);
    let mut events = a.elector.events();
    let lease = a.acquire().await;
    a.dcs
        .edit_config(|_| Some(r#"{"ttl": 0.1}"#.parse().unwrap()))
        .await
        .unwrap();
    let told = seen(&mut events, |kind| {
        matches!(kind, EventKind::Trouble { .. })
    })
    .await;
    assert!(format!("{told:?}").contains("ttl of 100ms"), "{told:?}");
    world.pass(TTL * 2).await;
    assert!(lease.is_valid());
}

/// T_WAIT and T_CLAMP are raised on both members as documented. Then the watch
/// of one begins anew, the leader is cut off, and its record, with the claim
/// that shows the longer ttl, is deleted.
#[tokio::test(start_paused = true)]
async fn a_raised_wait_survives_a_new_beginning_of_the_watch() {
    let world = World::new();
    let (a, b) = (
        world.join("a", ElectorBuilder::follow_config),
        world.join("b", ElectorBuilder::follow_config),
    );
    a.dcs
        .edit_config(|_| Some("{}".parse().unwrap()))
        .await
        .unwrap();
    world.pass(Duration::from_secs(1)).await;
    let raised = timing().with_clamp_and_wait(TTL, TTL * 2).unwrap();
    a.elector.set_timing(raised.clone()).unwrap();
    b.elector.set_timing(raised).unwrap();
    world.pass(TTL * 3).await;
    let longer = LeaseTiming::new(TTL * 2, TTL / 2, TTL / 3).unwrap();
    a.elector.set_timing(longer.clone()).unwrap();
    b.elector.set_timing(longer).unwrap();
    let lease = a.acquire().await;
    b.elector.contend().unwrap();
    world.pass(TTL / 2).await;
    b.dcs.break_watch_with_gap();
    world.pass(Duration::from_millis(10)).await;
    a.dcs.cut_off();
    assert!(world.store.delete_leader(&world.scope));
    let next = b.acquire().await;
    assert!(next.is_valid() && !lease.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_second_caller_of_acquire_gets_the_next_term() {
    let world = World::new();
    let a = world.member("a");
    let first = a.acquire().await;
    let second = a.elector.clone();
    let waiting = tokio::spawn(async move { second.acquire().await });
    world.pass(Duration::from_secs(1)).await;
    let token = first.token();
    drop(first);
    assert!(waiting.await.unwrap().unwrap().token() > token);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_that_is_dropped_late_stops_no_caller_of_acquire() {
    let world = World::new();
    let a = world.member("a");
    let first = a.acquire().await;
    assert!(world.store.delete_leader(&world.scope));
    first.ended().await;
    let second = a.elector.clone();
    let waiting = tokio::spawn(async move { second.acquire().await });
    world.pass(Duration::from_secs(1)).await;
    drop(first);
    assert!(waiting.await.unwrap().unwrap().is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_that_is_dropped_after_the_next_term_began_leaves_nobody_leading() {
    let world = World::new();
    let a = world.member("a");
    let first = a.acquire().await;
    assert!(world.store.delete_leader(&world.scope));
    first.ended().await;
    world.pass(TTL * 2).await;
    assert!(a.elector.is_leader());
    drop(first);
    world.pass(Duration::from_secs(1)).await;
    assert!(!a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn an_old_lease_that_is_dropped_late_leaves_the_newer_one_alone() {
    let world = World::new();
    let a = world.member("a");
    let first = a.acquire().await;
    assert!(world.store.delete_leader(&world.scope));
    let second = a.acquire().await;
    drop(first);
    world.pass(TTL * 2).await;
    assert!(second.is_valid());
}

#[tokio::test(start_paused = true)]
async fn stepping_down_ends_when_the_driver_is_dropped_meanwhile() {
    let world = World::new();
    let a = world.member("a");
    let _lease = a.acquire().await;
    a.dcs.cut_off();
    let (elector, driver) = (a.elector, a.driver);
    let stepping_down = tokio::spawn(async move { elector.step_down().await });
    world.pass(Duration::from_secs(1)).await;
    driver.abort();
    assert!(stepping_down.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn events_end_when_the_driver_has() {
    let world = World::new();
    let a = world.member("a");
    let mut events = a.elector.events();
    world.pass(Duration::from_secs(1)).await;
    a.driver.abort();
    while events.next().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn events_of_a_driver_that_is_gone_end_at_once() {
    let world = World::new();
    let a = world.member("a");
    a.driver.abort();
    world.pass(Duration::from_secs(1)).await;
    let mut events = a.elector.events();
    while events.next().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn a_term_that_nobody_took_is_not_handed_out_after_its_driver_is_gone() {
    let world = World::new();
    let a = world.member("a");
    a.elector.contend().unwrap();
    world.pass(TTL * 2).await;
    assert!(a.elector.is_leader());
    a.driver.abort();
    world.pass(Duration::from_millis(1)).await;
    assert!(a.elector.acquire().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_config_key_that_does_not_fit_is_adjusted_and_told() {
    let world = World::new();
    let a = world.join("a", ElectorBuilder::follow_config);
    let mut events = a.elector.events();
    a.dcs
        .edit_config(|_| Some(r#"{"ttl": 60}"#.parse().unwrap()))
        .await
        .unwrap();
    let told = seen(&mut events, |kind| matches!(kind, EventKind::Adjusted(_))).await;
    assert!(format!("{told:?}").contains("used: 30s"), "{told:?}");
}

/// One second in which `member` tells once where it stands.
async fn second_with_a_report(world: &World, member: &Member, position: u32) {
    let name = "reporter".parse().unwrap();
    let record = MemberRecord::new(name, serde_json::Map::new()).with("xlog_location", position);
    let outcome = member.dcs.put_member(&record).await;
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    world.pass(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_renews_in_time_however_often_other_members_write() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let lease = a.acquire().await;
    for position in 0..90 {
        second_with_a_report(&world, &b, position).await;
        assert!(lease.is_valid(), "after {position} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_challenger_takes_over_in_time_however_often_other_members_write() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let _lease = a.acquire().await;
    a.crash();
    b.elector.contend().unwrap();
    for position in 0..32 {
        second_with_a_report(&world, &b, position).await;
    }
    assert!(b.elector.is_leader());
}
