//! Time by injection: the two elapsed times that the election rests on.

use std::fmt;
use std::time::{Duration, SystemTime};

use futures_core::future::BoxFuture;

use crate::election::seeded::{Bug, planted};

/// How far `boottime - monotonic` may move before a term counts as suspended
/// (assumption A1 of the election's proof).
pub const SUSPEND_LIMIT: Duration = Duration::from_millis(50);

/// The source of time for everything in this workspace.
///
/// Nothing else reads a clock: under a virtual clock the same code runs in
/// virtual time. A clock owes its users one thing, on which the safety of the
/// election rests (assumption A1): of any two stamps of the same clock,
/// [`Stamp::holder_elapsed_since`] is at least `1 - rho` of the real time
/// between them and [`Stamp::challenger_elapsed_since`] at most `1 + rho` of
/// it, where rho is [`LeaseTiming::drift`](crate::election::LeaseTiming::drift).
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Reads the clocks. Never goes back.
    fn now(&self) -> Stamp;

    /// The wall clock: written into records for people, never compared.
    fn wall(&self) -> SystemTime;

    /// Completes once about `duration` has passed. May be late, so whoever
    /// waits reads [`Clock::now`] again.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// One reading of three clocks, each in nanoseconds since an origin of its own.
///
/// Holders and challengers measure an interval differently, each from the side
/// that is safe for it, and per interval: a difference of two maxima would be
/// wrong, since a clock that is slewed forth and back would hide in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    boottime: u64,
    monotonic: u64,
    raw: u64,
}

impl Stamp {
    /// A stamp of the readings `boottime` (counts suspends, may be slewed),
    /// `monotonic` (does not count suspends, may be slewed) and `raw` (does not
    /// count suspends, never slewed), each since an origin of its own.
    /// Readings above 584 years become the largest one that fits.
    #[must_use]
    pub fn from_readings(boottime: Duration, monotonic: Duration, raw: Duration) -> Self {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        Self {
            boottime: nanos(boottime),
            monotonic: nanos(monotonic),
            raw: nanos(raw),
        }
    }

    /// A stamp of one clock that serves as all three, as virtual clocks do.
    #[must_use]
    pub fn from_single(reading: Duration) -> Self {
        Self::from_readings(reading, reading, reading)
    }

    /// The time that a holder counts since `earlier`: the larger of what
    /// boottime says, and the raw clock together with what boottime was
    /// suspended for.
    #[must_use]
    pub fn holder_elapsed_since(self, earlier: Self) -> Duration {
        let boottime = self.boottime().saturating_sub(earlier.boottime());
        let raw = self.raw().saturating_sub(earlier.raw());
        Duration::from_nanos(boottime.max(raw))
    }

    /// The time that a challenger counts since `earlier`: the smaller of what
    /// the monotonic and the raw clock say.
    #[must_use]
    pub fn challenger_elapsed_since(self, earlier: Self) -> Duration {
        if planted(Bug::DifferenceOfMaxima) {
            let smaller = |stamp: Self| stamp.monotonic.min(stamp.raw);
            return Duration::from_nanos(smaller(self).saturating_sub(smaller(earlier)));
        }
        let monotonic = self.monotonic.saturating_sub(earlier.monotonic);
        let raw = self.raw.saturating_sub(earlier.raw);
        Duration::from_nanos(monotonic.min(raw))
    }

    /// Whether the machine was suspended between `earlier` and this stamp for
    /// longer than [`SUSPEND_LIMIT`].
    #[must_use]
    pub fn suspended_since(self, earlier: Self) -> bool {
        self.suspended_beyond(earlier.suspended_total())
    }

    /// Whether the machine was suspended for longer than [`SUSPEND_LIMIT`] since
    /// a stamp whose [`Stamp::suspended_total`] was `earlier`.
    pub(crate) fn suspended_beyond(self, earlier: i64) -> bool {
        let limit = i64::try_from(SUSPEND_LIMIT.as_nanos()).unwrap_or(i64::MAX);
        let counts = !planted(Bug::SuspendNotCounted);
        counts && self.suspended_total().saturating_sub(earlier) > limit
    }

    /// Boottime less monotonic, in nanoseconds: it grows while the machine is
    /// suspended and at no other time.
    pub(crate) fn suspended_total(self) -> i64 {
        let gap = i128::from(self.boottime) - i128::from(self.monotonic);
        i64::try_from(gap).unwrap_or(if gap < 0 { i64::MIN } else { i64::MAX })
    }

    /// Boottime, as a holder goes by it.
    pub(crate) fn boottime(self) -> u64 {
        if planted(Bug::DifferenceOfMaxima) {
            self.boottime.max(self.raw)
        } else if planted(Bug::SuspendNotCounted) {
            self.monotonic
        } else {
            self.boottime
        }
    }

    /// The raw clock, as a holder goes by it: with the suspends that it missed
    /// itself. Boottime alone has counted them, and may be slewed, so that
    /// otherwise a suspend too short to end a term would be counted by neither.
    /// An origin far off keeps it above zero.
    pub(crate) fn raw(self) -> u64 {
        if planted(Bug::DifferenceOfMaxima) || planted(Bug::SlewedClock) {
            self.boottime()
        } else if planted(Bug::SuspendNotCounted) || planted(Bug::ShortSuspendMissed) {
            self.raw
        } else {
            let far = self.raw.saturating_add(1 << 62);
            far.saturating_add_signed(self.suspended_total())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(boottime: u64, monotonic: u64, raw: u64) -> Stamp {
        Stamp::from_readings(
            Duration::from_millis(boottime),
            Duration::from_millis(monotonic),
            Duration::from_millis(raw),
        )
    }

    #[test]
    fn a_holder_counts_the_fastest_clock_and_a_challenger_the_slowest() {
        let start = stamp(100, 100, 100);
        let end = stamp(1_080, 1_080, 1_100);
        assert_eq!(end.holder_elapsed_since(start), Duration::from_secs(1));
        assert_eq!(
            end.challenger_elapsed_since(start),
            Duration::from_millis(980)
        );
    }

    #[test]
    fn a_suspend_counts_for_the_holder_and_not_for_the_challenger() {
        let start = stamp(0, 0, 0);
        let end = stamp(60_000, 1_000, 1_000);
        assert_eq!(end.holder_elapsed_since(start), Duration::from_secs(60));
        assert_eq!(end.challenger_elapsed_since(start), Duration::from_secs(1));
        assert!(end.suspended_since(start));
    }

    #[test]
    fn a_short_suspend_counts_for_the_holder_also_where_boottime_is_slewed_back() {
        let start = stamp(0, 0, 0);
        let end = stamp(940 + 40, 940, 1_000);
        assert!(!end.suspended_since(start));
        let counted = end.holder_elapsed_since(start);
        assert_eq!(counted, Duration::from_millis(1_040));
    }

    #[test]
    fn clocks_that_run_together_were_not_suspended() {
        assert!(!stamp(90_050, 90_000, 90_300).suspended_since(stamp(0, 0, 0)));
    }
}
