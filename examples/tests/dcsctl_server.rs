//! What dcsctl asks of an API server: where, how often, and on what it decides.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::{Value, json};
use support::process::{Piped, example, folder};
use support::stub::{Answer, Asked, Stub};

const DONE: Option<i32> = Some(0);
const NOT_DONE: Option<i32> = Some(1);
const BAD_ARGUMENTS: Option<i32> = Some(2);

/// A member, its leader and its config, in Endpoints.
fn cluster(prefix: &str, labels: &Value) -> [Value; 2] {
    let object = |name: &str, revision: u64, annotations: Value| {
        json!({"metadata": {
            "name": name, "resourceVersion": revision.to_string(),
            "labels": labels, "annotations": annotations,
        }})
    };
    let config = r#"{"ttl":30,"postgresql":{"parameters":{"work_mem":"4MB"}}}"#;
    let keys = json!([
        object(
            prefix,
            11,
            json!({"leader": "pg-0", "ttl": "30", "renewTime": "2026-01-02T03:04:05+00:00"})
        ),
        object(&format!("{prefix}-config"), 12, json!({"config": config})),
        object(&format!("{prefix}-failover"), 13, json!({})),
    ]);
    let status = r#"{"state":"running","role":"replica"}"#;
    let pods = json!([
        object("pg-0", 14, json!({"status": status})),
        object("pg-1", 15, json!({"status": status})),
    ]);
    [keys, pods]
}

fn plain() -> [Value; 2] {
    cluster(
        "demo",
        &json!({"application": "dcs", "cluster-name": "demo"}),
    )
}

fn answer(asked: &Asked, [keys, pods]: &[Value; 2]) -> Answer {
    let items = match &asked.line {
        line if line.contains("watch=true") => return Answer::Lines(Vec::new()),
        line if line.starts_with("PATCH") => {
            let mut object = asked.body.clone();
            object["metadata"]["resourceVersion"] = json!("99");
            let annotations = object["metadata"]["annotations"].as_object_mut();
            annotations.unwrap().retain(|_, value| !value.is_null());
            return Answer::Json(200, object);
        }
        line if line.contains("/endpoints?") => keys.clone(),
        line if line.contains("/pods?") => pods.clone(),
        _ => json!([]),
    };
    Answer::Json(
        200,
        json!({"metadata": {"resourceVersion": "20"}, "items": items}),
    )
}

/// A run, and what it asked.
fn run(test: &str, arguments: &[&str], cluster: [Value; 2]) -> (Output, Vec<Asked>) {
    let stub = Stub::start(move |asked| answer(asked, &cluster));
    let output = command(&stub, &folder(test), arguments).output().unwrap();
    (output, stub.seen())
}

fn command(stub: &Stub, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = example("dcsctl");
    command
        .args(arguments)
        .env("KUBECONFIG", stub.kubeconfig(folder));
    command.env_remove("VISUAL").env_remove("EDITOR");
    command
}

fn writes(seen: &[Asked]) -> Vec<&Asked> {
    seen.iter()
        .filter(|asked| !asked.line.starts_with("GET"))
        .collect()
}

