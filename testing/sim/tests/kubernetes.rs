//! Histories over the Kubernetes backends: the whole stack of requests and
//! watches, and a fake API server, in virtual time.

mod support;

use std::fs;

use support::{sim, stdout};

const BACKENDS: [&str; 2] = ["endpoints", "configmap"];

#[test]
fn histories_over_both_backends_keep_all_promises() {
    for backend in BACKENDS {
        let output = sim(&["--backend", backend, "--histories", "6"]);
        let text = stdout(&output);
        assert!(output.status.success(), "{text}");
        assert!(text.contains(&format!("store {backend}, ")), "{text}");
        assert!(text.ends_with("histories 6 violations 0\n"), "{text}");
    }
}

#[test]
fn a_history_over_kubernetes_is_the_same_bytes_in_two_processes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (seed, backend) in (1..=2).zip(BACKENDS) {
        let trace = |name: &str| {
            let file = folder.path().join(format!("{seed}.{name}"));
            let path = file.to_str().expect("a path of text");
            let seed = seed.to_string();
            let asked = ["--backend", backend, "--replay", &seed, "--trace", path];
            assert!(sim(&asked).status.success(), "seed {seed}");
            fs::read(&file).expect("the trace was written")
        };
        let once = trace("once");
        let lines = String::from_utf8_lossy(&once).lines().count();
        assert!(lines >= 1000, "seed {seed}: {lines} lines");
        assert!(once == trace("again"), "seed {seed} differs");
    }
}

#[test]
fn a_trace_over_kubernetes_has_the_requests_as_they_are_sent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("trace");
    let path = file.to_str().expect("a path of text");
    sim(&["--backend", "endpoints", "--replay", "1", "--trace", path]);
    let trace = fs::read_to_string(&file).expect("the trace was written");
    for part in [
        "PATCH /api/v1/namespaces/default/endpoints/sim",
        "&watch=true",
        "/api/v1/namespaces/default/pods?",
        "writes leader",
        "watch leader",
        "says Elected",
    ] {
        assert!(trace.contains(part), "no line with {part:?}");
    }
}

#[test]
fn the_state_of_a_run_over_another_store_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let state = folder.path().join("state");
    let state = state.to_str().expect("a path of text");
    let asked = ["--histories", "1", "--resume", state];
    assert!(sim(&asked).status.success());
    let other = sim(&[&asked[..], &["--backend", "endpoints"]].concat());
    let why = String::from_utf8_lossy(&other.stderr);
    assert_eq!(other.status.code(), Some(1), "{why}");
    assert!(
        why.contains("store memory and profile mixed, not of"),
        "{why}"
    );
}
