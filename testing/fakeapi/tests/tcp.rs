//! The server on a port.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use dcs_fakeapi::{Action, FakeApi, On};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};

fn client(url: http::Uri) -> kube::Client {
    let mut config = kube::Config::new(url);
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

#[tokio::test]
async fn a_client_with_connections_of_its_own_is_served() {
    let fake = FakeApi::new();
    let port = fake.listen().await.unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(port.url()));
    let mut map = ConfigMap::default();
    map.metadata.name = Some("a".into());
    maps.create(&PostParams::default(), &map).await.unwrap();
    assert!(fake.object("configmaps", "default", "a").is_some());
}

#[tokio::test]
async fn a_lost_answer_is_a_broken_connection() {
    let fake = FakeApi::new();
    let port = fake.listen().await.unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(port.url()));
    fake.fault(On::writes().once(), Action::LoseAnswer);
    let mut map = ConfigMap::default();
    map.metadata.name = Some("a".into());
    let lost = maps.create(&PostParams::default(), &map).await.unwrap_err();
    assert!(!matches!(lost, kube::Error::Api(_)), "{lost}");
    assert_eq!(
        maps.list(&ListParams::default()).await.unwrap().items.len(),
        1
    );
}

#[tokio::test]
async fn a_port_that_is_dropped_is_closed() {
    let fake = FakeApi::new();
    let port = fake.listen().await.unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(port.url()));
    maps.list(&ListParams::default()).await.unwrap();
    drop(port);
    assert!(maps.list(&ListParams::default()).await.is_err());
}