#[test]
fn a_change_is_written_once_on_the_revision_it_was_decided_on() {
    let config = |text: &str| json!({"config": text});
    let set = [
        "config",
        "set",
        "loop_wait=5",
        "postgresql.parameters.work_mem=",
        "a.b=[1]",
    ];
    for (arguments, object, revision, annotations) in [
        (
            &set[..],
            "demo-config",
            "12",
            config(r#"{"ttl":30,"postgresql":{"parameters":{}},"loop_wait":5,"a":{"b":[1]}}"#),
        ),
        (
            &["pause"],
            "demo-config",
            "12",
            config(r#"{"ttl":30,"postgresql":{"parameters":{"work_mem":"4MB"}},"pause":true}"#),
        ),
        (
            &["config", "set", "c=on", "postgresql.b=0x10", "ttl="],
            "demo-config",
            "12",
            config(r#"{"postgresql":{"parameters":{"work_mem":"4MB"},"b":16},"c":true}"#),
        ),
        (
            &["switchover", "--candidate", "pg-1"],
            "demo-failover",
            "13",
            json!({"leader": "pg-0", "member": "pg-1", "scheduled_at": null}),
        ),
        (
            &["switchover", "--scheduled", "2999-12-24T10:00:00+00:00"],
            "demo-failover",
            "13",
            json!({"leader": "pg-0", "member": null, "scheduled_at": "2999-12-24T10:00:00+00:00"}),
        ),
        (
            &["failover", "--candidate", "pg-1"],
            "demo-failover",
            "13",
            json!({"leader": null, "member": "pg-1", "scheduled_at": null}),
        ),
    ] {
        let (ended, seen) = run("dcsctl-writes", arguments, plain());
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), DONE, "{arguments:?}: {text}");
        let writes = writes(&seen);
        assert_eq!(writes.len(), 1, "{arguments:?}: {writes:?}");
        let path = format!("PATCH /api/v1/namespaces/default/endpoints/{object}");
        assert_eq!(writes[0].line, path);
        let metadata = &writes[0].body["metadata"];
        assert_eq!(metadata["resourceVersion"], revision, "{arguments:?}");
        assert_eq!(metadata["annotations"], annotations, "{arguments:?}");
    }
}

#[test]
fn what_changes_nothing_and_what_cannot_be_done_writes_nothing() {
    for (arguments, status, said) in [
        (&["resume"][..], DONE, ""),
        (&["config", "set", "ttl=30"], DONE, ""),
        (&["config", "set", "a.b.c=", "ttl=30"], DONE, ""),
        (
            &["config", "set", "ttl.a=1"],
            NOT_DONE,
            "ttl is 30, and no map",
        ),
        (
            &["config", "set", "ttl.a="],
            NOT_DONE,
            "ttl is 30, and no map",
        ),
        (&["config", "set", "a=.inf"], BAD_ARGUMENTS, "no YAML value"),
        (&["switchover", "--leader", "pg-1"], NOT_DONE, "pg-0 does"),
        (
            &["switchover", "--candidate", "pg-0"],
            NOT_DONE,
            "leads already",
        ),
        (
            &["switchover", "--candidate", "pg-7"],
            NOT_DONE,
            "there are pg-0, pg-1",
        ),
        (
            &["failover", "--candidate", "pg-0"],
            NOT_DONE,
            "leads already",
        ),
        (
            &["switchover", "--scheduled", "2020-01-01T00:00:00+00:00"],
            NOT_DONE,
            "is past",
        ),
        (&["failover"], BAD_ARGUMENTS, "--candidate"),
        (
            &["switchover", "--scheduled", "soon"],
            BAD_ARGUMENTS,
            "soon",
        ),
        (&["config", "set", "ttl"], BAD_ARGUMENTS, "KEY=VALUE"),
        (
            &["config", "set", "a..b=1"],
            BAD_ARGUMENTS,
            "name a setting",
        ),
        (&["config", "set", "a=["], BAD_ARGUMENTS, "no YAML value"),
    ] {
        let (ended, seen) = run("dcsctl-nothing", arguments, plain());
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), status, "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert_eq!(writes(&seen).len(), 0, "{arguments:?}");
        assert_eq!(ended.stdout.is_empty(), status != DONE, "{arguments:?}");
    }
}

/// What `config edit` comes to with this editor, and a config that is another
/// one when it is written.
fn edited(test: &str, editor: &str, others: bool) -> (Output, Vec<Asked>) {
    let cluster = plain();
    let lists = std::sync::atomic::AtomicUsize::new(0);
    let stub = Stub::start(move |asked| {
        let mut cluster = cluster.clone();
        let first = lists.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 3;
        if others && !first {
            cluster[0][1]["metadata"]["annotations"]["config"] = json!(r#"{"ttl":31}"#);
        }
        answer(asked, &cluster)
    });
    let folder = folder(test);
    let mut command = command(&stub, &folder, &["config", "edit"]);
    let output = command
        .env("EDITOR", editor)
        .env("TMPDIR", &folder)
        .output();
    (output.unwrap(), stub.seen())
}

#[test]
fn an_edit_that_failed_and_one_that_others_were_faster_than_change_nothing() {
    let change = "sed -i s/30/40/";
    for (test, editor, others, said) in [
        ("dcsctl-edit-fails", "false", false, "nothing was changed"),
        ("dcsctl-edit-none", "echo [1] >", false, "no YAML object"),
        ("dcsctl-edit-late", change, true, "others have changed"),
    ] {
        let (ended, seen) = edited(test, editor, others);
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), NOT_DONE, "{test}: {text}");
        assert!(text.contains(said), "{test}: {text}");
        assert_eq!(
            (writes(&seen).len(), &*ended.stdout),
            (0, &b""[..]),
            "{test}"
        );
    }
    let (ended, seen) = edited("dcsctl-edit", change, false);
    assert_eq!(ended.status.code(), DONE);
    assert_eq!(writes(&seen).len(), 1);
}

