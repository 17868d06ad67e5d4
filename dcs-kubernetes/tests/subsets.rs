//! The leader's address: when it is sent, and what it says.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::sync::Mutex;

use dcs_core::{Dcs, MemberRecord, Outcome};
use dcs_kubernetes::EndpointsDcs;
use serde_json::{Map, Value, json};
use support::samples::{at, held, leader, name, released, vacant};
use support::scripted::{Asked, Log, Reply, client, endpoints, object};

/// The Endpoints as a server stores them: what a write does not name stays.
fn server(first: Value) -> (EndpointsDcs, Log) {
    let stored = Mutex::new(first);
    let (client, log) = client(move |asked| {
        if asked.is_of_pods() {
            return Reply::Json(200, pod());
        }
        let mut stored = stored.lock().unwrap();
        if let Some(subsets) = asked.body.get("subsets") {
            *stored = subsets.clone();
        }
        let sent = asked.body["metadata"]["resourceVersion"].as_str();
        let revision: u64 = sent.map_or(1, |sent| sent.parse::<u64>().unwrap() + 1);
        Reply::Json(200, whole(revision, &stored))
    });
    (endpoints(client), log)
}

fn whole(revision: u64, subsets: &Value) -> Value {
    let mut object = object("demo", revision, &json!({}));
    object["kind"] = "Endpoints".into();
    // Go leaves an empty list out.
    if subsets
        .as_array()
        .is_some_and(|subsets| !subsets.is_empty())
    {
        object["subsets"] = subsets.clone();
    }
    object
}

fn pod() -> Value {
    let mut pod = object("demo-0", 77, &json!({"status": "{}"}));
    pod["kind"] = "Pod".into();
    pod["metadata"]["uid"] = "u".into();
    pod["spec"] = json!({"hostname": "demo-0", "nodeName": "n1", "containers": []});
    pod["status"] = json!({"phase": "Running", "podIP": "10.0.0.10"});
    pod
}

async fn write(dcs: &EndpointsDcs, record: dcs_core::LeaderRecord, revision: u128) {
    let outcome = dcs.write(&leader(record), at(revision)).await;
    outcome.into_result().unwrap();
}

async fn put_member(dcs: &EndpointsDcs) {
    let record = MemberRecord::new(name("demo-0"), Map::new());
    dcs.put_member(&record).await.into_result().unwrap();
}

fn accept(asked: &Asked) -> &str {
    asked.headers["accept"].to_str().unwrap()
}

const BARE: &str = r#"[{"addresses":[{"ip":"192.0.2.10","targetRef":{"kind":"Pod","namespace":"default","name":"demo-0"}}],"ports":[{"port":5432}]}]"#;
const FULL: &str = r#"[{"addresses":[{"ip":"192.0.2.10","hostname":"demo-0","nodeName":"n1","targetRef":{"kind":"Pod","uid":"u","namespace":"default","name":"demo-0","resourceVersion":"77"}}],"ports":[{"port":5432}]}]"#;

#[tokio::test]
async fn the_address_has_the_node_and_the_pod_it_belongs_to() {
    let (dcs, log) = server(json!([]));
    put_member(&dcs).await;
    assert_eq!(accept(&log.last()), "application/json");
    write(&dcs, held("demo-0", 1), 5).await;
    assert_eq!(log.last().body["subsets"].to_string(), FULL);
    assert_eq!(log.all().len(), 2, "one request each");
}

#[tokio::test]
async fn a_renewal_of_the_version_that_has_the_address_does_not_send_it() {
    let (dcs, log) = server(json!([]));
    write(&dcs, held("demo-0", 1), 5).await;
    assert_eq!(accept(&log.last()), "application/json");
    assert_eq!(log.last().body["subsets"].to_string(), BARE);
    write(&dcs, held("demo-0", 2), 6).await;
    assert_eq!(log.last().body.get("subsets"), None);
    write(&dcs, held("demo-0", 3), 7).await;
    assert_eq!(log.last().body.get("subsets"), None);
}

#[tokio::test]
async fn a_renewal_of_any_other_version_sends_the_address_again() {
    let (dcs, log) = server(json!([]));
    write(&dcs, held("demo-0", 1), 5).await;
    // Somebody touched the object: nobody knows what else they did.
    write(&dcs, held("demo-0", 2), 8).await;
    assert_eq!(log.last().body["subsets"].to_string(), BARE);
}

