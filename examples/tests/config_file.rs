//! What `--config` makes of Patroni's file, of the environment over it, and of
//! the flags over both.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};
use support::api::{Api, annotation};
use support::cluster::Backend;
use support::process::{Ended, Process, folder, ha_loop, ha_loop_by_file};
use support::stub::{Answer, Asked, Stub};
use support::wait::{PATIENCE, seconds, until};

const BAD_ARGUMENTS: Option<i32> = Some(2);
const NOT_DONE: Option<i32> = Some(1);

/// A file, and what a run of it does on a server that refuses everything.
struct Run {
    folder: PathBuf,
    stub: Stub,
}

impl Run {
    fn new(test: &str, file: &str) -> Self {
        let folder = folder(&format!("config-{test}"));
        fs::write(folder.join("patroni.yml"), file).unwrap();
        let stub = Stub::start(|asked| {
            if asked.line.contains("/pods?") {
                nothing()
            } else {
                refused(403)
            }
        });
        Self { folder, stub }
    }

    async fn end(&self, environment: &[(&str, &str)], flags: &[&str]) -> Ended {
        let mut command = ha_loop();
        command
            .arg("--config")
            .arg(self.folder.join("patroni.yml"))
            .args(flags)
            .env("KUBECONFIG", self.stub.kubeconfig(&self.folder))
            .envs(environment.iter().copied());
        Process::start(command, &self.folder, "run").end().await
    }

    #[track_caller]
    fn assert_refused(&self, ended: &Ended, words: &[&str]) {
        assert_eq!(ended.status.code(), BAD_ARGUMENTS, "{ended:?}");
        assert_eq!((&*ended.out, self.stub.seen().len()), ("", 0), "{ended:?}");
        for word in words {
            assert!(ended.err.contains(word), "{word:?}: {}", ended.err);
        }
    }

    /// The first request for objects: where the program looks for its scope.
    fn first(&self) -> String {
        let seen = self.stub.seen();
        let mut lines = seen.iter().map(|asked| &asked.line);
        let first = lines.find(|line| !line.contains("/pods?"));
        first.unwrap().replace("%2C", ",").replace("%3D", "=")
    }
}

fn nothing() -> Answer {
    let list = json!({"metadata": {"resourceVersion": "1"}, "items": []});
    Answer::Json(200, list)
}

fn refused(status: u16) -> Answer {
    Answer::Json(status, json!({"kind": "Status", "code": status}))
}

#[tokio::test]
async fn the_file_says_where_the_scope_is() {
    let run = Run::new(
        "file",
        "scope: one\nname: one-0\nkubernetes: {namespace: blue, use_endpoints: yes, labels: {team: x}}",
    );
    assert_eq!(run.end(&[], &[]).await.status.code(), NOT_DONE);
    let first = run.first();
    for word in ["/namespaces/blue/endpoints?", "team=x", "cluster-name=one"] {
        assert!(first.contains(word), "{word}: {first}");
    }
}

#[tokio::test]
async fn the_environment_stands_over_the_file() {
    let run = Run::new(
        "environment",
        "scope: one\nname: one-0\nkubernetes: {namespace: blue, use_endpoints: yes}",
    );
    let environment = [
        ("PATRONI_SCOPE", "two"),
        ("PATRONI_KUBERNETES_NAMESPACE", "green"),
        ("PATRONI_KUBERNETES_USE_ENDPOINTS", "false"),
    ];
    assert_eq!(run.end(&environment, &[]).await.status.code(), NOT_DONE);
    let first = run.first();
    for word in ["/namespaces/green/configmaps?", "cluster-name=two"] {
        assert!(first.contains(word), "{word}: {first}");
    }
}

#[tokio::test]
async fn flags_that_are_given_stand_over_both() {
    let run = Run::new(
        "flags",
        "scope: one\nname: one-0\nkubernetes: {namespace: blue, labels: {team: x}, use_endpoints: yes}",
    );
    let environment = [("PATRONI_SCOPE", "two"), ("POD_NAMESPACE", "red")];
    let flags = [
        "--scope",
        "three",
        "--namespace",
        "grey",
        "--labels",
        "team=y",
        "--backend",
        "configmap",
    ];
    let ended = run.end(&environment, &flags).await;
    assert_eq!(ended.status.code(), NOT_DONE);
    let first = run.first();
    let words = [
        "/namespaces/grey/configmaps?",
        "team=y",
        "cluster-name=three",
    ];
    for word in words {
        assert!(first.contains(word), "{word}: {first}");
    }
}

