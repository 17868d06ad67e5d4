//! A cluster that outlives the process that started it, with a real server.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails the test, as the test itself does"
)]

mod support;

use std::fs;
use std::path::Path;

use dcs_cluster::{Cluster, Options, detached};
use support::{Client, helper, runs};
use tempfile::TempDir;

/// A place for one detached cluster, which is taken down at the end.
struct Place {
    parent: TempDir,
}

impl Place {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        Self { parent }
    }

    fn path(&self) -> &Path {
        self.parent.path()
    }

    fn options(&self) -> Options {
        Options::new().with_parent(self.path())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = detached::down(&self.options());
    }
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_detached_cluster_outlives_its_process_and_a_start_beside_it() {
    let place = Place::new();
    let up = helper("up", place.path()).wait_with_output().unwrap();
    assert!(up.status.success());
    let pids: Vec<u32> = serde_json::from_slice(&up.stdout).unwrap();

    drop(Cluster::start(&place.options()).unwrap());

    let state = detached::state(&place.options()).unwrap().unwrap();
    assert_eq!(state.pids(), pids);
    let client = Client::from_kubeconfig(&state.kubeconfig());
    assert_eq!(client.get("/version").unwrap().0, 200);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_second_up_gives_the_cluster_that_runs() {
    let place = Place::new();
    let first = detached::up(&place.options()).unwrap();

    let second = detached::up(&place.options()).unwrap();

    assert_eq!(first.pids(), second.pids());
    assert_eq!(first.token(), second.token());
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn an_up_replaces_a_cluster_that_lost_a_server() {
    let place = Place::new();
    let first = detached::up(&place.options()).unwrap();
    let [etcd, api] = first.pids()[..] else {
        panic!("{first:?}");
    };
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &etcd.to_string()])
        .status();
    assert!(killed.unwrap().success());
    assert!(support::eventually(|| !runs(etcd)));
    assert!(detached::state(&place.options()).unwrap().is_none());

    let second = detached::up(&place.options()).unwrap();

    assert!(!runs(api), "the rest of the first one is ended");
    let client = Client::from_kubeconfig(&second.kubeconfig());
    assert_eq!(client.get("/version").unwrap().0, 200);
}

#[test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
fn a_down_leaves_no_process_and_no_folder() {
    let place = Place::new();
    let state = detached::up(&place.options()).unwrap();

    let was_there = detached::down(&place.options()).unwrap();

    assert!(was_there);
    assert!(!state.pids().iter().any(|pid| runs(*pid)));
    assert!(!state.run_dir().exists());
}

#[test]
fn without_an_up_there_is_no_state_and_nothing_to_take_down() {
    let place = Place::new();
    assert!(detached::state(&place.options()).unwrap().is_none());
    assert!(!detached::down(&place.options()).unwrap());
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_that_names_the_file() {
    let place = Place::new();
    detached::state(&place.options()).unwrap();
    let root = fs::read_dir(place.path()).unwrap().next().unwrap().unwrap();
    let folder = root.path().join("detached");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("state.json"), "{").unwrap();

    let error = detached::state(&place.options()).unwrap_err();

    assert!(error.to_string().contains("detached/state.json"), "{error}");
}
