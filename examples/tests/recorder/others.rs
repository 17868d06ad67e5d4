//! The versions of everything but the leader object, and the requests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dcs_cluster::audit;
use serde_json::{Map, Value};

use crate::labels;
use crate::support::api::USER_AGENT;
use crate::support::cluster::{Backend, Cluster};
use crate::support::recorder::{Happened, Recorder, Version};
use crate::support::wait::{PATIENCE, until};

/// The token of the term that an object belongs to.
const FENCE: &str = "dcs.internal/fence";

pub(crate) fn judge_config(cluster: &Cluster, versions: &[Version]) {
    let (ttl, wait) = (cluster.timing.ttl, cluster.timing.loop_wait);
    let seeded = format!(
        r#"{{"ttl":{},"loop_wait":{},"#,
        ttl.as_secs(),
        wait.as_secs()
    );
    let terms = cluster.verdict().terms;
    let mut last = BTreeMap::new();
    for Version { object, .. } in versions {
        assert_eq!(object["metadata"]["labels"], labels(), "{object:#}");
        let texts = texts(object);
        for (key, text) in &texts {
            let before = last.get(key);
            match &**key {
                "config" => assert!(text.starts_with(&seeded) && is_compact(text), "{text}"),
                "initialize" => assert!(text.len() >= 10 && text.parse::<u64>().is_ok(), "{text}"),
                "history" => {
                    let before = before.map_or("[", |before: &String| before.trim_end_matches(']'));
                    assert!(text.starts_with(before) && is_compact(text), "{text}");
                    continue;
                }
                FENCE => {
                    let fence: u128 = text.parse().unwrap();
                    let before = before.map_or(0, |before| before.parse().unwrap());
                    assert!(fence >= before, "{fence} after {before}");
                    assert!(terms.iter().any(|term| term.token == fence), "{fence}");
                    continue;
                }
                _ => panic!("{key}: {text}"),
            }
            assert!(
                before.is_none_or(|before| before == text),
                "written once: {text}"
            );
        }
        last = texts;
    }
    assert_eq!(last.len(), 4, "{last:?}");
    let history: Vec<Vec<Value>> = serde_json::from_str(&last["history"]).unwrap();
    let told = (1_u64..)
        .zip(&terms)
        .map(|(ended, term)| (ended, &*term.member));
    let lines = history
        .iter()
        .map(|line| (line[0].as_u64().unwrap(), line[4].as_str().unwrap()));
    assert_eq!(lines.collect::<Vec<_>>(), told.collect::<Vec<_>>());
}

pub(crate) fn judge_failover(cluster: &Cluster, versions: &[Version]) {
    let count = |version: &Version| {
        let mut texts = texts(&version.object);
        texts.remove(FENCE);
        texts.len()
    };
    let mut counts: Vec<usize> = versions.iter().map(count).collect();
    // The next leader puts its fence beside a request before it removes it.
    counts.dedup();
    assert_eq!(counts, [2, 0, 2, 0], "asked and consumed, twice");
    for Version { object, .. } in versions {
        assert_eq!(object["metadata"]["labels"], labels(), "{object:#}");
        let has_address = cluster.backend == Backend::Endpoints && !object["subsets"].is_null();
        assert!(!has_address, "{object:#}");
    }
}

pub(crate) fn judge_pods(pods: &Recorder) {
    let names = ["demo-0", "demo-1", "demo-2"];
    assert_eq!(pods.names(), names);
    for version in names.iter().flat_map(|name| pods.of(name)) {
        let annotations = texts(&version.object);
        let Some(text) = annotations.get("status") else {
            assert_eq!(version.happened, Happened::Added);
            continue;
        };
        let name = version.object["metadata"]["name"].as_str().unwrap();
        assert_eq!(annotations.len(), 1, "{annotations:?}");
        assert!(is_compact(text), "{text}");
        let status: Map<String, Value> = serde_json::from_str(text).unwrap();
        let keys: Vec<_> = status.keys().map(String::as_str).collect();
        assert_eq!(keys, ["conn_url", "state", "role", "version"]);
        let address: u8 = name.strip_prefix("demo-").unwrap().parse().unwrap();
        let url = format!("postgres://192.0.2.{}:5432/postgres", address + 1);
        assert_eq!(status["conn_url"], url);
        let role = status["role"].as_str().unwrap();
        assert!(["primary", "replica"].contains(&role), "{text}");
        // Nobody is sent to a member that has stopped.
        let routed = match status["state"].as_str().unwrap() {
            "running" => Some(role),
            "stopped" => None,
            state => panic!("{state}: {text}"),
        };
        let label = version.object["metadata"]["labels"].get("role");
        assert_eq!(label.and_then(Value::as_str), routed, "{text}");
    }
}

/// Rule H4, as far as the audit log shows it, and who may do what.
pub(crate) async fn judge_requests(cluster: &Cluster) {
    let log = PathBuf::from(std::env::var_os("DCS_AUDIT_LOG").expect("DCS_AUDIT_LOG is set"));
    let own = || {
        let all = audit::requests(&log).unwrap().into_iter();
        all.filter(|request| request.namespace == cluster.api.namespace)
    };
    until(
        "the last request is in the audit log",
        PATIENCE,
        async || {
            let removed = own().filter(|r| r.verb == "delete" && r.resource == "pods");
            (removed.count() >= 4).then_some(())
        },
    )
    .await;
    for request in own().filter(|request| request.user_agent != USER_AGENT) {
        let agent = format!("ha-loop/{} (demo-", env!("CARGO_PKG_VERSION"));
        assert!(request.user_agent.starts_with(&agent), "{request:?}");
        let on_objects = request.resource == cluster.backend.plural();
        let on_pods = request.resource == "pods";
        // Whether somebody leads in the other mode.
        let lock = [("endpoints", "demo"), ("configmaps", "demo-leader")];
        let looks = request.verb == "get" && lock.contains(&(&*request.resource, &*request.name));
        assert!(on_objects || on_pods || looks, "{request:?}");
        assert_eq!(request.subresource, "", "{request:?}");
        let verbs = ["create", "patch", "get", "list", "watch"];
        let is_stand_in = on_pods && request.verb == "delete";
        let allowed = verbs.contains(&&*request.verb) || is_stand_in;
        assert!(allowed, "{request:?}");
    }
}

fn texts(object: &Value) -> BTreeMap<String, String> {
    let annotations = object["metadata"]["annotations"].as_object();
    let texts = annotations.into_iter().flatten();
    texts
        .map(|(key, text)| (key.clone(), text.as_str().unwrap().to_owned()))
        .collect()
}

/// As Python writes JSON with the separators `,` and `:`.
fn is_compact(text: &str) -> bool {
    let value: Value = serde_json::from_str(text).unwrap();
    let written = value.to_string();
    written == text
}
