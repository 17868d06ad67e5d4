//! What dcsctl says of saved lists: as patronictl said it of the same cluster
//! at that moment.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use support::process::{example, folder};

const SETS: [&str; 6] = [
    "endpoints-steady",
    "endpoints-after-switchover",
    "endpoints-sync-mode",
    "endpoints-paused",
    "configmaps-steady",
    "configmaps-after-switchover",
];
const DONE: Option<i32> = Some(0);
const NOT_DONE: Option<i32> = Some(1);
const BAD_ARGUMENTS: Option<i32> = Some(2);

#[test]
fn the_members_are_those_that_patronictl_lists() {
    for set in SETS {
        let ours = listing(set);
        let rows = ours["members"].as_array().unwrap().iter().map(|member| {
            let mut row = json!({
                "Cluster": ours["scope"], "Member": member["name"], "Host": member["host"],
                "Role": member["role"], "State": member["state"], "TL": member["timeline"],
            });
            if !member["lsn"].is_null() {
                row["Receive LSN"] = member["lsn"].clone();
                row["Receive Lag"] = member["lag"].clone();
            }
            if member["tags"] != json!({}) {
                row["Tags"] = member["tags"].clone();
            }
            row
        });
        let mut theirs: Value = read(set, "patronictl-list.json");
        for row in theirs.as_array_mut().unwrap() {
            let row = row.as_object_mut().unwrap();
            // Received and replayed are the same in these sets.
            assert_eq!(row.get("Receive LSN"), row.get("Replay LSN"));
            row.retain(|column, _| !column.starts_with("Replay"));
        }
        assert_eq!(rows.collect::<Value>(), theirs, "{set}");
    }
}

#[test]
fn the_history_is_the_one_that_patronictl_shows() {
    for set in SETS {
        let ours = run(&["history", "-o", "json"], set);
        let ours: Value = serde_json::from_slice(&ours.stdout).unwrap();
        let theirs: Value = read(set, "patronictl-history.json");
        assert_eq!(ours, theirs, "{set}");
    }
}

#[test]
fn the_config_is_the_one_that_patronictl_shows_to_the_letter() {
    for set in SETS {
        let theirs = fs::read_to_string(data(set).join("patronictl-config.yaml")).unwrap();
        for arguments in [&["config", "show"][..], &["config", "show", "-o", "yaml"]] {
            let ours = String::from_utf8(run(arguments, set).stdout).unwrap();
            assert_eq!(ours.trim_end(), theirs.trim_end(), "{set}");
        }
    }
}

#[test]
fn every_field_of_the_listing_is_there_under_its_name() {
    let ours = listing("endpoints-sync-mode");
    let mut members = ours["members"].clone();
    members.as_array_mut().unwrap().truncate(1);
    let expected = json!({
        "scope": "demo",
        "mode": "endpoints",
        "initialize": "7710959472723603774",
        "leader": "pg1",
        "token": null,
        "ttl": 30,
        "transitions": 1,
        "members": [{
            "name": "pg1", "role": "Leader", "state": "running", "host": "127.0.0.1:5431",
            "timeline": 2, "lsn": null, "lag": null, "tags": {},
        }],
        "sync": {"leader": "pg1", "sync_standby": ["pg2"], "quorum": 0},
        "failover": null,
        "failsafe": null,
        "history": [[1, 67_109_256, "no recovery target specified",
            "2026-11-22T11:42:03.552000+00:00", "pg1"]],
        "config": {"ttl": 30, "loop_wait": 10, "retry_timeout": 10, "synchronous_mode": true,
            "synchronous_node_count": 1, "maximum_lag_on_failover": 2_097_152},
        "status": {
            "optime": 67_109_632,
            "slots": {"pg2": 67_109_632, "pg3": 67_109_632, "pg1": 67_109_632},
            "retain_slots": ["pg1", "pg2", "pg3"],
        },
        "malformed": [],
    });
    let ours = {
        let mut ours = ours;
        ours["members"] = members;
        ours
    };
    assert_eq!(ours.to_string(), expected.to_string());
}

#[test]
fn a_scheduled_switchover_and_a_pause_are_shown() {
    let ours = listing("endpoints-paused");
    let request = json!({
        "leader": "pg1", "member": null, "scheduled_at": "2026-12-24T10:00:00+00:00",
    });
    assert_eq!(ours["failover"], request);
    let table = String::from_utf8(run(&["list"], "endpoints-paused").stdout).unwrap();
    for shown in [
        "Cluster: demo (7710959472723603774), endpoints",
        "Maintenance mode: on",
        "at 2026-12-24T10:00:00+00:00, from pg1 to anyone",
        "clonefrom: true, nofailover: true",
    ] {
        assert!(table.contains(shown), "{shown}: {table}");
    }
}

#[test]
fn a_key_that_cannot_be_read_is_shown_with_the_reason_and_hides_no_other() {
    let mut objects: Value = read("endpoints-steady", "endpoints.json");
    for object in objects["items"].as_array_mut().unwrap() {
        if object["metadata"]["name"] == "demo-config" {
            object["metadata"]["annotations"]["config"] = json!("[1, 2]");
        }
    }
    let file = folder("dcsctl-malformed").join("endpoints.json");
    fs::write(&file, objects.to_string()).unwrap();
    let pods = data("endpoints-steady").join("pods.json");
    let ended = dcsctl(
        &["list", "-o", "json", "--from-file"],
        &[file.clone(), pods],
    );
    assert_eq!(ended.status.code(), DONE);
    let ours: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(ours["config"], Value::Null);
    assert_eq!(ours["malformed"][0]["key"], "config");
    assert!(
        ours["malformed"][0]["why"]
            .as_str()
            .unwrap()
            .contains("config")
    );
    assert_eq!(ours["leader"], "pg2");
    let ended = dcsctl(&["config", "show", "--from-file"], &[file]);
    assert_eq!(ended.status.code(), NOT_DONE);
    assert_eq!(ended.stdout, b"");
}

