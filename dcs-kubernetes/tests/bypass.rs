//! Past the Service of the API servers: one server until it fails, then the
//! next one, no request twice, and no certificate for another name.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dcs_core::{Dcs, Outcome};
use dcs_kubernetes::{BuildError, ConfigMapDcs};
use kube::Config;
use serde_json::{Value, json};
use support::renewal::write;
use support::scripted::{Reply, Tuned as _, client};
use support::web::{Certificate, Web};

/// What a scripted API server answers with.
fn answers(servers: Arc<Mutex<Value>>) -> impl Fn(&str) -> (u16, Value) + Send + Sync + 'static {
    move |line| {
        let found = servers.lock().unwrap().clone();
        if !line.contains("/namespaces/default/endpoints/kubernetes") {
            let metadata = json!({"name": "demo-leader", "resourceVersion": "101"});
            return (200, json!({"metadata": metadata, "items": []}));
        }
        match found {
            Value::Null => (403, json!({"kind": "Status", "code": 403})),
            found => (200, found),
        }
    }
}

/// The Endpoints of these servers.
fn endpoints(servers: &[SocketAddr]) -> Value {
    let subsets = servers.iter().map(|server| {
        json!({
            "addresses": [{"ip": server.ip()}],
            "ports": [
                {"name": "metrics", "port": 1, "protocol": "TCP"},
                {"name": "https", "port": server.port(), "protocol": "TCP"},
            ],
        })
    });
    json!({"metadata": {}, "subsets": subsets.collect::<Value>()})
}

/// A Service that knows two servers, and a handle that goes past it.
async fn two_servers() -> (ConfigMapDcs, Web, [Web; 2]) {
    let list = Arc::new(Mutex::new(Value::Null));
    let [service, one, two] = [
        Web::plain(answers(Arc::clone(&list))).await,
        Web::plain(answers(Arc::clone(&list))).await,
        Web::plain(answers(Arc::clone(&list))).await,
    ];
    *list.lock().unwrap() = endpoints(&[one.address(), two.address()]);
    let dcs = past(Config::new(service.url("http", "127.0.0.1")));
    (dcs, service, [one, two])
}

fn past(config: Config) -> ConfigMapDcs {
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    builder.bypass_api_service(true).build(config).unwrap()
}

#[tokio::test]
async fn requests_go_to_one_server_and_not_through_the_service() {
    let (dcs, service, servers) = two_servers().await;
    // The list of servers, and what did not wait for it.
    dcs.load().await.unwrap();
    let through = service.seen().len();
    for _ in 0..5 {
        write(&dcs).await.into_result().unwrap();
        dcs.load().await.unwrap();
    }
    assert_eq!(service.seen().len(), through, "{:?}", service.seen());
    let of_writes = |server: &Web| {
        let seen = server.seen().into_iter();
        seen.filter(|line| line.starts_with("PATCH")).count()
    };
    let mut shares = servers.each_ref().map(of_writes);
    shares.sort_unstable();
    assert_eq!(shares, [0, 5]);
    let all: usize = servers.iter().map(|server| server.seen().len()).sum();
    assert_eq!(all + through, 1 + 2 + 5 + 10);
}

#[tokio::test]
async fn a_dead_server_is_left_for_the_next_one() {
    let (dcs, service, servers) = two_servers().await;
    dcs.load().await.unwrap();
    write(&dcs).await.into_result().unwrap();
    let [mut used, mut other] = servers;
    if !used.seen().iter().any(|line| line.starts_with("PATCH")) {
        std::mem::swap(&mut used, &mut other);
    }
    used.die().await;
    let outcome = write(&dcs).await;
    assert!(!matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    // The write that failed went nowhere else.
    let before = other.seen().len();
    assert!(!other.seen().iter().any(|line| line.starts_with("PATCH")));
    write(&dcs).await.into_result().unwrap();
    write(&dcs).await.into_result().unwrap();
    assert_eq!(other.seen().len(), before + 2);
    // Where all of them are gone the Service is left.
    let through = service.seen().len();
    other.die().await;
    let outcome = write(&dcs).await;
    assert!(!matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    write(&dcs).await.into_result().unwrap();
    assert_eq!(service.seen().len(), through + 1, "{:?}", service.seen());
}

#[tokio::test]
async fn a_list_that_may_not_be_read_switches_the_bypass_off() {
    let service = Web::plain(answers(Arc::new(Mutex::new(Value::Null)))).await;
    let dcs = past(Config::new(service.url("http", "127.0.0.1")));
    dcs.load().await.unwrap();
    dcs.load().await.unwrap();
    write(&dcs).await.into_result().unwrap();
    let seen = service.seen();
    let asked = seen
        .iter()
        .filter(|line| line.contains("endpoints/kubernetes"));
    assert_eq!((asked.count(), seen.len()), (1, 6), "{seen:?}");
}

#[tokio::test]
async fn a_server_has_to_show_a_certificate_for_the_name_of_the_configuration() {
    let authority = Certificate::authority();
    let list = Arc::new(Mutex::new(Value::Null));
    let web = |name: &str| Web::tls(authority.of(name), answers(Arc::clone(&list)));
    let service = web("localhost").await;
    // Both are trusted and in the list, and neither certificate has an address.
    for (name, passes) in [("localhost", true), ("other.example", false)] {
        let server = web(name).await;
        *list.lock().unwrap() = endpoints(&[server.address()]);
        let mut config = Config::new(service.url("https", "localhost"));
        config.root_cert = Some(vec![authority.der()]);
        let dcs = past(config);
        assert_eq!(dcs.load().await.is_ok(), passes);
        let outcome = write(&dcs).await;
        assert_eq!(
            matches!(outcome, Outcome::Committed(_)),
            passes,
            "{outcome:?}"
        );
        let seen = server.seen();
        assert_eq!(seen.iter().any(|line| line.starts_with("PATCH")), passes);
        // Nothing was said to a server that could be anyone.
        assert!(passes || seen.is_empty(), "{seen:?}");
    }
}

#[tokio::test]
async fn a_client_of_the_callers_making_cannot_go_past_the_service() {
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let client = client(|_| Reply::Hang).0;
    let built = builder.bypass_api_service(true).build_with_client(client);
    assert!(matches!(built, Err(BuildError::BypassNeedsConfig)));
}
