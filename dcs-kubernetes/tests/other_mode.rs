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
