//! What the leader writes beside the lease.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::duties::{LeaderDuties, Situation, Turn, Why};
use dcs_core::election::{Elector, Lease, TermError};
use dcs_core::{
    Clock, Config, Dcs, DcsExt, Entry, Failover, History, Initialize, Key, MemberName, Revision,
    SyncState, Timestamp, Value,
};
use dcs_memory::MemoryDcs;

use crate::world::{World, config, name, replica};

/// `a` leads a scope of its own and of `b`, which runs.
struct Led {
    world: World,
    dcs: Arc<MemoryDcs>,
    elector: Elector,
    lease: Option<Lease>,
    me: MemberName,
    config: Config,
}

impl Led {
    async fn new() -> Self {
        let world = World::new();
        let (dcs, elector, lease) = world.led().await;
        for member in ["a", "b"] {
            dcs.put_member(&replica(member))
                .await
                .into_result()
                .unwrap();
        }
        Self {
            world,
            dcs,
            elector,
            lease: Some(lease),
            me: name("a"),
            config: Config::default(),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_system_time(self.world.clock.wall())
    }

    async fn turn(&self, duties: &mut LeaderDuties) -> Turn {
        self.turn_over(duties, &self.world.now()).await
    }

    async fn turn_over(&self, duties: &mut LeaderDuties, view: &dcs_core::Snapshot) -> Turn {
        let keys = self.lease.as_ref().unwrap().keys();
        let situation = Situation::new(&self.me, view, &self.config, self.now());
        duties.turn(&situation.leading(true), &keys).await
    }

    async fn next_term(&mut self) {
        self.lease.take().unwrap().release().await;
        self.lease = Some(self.elector.acquire().await.unwrap());
    }
}

fn seed() -> Config {
    config(r#"{"ttl":30}"#)
}

fn duties() -> LeaderDuties {
    LeaderDuties::new(seed()).initialize("42".to_owned())
}

fn done(id: &str) -> Initialize {
    Initialize::Done(id.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_new_scope_gets_its_config_and_its_id() {
    let led = Led::new().await;
    let turn = led.turn(&mut duties()).await;
    assert!(turn.troubles.is_empty(), "{turn:?}");
    let now = led.world.now();
    assert_eq!(now.config.get(), Some(&seed()));
    assert_eq!(now.initialize.get(), Some(&done("42")));
    let token = led.lease.as_ref().unwrap().token();
    assert_eq!(now.config.fence, Value::Present(token));
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_left_alone_and_costs_no_request() {
    let led = Led::new().await;
    let other = config(r#"{"ttl":60}"#);
    led.dcs.put_config(other.clone()).await.unwrap();
    let seen = led.world.now().initialize;
    led.dcs.write_key(Some(done("7")), &seen).await.unwrap();
    let before = led.world.now();
    let turn = led.turn(&mut duties()).await;
    assert!(turn.troubles.is_empty(), "{turn:?}");
    assert_eq!(led.world.now(), before);
}

#[tokio::test(start_paused = true)]
async fn a_turn_in_which_nothing_is_due_asks_the_store_nothing() {
    let mut led = Led::new().await;
    led.config = config(r#"{"synchronous_mode":true}"#);
    let mut duties = duties().keep_history().keep_sync();
    for _ in 0..2 {
        let turn = led.turn(&mut duties).await;
        assert!(turn.troubles.is_empty(), "{turn:?}");
        // Whatever is asked from now on fails.
        led.dcs.cut_off();
    }
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_that_was_begun_and_not_finished_is_healed_by_who_has_the_data() {
    let led = Led::new().await;
    let seen = led.world.now().initialize;
    let begun = Some(Initialize::InProgress);
    led.dcs.write_key(begun.clone(), &seen).await.unwrap();
    led.turn(&mut LeaderDuties::new(seed())).await;
    assert_eq!(led.world.now().initialize.get(), begun.as_ref());
    led.turn(&mut duties()).await;
    assert_eq!(led.world.now().initialize.get(), Some(&done("42")));
}

/// A leader whose lease is over is a follower: it writes neither of them.
#[tokio::test(start_paused = true)]
async fn a_follower_writes_neither_initialize_nor_config() {
    let mut led = Led::new().await;
    let keys = led.lease.as_ref().unwrap().keys();
    led.lease.take().unwrap().release().await;
    let view = led.world.now();
    let situation = Situation::new(&led.me, &view, &led.config, led.now());
    let turn = duties().turn(&situation, &keys).await;
    assert!(turn.is_over(), "{turn:?}");
    let now = led.world.now();
    assert_eq!(now.config.value, Value::Absent);
    assert_eq!(now.initialize.value, Value::Absent);
}

#[tokio::test(start_paused = true)]
async fn keys_that_cannot_be_read_are_left_as_they_are() {
    let mut led = Led::new().await;
    led.config = config(r#"{"synchronous_mode":true}"#);
    for key in [Key::Config, Key::Initialize, Key::History, Key::Sync] {
        led.world.store.spoil(&led.world.scope, &key, "rubbish");
    }
    let before = led.world.now();
    let turn = led.turn(&mut duties().keep_history().keep_sync()).await;
    assert!(turn.troubles.is_empty(), "{turn:?}");
    assert_eq!(led.world.now(), before);
}

#[tokio::test(start_paused = true)]
async fn each_term_adds_one_line_to_the_history() {
    let mut led = Led::new().await;
    let mut duties = duties().keep_history();
    for term in 1..=3 {
        for _ in 0..3 {
            led.turn(&mut duties).await;
            led.world.clock.sleep(Duration::from_secs(1)).await;
        }
        let now = led.world.now();
        let history = now.history.get().unwrap();
        assert_eq!(history.0.len(), term);
        let last = history.lines().last().unwrap();
        assert_eq!(
            (last.timeline, last.reason.as_str()),
            (term as u64, "elected")
        );
        assert_eq!(last.leader.as_deref(), Some("a"));
        led.next_term().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_whose_answer_is_lost_is_not_written_twice() {
    let led = Led::new().await;
    let mut duties = LeaderDuties::new(seed()).keep_history();
    led.turn(&mut LeaderDuties::new(seed())).await;
    led.lease
        .as_ref()
        .unwrap()
        .keys()
        .fence(Key::History)
        .await
        .unwrap();
    let before = led.world.now();
    led.dcs.lose_next_answer();
    let turn = led.turn(&mut duties).await;
    assert_eq!(turn.troubles.len(), 1, "{turn:?}");
    led.world.clock.sleep(Duration::from_secs(1)).await;
    led.turn_over(&mut duties, &before).await;
    assert_eq!(led.world.now().history.get().unwrap().0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_history_keeps_as_many_lines_as_the_settings_say() {
    let mut led = Led::new().await;
    led.config = config(r#"{"max_timelines_history":2}"#);
    let long = History((1..=5).map(|n| serde_json::json!([n, 0, "x"])).collect());
    let keys = led.lease.as_ref().unwrap().keys();
    keys.edit_history(|_| Some(long.clone())).await.unwrap();
    led.turn(&mut duties().keep_history()).await;
    let now = led.world.now();
    let history = now.history.get().unwrap();
    assert_eq!(history.0.len(), 2);
    assert_eq!(history.timeline(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_line_counts_on_from_what_stands_there_and_not_from_the_view() {
    let led = Led::new().await;
    let view = led.world.now();
    let keys = led.lease.as_ref().unwrap().keys();
    let others = History(vec![serde_json::json!([7, 0, "x"])]);
    keys.edit_history(|_| Some(others.clone())).await.unwrap();
    led.turn_over(&mut duties().keep_history(), &view).await;
    assert_eq!(led.world.now().history.get().unwrap().timeline(), 9);
}

#[tokio::test(start_paused = true)]
async fn beside_a_database_nobody_makes_lines_up() {
    let led = Led::new().await;
    let with_database = replica("b").with("xlog_location", 67_109_632);
    led.dcs
        .put_member(&with_database)
        .await
        .into_result()
        .unwrap();
    led.turn(&mut duties().keep_history()).await;
    assert_eq!(led.world.now().history.value, Value::Absent);
}

#[tokio::test(start_paused = true)]
async fn the_sync_key_follows_the_settings_and_the_members() {
    let mut led = Led::new().await;
    let mut duties = duties().keep_sync();
    led.turn(&mut duties).await;
    assert_eq!(led.world.now().sync.revision, None);
    led.config = config(r#"{"synchronous_mode":true}"#);
    led.turn(&mut duties).await;
    let with_b = SyncState::new("a", vec!["b".to_owned()], 0);
    assert_eq!(led.world.now().sync.get(), Some(&with_b));
    let revision = led.world.now().sync.revision;
    led.turn(&mut duties).await;
    assert_eq!(led.world.now().sync.revision, revision);
    led.config = Config::default();
    led.turn(&mut duties).await;
    assert_eq!(led.world.now().sync.value, Value::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_returned_once_and_removed_if_this_leader_stays() {
    let led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    let request = Failover::switchover(Some(name("a")), Some(name("b")));
    led.dcs.request_failover(request).await.unwrap();
    let view = led.world.now();
    let first = led.turn_over(&mut duties, &view).await;
    assert_eq!(first.hand_over.unwrap().to, Some(name("b")));
    let second = led.turn_over(&mut duties, &view).await;
    assert_eq!(
        (second.hand_over, second.cleared),
        (None, Some(Why::Obeyed))
    );
    assert_eq!(led.world.now().failover.value, Value::Absent);
    // The view has not seen that it is gone.
    let third = led.turn_over(&mut duties, &view).await;
    assert_eq!((third.hand_over, third.cleared), (None, None));
}

#[tokio::test(start_paused = true)]
async fn the_same_request_made_again_after_it_was_removed_is_obeyed() {
    let led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    let request = Failover::switchover(Some(name("a")), Some(name("b")));
    for _ in 0..2 {
        led.dcs.request_failover(request.clone()).await.unwrap();
        assert!(led.turn(&mut duties).await.hand_over.is_some());
        assert_eq!(led.turn(&mut duties).await.cleared, Some(Why::Obeyed));
        led.turn(&mut duties).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_there_when_a_term_begins_was_for_the_leader_before() {
    let mut led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    led.next_term().await;
    let forced = Failover::switchover(None, Some(name("b")));
    led.dcs.request_failover(forced).await.unwrap();
    let turn = led.turn(&mut duties).await;
    assert_eq!(
        (turn.hand_over, turn.cleared),
        (None, Some(Why::BeforeTheTerm))
    );
    assert_eq!(led.world.now().failover.value, Value::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_request_for_this_leader_that_is_not_due_outlives_a_change_of_term() {
    let mut led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    led.next_term().await;
    let soon: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
    let request = Failover::switchover(Some(name("a")), Some(name("b"))).not_before(soon);
    led.dcs.request_failover(request).await.unwrap();
    let wait = led.turn(&mut duties).await.wake.unwrap();
    led.world.clock.sleep(wait).await;
    assert!(led.turn(&mut duties).await.hand_over.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_removal_failed_is_removed_later_and_not_obeyed() {
    let mut led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    led.next_term().await;
    let forced = Failover::switchover(None, Some(name("b")));
    led.dcs.request_failover(forced).await.unwrap();
    let keys = led.lease.as_ref().unwrap().keys();
    keys.fence(Key::Failover).await.unwrap();
    led.dcs.lose_next_request();
    let turn = led.turn(&mut duties).await;
    assert!(
        turn.hand_over.is_none() && turn.troubles.len() == 1,
        "{turn:?}"
    );
    let turn = led.turn(&mut duties).await;
    assert_eq!(
        (turn.hand_over, turn.cleared),
        (None, Some(Why::BeforeTheTerm))
    );
    assert_eq!(led.world.now().failover.value, Value::Absent);
}

/// The removal was applied, and nobody knows: that it was asked for once more is
/// seen all the same.
#[tokio::test(start_paused = true)]
async fn a_request_that_was_removed_without_an_answer_can_be_made_again() {
    let led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    let request = Failover::switchover(Some(name("a")), Some(name("b")));
    led.dcs.request_failover(request.clone()).await.unwrap();
    let keys = led.lease.as_ref().unwrap().keys();
    keys.fence(Key::Failover).await.unwrap();
    assert!(led.turn(&mut duties).await.hand_over.is_some());
    led.dcs.lose_next_answer();
    assert_eq!(led.turn(&mut duties).await.troubles.len(), 1);
    assert_eq!(led.world.now().failover.value, Value::Absent);
    led.turn(&mut duties).await;
    led.dcs.request_failover(request).await.unwrap();
    assert!(led.turn(&mut duties).await.hand_over.is_some());
}

#[tokio::test(start_paused = true)]
async fn trouble_with_one_key_keeps_no_other_from_its_turn() {
    let led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    let request = Failover::switchover(Some(name("a")), Some(name("b")));
    led.dcs.request_failover(request).await.unwrap();
    let mut view = led.world.now();
    // As if nothing were there yet; a store that loses the read of it.
    view.config.value = Value::Absent;
    led.dcs.cut_off();
    let turn = led.turn_over(&mut duties, &view).await;
    let read = |error: &TermError| matches!(error, TermError::Edit(_));
    assert!(
        turn.troubles.iter().all(read) && turn.troubles.len() == 1,
        "{turn:?}"
    );
    assert!(turn.hand_over.is_some() && !turn.is_over());
}

/// The view lags: it shows what stood there before this term began only after
/// the first turn. The leader before may have obeyed that.
#[tokio::test(start_paused = true)]
async fn what_stood_there_before_the_term_is_not_obeyed_where_the_view_shows_it_late() {
    let mut led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    let before = led.world.now();
    let forced = Failover::switchover(None, Some(name("b")));
    led.dcs.request_failover(forced).await.unwrap();
    led.next_term().await;
    let turn = led.turn_over(&mut duties, &before).await;
    assert_eq!((turn.hand_over, turn.cleared), (None, None));
    let turn = led.turn(&mut duties).await;
    assert_eq!(
        (turn.hand_over, turn.cleared),
        (None, Some(Why::BeforeTheTerm))
    );
}

/// The revisions of a store that was restored from a copy are lower than those
/// that this process knows.
#[tokio::test(start_paused = true)]
async fn a_request_is_obeyed_in_the_next_term_also_if_the_revisions_went_back() {
    let mut led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    let request = Failover::switchover(Some(name("a")), Some(name("b")));
    led.dcs.request_failover(request.clone()).await.unwrap();
    led.turn(&mut duties).await;
    assert_eq!(led.turn(&mut duties).await.cleared, Some(Why::Obeyed));
    led.next_term().await;
    led.turn(&mut duties).await;
    let mut view = led.world.now();
    view.failover = Entry::present(Revision::new(1).unwrap(), request);
    let turn = led.turn_over(&mut duties, &view).await;
    assert_eq!(turn.hand_over.unwrap().to, Some(name("b")));
}

/// The one that the view shows is to be removed, and another one stands there.
#[tokio::test(start_paused = true)]
async fn a_request_that_takes_the_place_of_one_that_is_removed_is_obeyed() {
    let led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    let other = Failover::switchover(Some(name("c")), Some(name("b")));
    led.dcs.request_failover(other).await.unwrap();
    let view = led.world.now();
    let request = Failover::switchover(Some(name("a")), Some(name("b")));
    led.dcs.request_failover(request).await.unwrap();
    let turn = led.turn_over(&mut duties, &view).await;
    assert_eq!(turn.cleared, Some(Why::OtherLeader));
    assert!(led.turn(&mut duties).await.hand_over.is_some());
}

/// It may have been obeyed: the wall clock of the leader before may be ahead.
#[tokio::test(start_paused = true)]
async fn a_request_that_names_no_leader_does_not_outlive_a_change_of_term() {
    let mut led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    led.next_term().await;
    let soon: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
    let forced = Failover::switchover(None, Some(name("b"))).not_before(soon);
    led.dcs.request_failover(forced).await.unwrap();
    let turn = led.turn(&mut duties).await;
    assert_eq!((turn.wake, turn.cleared), (None, Some(Why::BeforeTheTerm)));
}

/// An earlier term of this very member may have obeyed it.
#[tokio::test(start_paused = true)]
async fn a_request_for_this_leader_that_is_due_does_not_outlive_a_change_of_term() {
    let mut led = Led::new().await;
    let mut duties = duties();
    led.turn(&mut duties).await;
    led.next_term().await;
    let request = Failover::switchover(Some(name("a")), Some(name("b")));
    led.dcs.request_failover(request).await.unwrap();
    let turn = led.turn(&mut duties).await;
    assert_eq!(
        (turn.hand_over, turn.cleared),
        (None, Some(Why::BeforeTheTerm))
    );
}
