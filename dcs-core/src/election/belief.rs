//! What the process believes of itself: one lock-free cell.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use crate::{Clock, Stamp};

/// A closed term. No deadline is zero: one lies a span after a reading.
const CLOSED: u64 = 0;

/// The belief of one process, shared by its driver and everyone who asks.
///
/// A term has two deadlines, one on each of the clocks that a holder goes by,
/// and is over when either is reached. Whoever finds it over closes it before
/// saying so, and a closed term never opens again (rules H2, H3). Asking takes
/// no lock, allocates nothing and needs no task to run.
#[derive(Debug, Default)]
pub(crate) struct Belief {
    /// Number of the newest term. Changes only while `boottime` is closed.
    term: AtomicU64,
    /// Deadline on boottime, or [`CLOSED`]: the word that opens and closes.
    boottime: AtomicU64,
    /// Deadline on the raw clock.
    raw: AtomicU64,
    /// `boottime - monotonic` when the write was sent with which the term began.
    suspended: AtomicI64,
}

/// The instant at which belief ends, unless it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    boottime: u64,
    raw: u64,
}

impl Deadline {
    /// The end of a span that is counted from the sending of a write (rule H1).
    pub(crate) fn after(sent: Stamp, span: Duration) -> Self {
        let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self {
            boottime: sent.boottime().saturating_add(span).max(CLOSED + 1),
            raw: sent.raw().saturating_add(span),
        }
    }

    pub(crate) fn remaining(self, now: Stamp) -> Option<Duration> {
        let boottime = self
            .boottime
            .checked_sub(now.boottime())
            .filter(|left| *left > 0)?;
        let raw = self.raw.checked_sub(now.raw()).filter(|left| *left > 0)?;
        Some(Duration::from_nanos(boottime.min(raw)))
    }

    /// How long ago belief ended; zero if it has not.
    pub(crate) fn overrun(self, now: Stamp) -> Duration {
        let boottime = now.boottime().saturating_sub(self.boottime);
        Duration::from_nanos(boottime.max(now.raw().saturating_sub(self.raw)))
    }
}

impl Belief {
    /// Opens the next term and returns its number, or `None` where its deadline
    /// has passed already. Only the driver calls this, with no term open.
    ///
    /// `sent` is what the deadline counts from. A suspend after it ends the
    /// term, also one from before the answer: the raw clock has missed it, and
    /// boottime, which has not, may be slewed afterwards.
    pub(crate) fn open(&self, deadline: Deadline, sent: Stamp, now: Stamp) -> Option<u64> {
        deadline.remaining(now)?;
        if now.suspended_since(sent) {
            return None;
        }
        self.boottime.store(CLOSED, SeqCst);
        let term = self.term.load(SeqCst) + 1;
        self.term.store(term, SeqCst);
        self.raw.store(deadline.raw, SeqCst);
        self.suspended.store(sent.suspended_total(), SeqCst);
        self.boottime.store(deadline.boottime, SeqCst);
        Some(term)
    }

    /// Moves the deadline of an open term and returns the one in force; `None`
    /// where the term is over. Never shortens: a write that was acknowledged
    /// holds as long as it holds.
    ///
    /// The clock is read again after the move: if the old deadline passed in
    /// between, the term is closed, whatever the new one says.
    pub(crate) fn extend(
        &self,
        term: u64,
        deadline: Deadline,
        clock: &dyn Clock,
    ) -> Option<Deadline> {
        let old = self.current(term, clock.now())?;
        if deadline.boottime <= old.boottime || deadline.raw <= old.raw {
            return Some(old);
        }
        // The raw deadline alone moves nothing, since both must hold.
        self.raw.store(deadline.raw, SeqCst);
        self.boottime
            .compare_exchange(old.boottime, deadline.boottime, SeqCst, SeqCst)
            .ok()?;
        if old.remaining(clock.now()).is_none() {
            self.close(term);
            return None;
        }
        Some(deadline)
    }

