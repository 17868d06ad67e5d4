//! Labels on Pods: who is routed to, on the wire.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use dcs_core::duties::Routing;
use dcs_core::{Dcs, Error, MemberRecord, Outcome};
use dcs_kubernetes::{ConfigMapDcs, Labels, RoleLabels};
use serde_json::{Map, Value, json};
use support::samples::name;
use support::scripted::{Asked, Log, Reply, Tuned as _, client, object};

fn handle(labels: RoleLabels) -> (ConfigMapDcs, Log) {
    let (client, log) = client(|_| Reply::Json(200, object("demo-0", 9, &json!({"status": "{}"}))));
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let builder = builder.role_labels(labels);
    (builder.build_with_client(client).unwrap(), log)
}

fn record(state: &str) -> MemberRecord {
    MemberRecord::new(name("demo-0"), Map::new()).with("state", state)
}

fn role(text: &str) -> Routing {
    Routing::Role(text.to_owned())
}

/// The labels that a member's write sends.
async fn sent(labels: &RoleLabels, state: &str, routing: Routing) -> Value {
    let (dcs, log) = handle(labels.clone());
    let outcome = dcs.put_member(&record(state).routed(routing)).await;
    outcome.into_result().unwrap();
    labels_of(&log.last())
}

fn labels_of(asked: &Asked) -> Value {
    asked.body["metadata"]["labels"].clone()
}

#[tokio::test]
async fn each_label_value_meets_each_role() {
    let own = RoleLabels::default()
        .role_label(&"spilo-role".parse().unwrap())
        .unwrap()
        .leader_label_value("master")
        .unwrap()
        .follower_label_value("secondary")
        .unwrap()
        .standby_leader_label_value("standby")
        .unwrap();
    for (routing, by_default, by_own) in [
        (Routing::Leader, json!("primary"), json!("master")),
        (Routing::StandbyLeader, json!("primary"), json!("standby")),
        (role("replica"), json!("replica"), json!("secondary")),
        (role("demoted"), json!("demoted"), json!("demoted")),
        (role("promoted"), json!("promoted"), json!("promoted")),
        (
            role("standby_leader"),
            json!("standby_leader"),
            json!("standby_leader"),
        ),
        (
            role("uninitialized"),
            json!("uninitialized"),
            json!("uninitialized"),
        ),
        (Routing::Nowhere, Value::Null, Value::Null),
    ] {
        let found = sent(&RoleLabels::default(), "running", routing.clone()).await;
        assert_eq!(found, json!({"role": by_default}), "{routing:?}");
        let found = sent(&own, "running", routing.clone()).await;
        assert_eq!(found, json!({"spilo-role": by_own}), "{routing:?}");
    }
}

#[tokio::test]
async fn a_member_that_does_not_lead_never_carries_what_selects_the_leader() {
    let own = RoleLabels::default().leader_label_value("demoted").unwrap();
    for text in ["primary", "master", "demoted"] {
        let found = sent(&own, "running", role(text)).await;
        assert_eq!(found, json!({"role": null}), "{text}");
    }
    // A standby leader that has lost the lock still says that it is one.
    let of_standby = RoleLabels::default()
        .standby_leader_label_value("standby_leader")
        .unwrap();
    let found = sent(&of_standby, "running", role("standby_leader")).await;
    assert_eq!(found, json!({"role": null}));
    let of_standby = of_standby.standby_leader_label_value("replica").unwrap();
    let found = sent(&of_standby, "running", role("replica")).await;
    assert_eq!(found, json!({"role": "replica"}), "it was asked for");
    let same = RoleLabels::default()
        .follower_label_value("primary")
        .unwrap();
    let found = sent(&same, "running", role("replica")).await;
    assert_eq!(found, json!({"role": null}));
}

#[tokio::test]
async fn a_second_label_carries_the_default_values_during_a_rename() {
    let labels = RoleLabels::default()
        .tmp_role_label(&"old-role".parse().unwrap())
        .unwrap()
        .leader_label_value("master")
        .unwrap()
        .follower_label_value("secondary")
        .unwrap();
    for (routing, value, second) in [
        (Routing::Leader, json!("master"), json!("primary")),
        (Routing::StandbyLeader, json!("primary"), json!("primary")),
        (role("replica"), json!("secondary"), json!("replica")),
        (role("demoted"), json!("demoted"), json!("demoted")),
        (Routing::Nowhere, Value::Null, Value::Null),
    ] {
        let found = sent(&labels, "running", routing.clone()).await;
        let expected = json!({"role": value, "old-role": second});
        assert_eq!(found, expected, "{routing:?}");
    }
}

#[tokio::test]
async fn bootstrap_labels_stand_in_bootstrap_states_and_are_removed_after() {
    let bootstrap: Labels = "boot=yes,tier=new".parse().unwrap();
    let labels = RoleLabels::default().bootstrap_labels(bootstrap).unwrap();
    for state in [
        "initializing new cluster",
        "running custom bootstrap script",
        "starting after custom bootstrap",
        "creating replica",
    ] {
        let found = sent(&labels, state, Routing::Nowhere).await;
        let expected = json!({"role": null, "boot": "yes", "tier": "new"});
        assert_eq!(found, expected, "{state}");
    }
    for state in ["running", "stopped", "starting", "initdb failed"] {
        let found = sent(&labels, state, Routing::Nowhere).await;
        let expected = json!({"role": null, "boot": null, "tier": null});
        assert_eq!(found, expected, "{state}");
    }
}

