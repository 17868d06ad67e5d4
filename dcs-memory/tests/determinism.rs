//! The same seed gives the same trace.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Change, Clock, Config, Dcs, Entropy, LeaderRecord, MemberRecord, TokioClock};
use dcs_memory::{Latency, MemoryDcs, MemoryOptions, MemoryStore, SeededEntropy};
use futures_util::StreamExt;

#[test]
fn two_runs_of_one_seed_give_the_same_trace_byte_for_byte() {
    let (first, second) = (trace(7, 7), trace(7, 7));
    assert!(first.lines().count() >= 1_000, "{}", first.lines().count());
    assert!(first == second, "the same seed went another way");
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(trace(7, 7), trace(8, 7), "of the store");
    assert_ne!(trace(7, 7), trace(7, 8), "of the processes");
}

/// Five processes that read, write and watch at random, with faults.
fn trace(store_seed: u64, seed: u64) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = TokioClock::new();
        let options = MemoryOptions::default().with_seed(store_seed).with_trace();
        let store = MemoryStore::with_options(Arc::new(clock), options);
        let scope = "demo".parse().unwrap();
        let tasks: Vec<_> = (0..5)
            .map(|number| {
                let handle = store.handle(&scope);
                let jitter = Duration::from_millis(20);
                handle.set_latency(Latency::fixed(Duration::from_millis(2)).with_jitter(jitter));
                let mut watch = handle.watch(Duration::from_secs(1));
                tokio::spawn(async move { while watch.next().await.is_some() {} });
                tokio::spawn(live(handle, clock, seed * 10 + number, store.clone()))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        store.trace().join("\n")
    })
}

async fn live(handle: MemoryDcs, clock: TokioClock, seed: u64, store: MemoryStore) {
    let dice = SeededEntropy::new(seed);
    for step in 0..40_u64 {
        let now = handle.load().await.unwrap_or_default();
        match dice.bits() % 12 {
            0 => handle.lose_next_request(),
            1 => handle.lose_next_answer(),
            2 => handle.break_watch_with_gap(),
            3 => drop(store.bump_leader(handle.scope())),
            4 => {
                handle.cut_off();
                clock.sleep(Duration::from_millis(700)).await;
                handle.heal();
            }
            5 => {
                let config: Config = format!(r#"{{"step":{step}}}"#).parse().unwrap();
                let change = Change::Config(Some(config));
                drop(handle.write(&change, now.config.precondition()).await);
            }
            6 => {
                let name = format!("member-{seed}").parse().unwrap();
                let record = MemberRecord::new(name, serde_json::Map::new()).with("step", step);
                drop(handle.put_member(&record).await);
            }
            _ => {
                let mut record = LeaderRecord::default();
                record.transitions = Some(step);
                let change = Change::Leader(Box::new(record.into()));
                drop(handle.write(&change, now.leader.precondition()).await);
            }
        }
    }
}