#[tokio::test]
async fn a_bad_file_is_refused_before_anything_is_sent() {
    for (test, file, words) in [
        ("list", "- scope", &["no YAML object"][..]),
        ("scope", "scope: One", &["scope", "One", "DNS-1123"]),
        ("no-scope", "name: one-0", &["no scope", "PATRONI_SCOPE"]),
        (
            "setting",
            "scope: one\nkubernetes: {use_endpoints: perhaps}",
            &["kubernetes.use_endpoints", "perhaps"],
        ),
        (
            "bootstrap",
            "scope: one\nbootstrap: {dcs: {pause: perhaps}}",
            &["bootstrap.dcs.pause", "perhaps", "true or false"],
        ),
        (
            "ttl",
            "scope: one\nbootstrap: {dcs: {ttl: 172800}}",
            &["ttl", "1 s to 1 day"],
        ),
        (
            "context",
            "scope: one\nname: one-0\nkubernetes: {context: elsewhere}",
            &["elsewhere", "it has c"],
        ),
    ] {
        let run = Run::new(&format!("bad-{test}"), file);
        let ended = run.end(&[], &[]).await;
        run.assert_refused(&ended, words);
    }
}

#[tokio::test]
async fn a_bad_variable_is_refused_by_its_name() {
    let run = Run::new("variable", "scope: one");
    let ports = [("PATRONI_KUBERNETES_PORTS", "[{port: 0}]")];
    let ended = run.end(&ports, &[]).await;
    run.assert_refused(&ended, &["PATRONI_KUBERNETES_PORTS", "port: 0"]);
}