    /// Moves the deadline of a term to an earlier instant, if `deadline` is one,
    /// and returns the one in force. `known` is the one in force before. A term
    /// that is over stays so.
    pub(crate) fn shorten(&self, term: u64, deadline: Deadline, known: Deadline) -> Deadline {
        if self.term.load(SeqCst) == term {
            // Both must hold, so between the two moves belief is not longer
            // than after them. Closed is below every deadline, and stays.
            self.raw.fetch_min(deadline.raw, SeqCst);
            self.boottime.fetch_min(deadline.boottime, SeqCst);
        }
        Deadline {
            boottime: known.boottime.min(deadline.boottime),
            raw: known.raw.min(deadline.raw),
        }
    }

    /// Ends a term. Ending one that is over does nothing.
    pub(crate) fn close(&self, term: u64) {
        if self.term.load(SeqCst) == term {
            self.boottime.store(CLOSED, SeqCst);
        }
    }

    /// How long this term will last unless it is extended; `None` once it is over.
    pub(crate) fn remaining(&self, term: u64, clock: &dyn Clock) -> Option<Duration> {
        // The clock is read first: an extension in between can only be one that
        // holds, and what is over by this reading is closed.
        let now = clock.now();
        self.current(term, now)?.remaining(now)
    }

    /// Opens a term that was closed again.
    #[cfg(dcs_seeded_bugs)]
    pub(crate) fn reopen(&self, term: u64, deadline: Deadline) {
        if self.term.load(SeqCst) == term {
            self.raw.store(deadline.raw, SeqCst);
            self.boottime.store(deadline.boottime, SeqCst);
        }
    }

    /// The number of the newest term, open or over; 0 before the first.
    pub(crate) fn newest_term(&self) -> u64 {
        self.term.load(SeqCst)
    }

    /// The deadline of this term, unless it is over by `now`: then it is closed
    /// before this returns.
    fn current(&self, term: u64, now: Stamp) -> Option<Deadline> {
        loop {
            let (deadline, suspended) = self.deadline(term)?;
            let suspended = now.suspended_beyond(suspended);
            if deadline.remaining(now).is_some() && !suspended {
                return Some(deadline);
            }
            let closed = self
                .boottime
                .compare_exchange(deadline.boottime, CLOSED, SeqCst, SeqCst);
            if closed.is_ok() {
                return None;
            }
        }
    }

    /// The stored deadline, and what was suspended when it began to count. The
    /// term is read on both sides of them: what is a newer term's cannot be
    /// taken for this one's.
    fn deadline(&self, term: u64) -> Option<(Deadline, i64)> {
        if self.term.load(SeqCst) != term {
            return None;
        }
        let boottime = self.boottime.load(SeqCst);
        let raw = self.raw.load(SeqCst);
        let suspended = self.suspended.load(SeqCst);
        let same = self.term.load(SeqCst) == term;
        (same && boottime != CLOSED).then_some((Deadline { boottime, raw }, suspended))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::TestClock;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn opened(clock: &TestClock, span: Duration) -> (Belief, u64) {
        let belief = Belief::default();
        let term = belief
            .open(Deadline::after(clock.now(), span), clock.now(), clock.now())
            .unwrap();
        (belief, term)
    }

    #[test]
    fn belief_ends_at_the_deadline_without_anyone_acting() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        clock.advance(ms(99));
        assert_eq!(belief.remaining(term, &clock), Some(ms(1)));
        clock.advance(ms(1));
        assert_eq!(belief.remaining(term, &clock), None);
    }

