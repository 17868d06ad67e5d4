//! A cluster that lives as long as its value, with a real server.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test, as the test itself does"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

use dcs_cluster::{Cluster, Options, Server, User, audit};
use serde_json::json;
use support::{Client, eventually, helper, runs};
use tempfile::TempDir;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A cluster whose folder no other test shares; the folder outlives it.
struct Fixture {
    cluster: Cluster,
    parent: TempDir,
}

fn start() -> Fixture {
    start_with(Options::new())
}

/// The object that was posted is still there.
fn assert_kept(client: &Client) {
    let (status, _) = client.get(&format!("{MAPS}/kept")).unwrap();
    assert_eq!(status, 200);
}

fn start_with(options: Options) -> Fixture {
    let parent = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(&options.with_parent(parent.path())).unwrap();
    Fixture { cluster, parent }
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn the_kubeconfig_leads_to_an_api_server_over_verified_tls() {
    let Fixture { cluster, .. } = &start();

    let client = Client::from_kubeconfig(&cluster.kubeconfig());
    let (status, version) = client.get("/version").unwrap();

    assert_eq!(status, 200);
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1."));
    let (status, _) = client.get("/api/v1/namespaces/default").unwrap();
    assert_eq!(
        status, 200,
        "the namespace is there as soon as a start is over"
    );
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_server_of_another_authority_is_refused() {
    let Fixture { cluster, .. } = &start();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut other = rcgen::CertificateParams::new(Vec::new()).unwrap();
    other.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let other = other.self_signed(&key).unwrap().pem();

    let reply = Client::new(cluster.url(), &other, cluster.token()).get("/version");

    let error = reply.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn only_the_owner_can_read_the_kubeconfig() {
    let Fixture { cluster, .. } = &start();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(cluster.kubeconfig()), 0o600);
    assert_eq!(mode(cluster.run_dir().to_owned()), 0o700);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn every_request_is_counted_once_even_a_watch_that_has_ended() {
    let Fixture { cluster, .. } = &start();
    let client = Client::from_kubeconfig(&cluster.kubeconfig());

    client.get("/api/v1/namespaces/default/endpoints").unwrap();
    client
        .get("/api/v1/namespaces/default/endpoints?watch=1&timeoutSeconds=1")
        .unwrap();
    client
        .get("/api/v1/namespaces/default/endpoints/none")
        .unwrap();

    let log = cluster.audit_log();
    let count = || audit::requests(&log).unwrap();
    assert!(eventually(|| count().iter().any(|one| one.verb == "get")));
    let seen: Vec<_> = count()
        .into_iter()
        .map(|one| (one.verb, one.code, one.user_agent, one.user))
        .collect();
    let expected = [("list", 200), ("watch", 200), ("get", 404)];
    let expected = expected.map(|(verb, code)| {
        let who = ("cluster-test".to_owned(), "admin".to_owned());
        (verb.to_owned(), code, who.0, who.1)
    });
    assert_eq!(seen, expected);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_user_without_rights_is_known_and_may_do_nothing() {
    let alice = User::new("alice").unwrap();
    let Fixture { cluster, .. } = &start_with(Options::new().with_user(alice.clone()));
    let path = "/api/v1/namespaces/default/configmaps";

    let client = Client::from_kubeconfig(&cluster.user_kubeconfig(&alice));
    let (status, reply) = client.get(path).unwrap();

    assert_eq!(status, 403);
    let message = reply["message"].as_str().unwrap();
    assert!(message.contains(r#"User "alice" cannot list"#), "{message}");
    let (status, _) = client.with_token("wrong").get(path).unwrap();
    assert_eq!(status, 401);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn the_token_of_a_service_account_signs_in() {
    let Fixture { cluster, .. } = &start();
    let client = Client::from_kubeconfig(&cluster.kubeconfig());
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    client.post(accounts, &json!({ "metadata": { "name": "patroni" } }));

    let (status, reply) = client.post(&format!("{accounts}/patroni/token"), &json!({}));

    assert_eq!(status, 201, "{reply}");
    let token = reply["status"]["token"].as_str().unwrap();
    let (status, reply) = client.with_token(token).get("/api/v1/pods").unwrap();
    assert_eq!(status, 403, "known, and without rights");
    let message = reply["message"].as_str().unwrap();
    assert!(
        message.contains("system:serviceaccount:default:patroni"),
        "{message}"
    );
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_stop_leaves_no_process_and_no_folder() {
    let Fixture {
        cluster,
        parent: _parent,
    } = start();
    let (pids, folder) = (cluster.pids(), cluster.run_dir().to_owned());
    assert!(pids.len() == 2 && pids.iter().all(|pid| runs(*pid)));

    cluster.stop().unwrap();

    assert!(!pids.iter().any(|pid| runs(*pid)));
    assert!(!folder.exists());
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_drop_leaves_no_process_and_no_folder() {
    let Fixture {
        cluster,
        parent: _parent,
    } = start();
    let (pids, folder) = (cluster.pids(), cluster.run_dir().to_owned());

    drop(cluster);

    assert!(!pids.iter().any(|pid| runs(*pid)));
    assert!(!folder.exists());
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn objects_survive_a_restart_of_the_api_server() {
    let Fixture {
        mut cluster,
        parent: _parent,
    } = start();
    let client = Client::from_kubeconfig(&cluster.kubeconfig());
    client.post(MAPS, &json!({ "metadata": { "name": "kept" } }));
    cluster.stop_api_server().unwrap();
    assert!(client.get("/readyz").is_err(), "nobody listens any more");

    cluster.restart_api_server().unwrap();

    assert_kept(&client);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_killed_api_server_starts_again_with_its_objects() {
    let Fixture {
        mut cluster,
        parent: _parent,
    } = start();
    let client = Client::from_kubeconfig(&cluster.kubeconfig());
    client.post(MAPS, &json!({ "metadata": { "name": "kept" } }));
    let killed = cluster.pids()[1];
    cluster.kill_api_server().unwrap();
    assert!(!runs(killed), "it is gone when the call is over");
    assert_eq!(cluster.pids().len(), 1, "etcd alone");

    cluster.restart_api_server().unwrap();

    assert_kept(&client);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_frozen_store_answers_again_once_it_is_thawed() {
    let Fixture {
        cluster,
        parent: _parent,
    } = start();
    let client = Client::from_kubeconfig(&cluster.kubeconfig());
    let path = "/api/v1/namespaces/default/configmaps";
    let create = |name: &str| {
        client
            .post(path, &json!({ "metadata": { "name": name } }))
            .0
    };
    let frozen = cluster.pids()[0];

    cluster.freeze(Server::Etcd);
    let stat = || fs::read_to_string(format!("/proc/{frozen}/stat")).unwrap();
    assert!(eventually(|| stat().contains("(etcd) T ")), "{}", stat());
    cluster.thaw(Server::Etcd);

    assert_eq!(create("after"), 201);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_frozen_cluster_can_be_stopped() {
    let Fixture {
        cluster,
        parent: _parent,
    } = start();
    let pids = cluster.pids();
    cluster.freeze(Server::Etcd);
    cluster.freeze(Server::ApiServer);

    cluster.stop().unwrap();

    assert!(!pids.iter().any(|pid| runs(*pid)));
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn the_next_start_clears_what_a_killed_process_left() {
    let parent = tempfile::tempdir().unwrap();
    let mut owner = helper("hold", parent.path());
    let mut line = String::new();
    let output = owner.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    let left: Vec<u32> = serde_json::from_str(&line).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(
        left.len() == 2 && left.iter().all(|pid| runs(*pid)),
        "{left:?}"
    );

    let cluster = Cluster::start(&Options::new().with_parent(parent.path())).unwrap();

    assert!(!left.iter().any(|pid| runs(*pid)));
    let root = cluster.run_dir().parent().unwrap();
    let names = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let runs = names.filter(|name| name.to_string_lossy().starts_with("run-"));
    assert_eq!(runs.count(), 1, "only the run of the new cluster is left");
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn two_clusters_of_one_process_stand_side_by_side() {
    let Fixture { cluster, parent } = start();

    let second = Cluster::start(&Options::new().with_parent(parent.path())).unwrap();

    for one in [&cluster, &second] {
        let client = Client::from_kubeconfig(&one.kubeconfig());
        assert_eq!(client.get("/version").unwrap().0, 200);
    }
    assert_ne!(cluster.url(), second.url());
}
