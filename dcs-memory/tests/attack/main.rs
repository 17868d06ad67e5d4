//! An attack on the election: electors over the store in memory, each with a
//! clock and a network of its own, under seeded faults and hostile edits.
//!
//! `DCS_ATTACK_SEED=7` runs one history, `DCS_ATTACK_SEEDS=5000` that many, and
//! `DCS_ATTACK_FROM` says where to begin.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::struct_excessive_bools,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    clippy::cognitive_complexity,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test: numbers are small, and a history is one list of events"
)]

mod clock;
mod history;
mod judge;
mod net;
mod process;
mod profile;

use std::collections::{BTreeMap, HashSet};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use dcs_core::election::{Elector, EventKind, LeaseTiming};
use dcs_core::{
    Capabilities, Change, Clock, Dcs, Entry, Error, Failover, FencingToken, Key, LeaderRecord,
    MemberName, MemberRecord, Outcome, Precondition, ReleaseMark, Revision, Scope, Secret,
    Snapshot, Stamp, TokioClock, WatchStream,
};
use dcs_memory::{IdenticalWrites, Latency, MemoryDcs, MemoryOptions, MemoryStore, SeededEntropy};
use fastrand::Rng;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Either, select};
use tokio::task::JoinHandle;

use self::{clock::*, history::*, judge::*, net::*, process::*, profile::*};

const SECOND: u64 = 1_000_000_000;
/// How far apart clocks run: the drift that the electors are told, exactly.
const RHO_PPM: i64 = 10_000;
const PHASE: u64 = 600;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn history(seed: u64) -> Arc<World> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async move { History::new(seed).run().await })
}

#[test]
fn no_history_has_two_believers_and_every_one_ends_with_a_leader() {
    let from = number("DCS_ATTACK_FROM").unwrap_or(0);
    let seeds = match number("DCS_ATTACK_SEED") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("DCS_ATTACK_SEEDS").unwrap_or(30),
    };
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    for seed in seeds {
        let world = history(seed);
        let judge = world.judge.lock().unwrap();
        for (what, count) in &judge.counts {
            *counts.entry(what).or_default() += count;
        }
        *counts.entry("histories").or_default() += 1;
        if let Some(why) = &judge.failed {
            for line in &judge.log {
                println!("{line}");
            }
            println!("DCS_ATTACK_SEED={seed}: {why}");
            failures.push(seed);
            if failures.len() as u64 >= number("DCS_ATTACK_FAILURES").unwrap_or(1) {
                break;
            }
        }
    }
    println!("{counts:#?}");
    assert!(
        failures.is_empty(),
        "failed with DCS_ATTACK_SEED={failures:?}"
    );
}
