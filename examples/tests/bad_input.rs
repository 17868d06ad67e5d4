//! What ha-loop refuses: with which status, in which words, and before
//! anything is written or sent.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::process::{Ended, Process, folder, ha_loop};

const BAD_ARGUMENTS: Option<i32> = Some(2);
const NOT_DONE: Option<i32> = Some(1);
const TOKEN: &str = "canary-4711";

/// A server that nobody may call.
struct Trap {
    listener: TcpListener,
    folder: PathBuf,
}

#[tokio::test]
async fn a_name_that_could_reach_another_object_is_refused() {
    let label = "DNS-1123";
    let long = "a".repeat(60);
    for (flag, value, way_out) in [
        ("--scope", "Demo", label),
        ("--scope", "a-config", "choose another ending"),
        ("--scope", "../x", label),
        ("--scope", &*long, "1 to 54 characters"),
        ("--scope", "", "1 to 54 characters"),
        ("--name", "a_b", label),
        ("--name", "../x", label),
        ("--namespace", "../x", "a-z, 0-9 and '-'"),
        ("--labels", "a=b,c!=d", "use name or prefix/name"),
        ("--labels", "a=b,c", "use key=value"),
        ("--labels", "a=b c", "use at most 63"),
        ("--pod-ip", "192.0.2.300", "invalid IP address"),
    ] {
        let ended = Trap::new("names").run(&[flag, value]).await;
        let named = if flag == "--labels" {
            value.split(',').next_back().unwrap()
        } else {
            value
        };
        let named = named.trim_end_matches("=d").trim_start_matches("a=");
        ended.assert_refused(BAD_ARGUMENTS, &[flag, named, way_out]);
    }
}

#[tokio::test]
async fn what_is_not_known_is_refused_with_what_is() {
    for (flags, words) in [
        (
            &["--backend", "etcd"][..],
            &["etcd", "memory, endpoints, configmap"][..],
        ),
        (&["--output", "xml"], &["xml", "text, json"]),
        (&["--nope"], &["--nope", "--help"]),
        (&["extra"], &["extra", "--help"]),
        (&["--name", "a", "--members", "2"], &["--name", "--members"]),
        (&["--members", "0"], &["0", "1..=100"]),
        (&["--ttl", "soon"], &["--ttl", "soon"]),
    ] {
        let ended = Trap::new("unknown").run(flags).await;
        ended.assert_refused(BAD_ARGUMENTS, words);
    }
}

#[tokio::test]
async fn a_timing_under_which_two_could_lead_is_refused() {
    for (flags, words) in [
        (&["--ttl", "0s"][..], &["ttl of 0", "1 s to 1 day"][..]),
        (&["--ttl", "2days"], &["ttl", "1 s to 1 day"]),
        (
            &["--ttl", "5s", "--max-ttl", "3s"],
            &["max_ttl of 3s", "at least the ttl"],
        ),
        (
            &["--loop-wait", "0s"],
            &["loop_wait of 0", "more than zero"],
        ),
        (
            &["--retry-timeout", "0s"],
            &["retry_timeout of 0", "more than zero"],
        ),
    ] {
        let ended = Trap::new("timing").run(flags).await;
        ended.assert_refused(BAD_ARGUMENTS, words);
    }
}

#[tokio::test]
async fn an_address_that_nobody_can_reach_is_refused() {
    let ended = Trap::new("address").run(&["--pod-ip", "127.0.0.1"]).await;
    ended.assert_refused(BAD_ARGUMENTS, &["127.0.0.1", "loopback"]);
}

#[tokio::test]
async fn the_backend_that_is_not_there_yet_says_which_are() {
    let ended = Trap::new("lease").run(&["--backend", "lease"]).await;
    let words = ["--backend lease", "not there yet", "endpoints or configmap"];
    ended.assert_refused(NOT_DONE, &words);
}

#[tokio::test]
async fn a_cluster_that_is_not_configured_is_said_with_the_ways_out() {
    let empty = folder("bad-input-no-kubeconfig");
    let missing = empty.join("missing");
    for kubeconfig in [None, Some(&missing)] {
        let mut command = ha_loop();
        command.args(["--backend", "configmap"]).env("HOME", &empty);
        match kubeconfig {
            Some(path) => command.env("KUBECONFIG", path),
            None => command.env_remove("KUBECONFIG"),
        };
        let named = kubeconfig.unwrap_or(&empty).to_str().unwrap();
        let ended = Process::start(command, &empty, "run").end().await;
        ended.assert_refused(NOT_DONE, &["set KUBECONFIG", "~/.kube/config", named]);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let folder = folder("bad-input-closed");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let kubeconfig = kubeconfig(&folder, &json!({"server": format!("http://{address}")}));
    let ended = run(&kubeconfig, &folder, &["--backend", "endpoints"]).await;
    ended.assert_refused(
        NOT_DONE,
        &[&address, "check that it runs and can be reached"],
    );
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn credentials_that_are_not_accepted_are_not_shown() {
    let real = std::env::var("KUBECONFIG").expect("KUBECONFIG names an API server");
    let real: Value = serde_json::from_str(&fs::read_to_string(real).unwrap()).unwrap();
    let folder = folder("bad-input-token");
    let kubeconfig = kubeconfig(&folder, &real["clusters"][0]["cluster"]);
    for backend in ["endpoints", "configmap"] {
        let ended = run(&kubeconfig, &folder, &["--backend", backend]).await;
        let words = ["does not accept our credentials", "check the token", "401"];
        ended.assert_refused(NOT_DONE, &words);
    }
}

impl Trap {
    fn new(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let folder = folder(&format!("bad-input-{name}"));
        Self { listener, folder }
    }

    /// Runs the program with this server as its cluster.
    async fn run(&self, flags: &[&str]) -> Ended {
        let server = format!("http://{}", self.listener.local_addr().unwrap());
        let kubeconfig = kubeconfig(&self.folder, &json!({"server": server}));
        let backend = ["--backend", "endpoints"];
        let is_given = flags.contains(&"--backend");
        let flags = [if is_given { &[] } else { &backend[..] }, flags].concat();
        let ended = run(&kubeconfig, &self.folder, &flags).await;
        let called = self.listener.accept();
        let called = called.map_err(|error| error.kind());
        assert!(
            matches!(called, Err(ErrorKind::WouldBlock)),
            "{flags:?}: it called the server: {called:?}"
        );
        ended
    }
}

trait Refused {
    fn assert_refused(&self, code: Option<i32>, words: &[&str]);
}

impl Refused for Ended {
    #[track_caller]
    fn assert_refused(&self, code: Option<i32>, words: &[&str]) {
        assert_eq!(self.status.code(), code, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        for word in words {
            assert!(
                self.err.contains(word),
                "{word:?} is not said: {}",
                self.err
            );
        }
        for word in ["panicked", TOKEN] {
            assert!(!self.err.contains(word), "{word:?} is said: {}", self.err);
        }
    }
}

async fn run(kubeconfig: &Path, folder: &Path, flags: &[&str]) -> Ended {
    let mut command: Command = ha_loop();
    command.args(flags).env("KUBECONFIG", kubeconfig);
    Process::start(command, folder, "run").end().await
}

/// A kubeconfig for `cluster`, with a token that nobody accepts.
fn kubeconfig(folder: &Path, cluster: &Value) -> PathBuf {
    let path = folder.join("kubeconfig");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    fs::write(&path, config.to_string()).unwrap();
    path
}
