//! Every request, to the byte.

mod support;

use std::collections::BTreeMap;

use dcs_core::{
    Change, Dcs, Failover, Failsafe, History, Initialize, LeaderWrite, MemberRecord, Precondition,
    Revision, Slots, Status, SyncState,
};
use http::Method;
use serde_json::{Value, json};
use support::samples::{at, held, instant, leader, name, released, vacant};
use support::scripted::{Asked, Reply, client, configmaps, endpoints, list, object};

const LABELS: &str = r#"{"application":"dcs","cluster-name":"demo"}"#;
const CLAIM: &str = r#"{"session":"00000000000000000000000000000001","attempt":"00000000000000000000000000000002","holder":"demo-0","ttl_ms":14500,"clamp_ms":30000,"renewTime":"2026-01-02T03:04:02.678901+00:00","release_hash":"HASH"}"#;

fn hash() -> String {
    dcs_core::Secret::from_bits(3).hash().to_string()
}

/// The request of one write through a handle on Endpoints.
async fn endpoints_write(change: Change, expected: Precondition) -> Asked {
    let (client, log) = client(|_| Reply::Json(200, object("demo", 9000, &json!({}))));
    let _ = endpoints(client).write(&change, expected).await;
    log.last()
}

async fn configmaps_write(change: Change, expected: Precondition) -> Asked {
    let (client, log) = client(|_| Reply::Json(200, object("demo", 9000, &json!({}))));
    let _ = configmaps(client).write(&change, expected).await;
    log.last()
}

fn annotations(asked: &Asked) -> String {
    asked.body["metadata"]["annotations"].to_string()
}

#[tokio::test]
async fn a_vacant_lock_is_created_by_post_without_nulls() {
    let asked = endpoints_write(leader(vacant()), Precondition::Absent).await;
    assert_eq!(asked.method, Method::POST);
    assert_eq!(asked.uri, "/api/v1/namespaces/default/endpoints");
    assert_eq!(asked.headers["content-type"], "application/json");
    let expected = format!(
        r#"{{"metadata":{{"namespace":"default","name":"demo","labels":{LABELS},"annotations":{{"ttl":"15","renewTime":"2026-01-02T03:04:00.678901+00:00"}}}},"subsets":[]}}"#
    );
    assert_eq!(asked.body.to_string(), expected);
}

#[tokio::test]
async fn the_lock_is_taken_by_one_patch_with_revision_and_address() {
    let asked = endpoints_write(leader(held("demo-0", 2)), at(812)).await;
    assert_eq!(asked.method, Method::PATCH);
    assert_eq!(asked.uri, "/api/v1/namespaces/default/endpoints/demo");
    let kind = &asked.headers["content-type"];
    assert_eq!(kind, "application/strategic-merge-patch+json");
    let claim = Value::from(CLAIM.replace("HASH", &hash())).to_string();
    let expected = format!(
        r#"{{"metadata":{{"namespace":"default","name":"demo","labels":{LABELS},"annotations":{{"leader":"demo-0","ttl":"15","renewTime":"2026-01-02T03:04:02.678901+00:00","acquireTime":"2026-01-02T03:04:00.678901+00:00","transitions":"4","dcs.internal/claim":{claim},"dcs.internal/released":null}},"resourceVersion":"812"}},"subsets":[{{"addresses":[{{"ip":"192.0.2.10","targetRef":{{"kind":"Pod","namespace":"default","name":"demo-0"}}}}],"ports":[{{"port":5432}}]}}]}}"#
    );
    assert_eq!(asked.body.to_string(), expected);
}

