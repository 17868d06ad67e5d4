//! What patronictl writes into the objects is seen by the members within one
//! event of their watch, long before their next turn, and obeyed once.
//!
//! The bodies are those that Patroni 4.1 sends, `patroni/dcs/kubernetes.py`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::time::{Duration, UNIX_EPOCH};

use dcs_core::Timestamp;
use serde_json::{Map, Value, json};
use support::api::{annotation, revision};
use support::cluster::{Backend, Cluster, SCOPE, SHORT, Timing};
use support::patroni;
use support::process::Process;
use support::recorder::Recorder;
use support::wait::{PATIENCE, millis, now_ms, pass, seconds, until};

/// Turns are so far apart that what is done sooner was done on an event.
const SLOW: Timing = Timing {
    ttl: seconds(40),
    loop_wait: seconds(20),
    flags: &[
        "--ttl",
        "40s",
        "--loop-wait",
        "20s",
        "--retry-timeout",
        "10s",
    ],
};
/// Longer than an event takes on a busy machine, and much shorter than a turn.
const SOON: Duration = seconds(6);

/// The same tests on both kinds of objects.
macro_rules! on {
    ($backend:ident, $name:ident) => {
        mod $name {
            use super::*;

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn an_edit_of_the_config_reaches_all_members_at_once() {
                edit(Backend::$backend).await;
            }

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn a_switchover_is_obeyed_at_once_and_once() {
                switchover(Backend::$backend).await;
            }

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn a_scheduled_switchover_is_obeyed_at_its_time_and_once() {
                scheduled(Backend::$backend).await;
            }

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn nobody_takes_leadership_while_the_cluster_is_paused() {
                pause(Backend::$backend).await;
            }

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn synchronous_mode_is_switched_on_and_off_at_once() {
                synchronous(Backend::$backend).await;
            }
        }
    };
}
on!(Endpoints, endpoints);
on!(ConfigMap, configmap);

async fn edit(backend: Backend) {
    let mut cluster = begun("edit", backend, SLOW).await;
    let objects = Recorder::start_beside(&cluster.api, backend.plural()).await;
    let asked_ms = now_ms();
    edit_config(&cluster, "loop_wait", json!(15)).await;
    // A longer one would not count: the first one is the longest that they use.
    let body = edit_config(&cluster, "ttl", json!(35)).await;
    until("all members have seen the config", SOON, async || {
        let seen = |process: &Process| {
            let events = process.events();
            let new =
                |event: &&support::events::Event| event.is("config") && event.at_ms >= asked_ms;
            events.iter().filter(new).count() >= 2
        };
        cluster.running.values().all(seen).then_some(())
    })
    .await;
    let lock = async || {
        let lock = cluster.api.get(backend.plural(), backend.leader_object());
        lock.await.unwrap()
    };
    until("the leader renews by the new ttl", SOON, async || {
        let lock = lock().await;
        let claim: Value = serde_json::from_str(annotation(&lock, "dcs.internal/claim")?).unwrap();
        (claim["ttl_ms"] == 35_000).then_some(())
    })
    .await;
    // Not before it believes for no longer than that (rule P3).
    until("the record shows the new ttl", PATIENCE, async || {
        (patroni::lock(&lock().await).unwrap().ttl == 35).then_some(())
    })
    .await;
    cluster.stop().await;
    let last = objects.of("demo-config").pop().unwrap();
    assert_eq!(
        annotation(&last.object, "config"),
        Some(&*body),
        "left as it was written"
    );
    assert_eq!(objects.of("demo-config").len(), 2, "nobody else wrote it");
    cluster.verdict().assert_good(1);
}

