//! `sim`: a release build of the simulation, and its run.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

use crate::workspace;

/// Seeded bugs are there in a build with this alone. A flag of the compiler,
/// since a feature of the crate could be switched on by its users.
const SEEDED: &str = "--cfg dcs_seeded_bugs";

/// Becomes the simulation: its output and its exit status are this task's.
pub(crate) fn run(arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    let error = command(arguments).exec();
    Err(error).context("running cargo")
}

fn command(arguments: &[OsString]) -> Command {
    let root = workspace::folder();
    let mut command = Command::new(workspace::cargo());
    command
        .args(["run", "--quiet", "--locked", "--profile", "sim"])
        .args(["--package", "dcs-sim", "--manifest-path"])
        .arg(root.join("Cargo.toml"));
    if wants_bugs(arguments) {
        // Apart from the other builds, which it would replace each time.
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
        let flags = env::var("RUSTFLAGS").unwrap_or_default();
        command
            .arg("--target-dir")
            .arg(target.join("seeded-bugs"))
            .env("RUSTFLAGS", format!("{flags} {SEEDED}").trim());
    }
    command.arg("--").args(arguments);
    command
}

fn wants_bugs(arguments: &[OsString]) -> bool {
    let mut names = arguments.iter().filter_map(|argument| argument.to_str());
    names.any(|name| name == "--bug" || name.starts_with("--bug="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(arguments: &[&str]) -> String {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        format!("{:?}", command(&arguments))
    }

    #[test]
    fn a_build_without_a_bug_asked_for_has_none() {
        assert!(!typed(&["--histories", "5"]).contains("dcs_seeded_bugs"));
    }

    #[test]
    fn a_build_for_a_bug_has_the_bugs_and_a_folder_of_its_own() {
        for arguments in [&["--bug", "list"][..], &["--bug=list"]] {
            let typed = typed(arguments);
            assert!(typed.contains("--cfg dcs_seeded_bugs"), "{typed}");
            assert!(typed.contains("seeded-bugs"), "{typed}");
        }
    }
}
