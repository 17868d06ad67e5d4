//! What happened, line by line, and what a picture of it needs.

use std::sync::Mutex;
use std::time::Duration;

use super::executor::{Executor, Nanos, lock};

/// Kept only where it was asked for: a history without it makes no text.
pub(super) struct Trace {
    executor: Executor,
    kept: Option<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    marks: Vec<(Nanos, Mark)>,
}

/// Something that a picture of the history shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A process starts.
    Start { process: usize, name: String },
    /// A process is gone.
    End { process: usize },
    /// A process believes from now on, or does not any more.
    Belief { process: usize, is: bool },
    /// A process stands still, or goes on.
    Stopped { process: usize, is: bool },
    /// A process is cut off, or is not any more.
    Cut { process: usize, is: bool },
    /// A process sent a lease write.
    Sent { process: usize },
    /// A version of the leader key.
    Version {
        revision: Option<String>,
        holder: Option<String>,
    },
    /// A fault, in words.
    Fault {
        process: Option<usize>,
        what: String,
    },
    /// An invariant is broken.
    Violation { what: String },
}

impl Trace {
    pub(super) fn new(executor: Executor, is_kept: bool) -> Self {
        Self {
            executor,
            kept: is_kept.then(Mutex::default),
        }
    }

    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        if let Some(kept) = &self.kept {
            let at = Duration::from_nanos(self.executor.now()).as_micros();
            let line = format!("{at:>12} {}", line());
            lock(kept).lines.push(line);
        }
    }

    pub(super) fn mark(&self, mark: impl FnOnce() -> Mark) {
        if let Some(kept) = &self.kept {
            let mark = (self.executor.now(), mark());
            lock(kept).marks.push(mark);
        }
    }

    pub(super) const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    pub(super) fn take(&self) -> (Vec<String>, Vec<(Nanos, Mark)>) {
        match &self.kept {
            Some(kept) => {
                let kept = std::mem::take(&mut *lock(kept));
                (kept.lines, kept.marks)
            }
            None => Default::default(),
        }
    }
}
