//! The fence of an object: one annotation, and nothing else of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use dcs_core::election::{Elector, LeaseTiming, TermError};
use dcs_core::{
    Change, Config, Dcs, Entry, Error, FencingToken, History, Key, OsEntropy, Outcome,
    Precondition, Snapshot, SyncState, SystemClock, Value, WatchEvent,
};
use futures_util::StreamExt as _;
use http::Method;
use serde_json::{Value as Json, json};
use support::samples::{at, name};
use support::scripted::{Reply, client, configmaps, endpoints, line, list, object};
use support::server::{Mode, Place};

const FENCED: [(Key, &str); 5] = [
    (Key::Config, "config"),
    (Key::Initialize, "config"),
    (Key::History, "config"),
    (Key::Failover, "failover"),
    (Key::Sync, "sync"),
];

fn token(number: u128) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

/// The body of a touch with token 812, to the byte.
fn body(object: &str, revision: &str) -> String {
    format!(
        r#"{{"metadata":{{"namespace":"default","name":"demo-{object}","labels":{{"application":"dcs","cluster-name":"demo"}},"annotations":{{"dcs.internal/fence":"812"}}{revision}}}}}"#
    )
}

#[tokio::test]
async fn a_touch_is_a_patch_of_one_annotation_on_the_expected_revision() {
    for (key, object_name) in FENCED {
        let (client, log) = client(|_| Reply::Json(200, object("demo", 16, &json!({}))));
        let outcome = endpoints(client).fence(&key, token(812), at(15)).await;
        assert_eq!(outcome.into_result().unwrap().get(), 16, "{key}");
        let asked = log.last();
        assert_eq!(asked.method, Method::PATCH);
        let uri = format!("/api/v1/namespaces/default/endpoints/demo-{object_name}");
        assert_eq!(asked.uri, uri);
        let kind = &asked.headers["content-type"];
        assert_eq!(kind, "application/strategic-merge-patch+json");
        let expected = body(object_name, r#","resourceVersion":"15""#);
        assert_eq!(asked.body.to_string(), expected);
        assert_eq!(log.all().len(), 1, "one call is one request");
    }
}

#[tokio::test]
async fn a_touch_of_an_absent_object_creates_it_with_one_annotation() {
    for (key, object_name) in FENCED {
        let (client, log) = client(|_| Reply::Json(201, object("demo", 16, &json!({}))));
        let outcome = configmaps(client)
            .fence(&key, token(812), Precondition::Absent)
            .await;
        assert_eq!(outcome.into_result().unwrap().get(), 16, "{key}");
        let asked = log.last();
        assert_eq!(asked.method, Method::POST);
        assert_eq!(asked.uri, "/api/v1/namespaces/default/configmaps");
        assert_eq!(asked.body.to_string(), body(object_name, ""));
    }
}

#[tokio::test]
async fn a_touch_of_the_leader_object_or_of_a_pod_is_refused_unsent() {
    let member = Key::Member(name("demo-0"));
    for key in [Key::Leader, Key::Status, Key::Failsafe, member] {
        let (client, log) = client(|_| Reply::Hang);
        let outcome = endpoints(client).fence(&key, token(812), at(15)).await;
        let refused = matches!(
            &outcome,
            Outcome::NotCommitted(Error::Refused { key: named, .. }) if *named == key
        );
        assert!(refused, "{outcome:?}");
        assert!(log.all().is_empty());
    }
}

#[tokio::test]
async fn a_touch_that_was_overtaken_is_a_conflict_of_its_key() {
    for (status, expected) in [(409, at(15)), (404, at(15)), (409, Precondition::Absent)] {
        let (client, _) = client(move |asked| match asked.method {
            Method::GET => Reply::Json(200, object("demo-sync", 16, &json!({}))),
            _ => Reply::Json(status, json!({"kind": "Status", "code": status})),
        });
        let outcome = endpoints(client)
            .fence(&Key::Sync, token(812), expected)
            .await;
        let conflicts = matches!(
            &outcome,
            Outcome::NotCommitted(Error::Conflict { key: Key::Sync, .. })
        );
        assert!(conflicts, "{status} on {expected:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_touch_that_would_create_an_object_of_someone_else_says_whose_it_is() {
    let (client, _) = client(|asked| match asked.method {
        Method::GET => {
            let mut foreign = object("demo-sync", 16, &json!({}));
            foreign["metadata"]["labels"] = json!({"application": "other"});
            Reply::Json(200, foreign)
        }
        _ => Reply::Json(409, json!({"kind": "Status", "code": 409})),
    });
    let outcome = endpoints(client)
        .fence(&Key::Sync, token(812), Precondition::Absent)
        .await;
    let foreign = matches!(&outcome, Outcome::NotCommitted(Error::Foreign { .. }));
    assert!(foreign, "{outcome:?}");
}

#[tokio::test]
async fn a_touch_that_changed_nothing_is_unknown() {
    let (client, _) = client(|_| Reply::Json(200, object("demo-sync", 15, &json!({}))));
    let outcome = endpoints(client)
        .fence(&Key::Sync, token(812), at(15))
        .await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
}

#[tokio::test]
async fn no_write_of_a_value_names_the_fence() {
    let config = Change::Config(Some(r#"{"ttl":30}"#.parse().unwrap()));
    for change in [
        config,
        Change::Config(None),
        Change::Initialize(None),
        Change::History(None),
        Change::Failover(None),
        Change::Sync(None),
    ] {
        let (client, log) = client(|_| Reply::Json(200, object("demo", 16, &json!({}))));
        let _ = endpoints(client).write(&change, at(15)).await;
        let asked = log.last().body.to_string();
        assert!(!asked.contains("dcs.internal/fence"), "{asked}");
    }
}

/// A snapshot of these annotations on each object.
async fn snapshot_of(annotations: &Json) -> Snapshot {
    let keys = ["demo", "demo-config", "demo-failover", "demo-sync"];
    let keys = keys.map(|name| object(name, 5, annotations));
    let (client, _) = client(move |asked| {
        if asked.is_of_pods() {
            list(9, &[])
        } else {
            list(9, &keys)
        }
    });
    endpoints(client).load().await.unwrap()
}

#[tokio::test]
async fn the_keys_of_one_object_have_its_fence_and_the_leader_has_none() {
    let read = snapshot_of(&json!({"dcs.internal/fence": "812"})).await;
    let fence = Value::Present(token(812));
    assert_eq!(read.config.fence, fence);
    assert_eq!(read.initialize.fence, fence);
    assert_eq!(read.history.fence, fence);
    assert_eq!(read.failover.fence, fence);
    assert_eq!(read.sync.fence, fence);
    assert_eq!(read.leader.fence, Value::Absent);
    assert_eq!(read.status.fence, Value::Absent);
    assert_eq!(read.failsafe.fence, Value::Absent);
    assert_eq!(read.sync.value, Value::Absent, "a fence is no value");
}

#[tokio::test]
async fn a_fence_that_is_no_token_is_malformed_and_leaves_the_value_readable() {
    for bad in [
        "",
        "0",
        "007",
        "-1",
        "soon",
        "340282366920938463463374607431768211456",
    ] {
        let read = snapshot_of(&json!({"dcs.internal/fence": bad, "config": "{}"})).await;
        let Value::Malformed(why) = &read.config.fence else {
            panic!("{bad:?} is no token: {:?}", read.config.fence);
        };
        assert!(why.starts_with("annotation dcs.internal/fence: "), "{why}");
        assert!(read.config.get().is_some(), "{bad:?}");
        assert_eq!(read.malformed(), [], "{bad:?}");
    }
}

#[tokio::test]
async fn a_touch_is_seen_on_the_watch_and_gone_with_the_object() {
    let touched = object("demo-sync", 6, &json!({"dcs.internal/fence": "812"}));
    let lines = vec![line("ADDED", &touched), line("DELETED", &touched)];
    let (client, _) = client(move |asked| match (asked.is_watch(), asked.is_of_pods()) {
        (false, _) => list(5, &[]),
        (true, true) => Reply::Open(vec![]),
        (true, false) => Reply::Open(lines.clone()),
    });
    let mut watch = endpoints(client).watch(Duration::from_secs(30));
    let mut fed = Snapshot::default();
    let mut fences = Vec::new();
    while fences.len() < 2 {
        match watch.next().await.unwrap().unwrap() {
            WatchEvent::Reset(snapshot) => fed = *snapshot,
            WatchEvent::Changed(update) => {
                fed.apply(update);
                fences.push(fed.sync.fence.clone());
            }
            WatchEvent::Alive => {}
        }
    }
    assert_eq!(fences, [Value::Present(token(812)), Value::Absent]);
}

/// What others wrote into the object, as the API server stores it.
#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_touch_leaves_what_others_wrote_into_the_object_byte_for_byte() {
    for mode in [Mode::Endpoints, Mode::ConfigMaps] {
        let place = Place::open(mode, 1).await;
        let kind = match mode {
            Mode::Endpoints => "endpoints",
            Mode::ConfigMaps => "configmaps",
        };
        let scope = place.scope.clone();
        let annotations = json!({
            "config": "{ \"ttl\" :30.0, \"unknown\": [\"\\u00e9\"] }",
            "initialize": "7186662553319358497",
            "example.com/note": " kept as it is ",
        });
        let labels = json!({"application": "dcs", "cluster-name": scope, "team": "x"});
        let written = json!({"metadata": {
            "name": format!("{scope}-config"), "labels": labels, "annotations": annotations,
        }});
        place.admin.post(&place.admin.path(kind), &written).await;

        let dcs = &place.handles[0];
        let before = dcs.load().await.unwrap();
        let expected = before.config.precondition();
        let touched = dcs.fence(&Key::Config, token(812), expected).await;
        let touched = touched.into_result().unwrap();

        let path = place.admin.path(&format!("{kind}/{scope}-config"));
        let stored: Json = serde_json::from_str(&place.admin.get(&path).await).unwrap();
        let mut all = annotations.clone();
        all["dcs.internal/fence"] = "812".into();
        assert_eq!(stored["metadata"]["annotations"], all, "{mode:?}");
        assert_eq!(stored["metadata"]["labels"], labels, "{mode:?}");
        assert_eq!(stored["metadata"]["resourceVersion"], touched.to_string());
        let after = dcs.load().await.unwrap();
        assert_eq!(after.config.value, before.config.value);
        assert_eq!(after.initialize.value, before.initialize.value);
    }
}

/// An elector on the API server: config and history are one object, so the
/// second of them finds the fence of the first.
#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_leader_writes_its_keys_under_its_token() {
    for mode in [Mode::Endpoints, Mode::ConfigMaps] {
        let place = Place::open(mode, 1).await;
        let dcs = Arc::clone(&place.handles[0]);
        let seconds = Duration::from_secs;
        let timing = LeaseTiming::new(seconds(30), seconds(10), seconds(8)).unwrap();
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy::new()));
        let me = place.members[0].clone();
        let builder = Elector::builder(Arc::clone(&dcs), me, timing, clock, entropy);
        let (elector, driver) = builder.assert_first_bootstrap().build();
        let driver = tokio::spawn(driver.run());
        let lease = elector.acquire().await.unwrap();
        let keys = lease.keys();

        let config: Config = r#"{"ttl":30}"#.parse().unwrap();
        keys.edit_config(|_| Some(config.clone())).await.unwrap();
        let touched = dcs.load().await.unwrap().config.revision;
        let lines = History(vec![json!([1, 25_623_960, "no reason"])]);
        keys.edit_history(|_| Some(lines.clone())).await.unwrap();
        keys.edit_sync(|_| Some(SyncState::new("sample-0", vec![], 0)))
            .await
            .unwrap();

        let read = dcs.load().await.unwrap();
        let fence = Value::Present(lease.token());
        assert_eq!(read.config.get(), Some(&config), "{mode:?}");
        assert_eq!(read.history.get(), Some(&lines), "{mode:?}");
        assert_eq!(read.config.fence, fence, "{mode:?}");
        assert_eq!(read.sync.fence, fence, "{mode:?}");
        assert_eq!(read.failover, Entry::absent(), "nobody wrote it");
        assert!(read.history.revision > touched, "{mode:?}");
        lease.release().await;
        let late = keys.edit_config(|_| Some(Config::default())).await;
        assert!(matches!(late, Err(TermError::LeaseOver { .. })), "{late:?}");
        driver.abort();
    }
}