#[test]
fn nobody_can_hand_over_what_nobody_has() {
    let mut cluster = plain();
    let lock = cluster[0][0]["metadata"]["annotations"].as_object_mut();
    lock.unwrap().shift_remove("leader");
    let (ended, seen) = run("dcsctl-no-leader", &["switchover"], cluster.clone());
    let text = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), NOT_DONE);
    assert!(text.contains("nobody leads"), "{text}");
    assert_eq!(writes(&seen).len(), 0);
    let failover = ["failover", "--candidate", "pg-1"];
    let (ended, _) = run("dcsctl-no-leader", &failover, cluster);
    assert_eq!(ended.status.code(), DONE);
}

#[test]
fn a_paused_cluster_is_asked_only_for_what_it_obeys() {
    let mut cluster = plain();
    cluster[0][1]["metadata"]["annotations"]["config"] = json!(r#"{"pause":true}"#);
    let later = ["switchover", "--scheduled", "2999-12-24T10:00:00+00:00"];
    let to = ["switchover", "--candidate", "pg-1"];
    for (arguments, status) in [
        (&["switchover"][..], NOT_DONE),
        (&later, NOT_DONE),
        (&to, DONE),
    ] {
        let (ended, seen) = run("dcsctl-paused", arguments, cluster.clone());
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), status, "{arguments:?}: {text}");
        assert_eq!(text.contains("paused"), status != DONE, "{text}");
        assert_eq!(writes(&seen).is_empty(), status != DONE);
    }
}

#[test]
fn a_request_that_stood_there_is_not_replaced_in_silence() {
    for (stood, said) in [
        (json!({}), None),
        (json!({"member": "pg-1"}), Some("nobody obeyed yet")),
        (
            json!({"scheduled_at": "soon"}),
            Some("cannot be read is replaced"),
        ),
    ] {
        let mut cluster = plain();
        cluster[0][2]["metadata"]["annotations"] = stood;
        let (ended, seen) = run("dcsctl-replaced", &["switchover"], cluster);
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), writes(&seen).len()), (DONE, 1));
        match said {
            Some(said) => assert!(text.contains(said), "{text}"),
            None => assert_eq!(text, ""),
        }
    }
}

#[test]
fn every_page_of_a_list_is_read() {
    let whole = plain();
    let stub = Stub::start(move |asked| {
        let Answer::Json(status, mut page) = answer(asked, &whole) else {
            unreachable!("nothing is watched");
        };
        if asked.line.contains("/pods?") {
            let items = page["items"].as_array_mut().unwrap();
            let last = asked.line.ends_with("&continue=a%3D%2Bb");
            items.remove(usize::from(!last));
            page["metadata"]["continue"] = json!(if last { "" } else { "a=+b" });
        }
        Answer::Json(status, page)
    });
    let folder = folder("dcsctl-pages");
    let ended = command(&stub, &folder, &["list", "-o", "json"]).output();
    let listing: Value = serde_json::from_slice(&ended.unwrap().stdout).unwrap();
    let members = listing["members"].as_array().unwrap().iter();
    let names: Vec<_> = members.map(|member| member["name"].clone()).collect();
    assert_eq!(names, ["pg-0", "pg-1"]);
}

