//! Which process a number means: process ids are reused, so a process is known
//! by its id together with the moment of its start.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process as the kernel describes it in `/proc`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pid: u32,
    /// Clock ticks between the boot of the machine and the start.
    started: u64,
    /// The name of the executable, cut at 15 bytes by the kernel.
    name: String,
}

impl Identity {
    /// The process that has this id now. A zombie is gone: it runs no code.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        parse(pid, &stat)
    }

    /// A process that has ended: no living one equals it.
    pub(crate) fn gone(pid: u32) -> Self {
        Self {
            pid,
            started: 0,
            name: String::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether this very process runs, under the same executable name.
    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Whether this very process runs. A program may rename its main thread,
    /// so the name does not count here.
    pub(crate) fn is_alive_under_any_name(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now.started == self.started)
    }

    /// Sends a signal if, and only if, this very process runs under the same
    /// executable name.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.is_alive() {
            self.send(signal);
        }
    }

    /// Sends a signal to a child of this process. A wrapper script may have
    /// become another program since, so the name does not count.
    pub(crate) fn signal_child(&self, signal: Signal) {
        if self.is_alive_under_any_name() {
            self.send(signal);
        }
    }

    fn send(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // It may have ended since the question, which is what a signal is
            // for here; nothing else can fail between processes of one user.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Reads one `/proc/PID/stat`. The name stands in parentheses and may itself
/// hold spaces and parentheses, so it ends at the last one.
fn parse(pid: u32, stat: &str) -> Option<Identity> {
    const STATE: usize = 0;
    const START_TIME: usize = 19;
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if matches!(*fields.get(STATE)?, "Z" | "X") {
        return None;
    }
    Some(Identity {
        pid,
        started: fields.get(START_TIME)?.parse().ok()?,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, state: &str, started: &str) -> String {
        format!("42 ({name}) {state} 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 {started} 1 2\n")
    }

    #[test]
    fn a_name_may_hold_parentheses_and_spaces() {
        let identity = parse(42, &stat("a) S (b", "S", "777")).unwrap();
        assert_eq!(identity.name, "a) S (b");
        assert_eq!(identity.started, 777);
    }

    #[test]
    fn a_zombie_counts_as_gone() {
        assert_eq!(parse(42, &stat("etcd", "Z", "777")), None);
    }

    #[test]
    fn this_process_is_alive() {
        assert!(Identity::of(std::process::id()).unwrap().is_alive());
    }

    #[test]
    fn a_reused_process_id_is_another_process() {
        let mut identity = Identity::of(std::process::id()).unwrap();
        identity.started += 1;
        assert!(!identity.is_alive());
        assert!(!identity.is_alive_under_any_name());
    }

    #[test]
    fn a_process_under_another_executable_is_another_process() {
        let mut identity = Identity::of(std::process::id()).unwrap();
        identity.name = "etcd".to_owned();
        assert!(!identity.is_alive());
        assert!(identity.is_alive_under_any_name());
    }
}