#[tokio::test]
async fn a_release_takes_the_address_away_and_says_which_version_it_ends() {
    let record = released("demo-0", 2, Revision::new(812).unwrap());
    let asked = endpoints_write(leader(record), at(812)).await;
    assert_eq!(asked.body["subsets"], json!([]));
    let found = &asked.body["metadata"]["annotations"];
    assert_eq!(found["leader"], Value::Null);
    let mark = r#"{"secret":"00000000000000000000000000000003","prev":"812","renewTime":"2026-01-02T03:04:02.678901+00:00"}"#;
    assert_eq!(found["dcs.internal/released"], mark);
    assert_eq!(asked.body["metadata"]["resourceVersion"], "812");
}

#[tokio::test]
async fn a_configmap_has_the_same_metadata_and_nothing_else() {
    for (record, expected) in [
        (vacant(), Precondition::Absent),
        (held("demo-0", 2), at(812)),
    ] {
        let one = endpoints_write(leader(record.clone()), expected).await;
        let other = configmaps_write(leader(record), expected).await;
        let uri = one.uri.replace("endpoints/demo", "configmaps/demo-leader");
        assert_eq!(other.uri, uri.replace("endpoints", "configmaps"));
        let mut metadata = one.body["metadata"].clone();
        metadata["name"] = "demo-leader".into();
        assert_eq!(other.body, json!({"metadata": metadata}));
    }
}