#[tokio::test]
async fn an_address_that_somebody_altered_in_our_own_write_is_set_right() {
    let wrong = json!([{"addresses": [{"ip": "192.0.2.66"}], "ports": [{"port": 5432}]}]);
    let (client, log) = client(move |asked| {
        let sent = asked.body["metadata"]["resourceVersion"].as_str().unwrap();
        Reply::Json(200, whole(sent.parse::<u64>().unwrap() + 1, &wrong))
    });
    let dcs = endpoints(client);
    write(&dcs, held("demo-0", 1), 5).await;
    write(&dcs, held("demo-0", 2), 6).await;
    assert_eq!(log.last().body["subsets"].to_string(), BARE);
}

#[tokio::test]
async fn an_answer_that_does_not_show_the_addresses_proves_nothing_of_them() {
    let (client, log) = client(|asked| {
        let sent = asked.body["metadata"]["resourceVersion"].as_str().unwrap();
        Reply::Json(
            200,
            object("demo", sent.parse::<u64>().unwrap() + 1, &json!({})),
        )
    });
    let dcs = endpoints(client);
    write(&dcs, held("demo-0", 1), 5).await;
    let record = released("demo-0", 1, dcs_core::Revision::new(6).unwrap());
    write(&dcs, record, 6).await;
    assert_eq!(log.last().body["subsets"], json!([]));
}

#[tokio::test]
async fn a_write_of_unknown_outcome_leaves_nothing_known() {
    let answers = Mutex::new(0_u64);
    let (client, log) = client(move |asked| {
        let mut answers = answers.lock().unwrap();
        *answers += 1;
        let sent = asked.body["metadata"]["resourceVersion"].as_str().unwrap();
        let revision = sent.parse::<u64>().unwrap() + 1;
        match *answers {
            2 => Reply::Reset,
            _ => Reply::Json(200, whole(revision, &asked.body["subsets"])),
        }
    });
    let dcs = endpoints(client);
    write(&dcs, held("demo-0", 1), 5).await;
    let outcome = dcs.write(&leader(held("demo-0", 2)), at(6)).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    write(&dcs, held("demo-0", 3), 7).await;
    assert_eq!(log.last().body["subsets"].to_string(), BARE);
}

#[tokio::test]
async fn a_release_empties_only_what_is_there() {
    let (dcs, log) = server(json!([]));
    write(&dcs, held("demo-0", 1), 5).await;
    let record = released("demo-0", 1, dcs_core::Revision::new(6).unwrap());
    write(&dcs, record, 6).await;
    assert_eq!(log.last().body["subsets"], json!([]));
    write(&dcs, vacant(), 7).await;
    assert_eq!(log.last().body.get("subsets"), None, "empty already");
}

#[tokio::test]
async fn an_address_without_its_pod_is_completed_once_the_pod_is_known() {
    let (dcs, log) = server(json!([]));
    write(&dcs, held("demo-0", 1), 5).await;
    assert_eq!(log.last().body["subsets"].to_string(), BARE);
    put_member(&dcs).await;
    write(&dcs, held("demo-0", 2), 6).await;
    assert_eq!(log.last().body["subsets"].to_string(), FULL);
    put_member(&dcs).await;
    write(&dcs, held("demo-0", 3), 7).await;
    assert_eq!(log.last().body.get("subsets"), None, "once");
}

#[tokio::test]
async fn null_in_the_answer_is_no_address() {
    for subsets in [
        json!([{"addresses": null, "ports": null}]),
        json!([{"addresses": [{"ip": null, "targetRef": null}], "ports": [{"port": null}]}]),
    ] {
        let (client, log) = client(move |asked| {
            let sent = asked.body["metadata"]["resourceVersion"].as_str().unwrap();
            Reply::Json(200, whole(sent.parse::<u64>().unwrap() + 1, &subsets))
        });
        let dcs = endpoints(client);
        write(&dcs, held("demo-0", 1), 5).await;
        write(&dcs, held("demo-0", 2), 6).await;
        assert_eq!(log.last().body["subsets"].to_string(), BARE);
    }
}
