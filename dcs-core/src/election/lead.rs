//! Leading as one call: the work of a term begins and ends with it.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{self, Either};

use super::elector::{ElectionEnded, Elector};
use super::event::LossReason;
use super::lease::Lease;
use super::term::Term;
use crate::FencingToken;

/// How [`Elector::lead`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "work that overran is an error of the program"]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: the work ended by itself, or too late"
)]
pub enum Led<T> {
    /// The work returned by itself, before the deadline of its term; what was
    /// still held was released.
    Done(T),
    /// The work was still running when belief in its term ended, because it
    /// blocked: two members may have worked at once. An error of the program.
    /// Give it points where it yields, or a longer stop time.
    Overran {
        /// The token of the term.
        token: FencingToken,
        /// For how long the work ran past the end of belief.
        by: Duration,
    },
}

/// How [`Elector::lead_one_term`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "says whether the work is done"]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: the work ended by itself, was stopped in time, or too late"
)]
pub enum OneTerm<T> {
    /// The work returned by itself, before the deadline of its term; what was
    /// still held was released.
    Done(T),
    /// The term ended, or was about to, and the work was stopped in time.
    Lost {
        /// The token of the term.
        token: FencingToken,
        /// Why it ended; `None` where it was given up on purpose, as by
        /// [`Elector::step_down`].
        why: Option<LossReason>,
    },
    /// As [`Led::Overran`].
    Overran {
        /// The token of the term.
        token: FencingToken,
        /// For how long the work ran past the end of belief.
        by: Duration,
    },
}

impl Elector {
    /// Contends, and runs `work` whenever this member leads, until it returns by
    /// itself: then the key is released and its value handed out.
    ///
    /// The work of a term is stopped before another member can lead: its future
    /// is dropped when no more than the stop time is left of the term, or when
    /// the term ends otherwise. Then this contends again and runs `work` anew,
    /// with the [`Term`] of the next term. [`Elector::step_down`] ends the term,
    /// not this: to stay out, [`pause`](Elector::pause) first, or drop this
    /// future.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # use dcs_core::election::{Elector, LeaseTiming};
    /// # use dcs_core::{Clock, TokioClock};
    /// # use dcs_memory::{MemoryStore, SeededEntropy};
    /// # let clock = Arc::new(TokioClock::new());
    /// # let store = MemoryStore::new(clock.clone());
    /// # let dcs = Arc::new(store.handle(&"demo".parse()?));
    /// # let seconds = Duration::from_secs;
    /// # let timing = LeaseTiming::new(seconds(30), seconds(10), seconds(10))?;
    /// # let chance = Arc::new(SeededEntropy::new(1));
    /// use dcs_core::election::{Led, Overrun};
    ///
    /// let (elector, driver) = Elector::builder(dcs, "anna".parse()?, timing, clock.clone(), chance)
    ///     .on_overrun(Arc::new(|_: Overrun| std::process::abort()))
    ///     .build();
    /// tokio::spawn(driver.run());
    ///
    /// let led = elector.lead(|term| {
    ///     let clock = clock.clone();
    ///     async move {
    ///         for page in 0..3 {
    ///             // Each write carries the token, and each await is a place
    ///             // where the work can be stopped.
    ///             println!("page {page} with token {}", term.token());
    ///             clock.sleep(seconds(1)).await;
    ///         }
    ///         "all pages"
    ///     }
    /// });
    /// assert_eq!(led.await?, Led::Done("all pages"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Work that blocks
    ///
    /// Only work that yields can be stopped. Work that blocks its thread runs
    /// on, past the stop time and past the end of belief; then this returns
    /// [`Led::Overran`] once it has yielded, and the driver calls the hook of
    /// [`ElectorBuilder::on_overrun`](super::ElectorBuilder::on_overrun) at the
    /// end of belief, while the work still blocks. On a runtime with one thread
    /// the work blocks the driver, too: nothing is renewed, and the hook comes
    /// when the work yields. What keeps others safe in either case is not the
    /// hook but what the work asks before each effect, [`Term::is_valid`], and
    /// the token that goes with it.
    ///
    /// What the work spawns is not stopped with it: keep it in a set that stops
    /// its tasks when dropped, or let it wait for [`Term::ended`].
    ///
    /// A release is sent after the work was joined, whoever gave the term up.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has; the work was stopped before.
    ///
    /// # Cancel safety
    /// If the future is dropped the work is dropped first, and then the term is
    /// given up as by dropping a [`Lease`]. A value that the work had returned
    /// is lost if the release was still under way. If no term was open, the
    /// member goes on contending, as after [`Elector::acquire`].
    pub async fn lead<T, F, Fut>(&self, mut work: F) -> Result<Led<T>, ElectionEnded>
    where
        F: FnMut(Term) -> Fut,
        Fut: Future<Output = T>,
    {
        // Who leads on wants the next term: a lost lease that is dropped does
        // not give up one that began meanwhile.
        let contends = self.shared.acquiring();
        loop {
            match self.work_one_term(&mut work).await? {
                (lease, OneTerm::Done(value)) => {
                    drop(contends);
                    lease.release().await;
                    return Ok(Led::Done(value));
                }
                (lease, OneTerm::Lost { .. }) => drop(lease),
                (lease, OneTerm::Overran { token, by }) => {
                    drop((contends, lease));
                    return Ok(Led::Overran { token, by });
                }
            }
        }
    }

    /// As [`Elector::lead`], for one term: if that ends before the work does,
    /// this returns [`OneTerm::Lost`], and the member stays out until asked
    /// again.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has; the work was stopped before.
    ///
    /// # Cancel safety
    /// As for [`Elector::lead`].
    pub async fn lead_one_term<T, F, Fut>(&self, work: F) -> Result<OneTerm<T>, ElectionEnded>
    where
        F: FnOnce(Term) -> Fut,
        Fut: Future<Output = T>,
    {
        let (lease, ended) = self.work_one_term(work).await?;
        if matches!(ended, OneTerm::Done(_)) {
            lease.release().await;
        }
        Ok(ended)
    }

    /// Runs the work of the next term until it returns or has to stop, and
    /// joins it. The lease is still held where nothing has ended it.
    async fn work_one_term<T, F, Fut>(&self, work: F) -> Result<(Lease, OneTerm<T>), ElectionEnded>
    where
        F: FnOnce(Term) -> Fut,
        Fut: Future<Output = T>,
    {
        let lease = self.acquire().await?;
        let token = lease.token();
        let running = self.shared.begin_work(lease.term());
        let mut value = None;
        // Asked after the work was announced: see `Works::begin`.
        if !lease.term().has_to_stop() {
            let work = pin!(work(lease.term().clone()));
            let stop = pin!(lease.ended());
            // The end is asked first, before each step of the work, which may
            // have been woken late.
            if let Either::Right((done, _)) = future::select(stop, work).await {
                value = Some(done);
            }
        }
        // The work was dropped at the end of the block: it is joined.
        let ended = match (running.join(), value) {
            (Some(overrun), _) => OneTerm::Overran {
                token,
                by: overrun.by,
            },
            (None, Some(value)) => OneTerm::Done(value),
            (None, None) => OneTerm::Lost {
                token,
                why: self.shared.why_lost(token),
            },
        };
        Ok((lease, ended))
    }
}