async fn switchover(backend: Backend) {
    let mut cluster = begun("switchover", backend, SLOW).await;
    let objects = Recorder::start_beside(&cluster.api, backend.plural()).await;
    let mut leader = cluster.settled().await;
    for candidate in [Some("demo-2"), Some("demo-1"), None] {
        let asked_ms = now_ms();
        ask(&cluster, &leader, candidate, None).await;
        let next = cluster.elected(asked_ms, Some(&leader), SOON).await;
        if let Some(candidate) = candidate {
            assert_eq!(next.member, candidate);
        }
        consumed(&cluster).await;
        leader = cluster.settled().await;
        assert_eq!(leader, next.member);
    }
    ends_with(&mut cluster, &objects, 3).await;
}

async fn scheduled(backend: Backend) {
    let mut cluster = begun("scheduled", backend, SLOW).await;
    let objects = Recorder::start_beside(&cluster.api, backend.plural()).await;
    let leader = cluster.settled().await;
    let at_ms = now_ms() + 5_000;
    let since = Duration::from_millis(u64::try_from(at_ms).unwrap());
    let at = Timestamp::from_system_time(UNIX_EPOCH + since);
    ask(&cluster, &leader, Some("demo-2"), Some(at)).await;
    let next = cluster
        .elected(at_ms, Some(&leader), seconds(5) + SOON)
        .await;
    assert_eq!(next.member, "demo-2");
    consumed(&cluster).await;
    assert_eq!(cluster.settled().await, "demo-2");
    ends_with(&mut cluster, &objects, 1).await;
    let terms = cluster.verdict().terms;
    assert!(terms[1].from_ms >= at_ms, "before its time: {terms:#?}");
}

async fn pause(backend: Backend) {
    let mut cluster = begun("pause", backend, SHORT).await;
    let leader = cluster.settled().await;
    edit_config(&cluster, "pause", json!(true)).await;
    until("all members say that they are paused", SOON, async || {
        for name in cluster.running.keys() {
            let pod = cluster.api.get("pods", name).await.unwrap();
            let status: Value = serde_json::from_str(annotation(&pod, "status")?).unwrap();
            (status["pause"] == true).then_some(())?;
        }
        Some(())
    })
    .await;
    pass(SHORT.ttl * 2).await;
    assert_eq!(cluster.settled().await, leader, "who leads goes on leading");
    let killed_ms = now_ms();
    cluster.kill(&leader);
    pass(SHORT.ttl * 3).await;
    let elected = cluster.running.values().flat_map(Process::events);
    let elected: Vec<_> = elected
        .filter(|e| e.is("elected") && e.at_ms >= killed_ms)
        .collect();
    assert_eq!(elected, [], "nobody takes leadership while paused");
    let resumed_ms = now_ms();
    edit_config(&cluster, "pause", Value::Null).await;
    cluster.elected(resumed_ms, Some(&leader), SOON).await;
    cluster.settled().await;
    cluster.stop().await;
    cluster.verdict().assert_good(2);
}

async fn synchronous(backend: Backend) {
    let mut cluster = begun("synchronous", backend, SLOW).await;
    let leader = cluster.settled().await;
    let plural = backend.plural();
    edit_config(&cluster, "synchronous_mode", json!(true)).await;
    let standby = until("the sync key names a standby", SOON, async || {
        let sync = cluster.api.get(plural, "demo-sync").await?;
        patroni::sync(&sync).unwrap();
        // Before its value the object gets the fence of its leader.
        assert_eq!(annotation(&sync, "leader")?, leader);
        assert_eq!(annotation(&sync, "quorum"), Some("0"));
        annotation(&sync, "sync_standby").map(str::to_owned)
    })
    .await;
    assert_ne!(standby, leader);
    assert!(cluster.running.contains_key(&standby), "{standby}");
    edit_config(&cluster, "synchronous_mode", json!(false)).await;
    until("the sync key is empty", SOON, async || {
        let sync = cluster.api.get(plural, "demo-sync").await.unwrap();
        let keys = ["leader", "sync_standby", "quorum"];
        keys.iter()
            .all(|key| annotation(&sync, key).is_none())
            .then_some(())
    })
    .await;
    cluster.stop().await;
    cluster.verdict().assert_good(1);
}

