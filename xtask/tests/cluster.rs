//! `cargo xtask cluster` where no server is up; no server is started here.

use std::process::{Command, Output};

fn cluster(arguments: &[&str]) -> Output {
    // Clusters under another temporary folder are other clusters.
    let folder = tempfile::tempdir().expect("a temporary folder");
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .env("TMPDIR", folder.path())
        .arg("cluster")
        .args(arguments)
        .output()
        .expect("xtask runs")
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("output is UTF-8")
}

#[test]
fn the_controller_manager_is_not_there_yet() {
    for arguments in [
        ["up", "--controller-manager"],
        ["--controller-manager", "up"],
    ] {
        let output = cluster(&arguments);
        assert_eq!(
            (output.status.code(), output.stdout.as_slice()),
            (Some(1), [].as_slice())
        );
        assert!(
            stderr(&output).contains("--controller-manager: not yet"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn env_fails_where_no_server_is_up() {
    let output = cluster(&["env"]);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(1), [].as_slice())
    );
    let said = "error: no API server is up; start one with: cargo xtask cluster up\n";
    assert_eq!(stderr(&output), said);
}

#[test]
fn down_may_be_repeated() {
    let output = cluster(&["down"]);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), [].as_slice())
    );
    assert_eq!(stderr(&output), "no API server was up\n");
}

#[test]
fn an_unknown_action_is_a_bad_argument() {
    for arguments in [["sideways"].as_slice(), &[]] {
        assert_eq!(cluster(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
