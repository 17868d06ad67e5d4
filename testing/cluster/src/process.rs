//! One server as a process: start it, freeze it, end it.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::error::{At, Error};
use crate::identity::Identity;
use crate::real_time::poll;

/// How long a server may take to end by itself before it is killed.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long the kernel may take to end a killed one.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// One of the servers of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Server {
    /// The store of the API server.
    Etcd,
    /// The Kubernetes API server.
    ApiServer,
}

impl fmt::Display for Server {
    /// The name of the executable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
        })
    }
}

/// A child of this process.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    identity: Identity,
}

impl Process {
    /// Starts a program whose output goes to the end of `log`.
    ///
    /// A detached one gets a process group of its own, so that neither the
    /// interrupt key nor the end of the caller's job reaches it.
    pub(crate) fn spawn(
        program: &Path,
        arguments: &[String],
        log: &Path,
        detached: bool,
    ) -> Result<Self, Error> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .at("open", log)?;
        let errors = output.try_clone().at("open", log)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        if detached {
            command.process_group(0);
        }
        let failed = |source| Error::Spawn {
            path: program.to_owned(),
            source,
        };
        let child = command.spawn().map_err(failed)?;
        Ok(Self::adopt(child))
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How the process ended, if it has.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Holds the process where it stands, as an overloaded machine would.
    pub(crate) fn freeze(&self) {
        self.identity.signal_child(Signal::STOP);
    }

    /// Lets a frozen process go on.
    pub(crate) fn thaw(&self) {
        self.identity.signal_child(Signal::CONT);
    }

    /// Ends the process and takes its exit status from the kernel: kindly
    /// first, then by force. A frozen one is let go on, or it would never see
    /// the first signal.
    pub(crate) fn end(mut self) {
        self.identity.signal_child(Signal::TERM);
        self.identity.signal_child(Signal::CONT);
        if poll(END_LIMIT, || self.exited()).is_none() {
            self.kill();
        }
    }

    /// Ends the process by force, as a crash does.
    pub(crate) fn kill(mut self) {
        self.identity.signal_child(Signal::KILL);
        poll(KILL_LIMIT, || self.exited());
    }

    /// Reads the name again: a wrapper script has become the server by now.
    pub(crate) fn refresh(&mut self) {
        if let Some(now) = Identity::of(self.identity.pid()) {
            self.identity = now;
        }
    }

    fn adopt(child: Child) -> Self {
        // A process that ended at once has no entry to read any more; its
        // number is still ours until it is waited for, so no name is needed.
        let identity = Identity::of(child.id()).unwrap_or_else(|| Identity::gone(child.id()));
        Self { child, identity }
    }
}

/// Ends a process that need not be a child, as [`Process::end`] does.
pub(crate) fn end(identity: &Identity) {
    identity.signal(Signal::TERM);
    identity.signal(Signal::CONT);
    if is_gone_within(END_LIMIT, identity) {
        return;
    }
    kill(identity);
}

/// Ends a process by force.
pub(crate) fn kill(identity: &Identity) {
    identity.signal(Signal::KILL);
    is_gone_within(KILL_LIMIT, identity);
}

fn is_gone_within(limit: Duration, identity: &Identity) -> bool {
    poll(limit, || (!identity.is_alive()).then_some(())).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, log: &Path) -> Process {
        let arguments = ["-c".to_owned(), script.to_owned()];
        Process::spawn(Path::new("/bin/sh"), &arguments, log, false).unwrap()
    }

    #[test]
    fn a_frozen_process_still_ends_kindly() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let script = "trap 'echo bye; exit' TERM; echo up; while :; do sleep 0.02; done";
        let process = shell(script, log.path());
        let says = |word| std::fs::read_to_string(log.path()).unwrap().contains(word);
        poll(Duration::from_secs(10), || says("up").then_some(())).unwrap();
        process.freeze();
        let identity = process.identity().clone();

        process.end();

        assert!(!identity.is_alive());
        assert!(says("bye"));
    }

    #[test]
    fn a_process_that_became_another_program_can_be_ended() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let process = shell("exec sleep 600", log.path());
        let pid = process.identity().pid();
        let name = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        poll(Duration::from_secs(10), || {
            (name() == "sleep\n").then_some(())
        })
        .unwrap();

        process.end();

        assert_eq!(Identity::of(pid), None);
    }

    #[test]
    fn a_process_that_ended_tells_its_status() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut process = shell("exit 3", log.path());
        let status = poll(Duration::from_secs(10), || process.exited()).unwrap();
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn output_is_appended_to_the_log() {
        let log = tempfile::NamedTempFile::new().unwrap();
        for word in ["one", "two"] {
            let mut process = shell(&format!("echo {word}"), log.path());
            poll(Duration::from_secs(10), || process.exited()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "one\ntwo\n");
    }
}
