//! One group of a Citus cluster: its names, its label, and its members.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::time::Duration;

use dcs_core::{
    Change, Dcs, Error, Key, MemberName, MemberRecord, Outcome, Precondition, Update, WatchEvent,
};
use dcs_kubernetes::{Builder, ConfigMapDcs, EndpointsDcs, Group};
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};
use support::samples::{at, held, leader, name};
use support::scripted::{Log, Reply, Tuned as _, client, line, list, object};

const LABELS: &str = r#"{"application":"dcs","cluster-name":"demo","citus-group":"1"}"#;

fn endpoints(scope: &str) -> Builder<EndpointsDcs> {
    let builder = EndpointsDcs::builder(scope.parse().unwrap()).tuned();
    let builder = builder.pod_ip("192.0.2.10".parse().unwrap());
    builder.group(Group::new(1))
}

fn group_of(mut object: Value, group: &str) -> Value {
    object["metadata"]["labels"]["citus-group"] = group.into();
    object
}

fn accepting() -> (kube::Client, Log) {
    client(|_| Reply::Json(200, object("demo-1", 9000, &json!({}))))
}

#[tokio::test]
async fn the_group_is_part_of_each_name_and_a_label_of_each_object() {
    for (change, in_endpoints, in_configmaps) in [
        (leader(held("demo-0", 1)), "demo-1", "demo-1-leader"),
        (Change::Config(None), "demo-1-config", "demo-1-config"),
        (Change::Failover(None), "demo-1-failover", "demo-1-failover"),
        (Change::Sync(None), "demo-1-sync", "demo-1-sync"),
    ] {
        let (client, log) = accepting();
        let dcs = endpoints("demo").build_with_client(client).unwrap();
        let _ = dcs.write(&change, at(7)).await;
        let asked = log.last();
        let uri = format!("/api/v1/namespaces/default/endpoints/{in_endpoints}");
        assert_eq!(asked.uri, uri);
        assert_eq!(asked.body["metadata"]["name"], in_endpoints);
        assert_eq!(asked.body["metadata"]["labels"].to_string(), LABELS);

        let (client, log) = accepting();
        let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
        let dcs = builder.group(Group::new(1)).build_with_client(client);
        let _ = dcs.unwrap().write(&change, Precondition::Absent).await;
        let asked = log.last();
        assert_eq!(asked.body["metadata"]["name"], in_configmaps);
        assert_eq!(asked.body["metadata"]["labels"].to_string(), LABELS);
    }
}

#[tokio::test]
async fn the_group_is_in_no_selector_and_on_no_pod() {
    let (client, log) = client(|asked| match asked.uri.split_once('?') {
        Some(_) => list(5, &[]),
        None => Reply::Json(200, object("demo-0", 9, &json!({}))),
    });
    let dcs = endpoints("demo").build_with_client(client).unwrap();
    dcs.load().await.unwrap();
    let query = "?labelSelector=application%3Ddcs%2Ccluster-name%3Ddemo&limit=500";
    for asked in log.all() {
        assert!(asked.uri.ends_with(query), "{}", asked.uri);
    }
    let record = MemberRecord::new(name("demo-0"), Map::new());
    let _ = dcs.put_member(&record).await;
    assert_eq!(log.last().body["metadata"].get("labels"), None);
}

#[tokio::test]
async fn members_and_objects_of_other_groups_are_not_seen() {
    let keys = [
        group_of(object("demo-1", 5, &json!({"leader": "demo-0"})), "1"),
        group_of(object("demo-2", 5, &json!({"leader": "other-0"})), "2"),
        group_of(object("demo-1-config", 5, &json!({"config": "{}"})), "2"),
        object("demo-1-sync", 5, &json!({"leader": "demo-0"})),
    ];
    let pods = [
        group_of(object("demo-0", 6, &json!({"status": "{}"})), "1"),
        group_of(object("other-0", 6, &json!({"status": "{}"})), "2"),
        object("alone-0", 6, &json!({"status": "{}"})),
    ];
    let (client, _) = client(move |asked| {
        let items: &[Value] = if asked.is_of_pods() { &pods } else { &keys };
        list(9, items)
    });
    let dcs = endpoints("demo").build_with_client(client).unwrap();
    let snapshot = dcs.load().await.unwrap();
    assert_eq!(snapshot.holder(), Some(&name("demo-0")));
    assert_eq!(snapshot.config.revision, None);
    assert_eq!(snapshot.sync.revision, None);
    let members: Vec<_> = snapshot.members.keys().map(MemberName::as_str).collect();
    assert_eq!(members, ["demo-0"]);
}