#[test]
fn a_server_that_would_not_be_checked_is_asked_nothing() {
    let cluster = plain();
    let stub = Stub::start(move |asked| answer(asked, &cluster));
    let folder = folder("dcsctl-unchecked");
    let kubeconfig = stub.kubeconfig(&folder);
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let text = text.replace(
        "cluster: {server",
        "cluster: {insecure-skip-tls-verify: true, server",
    );
    let unchecked = folder.join("unchecked");
    std::fs::write(&unchecked, text).unwrap();
    let mut command = command(&stub, &folder, &["list"]);
    let ended = command.env("KUBECONFIG", unchecked).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), NOT_DONE);
    assert!(text.contains("certificate"), "{text}");
    assert!(stub.seen().is_empty());
}

#[test]
fn a_config_that_does_not_exist_is_not_made_by_a_change_of_it() {
    for arguments in [
        &["pause"][..],
        &["config", "set", "ttl=30"],
        &["config", "edit"],
    ] {
        let mut cluster = plain();
        cluster[0].as_array_mut().unwrap().remove(1);
        let (ended, seen) = run("dcsctl-no-config", arguments, cluster);
        assert_eq!(ended.status.code(), NOT_DONE, "{arguments:?}");
        let text = String::from_utf8_lossy(&ended.stderr);
        assert!(text.contains("the first leader writes it"), "{text}");
        assert_eq!(writes(&seen).len(), 0, "{arguments:?}");
    }
}

#[test]
fn a_config_that_cannot_be_read_is_said_and_left_alone() {
    for arguments in [
        &["pause"][..],
        &["config", "set", "ttl=30"],
        &["config", "edit"],
    ] {
        let mut cluster = plain();
        cluster[0][1]["metadata"]["annotations"]["config"] = json!("[30]");
        let (ended, seen) = run("dcsctl-spoiled", arguments, cluster);
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), NOT_DONE, "{arguments:?}");
        assert!(text.contains("annotation config"), "{arguments:?}: {text}");
        assert_eq!(writes(&seen).len(), 0, "{arguments:?}");
    }
}

#[test]
fn each_command_reaches_the_namespace_and_the_group_it_was_given() {
    let labels = json!({"cluster-name": "demo", "citus-group": "2"});
    for command in [
        &["list"][..],
        &["history"],
        &["config", "show"],
        &["config", "set", "ttl=40"],
        &["pause"],
        &["switchover"],
        &["failover", "--candidate", "pg-1"],
    ] {
        let given = ["--namespace", "there", "--scope", "demo", "--group", "2"];
        let arguments = [&given[..], command].concat();
        let (ended, seen) = run("dcsctl-group", &arguments, cluster("demo-2", &labels));
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), DONE, "{command:?}: {text}");
        for asked in &seen {
            let place = "/api/v1/namespaces/there/";
            assert!(asked.line.contains(place), "{command:?}: {}", asked.line);
        }
        for write in writes(&seen) {
            assert!(write.line.contains("/endpoints/demo-2-"), "{}", write.line);
            assert_eq!(write.body["metadata"]["labels"], labels);
        }
        // Without the group there is no such scope.
        let (ended, _) = run("dcsctl-group", command, cluster("demo-2", &labels));
        assert_eq!(ended.status.code(), NOT_DONE, "{command:?}");
    }
}

#[test]
fn an_administrators_command_never_bypasses_the_service() {
    let cluster = plain();
    let stub = Stub::start(move |asked| answer(asked, &cluster));
    let mut command = command(
        &stub,
        &folder("dcsctl-bypass"),
        &["--namespace", "n", "pause"],
    );
    command.env("PATRONI_KUBERNETES_BYPASS_API_SERVICE", "true");
    assert_eq!(command.output().unwrap().status.code(), DONE);
    let seen = stub.seen();
    let found = seen
        .iter()
        .any(|asked| asked.line.contains("endpoints/kubernetes"));
    assert!(!found, "{seen:?}");
}

#[test]
fn an_object_that_may_not_be_seen_is_not_taken_for_absent() {
    let cluster = plain();
    let stub = Stub::start(move |asked| {
        if asked.line.contains("/configmaps?") {
            return Answer::Json(
                403,
                json!({"kind": "Status", "code": 403, "reason": "Forbidden"}),
            );
        }
        answer(asked, &cluster)
    });
    let folder = folder("dcsctl-forbidden");
    let ended = command(&stub, &folder, &["list"]).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), NOT_DONE);
    assert!(
        text.contains("configmaps") && text.contains("--mode"),
        "{text}"
    );
    let chosen = ["--mode", "endpoints", "list"];
    let ended = command(&stub, &folder, &chosen).output().unwrap();
    assert_eq!(ended.status.code(), DONE);
}

