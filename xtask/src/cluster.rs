//! `cluster`: a real API server that outlives the command.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use dcs_cluster::{Options, detached};

use crate::cli::{ClusterAction, ClusterArgs};

/// What a user may ask for that cannot be done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("--controller-manager: not yet; the cluster is an etcd and an API server so far")]
    ControllerManager,
    #[error("no API server is up; start one with: cargo xtask cluster up")]
    NoneUp,
    #[error("{name} is {value:?}, which is not UTF-8; set TMPDIR to a folder whose name is")]
    NotText { name: &'static str, value: PathBuf },
}

/// Does what `args` ask for.
pub(crate) fn run(args: &ClusterArgs) -> anyhow::Result<ExitCode> {
    if args.controller_manager {
        return Err(Refusal::ControllerManager.into());
    }
    let options = Options::new();
    match args.action {
        ClusterAction::Up => {
            let state = detached::up(&options)?;
            eprintln!("the API server is ready at {}", state.url());
            eprintln!("for this shell: eval \"$(cargo xtask cluster env)\"");
        }
        ClusterAction::Env => {
            let state = detached::state(&options)?.ok_or(Refusal::NoneUp)?;
            let exports = exports(&state.kubeconfig(), &state.audit_log())?;
            io::stdout()
                .lock()
                .write_all(exports.as_bytes())
                .context("writing the variables")?;
        }
        ClusterAction::Down => {
            let was_up = detached::down(&options)?;
            eprintln!(
                "{}",
                if was_up {
                    "stopped"
                } else {
                    "no API server was up"
                }
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn exports(kubeconfig: &Path, audit_log: &Path) -> Result<String, Refusal> {
    let kubeconfig = export("KUBECONFIG", kubeconfig)?;
    let audit_log = export("DCS_AUDIT_LOG", audit_log)?;
    Ok(kubeconfig + &audit_log)
}

fn export(name: &'static str, value: &Path) -> Result<String, Refusal> {
    match value.to_str() {
        Some(text) => Ok(format!("export {name}={}\n", quoted(text))),
        None => Err(Refusal::NotText {
            name,
            value: value.to_owned(),
        }),
    }
}

/// `value` as one word of a POSIX shell; left as it is where that is safe.
fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,@%".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn plain_paths_are_not_quoted() {
        let text = exports(
            Path::new("/tmp/a-b/kubeconfig"),
            Path::new("/tmp/a_b/audit.log"),
        )
        .unwrap();
        assert_eq!(
            text,
            "export KUBECONFIG=/tmp/a-b/kubeconfig\nexport DCS_AUDIT_LOG=/tmp/a_b/audit.log\n"
        );
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for value in [
            "", "/a b", "/it's", "$HOME", "`id`", "~/x", "a;b", "a\nb", "\\", "\"", "*", "#x", "é",
        ] {
            let script = format!("set -- {}; printf '%s %s' $# \"$1\"", quoted(value));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            assert_eq!(read, format!("1 {value}"), "{script}");
        }
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/tmp/\xff"));
        let refusal = exports(Path::new("/tmp/k"), path).unwrap_err();
        assert!(
            refusal
                .to_string()
                .starts_with("DCS_AUDIT_LOG is \"/tmp/\\xFF\""),
            "{refusal}"
        );
    }
}