    #[test]
    fn a_term_whose_deadline_was_reached_cannot_be_extended() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        let late = Deadline::after(clock.now(), ms(500));
        clock.advance(ms(100));
        assert_eq!(belief.extend(term, late, &clock), None);
        assert_eq!(belief.remaining(term, &clock), None);
    }

    #[test]
    fn a_term_that_was_found_over_stays_over_although_the_clock_shows_less_again() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        let early = clock.now();
        clock.advance(ms(100));
        assert_eq!(belief.remaining(term, &clock), None);
        assert_eq!(belief.current(term, early), None);
    }

    #[test]
    fn an_extension_never_shortens() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        assert!(
            belief
                .extend(term, Deadline::after(clock.now(), ms(50)), &clock)
                .is_some()
        );
        assert_eq!(belief.remaining(term, &clock), Some(ms(100)));
    }

    #[test]
    fn a_deadline_is_shortened_on_both_clocks_and_never_made_longer_by_that() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        let known = Deadline::after(clock.now(), ms(100));
        let shorten = |span| belief.shorten(term, Deadline::after(clock.now(), span), known);
        shorten(ms(500));
        assert_eq!(belief.remaining(term, &clock), Some(ms(100)));
        assert_eq!(shorten(ms(40)).remaining(clock.now()), Some(ms(40)));
        assert_eq!(belief.remaining(term, &clock), Some(ms(40)));
        clock.advance_apart(ms(30), ms(40));
        assert_eq!(belief.remaining(term, &clock), None);
    }

    #[test]
    fn a_term_that_is_over_is_not_opened_by_shortening_it() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        belief.close(term);
        let deadline = Deadline::after(clock.now(), ms(50));
        belief.shorten(term, deadline, deadline);
        assert_eq!(belief.remaining(term, &clock), None);
    }

    #[test]
    fn a_term_ends_by_a_suspend_of_more_than_the_limit() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(10_000));
        clock.suspend(ms(51));
        assert_eq!(belief.remaining(term, &clock), None);
    }

    #[test]
    fn a_suspend_between_the_sending_and_the_answer_leaves_no_term() {
        let clock = TestClock::new();
        let sent = clock.now();
        clock.suspend(ms(51));
        let belief = Belief::default();
        let deadline = Deadline::after(sent, ms(10_000));
        assert_eq!(belief.open(deadline, sent, clock.now()), None);
    }

    #[test]
    fn a_lease_of_an_older_term_is_not_revived_by_a_newer_one() {
        let clock = TestClock::new();
        let (belief, first) = opened(&clock, ms(100));
        belief.close(first);
        let second = belief
            .open(
                Deadline::after(clock.now(), ms(100)),
                clock.now(),
                clock.now(),
            )
            .unwrap();
        assert_eq!(belief.remaining(first, &clock), None);
        assert!(second > first);
        belief.close(first);
        assert!(belief.remaining(second, &clock).is_some());
    }

    /// A clock that goes on by so much with each reading.
    #[derive(Debug)]
    struct Ticking(TestClock, Duration);

    impl Clock for Ticking {
        fn now(&self) -> Stamp {
            let now = self.0.now();
            self.0.advance(self.1);
            now
        }

        fn wall(&self) -> std::time::SystemTime {
            self.0.wall()
        }

        fn sleep(&self, duration: Duration) -> futures_core::future::BoxFuture<'static, ()> {
            self.0.sleep(duration)
        }
    }

    #[test]
    fn a_term_whose_deadline_passes_while_it_is_extended_is_over() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        let late = Deadline::after(clock.now(), ms(500));
        clock.advance(ms(50));
        let clock = Ticking(clock, ms(60));
        assert_eq!(belief.extend(term, late, &clock), None);
        assert_eq!(belief.remaining(term, &clock.0), None);
    }

    #[test]
    fn a_term_cannot_begin_after_its_own_deadline() {
        let clock = TestClock::new();
        let belief = Belief::default();
        let deadline = Deadline::after(clock.now(), ms(100));
        clock.advance(ms(100));
        assert_eq!(belief.open(deadline, clock.now(), clock.now()), None);
    }

    #[test]
    fn a_slewed_boottime_does_not_lengthen_belief() {
        let clock = TestClock::new();
        let (belief, term) = opened(&clock, ms(100));
        clock.advance_apart(ms(92), ms(100));
        assert_eq!(belief.remaining(term, &clock), None);
    }
}
