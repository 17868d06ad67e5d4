//! One term, for those who work in it.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future;

use super::seeded::{Bug, planted};
use super::shared::{OpenTerm, Shared};
use crate::FencingToken;

/// The longest time for which [`Term::ended`] does not look at the clock.
const SLICE: Duration = Duration::from_millis(250);

/// One term of leadership, to look at: what the work is given by
/// [`Elector::lead`](super::Elector::lead), or takes from
/// [`Lease::term`](super::Lease::term).
///
/// Clone it, keep it, move it into other tasks: holding one keeps nothing alive
/// and dropping one ends nothing. It stays about its own term for ever: once
/// that is over it is not valid any more, also if this member leads again.
#[derive(Clone, Debug)]
pub struct Term {
    open: OpenTerm,
    shared: Arc<Shared>,
}

impl Term {
    pub(super) const fn new(open: OpenTerm, shared: Arc<Shared>) -> Self {
        Self { open, shared }
    }

    pub(super) const fn open(&self) -> OpenTerm {
        self.open
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The token of this term: larger than that of every term before. Hand it
    /// to what you write to, and let that refuse smaller ones.
    #[must_use]
    pub const fn token(&self) -> FencingToken {
        self.open.token
    }

    /// Whether this process still leads, right now. One comparison with the
    /// clock: no lock, no allocation, no request.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.remaining().is_some()
    }

    /// How long it stays valid if it is not renewed any more; `None` once it is over.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let left = self.shared.remaining(self.open.number);
        if planted(Bug::LeaseNotRechecked) {
            return left.or(Some(SLICE));
        }
        left
    }

    /// Whether no more than the stop time is left.
    pub(super) fn has_to_stop(&self) -> bool {
        self.left_to_work().is_none()
    }

    fn left_to_work(&self) -> Option<Duration> {
        let left = self.remaining()?.checked_sub(self.shared.stop_time())?;
        (!left.is_zero()).then_some(left)
    }

    /// Completes when the work has to stop: when the term is over, or when no
    /// more than the stop time is left of it. Asks the clock by itself, so it
    /// completes in time also if the driver hangs.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn ended(&self) {
        let mut waits = pin!(self.wait_for_the_end());
        // The clock is asked whenever the task runs, whatever woke it: a task
        // that wakes up late has to stop before it goes on.
        future::poll_fn(|context| {
            if self.has_to_stop() {
                return Poll::Ready(());
            }
            waits.as_mut().poll(context)
        })
        .await;
    }

    async fn wait_for_the_end(&self) {
        let mut terms = self.shared.terms();
        loop {
            let current = terms
                .borrow_and_update()
                .is_some_and(|term| term == self.open);
            let Some(left) = self.left_to_work().filter(|_| current) else {
                return;
            };
            let change = pin!(terms.changed());
            // In slices: a timer may stand still while the machine is suspended,
            // and the term does not.
            future::select(change, self.shared.clock.sleep(left.min(SLICE))).await;
        }
    }
}
