//! Commands that bring credentials: how often they run, and for whom.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use dcs_core::{Dcs, Outcome};
use dcs_kubernetes::ConfigMapDcs;
use kube::Config;
use serde_json::json;
use support::samples::{at, held, leader};
use support::scripted::Tuned as _;
use support::web::Web;

fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The command's runs, each a line of the file `runs`.
fn runs(folder: &Path) -> usize {
    fs::read_to_string(folder.join("runs"))
        .unwrap()
        .lines()
        .count()
}

#[tokio::test]
async fn a_command_whose_token_expires_runs_once_for_each_client_and_not_within_a_request() {
    let folder = folder("command-once");
    let web = Web::plain(|head| {
        let is_known = head
            .to_lowercase()
            .contains("authorization: bearer one\r\n");
        let metadata = json!({"name": "demo-leader", "resourceVersion": "101"});
        let status = if is_known { 200 } else { 401 };
        (status, json!({"metadata": metadata}))
    })
    .await;
    let api = "client.authentication.k8s.io/v1";
    let status = r#"{"token":"one","expirationTimestamp":"2999-01-01T00:00:00Z"}"#;
    let answer = format!(r#"{{"apiVersion":"{api}","kind":"ExecCredential","status":{status}}}"#);
    let script = format!(
        "cd '{}' && echo >> runs && echo '{answer}'",
        folder.display()
    );
    let mut config = Config::new(web.url("http", "127.0.0.1"));
    let exec = json!({
        "apiVersion": api,
        "command": "sh",
        "args": ["-c", script],
        "interactiveMode": "Never",
    });
    config.auth_info.exec = serde_json::from_value(exec).unwrap();
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let dcs = builder.build(config).unwrap();
    let made = runs(&folder);
    let written = dcs.write(&leader(held("demo-0", 1)), at(100)).await;
    assert!(matches!(written, Outcome::Committed(_)), "{written:?}");
    // One for the lock, and one for all else.
    assert_eq!((made, runs(&folder)), (2, 2));
}
