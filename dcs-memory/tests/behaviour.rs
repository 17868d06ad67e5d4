//! What the store in memory does beyond what every backend does.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::sync::Arc;
use std::time::Duration;

use dcs_core::{
    Change, Clock, Config, Dcs, Error, Key, LeaderRecord, Outcome, Precondition, Revision, Scope,
    TokioClock, Update, Value, WatchEvent, WatchStream,
};
use dcs_memory::{IdenticalWrites, Latency, MemoryDcs, MemoryOptions, MemoryStore};
use futures_util::{FutureExt, StreamExt};

const SILENCE: Duration = Duration::from_secs(30);

struct Bench {
    clock: TokioClock,
    store: MemoryStore,
    scope: Scope,
    handle: MemoryDcs,
}

fn bench(options: MemoryOptions) -> Bench {
    let clock = TokioClock::new();
    let store = MemoryStore::with_options(Arc::new(clock), options);
    let scope = "demo".parse().unwrap();
    let handle = store.handle(&scope);
    Bench {
        clock,
        store,
        scope,
        handle,
    }
}

fn leader(transitions: u64) -> Change {
    let mut record = LeaderRecord::default();
    record.transitions = Some(transitions);
    Change::Leader(Box::new(record.into()))
}

async fn commit(handle: &MemoryDcs, change: &Change, expected: Precondition) -> Revision {
    handle.write(change, expected).await.into_result().unwrap()
}

async fn next(watch: &mut WatchStream) -> WatchEvent {
    watch.next().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_identical_write_moves_the_revision_unless_the_store_is_like_kubernetes() {
    for (identical, moves) in [
        (IdenticalWrites::NewRevision, true),
        (IdenticalWrites::KeepRevision, false),
    ] {
        let options = MemoryOptions::default().with_identical_writes(identical);
        let Bench { handle, .. } = bench(options);
        let first = commit(&handle, &leader(1), Precondition::Absent).await;
        let again = commit(&handle, &leader(1), Precondition::Matches(first)).await;
        assert_eq!(again > first, moves, "{identical:?}");
        let other = commit(&handle, &leader(2), Precondition::Matches(again)).await;
        assert!(other > again);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_ends_at_the_deadline_and_not_before() {
    let deadline = Duration::from_millis(750);
    let Bench { clock, handle, .. } = bench(MemoryOptions::default().with_deadline(deadline));
    let start = clock.now();
    handle.lose_next_request();
    let outcome = handle.write(&leader(1), Precondition::Absent).await;
    assert!(matches!(outcome, Outcome::Unknown(Error::Timeout { after, .. }) if after == deadline));
    assert_eq!(clock.now().holder_elapsed_since(start), deadline);
}

#[tokio::test(start_paused = true)]
async fn a_cut_while_a_request_is_under_way_loses_its_answer() {
    let Bench {
        clock,
        store,
        scope,
        handle,
    } = bench(MemoryOptions::default());
    handle.set_latency(Latency::fixed(Duration::from_millis(100)));
    let writer = handle.clone();
    let write = tokio::spawn(async move { writer.write(&leader(1), Precondition::Absent).await });
    clock.sleep(Duration::from_millis(150)).await;
    handle.cut_off();
    assert!(matches!(write.await.unwrap(), Outcome::Unknown(_)));
    assert!(
        store.snapshot(&scope).leader.get().is_some(),
        "it had arrived"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_slower_than_the_deadline_is_not_applied() {
    let Bench {
        store,
        scope,
        handle,
        ..
    } = bench(MemoryOptions::default());
    handle.set_latency(Latency::fixed(Duration::from_secs(3)));
    let outcome = handle.write(&leader(1), Precondition::Absent).await;
    assert!(matches!(outcome, Outcome::Unknown(_)));
    assert!(store.snapshot(&scope).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fell_behind_the_log_begins_anew() {
    let Bench { handle, .. } = bench(MemoryOptions::default().with_log_capacity(6));
    let mut watch = handle.watch(SILENCE);
    assert!(matches!(next(&mut watch).await, WatchEvent::Reset(_)));
    let mut last = None;
    for n in 0..3 {
        last = Some(commit(&handle, &leader(n), last.into()).await);
    }
    match next(&mut watch).await {
        WatchEvent::Reset(snapshot) => assert_eq!(snapshot.leader.revision, last),
        other => panic!("what came before is not known any more, but: {other:?}"),
    }
    assert!(
        watch.next().now_or_never().is_none(),
        "nothing is said twice"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_within_the_log_misses_nothing() {
    let Bench { handle, .. } = bench(MemoryOptions::default().with_log_capacity(6));
    let mut watch = handle.watch(SILENCE);
    next(&mut watch).await;
    let first = commit(&handle, &leader(1), Precondition::Absent).await;
    commit(&handle, &leader(2), Precondition::Matches(first)).await;
    for _ in 0..6 {
        assert!(matches!(next(&mut watch).await, WatchEvent::Changed(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_is_alive_after_each_silence_and_a_cut_off_one_fails() {
    let Bench { clock, handle, .. } = bench(MemoryOptions::default());
    let mut watch = handle.watch(SILENCE);
    next(&mut watch).await;
    let start = clock.now();
    assert_eq!(next(&mut watch).await, WatchEvent::Alive);
    assert_eq!(clock.now().holder_elapsed_since(start), SILENCE);
    handle.cut_off();
    assert!(watch.next().await.unwrap().is_err());
    assert_eq!(clock.now().holder_elapsed_since(start), 2 * SILENCE);
    handle.heal();
    assert_eq!(next(&mut watch).await, WatchEvent::Alive);
}

#[tokio::test(start_paused = true)]
async fn what_a_watch_says_is_under_way_as_long_as_an_answer() {
    let Bench {
        clock,
        store,
        scope,
        handle,
    } = bench(MemoryOptions::default());
    let way = Duration::from_millis(40);
    handle.set_latency(Latency::fixed(way));
    let mut watch = handle.watch(SILENCE);
    next(&mut watch).await;
    store.edit_leader(&scope, |record| record.transitions = Some(1));
    let start = clock.now();
    assert!(matches!(
        next(&mut watch).await,
        WatchEvent::Changed(Update::Leader(_))
    ));
    assert_eq!(clock.now().holder_elapsed_since(start), way);
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_key_is_malformed_and_can_be_repaired() {
    let Bench {
        store,
        scope,
        handle,
        ..
    } = bench(MemoryOptions::default());
    for key in [
        Key::Leader,
        Key::Status,
        Key::Failsafe,
        Key::Config,
        Key::Sync,
    ] {
        store.spoil(&scope, &key, "no JSON");
        let seen = handle.load().await.unwrap();
        assert!(seen.malformed().contains(&(key, "no JSON")), "{seen:?}");
    }
    let expected = handle.load().await.unwrap().config.precondition();
    commit(&handle, &Change::Config(Some(Config::default())), expected).await;
    let repaired = handle.load().await.unwrap().config.value;
    assert_eq!(repaired, Value::Present(Config::default()));
}

#[tokio::test(start_paused = true)]
async fn a_register_that_is_not_there_cannot_be_bumped_or_deleted() {
    let Bench { store, scope, .. } = bench(MemoryOptions::default());
    assert_eq!(store.bump_leader(&scope), None);
    assert!(!store.delete_leader(&scope));
    assert!(store.snapshot(&scope).is_empty());
}
