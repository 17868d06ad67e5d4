//! A held lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::keys::TermKeys;
use super::shared::{Ask, OpenTerm, Shared};
use super::term::Term;
use crate::{Dcs, FencingToken, MemberName};

/// Leadership for one term. Not `Clone`: there is one a term.
///
/// It is valid until its deadline, which each renewal moves on, and turns
/// invalid by itself, whatever hangs. Dropped it is invalid at once, and the
/// driver releases the key, so that another member can lead within
/// milliseconds. To lead again call [`Elector::acquire`](super::Elector::acquire).
#[derive(Debug)]
#[must_use = "a dropped lease is given up at once"]
pub struct Lease {
    term: Term,
    asks: mpsc::UnboundedSender<Ask>,
    dcs: Arc<dyn Dcs>,
    successor: Option<MemberName>,
}

impl Lease {
    pub(super) const fn new(
        term: OpenTerm,
        shared: Arc<Shared>,
        asks: mpsc::UnboundedSender<Ask>,
        dcs: Arc<dyn Dcs>,
    ) -> Self {
        Self {
            term: Term::new(term, shared),
            asks,
            dcs,
            successor: None,
        }
    }

    /// The token of this term: larger than that of every term before. Hand it
    /// to what you write to, and let that refuse smaller ones.
    #[must_use]
    pub const fn token(&self) -> FencingToken {
        self.term.token()
    }

    /// Whether this process still leads, right now. One comparison with the
    /// clock: no lock, no allocation, no request.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.term.is_valid()
    }

    /// How long it stays valid if it is not renewed any more; `None` once it is over.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.term.remaining()
    }

    /// The config, sync, history and failover keys of the scope, written by this
    /// term and refused to every earlier one. They go through the store of the
    /// election, and write nothing once the lease is over.
    #[must_use]
    pub fn keys(&self) -> TermKeys {
        let shared = Arc::clone(self.term.shared());
        TermKeys::new(Arc::clone(&self.dcs), shared, self.term.open())
    }

    /// The term that this lease is for, to hand to the tasks that work in it.
    #[must_use]
    pub const fn term(&self) -> &Term {
        &self.term
    }

    /// Completes when the work has to stop: when the lease is over, or when no
    /// more than the stop time is left of it. Asks the clock by itself, so it
    /// completes in time also if the driver hangs.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn ended(&self) {
        self.term.ended().await;
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

    /// The same, and asks the others to leave leadership to `successor` for one
    /// `loop_wait`; if it does not come by then, it costs no more than that. See
    /// [`Elector::set_successor`](super::Elector::set_successor), which is what
    /// counts where the term was given up already, as by
    /// [`Elector::step_down`](super::Elector::step_down).
    ///
    /// # Cancel safety
    /// If the future is dropped the lease is given up all the same, and to
    /// `successor` if the future was polled at all.
    pub async fn release_to(mut self, successor: MemberName) {
        self.successor = Some(successor);
        self.release().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.term.shared().revoke(self.term.open().number);
        self.term.shared().comes_back(self.term.open().number);
        // A driver that is gone cannot release: the ttl does.
        let _ = self
            .asks
            .send(Ask::GiveUp(self.term.open().number, self.successor.take()));
    }
}