#[tokio::test]
async fn the_watch_tells_of_its_own_group_only() {
    let pod = |name: &str, revision, group| group_of(object(name, revision, &json!({})), group);
    let lines = vec![
        line("ADDED", &pod("other-0", 11, "2")),
        line("MODIFIED", &pod("other-0", 12, "2")),
        line("DELETED", &pod("other-0", 13, "2")),
        // From here into another group: gone.
        line("MODIFIED", &pod("demo-0", 14, "2")),
        line("ADDED", &pod("demo-2", 15, "1")),
    ];
    let (client, _) = client(move |asked| match (asked.is_watch(), asked.is_of_pods()) {
        (true, true) => Reply::Open(lines.clone()),
        (true, false) => Reply::Open(Vec::new()),
        (false, true) => list(10, &[pod("demo-0", 6, "1"), pod("other-0", 6, "2")]),
        (false, false) => list(10, &[]),
    });
    let dcs = endpoints("demo").build_with_client(client).unwrap();
    let told = dcs
        .watch(Duration::from_secs(5))
        .filter_map(async |event| match event {
            Ok(WatchEvent::Reset(whole)) => {
                Some(whole.members.keys().map(ToString::to_string).collect())
            }
            Ok(WatchEvent::Changed(Update::Member(name, entry))) => {
                Some(vec![name.to_string(), entry.revision.is_some().to_string()])
            }
            _ => None,
        });
    let told: Vec<Vec<String>> = told.take(3).collect().await;
    let expected = [
        vec!["demo-0".to_owned()],
        vec!["demo-0".to_owned(), "false".to_owned()],
        vec!["demo-2".to_owned(), "true".to_owned()],
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_object_without_the_group_is_someone_elses() {
    let (client, _) = client(|asked| match asked.method.as_str() {
        "GET" => Reply::Json(200, object("demo-1", 16, &json!({}))),
        _ => Reply::Json(409, json!({"kind": "Status", "code": 409})),
    });
    let dcs = endpoints("demo").build_with_client(client).unwrap();
    let error = dcs.load_leader().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Foreign { .. }), "{text}");
    assert!(text.contains("citus-group=1"), "{text}");
    let config = Change::Config(Some("{}".parse().unwrap()));
    let outcome = dcs.write(&config, Precondition::Absent).await;
    let foreign = matches!(&outcome, Outcome::NotCommitted(Error::Foreign { .. }));
    assert!(foreign, "{outcome:?}");
}

#[tokio::test]
async fn a_group_that_makes_a_name_too_long_is_refused() {
    let long = "a".repeat(54);
    let (client, _) = accepting();
    let error = endpoints(&long[1..]).build_with_client(client).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("failover") && text.contains("63"), "{text}");
    let (client, _) = accepting();
    let fits = endpoints(&long[2..]).build_with_client(client);
    assert!(fits.is_ok());
}

#[tokio::test]
async fn a_conflict_names_the_key_in_a_group_too() {
    let (client, _) = client(|_| Reply::Json(409, json!({"kind": "Status", "code": 409})));
    let dcs = endpoints("demo").build_with_client(client).unwrap();
    let outcome = dcs.write(&leader(held("demo-0", 1)), at(7)).await;
    let conflicts = matches!(
        &outcome,
        Outcome::NotCommitted(Error::Conflict {
            key: Key::Leader,
            ..
        })
    );
    assert!(conflicts, "{outcome:?}");
}