#[tokio::test]
async fn the_story_on_memory_is_not_told_by_a_file() {
    let run = Run::new("memory", "scope: one");
    let ended = run.end(&[], &["--backend", "memory"]).await;
    run.assert_refused(&ended, &["--config", "endpoints or configmap"]);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let run = Run::new("missing", "");
    fs::remove_file(run.folder.join("patroni.yml")).unwrap();
    let ended = run.end(&[], &[]).await;
    assert_eq!(ended.status.code(), BAD_ARGUMENTS, "{ended:?}");
    assert!(
        ended.err.contains("patroni.yml cannot be read"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn a_setting_that_nobody_knows_is_told() {
    let run = Run::new(
        "unknown",
        "scope: one\nname: one-0\nkubernetes: {use_endpoint: yes}",
    );
    let ended = run.end(&[], &[]).await;
    assert_eq!(ended.status.code(), NOT_DONE, "{ended:?}");
    assert!(
        ended.err.contains("kubernetes.use_endpoint"),
        "{}",
        ended.err
    );
    assert!(run.first().contains("configmaps"), "not obeyed");
}

#[tokio::test]
async fn a_scope_that_is_led_in_the_other_mode_is_not_joined() {
    for (file, mode, held) in [
        ("use_endpoints: yes", "configmap", "/configmaps/one-leader"),
        ("use_endpoints: no", "endpoints", "/endpoints/one"),
    ] {
        let file = format!("scope: one\nname: one-0\nkubernetes: {{{file}}}");
        let mut run = Run::new(&format!("other-{mode}"), &file);
        run.stub = Stub::start(move |asked| led(&asked.line, held));
        let ended = run.end(&[], &[]).await;
        assert_eq!(ended.status.code(), NOT_DONE, "{ended:?}");
        let told = format!("pg1 holds the lock of scope one in mode {mode}");
        assert!(ended.err.contains(&told), "{}", ended.err);
        let writes = |asked: &Asked| !asked.line.starts_with("GET ");
        assert!(!run.stub.seen().iter().any(writes), "it wrote");
    }
}

/// Nothing is there but a leader object that pg1 holds.
fn led(line: &str, held: &str) -> Answer {
    let path = line.split(['?', ' ']).nth(1).unwrap_or_default();
    if path.ends_with(held) {
        let annotations = json!({
            "leader": "pg1", "ttl": "30", "transitions": "0",
            "acquireTime": "2026-01-01T00:00:00+00:00",
            "renewTime": "2026-01-01T00:00:00+00:00",
        });
        let labels = json!({"cluster-name": "one"});
        let metadata = json!({
            "name": held.rsplit('/').next(), "resourceVersion": "7",
            "annotations": annotations, "labels": labels,
        });
        return Answer::Json(200, json!({"metadata": metadata}));
    }
    if line.contains('?') {
        nothing()
    } else {
        refused(404)
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let mut run = Run::new(
        "away",
        "scope: one\nname: one-0\nbootstrap: {dcs: {loop_wait: 1}}",
    );
    let asked = AtomicUsize::new(0);
    run.stub = Stub::start(move |_| {
        let away = asked.fetch_add(1, Ordering::SeqCst) < 6;
        refused(if away { 503 } else { 403 })
    });
    let ended = run.end(&[], &[]).await;
    assert_eq!(ended.status.code(), NOT_DONE, "{ended:?}");
    assert!(ended.err.contains("trying again"), "{}", ended.err);
    assert!(ended.err.contains("was denied"), "{}", ended.err);
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_member_by_patronis_file_says_and_seeds_what_it_says_in_endpoints() {
    by_file(Backend::Endpoints).await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_member_by_patronis_file_says_and_seeds_what_it_says_in_configmaps() {
    by_file(Backend::ConfigMap).await;
}

async fn by_file(backend: Backend) {
    let api = Api::open().await;
    let folder = folder(&format!("config-live-{}", backend.flag()));
    let file = patronis_file(&api, backend);
    let path = folder.join("patroni.yml");
    fs::write(&path, file.to_string()).unwrap();
    let mut command = ha_loop();
    command
        .arg("--config")
        .arg(path)
        .args(["--loop-wait", "2s", "--retry-timeout", "3s"])
        .args(["--output", "json", "--bootstrap", "--duration", "10m"]);
    let mut process = Process::start(command, &folder, "demo-0");

    let plural = backend.plural();
    let config = until("the leader seeds the config", PATIENCE, async || {
        let config = api.get(plural, "demo-config").await?;
        annotation(&config, "config").is_some().then_some(config)
    })
    .await;
    let seeded = r#"{"ttl":20,"maximum_lag_on_failover":1,"loop_wait":2,"retry_timeout":3}"#;
    assert_eq!(annotation(&config, "config"), Some(seeded));
    let pod = until("the Pod is the leader's", PATIENCE, async || {
        let pod = api.get("pods", "demo-0").await?;
        (pod["metadata"]["labels"]["function"] == "master").then_some(pod)
    })
    .await;
    let says = json!({
        "conn_url": "postgres://192.0.2.77:6432/postgres",
        "api_url": "http://192.0.2.77:8008/patroni",
        "state": "running",
        "role": "primary",
        "version": "4.1.5",
        "tags": {"failover_priority": 2, "nostream": true},
        "dcs_version": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(annotation(&pod, "status"), Some(&*says.to_string()));
    until("the lease is renewed", PATIENCE, async || {
        let events = process.events();
        events.iter().any(|event| event.is("renewed")).then_some(())
    })
    .await;
    // Who asserted a first bootstrap ends it; the history is for a database.
    let config = api.get(plural, "demo-config").await.unwrap();
    let id = annotation(&config, "initialize").unwrap();
    assert!(id.parse::<u64>().is_ok(), "{config:#}");
    assert_eq!(annotation(&config, "history"), None, "{config:#}");
    let service: Option<Value> = api.get("services", "demo-config").await;
    assert_eq!(service.is_some(), backend == Backend::Endpoints);
    process.signal(Signal::TERM);
    let ended = process.end().await;
    assert!(ended.status.success(), "{ended:?}");
}

fn patronis_file(api: &Api, backend: Backend) -> Value {
    json!({
        "scope": "demo",
        "name": "demo-0",
        "kubernetes": {
            "namespace": api.namespace,
            "labels": {"application": "patroni"},
            "use_endpoints": backend == Backend::Endpoints,
            "role_label": "function",
            "leader_label_value": "master",
        },
        "postgresql": {"connect_address": "192.0.2.77:6432"},
        "restapi": {"connect_address": "192.0.2.77:8008"},
        "tags": {"failover_priority": 2},
        "bootstrap": {"dcs": {"ttl": 20, "maximum_lag_on_failover": 1}},
    })
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_member_that_never_leads_leaves_a_new_scope_to_another_one() {
    let api = Api::open().await;
    let folder = folder("config-nofailover");
    let start = |name: &str, tags: Value, flags: &[&str]| {
        let file = json!({
            "scope": "demo",
            "name": name,
            "kubernetes": {"namespace": api.namespace, "labels": {"application": "dcs"}},
            "tags": tags,
        });
        let mut command = ha_loop_by_file(&folder, name, &file);
        command.args(flags);
        Process::start(command, &folder, name)
    };
    // It would lead at once by its assertion. That of the other one is void: it
    // has seen a member by then, and waits.
    let never = start("demo-0", json!({"nofailover": true}), &["--bootstrap"]);
    until("the first one is there", PATIENCE, async || {
        let pod = api.get("pods", "demo-0").await?;
        annotation(&pod, "status").map(drop)
    })
    .await;
    let other = start("demo-1", json!({}), &["--bootstrap"]);
    // (6 s + 10 s of Patroni's retry_timeout) and the drift, and what is added.
    let led = |process: &Process| process.events().iter().any(|event| event.is("elected"));
    until("the other one leads", seconds(30), async || {
        led(&other).then_some(())
    })
    .await;
    assert!(!led(&never), "{:?}", never.events());
}