/// Three members, the first of which leads.
async fn begun(test: &str, backend: Backend, timing: Timing) -> Cluster {
    let mut cluster = Cluster::open(test, backend, timing).await;
    cluster.start_three(true).await;
    cluster.settled().await;
    let plural = backend.plural();
    until("the scope has its config and its id", SOON, async || {
        let object = cluster.api.get(plural, "demo-config").await?;
        annotation(&object, "initialize")?;
        annotation(&object, "history")?;
        annotation(&object, "config").map(drop)
    })
    .await;
    cluster
}

/// As `patronictl edit-config` writes it: the whole config, on the revision seen.
async fn edit_config(cluster: &Cluster, key: &str, value: Value) -> String {
    let plural = cluster.backend.plural();
    let there = cluster.api.get(plural, "demo-config").await.unwrap();
    let config = annotation(&there, "config").unwrap();
    let mut config: Map<String, Value> = serde_json::from_str(config).unwrap();
    if value.is_null() {
        config.remove(key);
    } else {
        config.insert(key.to_owned(), value);
    }
    let text = Value::Object(config).to_string();
    let mut body = body(cluster, "demo-config", &json!({"config": text}));
    body["metadata"]["resourceVersion"] = revision(&there).to_string().into();
    cluster.api.patch(plural, "demo-config", &body).await;
    text
}

/// As `patronictl switchover` writes it: a POST the first time, and a PATCH on
/// the revision seen once the object is there.
async fn ask(cluster: &Cluster, leader: &str, candidate: Option<&str>, at: Option<Timestamp>) {
    let (api, plural) = (&cluster.api, cluster.backend.plural());
    let at = at.map(|at| at.to_string());
    let mut request = json!({"leader": leader, "member": candidate, "scheduled_at": at});
    let Some(there) = api.get(plural, "demo-failover").await else {
        // A new object has nothing to remove.
        request
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let body = body(cluster, "demo-failover", &request);
        api.create(plural, &body).await;
        return;
    };
    let mut body = body(cluster, "demo-failover", &request);
    body["metadata"]["resourceVersion"] = revision(&there).to_string().into();
    api.patch(plural, "demo-failover", &body).await;
}

fn body(cluster: &Cluster, name: &str, annotations: &Value) -> Value {
    json!({"metadata": {
        "namespace": cluster.api.namespace,
        "name": name,
        "labels": {"application": "dcs", "cluster-name": SCOPE},
        "annotations": annotations,
    }})
}

async fn consumed(cluster: &Cluster) {
    until("the request is consumed", SOON, async || {
        let plural = cluster.backend.plural();
        let object = cluster.api.get(plural, "demo-failover").await.unwrap();
        let keys = ["leader", "member", "scheduled_at"];
        keys.iter()
            .all(|key| annotation(&object, key).is_none())
            .then_some(())
    })
    .await;
}

/// Each request was followed by one hand-over, and removed once.
async fn ends_with(cluster: &mut Cluster, objects: &Recorder, requests: usize) {
    pass(Duration::from_millis(500)).await;
    cluster.stop().await;
    let verdict = cluster.verdict();
    verdict.assert_good(requests + 1);
    assert_eq!(verdict.terms.len(), requests + 1, "{:#?}", verdict.terms);
    let versions = objects.of("demo-failover");
    let asks = |object: &Value| annotation(object, "leader").is_some();
    let mut asked: Vec<bool> = versions
        .iter()
        .map(|version| asks(&version.object))
        .collect();
    // The next leader puts its fence beside a request before it removes it.
    asked.dedup();
    assert_eq!(asked, [true, false].repeat(requests));
    for version in &versions {
        patroni::failover(&version.object).unwrap();
    }
    let gaps = verdict
        .terms
        .windows(2)
        .map(|pair| pair[1].from_ms - pair[0].to_ms());
    let longest = gaps.max().unwrap();
    assert!(longest < millis(SOON), "{longest} ms without a leader");
}
