//! Twenty failovers, and before each the lock was left alone for its ttl, or
//! was given up by the rule.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::api::{annotation, revision};
use crate::support::cluster::{Backend, Cluster, SHORT};
use crate::support::patroni;
use crate::support::recorder::{Recorder, Version};
use crate::support::wait::{now_ms, seconds};

/// Leaders that are killed, and those that are told to end: 20 together.
const KILLS: usize = 12;
const ENDS: usize = 8;

/// How far the recorder's clock and a member's run apart at the most, each off
/// by the hundredth that the members allow for: one part in so many.
const DRIFT_PARTS: u32 = 50;

/// Fails over many times, and judges each version of each object.
pub(crate) async fn record(backend: Backend) {
    let mut cluster = Cluster::open("failovers", backend, SHORT).await;
    let objects = Recorder::start(&cluster.api, backend.plural()).await;
    let pods = Recorder::start(&cluster.api, "pods").await;
    cluster.start_three(false).await;
    for round in 0..KILLS + ENDS {
        let leader = cluster.settled().await;
        let (from_ms, limit) = (now_ms(), cluster.timing.ttl * 2);
        if round % 5 < 3 {
            cluster.kill(&leader);
            cluster.elected(from_ms, Some(&leader), limit).await;
        } else {
            cluster.signal(&leader, Signal::TERM);
            cluster.elected(from_ms, Some(&leader), limit).await;
            cluster.ended(&leader).await;
        }
        cluster.start(&leader);
    }
    cluster.settled().await;
    cluster.stop().await;
    let lock = backend.leader_object();
    let last = cluster.api.get(backend.plural(), lock).await.unwrap();
    objects.reach(revision(&last)).await;
    let ways = ways(&objects.of(lock));
    let waited = ways.iter().flatten();
    let shortest = waited.clone().min().unwrap();
    println!(
        "failovers, {:<10} {} after a wait of {shortest:?} or more (ttl {:?}), {} after a release",
        backend.flag(),
        waited.count(),
        SHORT.ttl,
        ways.iter().filter(|way| way.is_none()).count(),
    );
    // One more than were killed: the first one waited beside an empty record.
    assert_eq!(ways.iter().flatten().count(), KILLS + 1);
    assert_eq!(ways.iter().filter(|way| way.is_none()).count(), ENDS);
    cluster.verdict().assert_good(KILLS + ENDS + 1);
    parses(&objects.of(lock), |object| patroni::lock(object).map(drop));
    parses(&objects.of("demo-config"), patroni::config);
    parses(&objects.of("demo-failover"), patroni::failover);
    parses(&objects.of("demo-sync"), patroni::sync);
    for name in pods.names() {
        parses(&pods.of(&name), patroni::member);
    }
}

/// How each version came about that has another holder than the one before it:
/// after how long a wait, or `None` by a release.
fn ways(versions: &[Version]) -> Vec<Option<Duration>> {
    let mut ways = Vec::new();
    for pair in versions.windows(2) {
        let [before, after] = [&pair[0], &pair[1]];
        let (seen, taken) = (read(before), read(after));
        let is_taken = taken.holder.is_some() && session(after) != session(before);
        if !is_taken {
            continue;
        }
        let released = mark(before, "dcs.internal/released");
        if let Some(released) = released {
            // The mark counts where it stands on the version that it was made for.
            let made_for = released["prev"].as_str().unwrap();
            let version = versions.iter().rfind(|v| v.revision < before.revision);
            assert_eq!(made_for, version.unwrap().revision.to_string());
            assert_eq!(seen.holder, None, "{before:?}");
            ways.push(None);
            continue;
        }
        let stood = after.at.saturating_sub(before.at);
        let ttl = seconds(seen.ttl);
        assert!(
            stood + ttl / DRIFT_PARTS >= ttl,
            "taken {stood:?} after its last change, ttl {ttl:?}: {:#} {:#}",
            before.object,
            after.object
        );
        ways.push(Some(stood));
    }
    ways
}

fn read(version: &Version) -> patroni::Lock {
    patroni::lock(&version.object).unwrap_or_else(|why| panic!("{why}: {:#}", version.object))
}

fn parses(versions: &[Version], parse: fn(&Value) -> Result<(), String>) {
    for Version { object, .. } in versions {
        if let Err(why) = parse(object) {
            panic!("Patroni would not read that as it was meant: {why}: {object:#}");
        }
    }
}

fn session(version: &Version) -> Option<String> {
    let claim = mark(version, "dcs.internal/claim")?;
    Some(claim["session"].as_str().unwrap().to_owned())
}

fn mark(version: &Version, key: &str) -> Option<Value> {
    annotation(&version.object, key).map(|text| serde_json::from_str(text).unwrap())
}
