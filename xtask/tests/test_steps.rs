//! `cargo xtask test` with a cargo that only pretends.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A shell script in the place of cargo, and the file that it logs to.
struct Pretended {
    folder: TempDir,
}

impl Pretended {
    /// `body` runs after the arguments are logged; `$1` is cargo's command.
    fn with(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = folder.path().join("cargo");
        let log = folder.path().join("log");
        let text = format!(
            "#!/bin/sh\necho \"$RUSTDOCFLAGS|$*\" >> '{}'\n{body}\n",
            log.display()
        );
        fs::write(&script, text).expect("the script is written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
            .expect("the script is executable");
        Self { folder }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .env("CARGO", self.folder.path().join("cargo"))
            .env_remove("RUSTDOCFLAGS");
        command.args(["test", "--quick"]);
        command
    }

    fn output(&self) -> Output {
        self.command().output().expect("xtask runs")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_path()).expect("a step ran")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

#[test]
fn the_steps_run_in_order() {
    let cargo = Pretended::with("echo streamed by $1");
    let output = cargo.output();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        cargo.log(),
        "|fmt --all --check\n\
         |clippy --workspace --all-targets --all-features --locked -- -D warnings\n\
         -D warnings|doc --workspace --all-features --no-deps --locked\n\
         |test --workspace --all-features --locked\n"
    );

    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        !stdout.contains("streamed"),
        "standard output carries the result only: {stdout}"
    );
    assert_eq!(
        stdout
            .lines()
            .filter(|line| line.contains(" passed "))
            .count(),
        4,
        "{stdout}"
    );
    assert_eq!(stdout.lines().last(), Some("steps: 4 passed, 0 failed"));
    assert!(stdout.contains("left out"), "{stdout}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("streamed by clippy\n<== clippy: passed after 0s\n"),
        "{stderr}"
    );
}

#[test]
fn a_step_that_fails_ends_the_run_and_says_how_to_repeat_it() {
    let cargo = Pretended::with("[ $1 != doc ]");
    let output = cargo.output();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(cargo.log().lines().count(), 3);

    let stderr = String::from_utf8(output.stderr).unwrap();
    let advice = "error: doc failed with exit status: 1; to run it alone:\n    \
                  RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps --locked\n";
    assert!(stderr.ends_with(advice), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(
        stdout.contains("failed"),
        "the table is printed on failure as well: {stdout}"
    );
}

#[test]
fn a_cargo_that_is_not_there_is_an_error() {
    let cargo = Pretended::with("");
    let output = cargo
        .command()
        .env("CARGO", "/nowhere/cargo")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("error: fmt could not be run: No such file or directory"),
        "{stderr}"
    );
}

#[test]
fn an_interrupt_reaches_the_children_of_a_step_and_ends_with_1() {
    let cargo = Pretended::with("sh -c 'echo begun; sleep 20; echo outlived'; exit 0");
    let mut xtask = cargo
        .command()
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(xtask.stderr.take().unwrap());
    let mut line = String::new();
    while line != "begun\n" {
        line.clear();
        assert_ne!(
            stderr.read_line(&mut line).unwrap(),
            0,
            "the step never began"
        );
    }

    kill_process(Pid::from_child(&xtask), Signal::TERM).unwrap();
    // Ends when nobody holds the pipe any more, the grandchild included.
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let status = xtask.wait().unwrap();

    assert_eq!((status.code(), status.signal()), (Some(1), None), "{rest}");
    assert!(!rest.contains("outlived"), "{rest}");
    assert!(rest.ends_with("error: interrupted during fmt\n"), "{rest}");
    assert_eq!(cargo.log().lines().count(), 1, "no further step");
}
