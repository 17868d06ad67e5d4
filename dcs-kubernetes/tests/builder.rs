//! What a builder refuses, and how it says so.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use dcs_kubernetes::{BuildError, EndpointsDcs, Port};
use support::scripted::{Reply, Tuned as _, client};

fn builder() -> dcs_kubernetes::Builder<EndpointsDcs> {
    EndpointsDcs::builder("demo".parse().unwrap()).tuned()
}

fn nobody() -> kube::Client {
    client(|_| Reply::Hang).0
}

#[tokio::test]
async fn an_address_that_kubernetes_refuses_is_refused_here() {
    let builder = builder().pod_ip("127.0.0.1".parse().unwrap());
    let error = builder.build_with_client(nobody()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("127.0.0.1") && text.contains("loopback"),
        "{text}"
    );
}

#[tokio::test]
async fn a_member_needs_an_address_to_lead_in_endpoints() {
    let error = builder().build_with_client(nobody()).unwrap_err();
    assert!(matches!(error, BuildError::NoPodIp { .. }), "{error}");
}

#[tokio::test]
async fn several_ports_need_different_names() {
    let port = || Port::new(5432.try_into().unwrap());
    let twice = [port().named("a").unwrap(), port().named("a").unwrap()];
    for ports in [
        Vec::new(),
        vec![port(), port().named("a").unwrap()],
        twice.to_vec(),
    ] {
        let builder = builder().pod_ip("192.0.2.1".parse().unwrap()).ports(ports);
        let error = builder.build_with_client(nobody()).unwrap_err();
        assert!(matches!(error, BuildError::Ports { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_user_agent_cannot_carry_another_header() {
    let builder = builder()
        .pod_ip("192.0.2.1".parse().unwrap())
        .user_agent("a\r\nx: y");
    let error = builder.build_with_client(nobody()).unwrap_err();
    assert!(matches!(error, BuildError::UserAgent { .. }), "{error}");
}

#[test]
fn a_build_error_of_a_missing_cluster_names_the_ways_out() {
    let text = BuildError::NoCluster("none".into()).to_string();
    for way in ["KUBECONFIG", "~/.kube/config", "service account"] {
        assert!(text.contains(way), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_checks_is_refused_unless_asked_for() {
    let address = || builder().pod_ip("192.0.2.1".parse().unwrap());
    let mut config = kube::Config::new("http://192.0.2.9".parse().unwrap());
    config.accept_invalid_certs = true;
    let error = address().build(config.clone()).unwrap_err();
    assert!(matches!(error, BuildError::UncheckedServer), "{error}");
    let asked = address().danger_accept_invalid_certs();
    assert!(asked.build(config).is_ok());
}