#[test]
fn a_pod_without_a_status_is_a_member_of_which_nothing_is_known() {
    let mut pods: Value = read("endpoints-steady", "pods.json");
    for pod in pods["items"].as_array_mut().unwrap() {
        if pod["metadata"]["name"] == "pg3" {
            pod["metadata"]["annotations"] = Value::Null;
        }
    }
    let file = folder("dcsctl-no-status").join("pods.json");
    fs::write(&file, pods.to_string()).unwrap();
    let objects = data("endpoints-steady").join("endpoints.json");
    let ended = dcsctl(
        &["list", "-o", "json", "--from-file"],
        &[objects, file.clone()],
    );
    assert_eq!(ended.status.code(), DONE);
    let ours: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let [_, _, silent] = ours["members"].as_array().unwrap().as_slice() else {
        panic!("three members: {ours:#}");
    };
    assert_eq!(silent["name"], "pg3");
    assert_eq!(silent["role"], "Replica");
    for unknown in ["state", "host", "timeline", "lsn", "lag"] {
        assert_eq!(silent[unknown], Value::Null, "{unknown}");
    }
}

#[test]
fn a_scope_in_both_modes_is_an_error_that_names_both_until_one_is_chosen() {
    let files = [
        data("endpoints-steady").join("endpoints.json"),
        data("configmaps-steady").join("configmaps.json"),
        data("configmaps-steady").join("pods.json"),
    ];
    let ended = dcsctl(&["list", "--from-file"], &files);
    assert_eq!(ended.status.code(), NOT_DONE);
    assert_eq!(ended.stdout, b"");
    let text = String::from_utf8(ended.stderr).unwrap();
    assert!(
        text.contains("Endpoints demo") && text.contains("ConfigMap demo-leader"),
        "{text}"
    );
    let chosen = ["--mode", "configmap", "list", "-o", "json", "--from-file"];
    let ended = dcsctl(&chosen, &files);
    let ours: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(
        (&ours["mode"], &ours["leader"]),
        (&json!("configmap"), &json!("pg2"))
    );
}

#[test]
fn what_cannot_be_done_ends_with_1_and_bad_arguments_with_2() {
    let steady = data("endpoints-steady");
    let endpoints = steady.join("endpoints.json");
    let mine = folder("dcsctl-status");
    let (rubbish, other) = (mine.join("rubbish"), mine.join("other.json"));
    fs::write(&rubbish, "{").unwrap();
    fs::write(&other, r#"{"kind": "ServiceList", "items": []}"#).unwrap();
    for (arguments, files, status, said) in [
        (
            &["list", "--from-file"][..],
            vec![mine.join("absent.json")],
            NOT_DONE,
            "absent.json",
        ),
        (
            &["list", "--from-file"],
            vec![rubbish],
            NOT_DONE,
            "is no JSON",
        ),
        (
            &["list", "--from-file"],
            vec![other],
            NOT_DONE,
            "ServiceList",
        ),
        (
            &["--scope", "other", "list", "--from-file"],
            vec![endpoints.clone()],
            NOT_DONE,
            "no scope other here",
        ),
        (
            &["list", "--from-file"],
            vec![],
            BAD_ARGUMENTS,
            "--from-file",
        ),
        (
            &["--mode", "lease", "list"],
            vec![],
            BAD_ARGUMENTS,
            "endpoints or configmap",
        ),
        (
            &["--scope", "../x", "list"],
            vec![],
            BAD_ARGUMENTS,
            "DNS-1123",
        ),
        (&["list", "-o", "xml"], vec![], BAD_ARGUMENTS, "xml"),
        (&["destroy"], vec![], BAD_ARGUMENTS, "destroy"),
        (&[], vec![], BAD_ARGUMENTS, "Usage"),
    ] {
        let ended = dcsctl(arguments, &files);
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), status, "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert_eq!(ended.stdout, b"", "{arguments:?}");
    }
}

fn listing(set: &str) -> Value {
    let ended = run(&["list", "-o", "json"], set);
    assert_eq!(ended.stderr, b"", "{set}");
    serde_json::from_slice(&ended.stdout).unwrap()
}

/// A command on one of the recorded sets.
fn run(arguments: &[&str], set: &str) -> Output {
    let kind = set.split('-').next().unwrap();
    let files = [format!("{kind}.json"), "pods.json".to_owned()];
    let arguments = [arguments, &["--from-file"]].concat();
    let ended = dcsctl(&arguments, &files.map(|file| data(set).join(file)));
    let text = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), DONE, "{set}: {text}");
    ended
}

fn dcsctl(arguments: &[&str], files: &[PathBuf]) -> Output {
    let mut command = example("dcsctl");
    command.args(arguments).args(files);
    // No server is asked: there is none here.
    command.env("KUBECONFIG", "/nonexistent");
    command.output().unwrap()
}

fn read(set: &str, file: &str) -> Value {
    serde_json::from_slice(&fs::read(data(set).join(file)).unwrap()).unwrap()
}

fn data(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../dcs-kubernetes/tests/data")
        .join(set)
}
