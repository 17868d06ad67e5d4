//! Two modes are two locks: a member does not join one while somebody leads in
//! the other.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use dcs_kubernetes::{BuildError, KubernetesSettings, Mode};
use kube::Config;
use serde_json::{Value, json};
use support::web::Web;

/// What joining comes to, where this is the leader object of the other mode.
async fn join(yaml: &str, path: &'static str, found: (u16, Value)) -> Result<(), BuildError> {
    let web = Web::plain(move |line| {
        if line.contains(path) {
            return found.clone();
        }
        (404, json!({"kind": "Status", "code": 404}))
    });
    let web = web.await;
    let settings = KubernetesSettings::from_yaml(yaml).unwrap();
    let config = Config::new(web.url("http", "127.0.0.1"));
    let (scope, member) = ("demo".parse().unwrap(), "demo-0".parse().unwrap());
    let joined = settings.connect_to(config, scope, None, Some(member)).await;
    assert_eq!(web.seen().len(), 1, "{:?}", web.seen());
    joined.map(|_| ())
}

fn lock(annotations: &Value) -> (u16, Value) {
    let metadata = json!({
        "name": "demo", "resourceVersion": "7",
        "labels": {"cluster-name": "demo"}, "annotations": annotations,
    });
    (200, json!({"metadata": metadata}))
}

#[tokio::test]
async fn a_member_does_not_join_while_somebody_leads_in_the_other_mode() {
    for (yaml, path, mode) in [
        (
            "use_endpoints: true",
            "/configmaps/demo-leader",
            Mode::ConfigMap,
        ),
        ("", "/endpoints/demo ", Mode::Endpoints),
    ] {
        let held = lock(&json!({"leader": "pg-1", "ttl": "30"}));
        let error = join(yaml, path, held).await.unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, BuildError::OtherMode { mode: m, .. } if m == mode),
            "{text}"
        );
        assert!(
            text.contains("pg-1") && text.contains(mode.as_str()),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_is_no_lock_that_is_held_keeps_nobody_out() {
    let foreign = (
        200,
        json!({"metadata": {"name": "demo", "resourceVersion": "7",
        "annotations": {"leader": "other"}}}),
    );
    for found in [
        lock(&json!({})),
        lock(&json!({"ttl": "30", "renewTime": "2026-01-02T03:04:05+00:00"})),
        foreign,
        (404, json!({})),
        (403, json!({})),
        (503, json!({})),
    ] {
        join("", "/endpoints/demo ", found.clone())
            .await
            .unwrap_or_else(|error| panic!("{found:?}: {error}"));
    }
}

/// What a handle of these settings asks of a cluster in which there is nothing.
async fn asked(yaml: &str, group: Option<&str>, member: Option<&str>) -> Vec<String> {
    let web = Web::plain(|line| {
        if line.contains("?labelSelector") {
            let metadata = json!({"resourceVersion": "7"});
            return (200, json!({"metadata": metadata, "items": []}));
        }
        (404, json!({"kind": "Status", "code": 404}))
    });
    let web = web.await;
    let settings = KubernetesSettings::from_yaml(yaml).unwrap();
    let config = Config::new(web.url("http", "127.0.0.1"));
    let group = group.map(|group| group.parse().unwrap());
    let member = member.map(|member| member.parse().unwrap());
    let scope = "demo".parse().unwrap();
    let joined = settings.connect_to(config, scope, group, member).await;
    let dcs = joined.unwrap();
    dcs.load().await.unwrap();
    dcs.load_leader().await.unwrap();
    web.seen()
}

#[tokio::test]
async fn the_group_is_that_of_the_handle_and_of_the_look_at_the_other_mode() {
    for (yaml, own, other) in [
        ("", "/configmaps/demo-3-leader", "/endpoints/demo-3"),
        (
            "use_endpoints: true",
            "/endpoints/demo-3",
            "/configmaps/demo-3-leader",
        ),
    ] {
        let seen = asked(yaml, Some("3"), Some("demo-0")).await;
        for name in [own, other] {
            let asked = |line: &String| line.contains(&format!("{name} "));
            assert_eq!(
                seen.iter().filter(|line| asked(line)).count(),
                1,
                "{seen:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_settings_switch_the_bypass_on() {
    for (yaml, expected) in [("bypass_api_service: on", true), ("", false)] {
        let seen = asked(yaml, None, None).await;
        let past = |line: &String| line.contains("/namespaces/default/endpoints/kubernetes");
        assert_eq!(seen.iter().any(past), expected, "{seen:?}");
    }
}

#[tokio::test]
async fn who_only_reads_is_kept_out_by_nobody() {
    let web = Web::plain(|_| lock(&json!({"leader": "pg-1", "ttl": "30"}))).await;
    let config = Config::new(web.url("http", "127.0.0.1"));
    let settings = KubernetesSettings::default();
    let scope = "demo".parse().unwrap();
    assert!(settings.connect_to(config, scope, None, None).await.is_ok());
}

#[tokio::test]
async fn a_lock_that_cannot_be_read_keeps_a_member_out() {
    let spoiled = lock(&json!({"leader": "pg-1", "renewTime": "yesterday"}));
    let error = join("", "/endpoints/demo ", spoiled).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, BuildError::OtherModeUnreadable { .. }),
        "{text}"
    );
    assert!(
        text.contains("endpoints") && text.contains("renewTime"),
        "{text}"
    );
}
