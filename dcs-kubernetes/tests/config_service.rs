//! The headless Service that keeps the config object.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use dcs_core::{Change, Dcs, FencingToken, Key, MemberRecord, Precondition};
use dcs_kubernetes::{Builder, ConfigMapDcs, EndpointsDcs};
use serde_json::{Map, json};
use support::samples::{at, name};
use support::scripted::{Asked, Log, Reply, Tuned as _, client, object};

fn is_service(asked: &Asked) -> bool {
    asked.uri.contains("/services")
}

fn services(log: &Log) -> usize {
    log.all().iter().filter(|asked| is_service(asked)).count()
}

fn builder() -> Builder<EndpointsDcs> {
    let builder = EndpointsDcs::builder("demo".parse().unwrap()).tuned();
    builder.pod_ip("192.0.2.10".parse().unwrap())
}

/// A server that takes all writes, and answers this to the Service.
fn server(answer: Reply) -> (kube::Client, Log) {
    client(move |asked| {
        if is_service(asked) {
            return answer.clone();
        }
        Reply::Json(200, object("demo-0", 1 << 60, &json!({"status": "{}"})))
    })
}

fn wanting(answer: Reply) -> (EndpointsDcs, Log) {
    let (client, log) = server(answer);
    let builder = builder().config_service(true);
    (builder.build_with_client(client).unwrap(), log)
}

async fn put_member(dcs: &dyn Dcs) {
    let record = MemberRecord::new(name("demo-0"), Map::new());
    dcs.put_member(&record).await.into_result().unwrap();
}

fn status(code: u16) -> Reply {
    Reply::Json(code, json!({"kind": "Status", "code": code}))
}

#[tokio::test]
async fn the_service_is_made_once_with_the_labels_and_without_ports() {
    let (dcs, log) = wanting(status(201));
    put_member(&dcs).await;
    let asked = log.last();
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.uri, "/api/v1/namespaces/default/services");
    let expected = r#"{"metadata":{"namespace":"default","name":"demo-config","labels":{"application":"dcs","cluster-name":"demo"}},"spec":{"clusterIP":"None"}}"#;
    assert_eq!(asked.body.to_string(), expected);
    put_member(&dcs).await;
    assert_eq!(services(&log), 1);
}

#[tokio::test]
async fn the_service_of_a_group_has_its_name_and_its_label() {
    let (client, log) = server(status(201));
    let builder = builder().config_service(true);
    let builder = builder.group(dcs_kubernetes::Group::new(2));
    put_member(&builder.build_with_client(client).unwrap()).await;
    let metadata = &log.last().body["metadata"];
    assert_eq!(metadata["name"], "demo-2-config");
    assert_eq!(metadata["labels"]["citus-group"], "2");
}

#[tokio::test]
async fn a_refused_service_is_asked_for_once_and_fails_nothing() {
    for code in [403, 409, 422] {
        let (dcs, log) = wanting(status(code));
        put_member(&dcs).await;
        put_member(&dcs).await;
        assert_eq!(services(&log), 1, "{code}");
    }
}

#[tokio::test]
async fn a_service_whose_answer_says_nothing_is_asked_for_again() {
    for answer in [status(500), status(429), status(401), Reply::Reset] {
        let (dcs, log) = wanting(answer.clone());
        put_member(&dcs).await;
        put_member(&dcs).await;
        assert_eq!(services(&log), 2, "{answer:?}");
    }
}

#[tokio::test]
async fn a_new_config_object_asks_for_its_service_again() {
    let (dcs, log) = wanting(status(409));
    put_member(&dcs).await;
    let config = Change::Config(Some("{}".parse().unwrap()));
    let outcome = dcs.write(&config, Precondition::Absent).await;
    outcome.into_result().unwrap();
    assert_eq!(services(&log), 2);
    let token = FencingToken::from_number(7).unwrap();
    let outcome = dcs.fence(&Key::History, token, Precondition::Absent).await;
    outcome.into_result().unwrap();
    assert_eq!(services(&log), 3);
    dcs.write(&config, at(15)).await.into_result().unwrap();
    let sync = dcs.fence(&Key::Sync, token, Precondition::Absent).await;
    sync.into_result().unwrap();
    assert_eq!(services(&log), 3, "not a new config object");
}

#[tokio::test]
async fn nobody_who_did_not_ask_makes_a_service() {
    let (client, log) = server(status(201));
    let dcs = builder().build_with_client(client).unwrap();
    put_member(&dcs).await;
    let (client, other) = server(status(201));
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let dcs = builder.config_service(true).build_with_client(client);
    put_member(&dcs.unwrap()).await;
    assert_eq!((services(&log), services(&other)), (0, 0));
}

#[tokio::test]
async fn a_member_that_could_not_be_written_asks_for_no_service() {
    let (client, log) = client(|_| status(404));
    let dcs = builder().config_service(true).build_with_client(client);
    let record = MemberRecord::new(name("demo-0"), Map::new());
    let outcome = dcs.unwrap().put_member(&record).await;
    assert!(outcome.into_result().is_err());
    assert_eq!(services(&log), 0);
}