#[test]
fn the_editor_gets_the_config_alone_and_what_it_leaves_is_written() {
    let cluster = plain();
    let stub = Stub::start(move |asked| answer(asked, &cluster));
    let folder = folder("dcsctl-edit");
    let editor = folder.join("editor");
    let seen = folder.join("seen");
    let script = format!(
        "#!/bin/sh\nls -l \"$2\" > {0}\ncat \"$2\" >> {0}\nsed -i 's/ttl: 30/ttl: 40/' \"$2\"\n",
        seen.display()
    );
    std::fs::write(&editor, script).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = command(&stub, &folder, &["config", "edit"]);
    // With an argument of its own.
    command.env("EDITOR", format!("{} --wait", editor.display()));
    let ended = command.env("TMPDIR", &folder).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), DONE, "{text}");
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(
        seen.starts_with("-rw------- ") && seen.contains("ttl: 30"),
        "{seen}"
    );
    let left = std::fs::read_dir(&folder).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("dcsctl-")
    });
    assert_eq!(left.count(), 0);
    let seen = stub.seen();
    let written = &writes(&seen)[0].body["metadata"]["annotations"]["config"];
    assert!(
        written.as_str().unwrap().starts_with(r#"{"ttl":40,"#),
        "{written}"
    );
}

#[tokio::test]
async fn watching_opens_two_watches_however_often_it_draws() {
    let cluster = plain();
    let stub = Stub::start(move |asked| {
        if asked.line.contains("/endpoints?") && asked.line.contains("watch=true") {
            let change = |revision: u64| {
                let mut config = cluster[0][1].clone();
                config["metadata"]["resourceVersion"] = json!(revision.to_string());
                let text = format!(r#"{{"ttl":{revision}}}"#);
                config["metadata"]["annotations"]["config"] = json!(text);
                json!({"type": "MODIFIED", "object": config})
            };
            return Answer::Lines((21..24).map(change).collect());
        }
        answer(asked, &cluster)
    });
    let mut running = Piped::start(command(
        &stub,
        &folder("dcsctl-watch"),
        &["watch", "-o", "json"],
    ));
    // Kept to the end: without a reader it would end by itself.
    let mut lines = BufReader::new(running.first_line()).lines();
    let ttls = lines.by_ref().take(3).map(|line| {
        let listing: Value = serde_json::from_str(&line.unwrap()).unwrap();
        listing["config"]["ttl"].as_u64().unwrap()
    });
    assert_eq!(ttls.collect::<Vec<_>>(), [21, 22, 23]);
    running.signal(Signal::TERM);
    let (status, log) = running.end().await;
    assert_eq!(status, DONE, "{log}");
    let seen = stub.seen();
    let watches = seen
        .iter()
        .filter(|asked| asked.line.contains("watch=true"));
    assert_eq!(watches.count(), 2, "{seen:?}");
    // To find the mode, and what the watch begins with.
    let lists = seen
        .iter()
        .filter(|asked| !asked.line.contains("watch=true"));
    assert_eq!(lists.count(), 3 + 2, "{seen:?}");
}

/// A watch that has drawn once and has nothing more to draw.
fn drawn(test: &str) -> Piped {
    let cluster = plain();
    let stub = Stub::start(move |asked| answer(asked, &cluster));
    Piped::start(command(&stub, &folder(test), &["watch", "-o", "json"]))
}

#[tokio::test]
async fn a_watch_ends_with_either_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = drawn("dcsctl-signals");
        let _reader = running.first_line();
        running.signal(signal);
        assert_eq!(running.end().await, (DONE, String::new()), "{signal:?}");
    }
}

#[tokio::test]
async fn a_watch_ends_when_its_reader_has_gone_although_nothing_changes() {
    let mut running = drawn("dcsctl-reader");
    drop(running.first_line());
    assert_eq!(running.end().await, (DONE, String::new()));
}
