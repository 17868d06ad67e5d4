//! Every version of every object of a scope, while its members are elected,
//! renewed, switched over, killed, told to end, and while a stranger deletes
//! the lock; and every request that they sent meanwhile.
//!
//! What cannot be seen from here is that each write carried the revision it was
//! decided on: the audit log has no bodies. The tests `wire` of dcs-kubernetes
//! show that. Here its consequence is seen: no term ever comes back once another
//! version stood in its place, and each release names the version right before it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod failovers;
mod lock;
mod others;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use lock::judge_lock;
use others::{judge_config, judge_failover, judge_pods, judge_requests};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::api::{annotation, revision};
use support::cluster::{Backend, Cluster, SCOPE, timing};
use support::process::Process;
use support::recorder::{Happened, Recorder, Version};
use support::wait::{now_ms, seconds, until};

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn each_version_of_endpoints_is_patronis() {
    record(Backend::Endpoints).await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn each_version_of_configmaps_is_patronis() {
    record(Backend::ConfigMap).await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn each_of_many_takeovers_of_endpoints_was_waited_for_or_allowed() {
    failovers::record(Backend::Endpoints).await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn each_of_many_takeovers_of_configmaps_was_waited_for_or_allowed() {
    failovers::record(Backend::ConfigMap).await;
}

async fn record(backend: Backend) {
    let mut cluster = Cluster::open("recorder", backend, timing()).await;
    let objects = Recorder::start(&cluster.api, backend.plural()).await;
    let pods = Recorder::start(&cluster.api, "pods").await;
    live_through_everything(&mut cluster).await;

    let lock = backend.leader_object();
    let last = cluster.api.get(backend.plural(), lock).await.unwrap();
    objects.reach(revision(&last)).await;
    let expected = [lock, "demo-config", "demo-failover"];
    let expected: BTreeSet<_> = expected.map(String::from).into();
    let names: BTreeSet<_> = objects.names().into_iter().collect();
    assert_eq!(names, expected);

    let lives = lives(&objects.of(lock));
    assert_eq!(lives.len(), 2, "it was deleted once");
    let terms: Vec<u128> = lives
        .iter()
        .flat_map(|life| judge_lock(&cluster, life))
        .collect();
    let verdict = cluster.verdict();
    verdict.assert_good(6);
    let told: Vec<u128> = verdict.terms.iter().map(|term| term.token).collect();
    assert_eq!(terms, told, "a token is the revision that began its term");
    judge_config(&cluster, &objects.of("demo-config"));
    judge_failover(&cluster, &objects.of("demo-failover"));
    judge_pods(&pods);
    judge_requests(&cluster).await;
    println!(
        "recorder, {:<10} {} versions of the lock in {} terms",
        backend.flag(),
        lives.iter().map(Vec::len).sum::<usize>(),
        terms.len()
    );
}

async fn live_through_everything(cluster: &mut Cluster) {
    cluster.start_three(false).await;
    let first = cluster.settled().await;
    renewed(cluster, 2).await;
    let second = other_than(&first);
    switch_over(cluster, &first, second).await;
    switch_over(cluster, second, &first).await;

    let (killed_ms, limit) = (now_ms(), cluster.timing.ttl * 2);
    cluster.kill(&first);
    let third = cluster.elected(killed_ms, Some(&first), limit).await.member;
    cluster.start(&first);
    cluster.settled().await;

    let told_ms = now_ms();
    cluster.signal(&third, Signal::TERM);
    cluster.elected(told_ms, Some(&third), limit).await;
    cluster.ended(&third).await;
    cluster.start(&third);
    cluster.settled().await;

    let deleted_ms = now_ms();
    let backend = cluster.backend;
    let lock = backend.leader_object();
    cluster.api.delete(backend.plural(), lock).await;
    let limit = cluster.timing.ttl * 2;
    let next = cluster.elected(deleted_ms, None, limit).await;
    let ttl_ms = i64::try_from(cluster.timing.ttl.as_millis()).unwrap();
    let waited = next.at_ms - deleted_ms;
    assert!(waited >= ttl_ms, "absence is not freedom: {waited} ms");
    cluster.settled().await;
    renewed(cluster, 1).await;
    cluster.stop().await;
}

/// Waits for further renewals of whoever leads.
async fn renewed(cluster: &Cluster, count: usize) {
    let from_ms = now_ms();
    let limit = cluster.timing.ttl * 2;
    until("the lease is renewed", limit, async || {
        let events = cluster.running.values().flat_map(Process::events);
        let new = events.filter(|event| event.is("renewed") && event.at_ms >= from_ms);
        (new.count() >= count).then_some(())
    })
    .await;
}

/// Asks for a switchover in the words of patronictl: a POST the first time, and
/// a PATCH on the revision seen once the object is there.
async fn switch_over(cluster: &Cluster, from: &str, to: &str) {
    let (api, plural) = (&cluster.api, cluster.backend.plural());
    let mut body = json!({"metadata": {
        "namespace": api.namespace,
        "name": "demo-failover",
        "labels": labels(),
        "annotations": {"leader": from, "member": to},
    }});
    let asked_ms = now_ms();
    if let Some(there) = api.get(plural, "demo-failover").await {
        body["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"].clone();
        api.patch(plural, "demo-failover", &body).await;
    } else {
        api.create(plural, &body).await;
    }
    let next = cluster.elected(asked_ms, Some(from), seconds(5)).await;
    assert_eq!(next.member, to, "the candidate leads");
    until("the request is consumed", seconds(5), async || {
        let object = api.get(plural, "demo-failover").await.unwrap();
        annotation(&object, "leader").is_none().then_some(())
    })
    .await;
    assert_eq!(cluster.settled().await, to);
}

/// The versions of an object, from each creation to the deletion after it.
fn lives(versions: &[Version]) -> Vec<Vec<Version>> {
    let mut lives: Vec<Vec<Version>> = Vec::new();
    for version in versions {
        match version.happened {
            Happened::Added => lives.push(vec![version.clone()]),
            Happened::Modified => lives.last_mut().unwrap().push(version.clone()),
            Happened::Deleted => {}
        }
    }
    lives
}

fn other_than(name: &str) -> &'static str {
    if name == "demo-0" { "demo-1" } else { "demo-0" }
}

/// The labels of every object.
fn labels() -> Value {
    json!({"application": "dcs", "cluster-name": SCOPE})
}
