//! What happened, line by line, and what a picture of it needs.

use std::sync::Mutex;
use std::time::Duration;

use super::executor::{Executor, Nanos, lock};
use super::fault::Fault;

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
    /// A process believes from now on, or does not any more: in the term that
    /// was told, if one was.
    Belief {
        process: usize,
        token: Option<u128>,
        is: bool,
    },
    /// A process says how a term ended.
    TermEnded {
        process: usize,
        token: u128,
        how: String,
    },
    /// A process stands still, or goes on.
    Stopped { process: usize, is: bool },
    /// A process is cut off, or is not any more.
    Cut { process: usize, is: bool },
    /// A process sent a lease write: its how many-th request.
    Sent {
        process: usize,
        request: u64,
        wrote: Wrote,
    },
    /// How it was answered.
    Answered {
        process: usize,
        request: u64,
        answer: Answered,
    },
    /// A version of the leader key.
    Version {
        revision: Option<String>,
        holder: Option<String>,
        /// The process that wrote it; `None` for a third party.
        writer: Option<usize>,
    },
    /// A fault that happened to someone.
    Fault { fault: Fault },
    /// All faults end.
    Healed,
}

/// What a lease write says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// Its writer holds.
    Holder,
    /// Its writer has released.
    Release,
    /// Nobody holds.
    Vacancy,
}

/// How a lease write was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// It was applied, as this revision.
    Committed(String),
    /// It never is, for this reason.
    Not(String),
    /// Nobody knows.
    Unknown,
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