#[tokio::test]
async fn a_holder_whose_address_is_not_known_is_refused_unsent() {
    let (client, log) = client(|_| Reply::Hang);
    let outcome = endpoints(client)
        .write(&leader(held("demo-1", 1)), at(1))
        .await;
    let error = outcome.into_result().unwrap_err();
    let text = format!("{:?}", error.error());
    assert!(matches!(error, dcs_core::WriteError::NotCommitted(_)));
    assert!(text.contains("demo-0's, not demo-1's"), "{text}");
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn status_and_failsafe_go_with_the_lock_as_patroni_writes_them() {
    let mut status = Status::at(50_331_984);
    status.slots = Some(Slots::from_iter([("demo_1", 50_331_984)]));
    status.retain_slots = Some(vec!["demo_0".to_owned(), "demo_1".to_owned()]);
    let mut write = LeaderWrite::from(vacant());
    write.status = Some(status);
    let url = "http://h:8008/patroni".to_owned();
    write.failsafe = Some(Failsafe(BTreeMap::from([("m0".to_owned(), url)])));
    let asked = endpoints_write(Change::Leader(Box::new(write.clone())), at(7)).await;
    let found = &asked.body["metadata"]["annotations"];
    assert_eq!(found["optime"], "50331984");
    assert_eq!(found["slots"], r#"{"demo_1":50331984}"#);
    assert_eq!(found["retain_slots"], r#"["demo_0", "demo_1"]"#);
    assert_eq!(found["failsafe"], r#"{"m0":"http://h:8008/patroni"}"#);

    let mut empty = Status::default();
    empty.slots = Some(Slots::default());
    empty.retain_slots = Some(Vec::new());
    for nothing in [Status::default(), empty] {
        write.status = Some(nothing);
        write.failsafe = Some(Failsafe::default());
        let asked = endpoints_write(Change::Leader(Box::new(write.clone())), at(7)).await;
        let found = &asked.body["metadata"]["annotations"];
        for removed in ["optime", "slots", "retain_slots", "failsafe"] {
            assert_eq!(found.get(removed), Some(&Value::Null), "{removed}");
        }
    }
}

#[tokio::test]
async fn standbys_are_written_sorted_whatever_their_order() {
    let mut state = SyncState::new("demo-0", Vec::new(), 0);
    state.sync_standby = ["pg-2", "pg-10", "pg-1"].map(str::to_owned).to_vec();
    let asked = endpoints_write(Change::Sync(Some(state)), at(7)).await;
    let found = &asked.body["metadata"]["annotations"];
    assert_eq!(found["sync_standby"], "pg-1,pg-10,pg-2");
}

#[tokio::test]
async fn a_write_of_the_lock_alone_does_not_name_status_and_failsafe() {
    let asked = endpoints_write(leader(held("demo-0", 2)), at(7)).await;
    let found = asked.body["metadata"]["annotations"]
        .as_object()
        .unwrap()
        .clone();
    for untouched in ["optime", "slots", "retain_slots", "failsafe"] {
        assert_eq!(found.get(untouched), None, "{untouched}");
    }
}

#[tokio::test]
async fn the_config_object_holds_three_keys() {
    let config = r#"{"ttl":30,"loop_wait":10}"#;
    let history = History(vec![json!([1, 67_109_256, "no recovery target specified"])]);
    for (change, expected) in [
        (
            Change::Config(Some(config.parse().unwrap())),
            json!({"config": config}),
        ),
        (Change::Config(None), json!({"config": null})),
        (
            Change::Initialize(Some(Initialize::InProgress)),
            json!({"initialize": ""}),
        ),
        (
            Change::Initialize(Some(Initialize::Done("7186662553319358497".to_owned()))),
            json!({"initialize": "7186662553319358497"}),
        ),
        (Change::Initialize(None), json!({"initialize": null})),
        (
            Change::History(Some(history)),
            json!({"history": r#"[[1,67109256,"no recovery target specified"]]"#}),
        ),
        (Change::History(None), json!({"history": null})),
    ] {
        let asked = endpoints_write(change, at(15)).await;
        assert_eq!(
            asked.uri,
            "/api/v1/namespaces/default/endpoints/demo-config"
        );
        assert_eq!(annotations(&asked), expected.to_string());
        assert_eq!(asked.body["metadata"]["resourceVersion"], "15");
        assert_eq!(asked.body.get("subsets"), None);
    }
}

#[tokio::test]
async fn a_switchover_is_asked_for_and_cleared() {
    let request = Failover::switchover(Some(name("demo-0")), Some(name("demo-1")));
    let asked = endpoints_write(
        Change::Failover(Some(request.clone())),
        Precondition::Absent,
    )
    .await;
    assert_eq!(asked.body["metadata"]["name"], "demo-failover");
    assert_eq!(
        annotations(&asked),
        r#"{"leader":"demo-0","member":"demo-1"}"#
    );
    let later = request.not_before(instant(9));
    let asked = endpoints_write(Change::Failover(Some(later)), at(40)).await;
    assert_eq!(
        annotations(&asked),
        r#"{"leader":"demo-0","member":"demo-1","scheduled_at":"2026-01-02T03:04:09.678901+00:00"}"#
    );
    let asked = endpoints_write(Change::Failover(None), at(40)).await;
    assert_eq!(
        annotations(&asked),
        r#"{"leader":null,"member":null,"scheduled_at":null}"#
    );
}

#[tokio::test]
async fn synchronous_standbys_are_sorted_and_joined() {
    let standbys = vec!["demo-2".to_owned(), "demo-1".to_owned()];
    let state = SyncState::new("demo-0", standbys, 0);
    let asked = endpoints_write(Change::Sync(Some(state)), at(50)).await;
    assert_eq!(asked.uri, "/api/v1/namespaces/default/endpoints/demo-sync");
    assert_eq!(
        annotations(&asked),
        r#"{"leader":"demo-0","sync_standby":"demo-1,demo-2","quorum":"0"}"#
    );
    let nobody = SyncState::new("demo-0", Vec::new(), 0);
    let asked = endpoints_write(Change::Sync(Some(nobody)), Precondition::Absent).await;
    assert_eq!(annotations(&asked), r#"{"leader":"demo-0","quorum":"0"}"#);
    let asked = endpoints_write(Change::Sync(None), at(50)).await;
    assert_eq!(
        annotations(&asked),
        r#"{"leader":null,"sync_standby":null,"quorum":null}"#
    );
}

#[tokio::test]
async fn a_value_that_would_be_read_as_another_one_is_refused_unsent() {
    let comma = SyncState::new("demo-0", vec!["a,b".to_owned()], 0);
    let empty_id = Initialize::Done(String::new());
    for change in [
        Change::Sync(Some(comma)),
        Change::Initialize(Some(empty_id)),
    ] {
        let (client, log) = client(|_| Reply::Hang);
        let outcome = endpoints(client).write(&change, at(1)).await;
        assert_refused(&outcome);
        assert!(log.all().is_empty());
    }
}

#[tokio::test]
async fn a_member_key_is_a_patch_of_its_pod_without_precondition() {
    let (client, log) = client(|_| Reply::Json(200, object("demo-0", 9, &json!({"status": "{}"}))));
    let dcs = endpoints(client);
    let record = MemberRecord::new(name("demo-0"), serde_json::Map::new())
        .with("state", "running")
        .with("role", "primary");
    let _ = dcs.put_member(&record).await;
    let asked = log.last();
    assert_eq!(asked.method, Method::PATCH);
    assert_eq!(asked.uri, "/api/v1/namespaces/default/pods/demo-0");
    let expected = r#"{"metadata":{"namespace":"default","name":"demo-0","annotations":{"status":"{\"state\":\"running\",\"role\":\"primary\"}"}}}"#;
    assert_eq!(asked.body.to_string(), expected);
    let _ = dcs.delete_member(&name("demo-0")).await;
    let asked = log.last();
    assert_eq!(
        asked.body["metadata"]["annotations"],
        json!({"status": null})
    );
}

#[tokio::test]
async fn the_key_of_another_member_is_not_touched() {
    let (client, log) = client(|_| Reply::Hang);
    let dcs = endpoints(client);
    let other = MemberRecord::new(name("demo-1"), serde_json::Map::new());
    for outcome in [
        dcs.put_member(&other).await,
        dcs.delete_member(other.name()).await,
    ] {
        assert_refused(&outcome);
    }
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn reads_ask_for_metadata_only_and_for_no_old_revision() {
    let (client, log) = client(|asked| match asked.uri.split_once('?') {
        Some(_) => list(5, &[]),
        None => Reply::Json(404, json!({})),
    });
    let dcs = endpoints(client);
    assert!(dcs.load().await.unwrap().is_empty());
    let mut uris: Vec<_> = log.all().into_iter().map(|asked| asked.uri).collect();
    uris.sort();
    let query = "labelSelector=application%3Ddcs%2Ccluster-name%3Ddemo&limit=500";
    assert_eq!(
        uris,
        [
            format!("/api/v1/namespaces/default/endpoints?{query}"),
            format!("/api/v1/namespaces/default/pods?{query}"),
        ]
    );
    let listed = log.last();
    assert_eq!(
        listed.headers["accept"],
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    );
    assert_eq!(dcs.load_leader().await.unwrap(), dcs_core::Entry::absent());
    let got = log.last();
    assert_eq!(got.uri, "/api/v1/namespaces/default/endpoints/demo");
    assert_eq!(
        got.headers["accept"],
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    );
    assert_eq!(got.headers["user-agent"], "test/1 (demo-0)");
    assert_eq!(got.headers["accept-encoding"], "identity");
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page() {
    let page = |name: &str, next: &str| {
        Reply::Json(
            200,
            json!({
                "metadata": {"resourceVersion": "7", "continue": next},
                "items": [object(name, 3, &json!({"ttl": "15"}))],
            }),
        )
    };
    let (client, _) = client(move |asked| match () {
        () if asked.is_of_pods() => list(7, &[]),
        () if asked.uri.contains("continue=a%2Bb%3D") => page("demo", ""),
        () => page("demo-config", "a+b="),
    });
    let found = endpoints(client).load().await.unwrap();
    assert!(found.leader.revision.is_some() && found.config.revision.is_some());
}

fn assert_refused(outcome: &dcs_core::Outcome) {
    let refused = matches!(
        outcome,
        dcs_core::Outcome::NotCommitted(dcs_core::Error::Refused { .. })
    );
    assert!(refused, "{outcome:?}");
}
