//! One run of the program.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::events::{self, Event};
use super::wait::{PATIENCE, poll};

/// How long a program may take to end that has nothing else to do.
const END: Duration = PATIENCE;

/// A run whose output goes to files. Dropping it kills the program.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) out: PathBuf,
    pub(crate) err: PathBuf,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program itself. `cargo test -p dcs-examples` builds it; with `--test`
/// cargo does not, so then `cargo build -p dcs-examples --examples` comes first.
pub(crate) fn ha_loop() -> Command {
    example("ha-loop")
}

/// The program as a member of this name by this file of Patroni's, in JSON, at a
/// short ttl.
pub(crate) fn ha_loop_by_file(folder: &Path, name: &str, file: &Value) -> Command {
    let path = folder.join(format!("{name}.yml"));
    fs::write(&path, file.to_string()).unwrap();
    let mut command = ha_loop();
    command
        .arg("--config")
        .arg(path)
        .args(["--ttl", "6s", "--max-ttl", "6s", "--loop-wait", "2s"])
        .args(["--retry-timeout", "2s", "--output", "json"]);
    command
}

/// The example of this name, as [`ha_loop`].
pub(crate) fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples").join(name);
    assert!(
        program.exists(),
        "{} is not there: cargo build -p dcs-examples --examples",
        program.display()
    );
    let mut command = Command::new(program);
    for name in ["RUST_LOG", "POD_NAME", "KUBERNETES_SERVICE_HOST"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// An empty folder of this name in cargo's target folder. What it holds after
/// the run stays there to be looked at, until the next run.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("ha-loop")
        .join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

impl Process {
    /// Starts `command` with its output in `NAME.jsonl` and `NAME.log` of `folder`.
    pub(crate) fn start(mut command: Command, folder: &Path, name: &str) -> Self {
        let out = folder.join(format!("{name}.jsonl"));
        let err = folder.join(format!("{name}.log"));
        command.stdout(File::create(&out).unwrap());
        command.stderr(File::create(&err).unwrap());
        let child = command.spawn().unwrap();
        Self { child, out, err }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        read(&self.out)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        signal_child(&mut self.child, signal);
    }

    /// Kills the program for good.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end of the program.
    pub(crate) async fn end(&mut self) -> Ended {
        let status = poll(END, async || self.child.try_wait().unwrap()).await;
        let Some(status) = status else {
            panic!("it did not end within {END:?}: {}", self.log());
        };
        Ended {
            status,
            out: fs::read_to_string(&self.out).unwrap(),
            err: self.log(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end_child(&mut self.child);
    }
}

/// A run whose output goes to pipes. Dropping it kills the program.
#[derive(Debug)]
pub(crate) struct Piped(Child);

impl Piped {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Reads one line, after which the program listens for signals; returns
    /// what reads the rest.
    pub(crate) fn first_line(&mut self) -> impl Read + use<> {
        let mut lines = BufReader::new(self.0.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "{line:?}");
        lines
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        signal_child(&mut self.0, signal);
    }

    /// The exit status and what was logged.
    pub(crate) async fn end(&mut self) -> (Option<i32>, String) {
        let status = poll(END, async || self.0.try_wait().unwrap()).await;
        let status = status.expect("it ends within its time");
        let mut log = String::new();
        let mut err = self.0.stderr.take().unwrap();
        err.read_to_string(&mut log).unwrap();
        (status.code(), log)
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        end_child(&mut self.0);
    }
}

/// Sends a signal; one that has ended is not signalled, for another may have
/// its id by now.
fn signal_child(child: &mut Child, signal: Signal) {
    let ended = child.try_wait().unwrap();
    assert_eq!(ended, None, "it ended by itself");
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Kills the program, if it still runs.
fn end_child(child: &mut Child) {
    // Both fail where it has ended already, which is all that matters.
    let _ = child.kill();
    let _ = child.wait();
}

/// The events in a file, as far as they are written.
pub(crate) fn read(path: &Path) -> Vec<Event> {
    events::parse(&fs::read_to_string(path).unwrap())
}
