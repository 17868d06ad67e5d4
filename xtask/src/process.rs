//! Child processes that a Ctrl-C ends without leaving anything behind.

use std::io;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{self, SignalKind};

/// The signals that ask this process to stop.
///
/// From its installation on they no longer end the process by themselves.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Interrupts {
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    ///
    /// # Cancel safety
    /// A signal that comes while nobody waits is kept for the next call.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Passed,
    Failed(ExitStatus),
    /// This process was asked to stop, and the child was stopped with it.
    Interrupted,
}

/// Runs `command` to its end, with its output on standard error.
///
/// The child gets a process group of its own, so that a signal reaches all of its
/// children as well, whoever sent it. A second signal kills the group.
pub(crate) async fn run(command: &mut Command, interrupts: &mut Interrupts) -> io::Result<Ended> {
    let mut child = command
        .stdin(std::process::Stdio::null())
        .stdout(io::stderr())
        .process_group(0)
        .spawn()?;
    let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let mut interrupted = false;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(match status? {
                _ if interrupted => Ended::Interrupted,
                status if status.success() => Ended::Passed,
                status => Ended::Failed(status),
            }),
            signal = interrupts.next() => {
                let signal = if interrupted { Signal::KILL } else { signal };
                interrupted = true;
                if let Some(group) = group {
                    // It may have ended just now; then there is nothing to stop.
                    let _ = kill_process_group(group, signal);
                }
            }
        }
    }
}