#[tokio::test]
async fn the_labels_stand_before_the_annotations_and_without_the_scopes_own() {
    let (dcs, log) = handle(RoleLabels::default());
    let outcome = dcs
        .put_member(&record("running").routed(Routing::Leader))
        .await;
    outcome.into_result().unwrap();
    let expected = r#"{"metadata":{"namespace":"default","name":"demo-0","labels":{"role":"primary"},"annotations":{"status":"{\"state\":\"running\"}"}}}"#;
    assert_eq!(log.last().body.to_string(), expected);
}

#[tokio::test]
async fn labels_go_with_the_key_if_they_were_ours() {
    let (dcs, log) = handle(RoleLabels::default());
    dcs.put_member(&record("running"))
        .await
        .into_result()
        .unwrap();
    assert_eq!(labels_of(&log.last()), Value::Null, "left alone");
    let _ = dcs.delete_member(&name("demo-0")).await;
    assert_eq!(labels_of(&log.last()), Value::Null, "somebody else's");
    let leads = record("running").routed(Routing::Leader);
    dcs.put_member(&leads).await.into_result().unwrap();
    let _ = dcs.delete_member(&name("demo-0")).await;
    assert_eq!(labels_of(&log.last()), json!({"role": null}));
}

#[tokio::test]
async fn all_labels_of_ours_go_with_the_key() {
    let labels = RoleLabels::default()
        .tmp_role_label(&"old-role".parse().unwrap())
        .unwrap()
        .bootstrap_labels("boot=yes".parse().unwrap())
        .unwrap();
    let (dcs, log) = handle(labels);
    let leads = record("running").routed(Routing::Leader);
    dcs.put_member(&leads).await.into_result().unwrap();
    let _ = dcs.delete_member(&name("demo-0")).await;
    let expected = json!({"role": null, "old-role": null, "boot": null});
    assert_eq!(labels_of(&log.last()), expected);
}

#[tokio::test]
async fn labels_that_may_stand_there_go_with_the_key_too() {
    let (client, log) = client(|asked| {
        if asked.body["metadata"]["labels"].is_null() {
            return Reply::Json(200, object("demo-0", 9, &json!({"status": "{}"})));
        }
        Reply::Reset
    });
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let dcs = builder.build_with_client(client).unwrap();
    let leads = record("running").routed(Routing::Leader);
    let outcome = dcs.put_member(&leads).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    let _ = dcs.delete_member(&name("demo-0")).await;
    assert_eq!(labels_of(&log.last()), json!({"role": null}));
}

#[tokio::test]
async fn a_role_that_is_no_value_of_a_label_is_refused_unsent() {
    let (dcs, log) = handle(RoleLabels::default());
    let outcome = dcs
        .put_member(&record("running").routed(role("a role")))
        .await;
    let Outcome::NotCommitted(Error::Refused { why, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(why.contains("a role") && why.contains("63"), "{why}");
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn labels_under_one_key_are_refused() {
    let one = || RoleLabels::default().tmp_role_label(&"role".parse().unwrap());
    let other = || RoleLabels::default().bootstrap_labels("role=x".parse().unwrap());
    for error in [one().unwrap_err(), other().unwrap_err()] {
        let text = error.to_string();
        assert!(
            text.contains("role") && text.contains("a key of their own"),
            "{text}"
        );
    }
    assert!(RoleLabels::default().leader_label_value("a b").is_err());
}

#[tokio::test]
async fn a_role_label_that_the_scope_is_found_by_is_refused() {
    for key in ["application", "cluster-name", "citus-group"] {
        let labels = RoleLabels::default()
            .role_label(&key.parse().unwrap())
            .unwrap();
        let builder = ConfigMapDcs::builder("demo".parse().unwrap())
            .tuned()
            .group(dcs_kubernetes::Group::new(1))
            .role_labels(labels);
        let (client, _) = client(|_| Reply::Hang);
        let error = builder.build_with_client(client).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("found by"), "{error}");
    }
}

#[tokio::test]
async fn a_member_is_read_with_the_labels_of_its_pod() {
    let (client, _) = client(|asked| {
        let mut pod = object("demo-0", 9, &json!({"status": "{}"}));
        pod["metadata"]["labels"]["role"] = "primary".into();
        let items = if asked.is_of_pods() {
            vec![pod]
        } else {
            Vec::new()
        };
        support::scripted::list(9, &items)
    });
    let dcs = support::scripted::configmaps(client);
    let snapshot = dcs.load().await.unwrap();
    let member = snapshot.members[&name("demo-0")].get().unwrap();
    assert_eq!(member.labels()["role"], "primary");
    assert_eq!(member.labels()["cluster-name"], "demo");
}
