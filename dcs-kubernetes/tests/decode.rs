//! What Patroni wrote, and what nobody should have written.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use dcs_core::{
    Dcs, Failover, Initialize, Key, LeaderRecord, MemberName, Snapshot, Status, SyncState,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::samples::name;
use support::scripted::{Reply, Tuned as _, client, endpoints, list, object};

/// The keys in one set of objects that a live Patroni left behind.
async fn recorded(set: &str) -> Snapshot {
    let read = |file: &str| -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let text = std::fs::read_to_string(folder.join(set).join(file)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let in_endpoints = set.starts_with("endpoints");
    let keys = read(if in_endpoints {
        "endpoints.json"
    } else {
        "configmaps.json"
    });
    let pods = read("pods.json");
    let (client, _) = client(move |asked| {
        Reply::Json(
            200,
            if asked.is_of_pods() {
                pods.clone()
            } else {
                keys.clone()
            },
        )
    });
    let scope = || "demo".parse().unwrap();
    let snapshot = if in_endpoints {
        endpoints(client).load().await
    } else {
        let builder = dcs_kubernetes::ConfigMapDcs::builder(scope()).tuned();
        builder.build_with_client(client).unwrap().load().await
    };
    let snapshot = snapshot.unwrap();
    assert_eq!(snapshot.malformed(), [], "{set}");
    let members: Vec<_> = snapshot.members.keys().map(MemberName::as_str).collect();
    assert_eq!(members, ["pg1", "pg2", "pg3"], "{set}");
    snapshot
}

#[tokio::test]
async fn every_recorded_set_is_read_as_patronictl_showed_it() {
    for (set, leader, transitions, timeline) in [
        ("endpoints-steady", "pg2", 0, 1),
        ("endpoints-after-switchover", "pg1", 1, 2),
        ("endpoints-sync-mode", "pg1", 1, 2),
        ("endpoints-paused", "pg1", 1, 2),
        ("configmaps-steady", "pg2", 0, 1),
        ("configmaps-after-switchover", "pg1", 1, 2),
    ] {
        let snapshot = recorded(set).await;
        assert_eq!(snapshot.holder(), Some(&name(leader)), "{set}");
        let record = snapshot.leader.get().unwrap();
        assert_eq!(record.transitions, Some(transitions), "{set}");
        assert_eq!(record.ttl, Some(Duration::from_secs(30)), "{set}");
        assert!(record.renew_time > record.acquire_time, "{set}");
        let member = snapshot.members[&name(leader)].get().unwrap();
        assert_eq!(member.role(), Some("primary"), "{set}");
        assert_eq!(member.data()["timeline"], timeline, "{set}");
    }
}

#[tokio::test]
async fn the_keys_of_a_steady_cluster_are_read() {
    let snapshot = recorded("endpoints-steady").await;
    let id = Initialize::Done("7710959472723603774".to_owned());
    assert_eq!(snapshot.initialize.get(), Some(&id));
    let config = snapshot.config.get().unwrap();
    assert_eq!(config.ttl(), Some(Duration::from_secs(30)));
    let mut status = Status::at(67_108_960);
    let slots = ["pg1", "pg2", "pg3"].map(str::to_owned);
    status.slots = Some(
        slots
            .iter()
            .map(|slot| (slot.clone(), 67_108_960))
            .collect(),
    );
    status.retain_slots = Some(slots.to_vec());
    assert_eq!(snapshot.status.get(), Some(&status));
    assert_eq!(snapshot.failover.revision, None);
}

#[tokio::test]
async fn an_empty_failover_object_asks_for_nothing_and_has_a_revision() {
    let snapshot = recorded("endpoints-after-switchover").await;
    assert_eq!(snapshot.failover.value, dcs_core::Value::Absent);
    assert!(snapshot.failover.revision.is_some());
    assert_eq!(snapshot.history.get().unwrap().0.len(), 1);
}

#[tokio::test]
async fn synchronous_mode_and_a_scheduled_switchover_are_read() {
    let snapshot = recorded("endpoints-paused").await;
    let sync = SyncState::new("pg1", vec!["pg2".to_owned()], 0);
    assert_eq!(snapshot.sync.get(), Some(&sync));
    let at = "2026-12-24T10:00:00+00:00".parse().unwrap();
    let request = Failover::switchover(Some(name("pg1")), None).not_before(at);
    assert_eq!(snapshot.failover.get(), Some(&request));
}

/// A snapshot of these annotations on each object, and on one Pod.
async fn snapshot_of(annotations: &Value) -> Snapshot {
    let keys = ["demo", "demo-config", "demo-failover", "demo-sync"];
    let keys = keys.map(|name| object(name, 5, annotations));
    let pod = object("demo-0", 6, annotations);
    let (client, _) = client(move |asked| {
        if asked.is_of_pods() {
            list(9, std::slice::from_ref(&pod))
        } else {
            list(9, &keys)
        }
    });
    endpoints(client).load().await.unwrap()
}

#[tokio::test]
async fn rubbish_makes_its_own_key_malformed_and_no_other() {
    for (annotation, text, keys) in [
        ("ttl", "x", &[Key::Leader][..]),
        ("ttl", "-1", &[Key::Leader]),
        ("ttl", "99999999999999999999", &[Key::Leader]),
        ("renewTime", "yesterday", &[Key::Leader]),
        ("acquireTime", "yesterday", &[Key::Leader]),
        ("transitions", "1.5", &[Key::Leader]),
        // The failover object names a leader too.
        ("leader", "../x", &[Key::Leader, Key::Failover]),
        ("optime", "0/4000060", &[Key::Status]),
        ("slots", "[", &[Key::Status]),
        ("retain_slots", "{}", &[Key::Status]),
        ("failsafe", "[]", &[Key::Failsafe]),
        ("config", "[]", &[Key::Config]),
        ("history", "{}", &[Key::History]),
        ("member", "A B", &[Key::Failover]),
        ("scheduled_at", "soon", &[Key::Failover]),
        ("quorum", "many", &[Key::Sync]),
    ] {
        let snapshot = snapshot_of(&json!({annotation: text})).await;
        let malformed = snapshot.malformed();
        let found: Vec<_> = malformed.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(found, keys, "{annotation}={text}");
        for (_, why) in malformed {
            assert!(why.contains(annotation), "{annotation}={text}: {why}");
        }
    }
    let snapshot = snapshot_of(&json!({"status": "[]"})).await;
    assert_eq!(
        snapshot.malformed().first().map(|(key, _)| key.clone()),
        Some(Key::Member(name("demo-0")))
    );
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_does_not_count() {
    let annotations =
        json!({"leader": "demo-0", "dcs.internal/claim": "{", "dcs.internal/released": "1"});
    let snapshot = snapshot_of(&annotations).await;
    let record = snapshot.leader.get().unwrap();
    assert_eq!((&record.claim, &record.released), (&None, &None));
}

#[tokio::test]
async fn an_object_without_a_lock_is_a_vacant_record() {
    let snapshot = snapshot_of(&json!({})).await;
    assert_eq!(snapshot.leader.get(), Some(&LeaderRecord::default()));
    assert_eq!(snapshot.status.value, dcs_core::Value::Absent);
    assert!(snapshot.status.revision.is_some());
    let member = &snapshot.members[&name("demo-0")];
    assert_eq!(member.value, dcs_core::Value::Absent);
    assert!(member.revision.is_some());
}

#[tokio::test]
async fn a_holder_of_no_name_is_no_holder() {
    let snapshot = snapshot_of(&json!({"leader": "", "ttl": "30"})).await;
    assert_eq!(snapshot.leader.get().unwrap().holder, None);
}

#[tokio::test]
async fn empty_names_and_spaces_in_the_sync_key_name_nobody() {
    let annotations = json!({"leader": "", "sync_standby": " pg-1 ,, pg-2", "quorum": "1"});
    let snapshot = snapshot_of(&annotations).await;
    let sync = snapshot.sync.get().unwrap();
    assert_eq!((&sync.leader, sync.quorum), (&None, Some(1)));
    assert_eq!(sync.sync_standby, ["pg-1", "pg-2"]);
}

#[tokio::test]
async fn a_revision_that_is_no_number_is_an_error_of_the_backend() {
    let (client, _) = client(|_| {
        let bad = json!({"metadata": {"name": "demo", "resourceVersion": "x"}});
        list(5, &[bad])
    });
    let error = endpoints(client).load().await.unwrap_err();
    assert!(
        matches!(error, dcs_core::Error::Backend { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_missing_config_is_absent_and_an_empty_one_is_present() {
    let snapshot = snapshot_of(&json!({})).await;
    assert_eq!(snapshot.config.value, dcs_core::Value::Absent);
    assert!(snapshot.config.revision.is_some());
    let snapshot = snapshot_of(&json!({"config": "{}"})).await;
    let empty = dcs_core::Config::default();
    assert_eq!(snapshot.config.get(), Some(&empty));
}

#[tokio::test]
async fn a_slot_without_a_position_hides_nothing_else() {
    let slots = r#"{"a":5,"b":"7","c":-1,"d":null,"e":1.5,"f":18446744073709551616}"#;
    let retained = r#"["a", 1, null, "b"]"#;
    let annotations = json!({"optime": "9", "slots": slots, "retain_slots": retained});
    let snapshot = snapshot_of(&annotations).await;
    let status = snapshot.status.get().unwrap();
    assert_eq!(status.optime, Some(9));
    let slots = status.slots.as_ref().unwrap();
    let known: Vec<_> = slots.iter().collect();
    assert_eq!(known, [("a", 5), ("b", 7)]);
    let retained = ["a", "b"].map(str::to_owned).to_vec();
    assert_eq!(status.retain_slots, Some(retained));
}

#[tokio::test]
async fn a_whole_number_that_would_be_written_back_as_another_one_is_malformed() {
    let widest =
        r#"{"a":[18446744073709551615,-9223372036854775808,1e300],"b":"99999999999999999999"}"#;
    let snapshot = snapshot_of(&json!({"config": widest})).await;
    assert_eq!(snapshot.malformed(), []);
    for (annotation, text) in [
        ("config", r#"{"a":{"b":18446744073709551616}}"#),
        ("config", r#"{"\"":-9223372036854775809}"#),
        ("history", "[[1,123456789012345678901234567890,\"\"]]"),
    ] {
        let snapshot = snapshot_of(&json!({annotation: text})).await;
        let malformed = snapshot.malformed();
        let [(key, why)] = malformed.as_slice() else {
            panic!("{text}: {malformed:?}");
        };
        assert_eq!(key.to_string(), annotation, "{text}");
        assert!(why.contains(annotation) && why.contains("64 bits"), "{why}");
    }
}

#[tokio::test]
async fn a_text_that_nests_too_deeply_is_malformed() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let snapshot = snapshot_of(&json!({"history": nested(32)})).await;
    assert_eq!(snapshot.malformed(), []);
    for levels in [33, 100_000] {
        let snapshot = snapshot_of(&json!({"history": nested(levels)})).await;
        let malformed = snapshot.malformed();
        let [(Key::History, why)] = malformed.as_slice() else {
            panic!("{malformed:?}");
        };
        assert!(why.contains("history") && why.contains("32"), "{why}");
    }
}

#[tokio::test]
async fn a_member_that_says_too_much_is_malformed() {
    let status = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    let snapshot = snapshot_of(&json!({"status": status(64 << 10)})).await;
    assert_eq!(snapshot.malformed(), []);
    let snapshot = snapshot_of(&json!({"status": status((64 << 10) + 1)})).await;
    let malformed = snapshot.malformed();
    let [(Key::Member(_), why)] = malformed.as_slice() else {
        panic!("{malformed:?}");
    };
    assert!(why.contains("65537") && why.contains("65536"), "{why}");
}

fn annotation_name() -> impl Strategy<Value = String> {
    let known = [
        "leader",
        "ttl",
        "renewTime",
        "acquireTime",
        "transitions",
        "optime",
        "slots",
        "retain_slots",
        "failsafe",
        "dcs.internal/claim",
        "dcs.internal/released",
        "config",
        "initialize",
        "history",
        "member",
        "scheduled_at",
        "dcs.internal/fence",
        "sync_standby",
        "quorum",
        "status",
    ];
    prop::sample::select(known.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn no_annotations_make_a_parser_panic(
        annotations in prop::collection::btree_map(
            annotation_name(),
            prop_oneof!["\\PC{0,40}", "[0-9]{0,25}", "[\\[\\]{}\",:0-9a-z]{0,30}"],
            0..12,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let annotations: BTreeMap<String, String> = annotations;
        let snapshot = runtime.block_on(snapshot_of(&json!(annotations)));
        // A register that exists has a revision, whatever stands in it.
        prop_assert!(snapshot.leader.revision.is_some() && snapshot.sync.revision.is_some());
        let shown = annotations.contains_key("config");
        prop_assert_eq!(shown, snapshot.config.value != dcs_core::Value::Absent);
    }
}
