//! What a listing says of scopes that the recorded sets have no example of.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::process::{example, folder};

/// A scope of these annotations and these members' own words.
struct Scope {
    leader: Value,
    config: Value,
    sync: Value,
    members: Vec<(&'static str, Value)>,
}

fn scope() -> Scope {
    Scope {
        leader: json!({"leader": "pg-0", "ttl": "30", "optime": "1000"}),
        config: json!({"initialize": "7186662553319358497", "config": "{}"}),
        sync: json!({}),
        members: Vec::new(),
    }
}

impl Scope {
    /// What `list` prints of it in this form.
    fn listed(&self, test: &str, form: &str) -> String {
        let labels = json!({"cluster-name": "demo"});
        let object = |kind: &str, name: &str, annotations: &Value| {
            json!({"kind": kind, "metadata": {
                "name": name, "resourceVersion": "7", "labels": labels, "annotations": annotations,
            }})
        };
        let mut items = vec![
            object("Endpoints", "demo", &self.leader),
            object("Endpoints", "demo-config", &self.config),
            object("Endpoints", "demo-sync", &self.sync),
        ];
        for (name, status) in &self.members {
            let status = json!({"status": status.to_string()});
            items.push(object("Pod", name, &status));
        }
        let file = folder(test).join("list.json");
        fs::write(&file, json!({"kind": "List", "items": items}).to_string()).unwrap();
        let mut command = example("dcsctl");
        command.args(["list", "-o", form, "--from-file"]).arg(file);
        let ended = command.env("KUBECONFIG", "/nonexistent").output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*said), (Some(0), ""));
        String::from_utf8(ended.stdout).unwrap()
    }

    fn json(&self, test: &str) -> Value {
        serde_json::from_str(&self.listed(test, "json")).unwrap()
    }

    /// One field of each member, in their order.
    fn each(&self, test: &str, field: &str) -> Vec<Value> {
        let listing = self.json(test);
        let members = listing["members"].as_array().unwrap().iter();
        members.map(|member| member[field].clone()).collect()
    }
}

#[test]
fn what_a_member_has_received_counts_and_else_where_its_log_is() {
    let mut scope = scope();
    scope.members = vec![
        ("pg-0", json!({"xlog_location": 1000})),
        ("pg-1", json!({"xlog_location": 980, "receive_lsn": 990})),
        ("pg-2", json!({"xlog_location": 970})),
        ("pg-3", json!({"xlog_location": 4_294_967_297_u64})),
        ("pg-4", json!({"state": "stopped"})),
    ];
    let lags = scope.each("dcsctl-lags", "lag");
    assert_eq!(
        lags,
        [json!(null), json!(10), json!(30), json!(0), json!(null)]
    );
    let lsns = scope.each("dcsctl-lags", "lsn");
    let expected = [
        json!(null),
        json!("0/3DE"),
        json!("0/3CA"),
        json!("1/1"),
        json!(null),
    ];
    assert_eq!(lsns, expected);
}

#[test]
fn a_port_is_shown_where_one_is_unusual_or_two_share_an_address() {
    let url = |place: &str| json!({"conn_url": format!("postgres://{place}/postgres")});
    for (one, other, shown) in [
        (
            "192.0.2.1:5432",
            "192.0.2.2:5432",
            ["192.0.2.1", "192.0.2.2"],
        ),
        (
            "192.0.2.1:5433",
            "192.0.2.2:5432",
            ["192.0.2.1:5433", "192.0.2.2:5432"],
        ),
        (
            "192.0.2.1:5432",
            "192.0.2.1:5432",
            ["192.0.2.1:5432", "192.0.2.1:5432"],
        ),
        (
            "me:secret@[2001:db8::1]",
            "[2001:db8::2]:5432",
            ["2001:db8::1", "2001:db8::2"],
        ),
        ("me:p@ss@h", "h2", ["h", "h2"]),
    ] {
        let mut scope = scope();
        scope.members = vec![("pg-0", url(one)), ("pg-1", url(other))];
        assert_eq!(scope.each("dcsctl-ports", "host"), shown, "{one} {other}");
        assert!(!scope.listed("dcsctl-ports", "json").contains("secret"));
    }
}

#[test]
fn each_role_has_patronictls_word_for_it() {
    let running = json!({"state": "running", "replication_state": "streaming"});
    let mut scope = scope();
    scope.members = ["pg-0", "pg-1", "pg-2"]
        .map(|name| (name, running.clone()))
        .to_vec();
    scope.sync = json!({"leader": "pg-0", "sync_standby": "PG-1", "quorum": "1"});
    for (config, roles) in [
        ("{}", ["Leader", "Replica", "Replica"]),
        (
            r#"{"synchronous_mode":true}"#,
            ["Leader", "Sync Standby", "Replica"],
        ),
        (
            r#"{"synchronous_mode":"quorum"}"#,
            ["Leader", "Quorum Standby", "Replica"],
        ),
        (
            r#"{"standby_cluster":{"host":"h"}}"#,
            ["Standby Leader", "Replica", "Replica"],
        ),
    ] {
        scope.config["config"] = json!(config);
        assert_eq!(scope.each("dcsctl-roles", "role"), roles, "{config}");
    }
    let states = scope.each("dcsctl-roles", "state");
    assert_eq!(states, ["running", "streaming", "streaming"]);
}

#[test]
fn the_token_is_that_of_the_present_term_or_of_none() {
    let time = "2026-01-02T03:04:05+00:00";
    let claim = json!({
        "session": "0".repeat(32), "attempt": "1".repeat(32), "holder": "pg-0",
        "ttl_ms": 30_000, "clamp_ms": 30_000, "renewTime": time,
        "release_hash": "2".repeat(64), "token": "812",
    });
    let mark = json!({"secret": "3".repeat(32), "prev": "811", "renewTime": time});
    let mut scope = scope();
    scope.leader["renewTime"] = json!(time);
    scope.leader["dcs.internal/claim"] = json!(claim.to_string());
    assert_eq!(scope.json("dcsctl-token")["token"], "812");
    scope.leader["dcs.internal/released"] = json!(mark.to_string());
    scope.leader["leader"] = Value::Null;
    let fields = scope.leader.as_object_mut().unwrap();
    fields.shift_remove("leader");
    let released = scope.json("dcsctl-token");
    assert_eq!(
        (&released["leader"], &released["token"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_table_says_what_is_missing() {
    let mut scope = scope();
    scope.leader = json!({"ttl": "30", "renewTime": "2026-01-02T03:04:05+00:00"});
    scope.config = json!({"initialize": ""});
    let table = scope.listed("dcsctl-missing", "table");
    for shown in ["Cluster: demo (initializing)", "There is no leader"] {
        assert!(table.contains(shown), "{shown}: {table}");
    }
    scope.config = json!({});
    scope.leader["leader"] = json!("pg-7");
    let table = scope.listed("dcsctl-missing", "table");
    for shown in ["(uninitialized)", "pg-7 leads, and has no Pod here"] {
        assert!(table.contains(shown), "{shown}: {table}");
    }
}
