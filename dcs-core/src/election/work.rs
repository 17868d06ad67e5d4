//! The work that runs under [`Elector::lead`](super::Elector::lead), and
//! whether it outlasts the belief that it was begun under.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::belief::Deadline;
use super::shared::OpenTerm;
use crate::{Clock, FencingToken, Stamp};

/// What is called when work outlasts the belief of its term:
/// [`ElectorBuilder::on_overrun`](super::ElectorBuilder::on_overrun).
pub type OverrunHook = Arc<dyn Fn(Overrun) + Send + Sync>;

/// Work that was still running when the belief of its term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overrun {
    /// The token of the term. What the work still writes with it is stale.
    pub token: FencingToken,
    /// For how long it has run past the end of belief when this is told.
    pub by: Duration,
}

/// All work under way, by term. Work that blocks may outlive its term, so there
/// may be that of several terms.
#[derive(Debug)]
pub(super) struct Works {
    state: watch::Sender<State>,
    hook: Hook,
}

#[derive(Debug, Default)]
struct State {
    /// To where belief in the newest term reaches, or has reached.
    newest: Option<(u64, Deadline)>,
    running: Vec<Work>,
}

#[derive(Debug)]
struct Work {
    term: OpenTerm,
    /// To where belief in its term reaches, or has reached.
    deadline: Option<Deadline>,
    told: bool,
}

/// Work under way. Dropping it says that the work has been joined.
#[derive(Debug)]
pub(super) struct Running<'a> {
    works: &'a Works,
    clock: &'a dyn Clock,
    number: u64,
}

#[derive(Clone, Default)]
pub(super) struct Hook(pub(super) Option<OverrunHook>);

impl Works {
    pub(super) fn new(hook: Hook) -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            hook,
        }
    }

    /// Belief in a term now reaches this far. Said before the term is told of.
    pub(super) fn reaches(&self, number: u64, deadline: Deadline) {
        self.state.send_if_modified(|state| {
            state.newest = Some((number, deadline));
            let work = state.running.iter_mut().find(|w| w.term.number == number);
            if let Some(work) = work {
                work.deadline = Some(deadline);
            }
            false
        });
    }

    /// Says that work begins in this term. Ask whether the term is valid
    /// *after* this: a release that is sent later sees the work, and one that
    /// was sent before has closed the term.
    pub(super) fn begin<'a>(&'a self, term: OpenTerm, clock: &'a dyn Clock) -> Running<'a> {
        self.state.send_if_modified(|state| {
            let of_this = state.newest.filter(|newest| newest.0 == term.number);
            state.running.push(Work {
                term,
                deadline: of_this.map(|newest| newest.1),
                told: false,
            });
            false
        });
        Running {
            works: self,
            clock,
            number: term.number,
        }
    }

    /// Waits until no work is under way.
    pub(super) async fn joined(&self) {
        // The sender is at hand, so this cannot fail.
        let _ = self
            .state
            .subscribe()
            .wait_for(|state| state.running.is_empty())
            .await;
    }

    /// Calls the hook for all work that has outlasted its term by now, once each.
    pub(super) fn tell_of_overruns(&self, now: Stamp) {
        let mut overruns = Vec::new();
        self.state.send_if_modified(|state| {
            for work in state.running.iter_mut().filter(|work| !work.told) {
                let overrun = work.overrun(now);
                work.told = overrun.is_some();
                overruns.extend(overrun);
            }
            false
        });
        for overrun in overruns {
            self.hook.call(overrun);
        }
    }

    /// When the next work under way will have outlasted its term.
    pub(super) fn next_end(&self, now: Stamp) -> Option<Duration> {
        let state = self.state.borrow();
        let untold = state.running.iter().filter(|work| !work.told);
        let ends = untold.filter_map(|work| work.deadline);
        ends.map(|end| end.remaining(now).unwrap_or_default()).min()
    }

    fn join(&self, number: u64, now: Stamp) -> Option<Overrun> {
        let mut joined = None;
        self.state.send_modify(|state| {
            let index = state.running.iter().position(|w| w.term.number == number);
            joined = index.map(|index| state.running.swap_remove(index));
        });
        let work = joined?;
        let overrun = work.overrun(now)?;
        if !work.told {
            // The driver had no chance to: it was kept from running, too.
            self.hook.call(overrun);
        }
        Some(overrun)
    }
}

impl Work {
    fn overrun(&self, now: Stamp) -> Option<Overrun> {
        let deadline = self.deadline.filter(|at| at.remaining(now).is_none())?;
        Some(Overrun {
            token: self.term.token,
            by: deadline.overrun(now),
        })
    }
}

impl Running<'_> {
    /// The work has been joined. Tells whether it outlasted its term.
    pub(super) fn join(self) -> Option<Overrun> {
        self.works.join(self.number, self.clock.now())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.works.join(self.number, self.clock.now());
    }
}

impl Hook {
    fn call(&self, overrun: Overrun) {
        if let Some(hook) = &self.0 {
            hook(overrun);
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Hook(..)" } else { "Hook" })
    }
}
