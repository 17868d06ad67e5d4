//! A held lease.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use tokio::sync::{mpsc, oneshot};

use super::keys::TermKeys;
use super::seeded::{Bug, planted};
use super::shared::{Ask, OpenTerm, Shared};
use crate::{Dcs, FencingToken};

/// The longest time for which [`Lease::ended`] does not look at the clock.
const SLICE: Duration = Duration::from_millis(250);

/// Leadership for one term. Not `Clone`: there is one a term.
///
/// It is valid until its deadline, which each renewal moves on, and turns
/// invalid by itself, whatever hangs. Dropped it is invalid at once, and the
/// driver releases the key, so that another member can lead within
/// milliseconds. To lead again call [`Elector::acquire`](super::Elector::acquire).
#[derive(Debug)]
#[must_use = "a dropped lease is given up at once"]
pub struct Lease {
    term: OpenTerm,
    shared: Arc<Shared>,
    asks: mpsc::UnboundedSender<Ask>,
    dcs: Arc<dyn Dcs>,
}

impl Lease {
    pub(super) const fn new(
        term: OpenTerm,
        shared: Arc<Shared>,
        asks: mpsc::UnboundedSender<Ask>,
        dcs: Arc<dyn Dcs>,
    ) -> Self {
        Self {
            term,
            shared,
            asks,
            dcs,
        }
    }

    /// The token of this term: larger than that of every term before. Hand it
    /// to what you write to, and let that refuse smaller ones.
    #[must_use]
    pub const fn token(&self) -> FencingToken {
        self.term.token
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
        let left = self.shared.remaining(self.term.number);
        if planted(Bug::LeaseNotRechecked) {
            return left.or(Some(SLICE));
        }
        left
    }

    /// The config, sync, history and failover keys of the scope, written by this
    /// term and refused to every earlier one. They go through the store of the
    /// election, and write nothing once the lease is over.
    #[must_use]
    pub fn keys(&self) -> TermKeys {
        TermKeys::new(Arc::clone(&self.dcs), Arc::clone(&self.shared), self.term)
    }

    /// Completes when the work has to stop: when the lease is over, or when no
    /// more than the stop time is left of it. Asks the clock by itself, so it
    /// completes in time also if the driver hangs.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn ended(&self) {
        let mut terms = self.shared.terms();
        loop {
            let current = terms
                .borrow_and_update()
                .is_some_and(|term| term == self.term);
            let left = self
                .remaining()
                .and_then(|left| left.checked_sub(self.shared.stop_time()));
            let Some(left) = left.filter(|left| current && !left.is_zero()) else {
                return;
            };
            let change = std::pin::pin!(terms.changed());
            // In slices: a timer may stand still while the machine is suspended,
            // and the lease does not.
            future::select(change, self.shared.clock.sleep(left.min(SLICE))).await;
        }
    }

    /// Gives leadership up and waits until the store has answered. Stop the
    /// work first: others may lead as soon as the release is seen.
    ///
    /// # Cancel safety
    /// If the future is dropped the lease is given up all the same.
    pub async fn release(self) {
        let asks = self.asks.clone();
        drop(self);
        let (done, idle) = oneshot::channel();
        if asks.send(Ask::WhenIdle(done)).is_ok() {
            // A driver that has ended has given up, or its runtime is gone.
            let _ = idle.await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.revoke(self.term.number);
        // A driver that is gone cannot release: the ttl does.
        let _ = self.asks.send(Ask::GiveUp(self.term.number));
    }
}
