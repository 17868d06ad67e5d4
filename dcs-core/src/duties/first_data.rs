//! Whether a scope of Patroni's has its first data.

use std::time::Duration;

use crate::{Initialize, Snapshot, Stamp};

/// Remembers whether Patroni has made the first data of a scope, and had the
/// time to take the lock with it.
///
/// Patroni ends a first bootstrap by three writes: the id, the configuration,
/// and the lock, which it takes **from whoever holds it**. So a member beside it
/// leads neither while there is no id nor right after it has appeared. Who comes
/// later and finds an id waits for the lock as ever.
///
/// ```
/// # use std::time::Duration;
/// # use dcs_core::{Clock, Entry, Initialize, Revision, Snapshot, TokioClock};
/// # use dcs_core::duties::FirstData;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let clock = TokioClock::new();
/// let mut data = FirstData::new(Duration::from_secs(30));
/// let mut view = Snapshot::default();
/// assert!(!data.is_settled(&view, clock.now()));
/// let id = Initialize::Done("7186662553319358497".to_owned());
/// view.initialize = Entry::present(Revision::new(1).ok_or("zero")?, id);
/// assert!(!data.is_settled(&view, clock.now()));
/// tokio::time::advance(Duration::from_secs(31)).await;
/// assert!(data.is_settled(&view, clock.now()));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FirstData {
    wait: Duration,
    seen: Seen,
}

#[derive(Clone, Copy, Debug)]
enum Seen {
    Nothing,
    Missing,
    Made(Stamp),
    Settled,
}

impl FirstData {
    /// Nothing is seen yet. An id that appears settles after `wait`: T_WAIT
    /// ([`LeaseTiming::challenger_wait`](crate::election::LeaseTiming::challenger_wait)),
    /// which is longer than Patroni may take from the id to the lock.
    #[must_use]
    pub const fn new(wait: Duration) -> Self {
        Self {
            wait,
            seen: Seen::Nothing,
        }
    }

    /// Whether a member that sees this now may stand, as far as this goes. Ask it
    /// of each view, or it does not know since when the id is there.
    pub fn is_settled(&mut self, view: &Snapshot, now: Stamp) -> bool {
        let is_made = matches!(view.initialize.get(), Some(Initialize::Done(_)));
        self.seen = match self.seen {
            _ if !is_made => Seen::Missing,
            Seen::Nothing | Seen::Settled => Seen::Settled,
            Seen::Missing => Seen::Made(now),
            Seen::Made(since) if now.challenger_elapsed_since(since) >= self.wait => Seen::Settled,
            made @ Seen::Made(_) => made,
        };
        matches!(self.seen, Seen::Settled)
    }
}
