//! The one clock that an actor goes by.

use std::time::Duration;

use crate::sim::clock::NodeClock;
use crate::sim::executor::Nanos;

/// Patroni counts by one clock of Python's: until 4.1 by the wall clock, later
/// by the monotonic one, which stands still in a suspend.
#[derive(Clone, Debug)]
pub(in crate::sim) struct OwnClock {
    clock: NodeClock,
    is_wall: bool,
}

/// An instant, in real time and by the clock of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Instant {
    pub(in crate::sim) real: Nanos,
    pub(in crate::sim) own: i64,
}

/// What rounding takes from a clock that is read at every change of its rate.
const ROUNDING: i128 = 20_000;
/// The drift that is allowed for, in parts per thousand.
const RHO: i128 = 10;

impl OwnClock {
    pub(in crate::sim) const fn new(clock: NodeClock, is_wall: bool) -> Self {
        Self { clock, is_wall }
    }

    pub(in crate::sim) fn read(&self, real: Nanos) -> Instant {
        let ticks = self.clock.read();
        let own = if self.is_wall {
            ticks.wall()
        } else {
            ticks.monotonic()
        };
        Instant { real, own }
    }
}

impl Instant {
    /// How much has passed since then, by the own clock; nothing where that
    /// went back.
    pub(in crate::sim) fn since(self, earlier: Self) -> Duration {
        let passed = self.own.saturating_sub(earlier.own);
        Duration::from_nanos(u64::try_from(passed).unwrap_or(0))
    }

    /// So much later, by the own clock.
    pub(in crate::sim) fn after(self, span: Duration) -> Self {
        let span = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self {
            own: self.own.saturating_add(span),
            ..self
        }
    }

    /// Whether the own clock has counted at least `1 - rho` of what passed.
    pub(in crate::sim) fn was_not_slow_since(self, earlier: Self) -> bool {
        let (own, real) = self.passed(earlier);
        (own + ROUNDING) * 1000 >= real * (1000 - RHO)
    }

    /// Whether the own clock has counted at most `1 + rho` of what passed.
    pub(in crate::sim) fn was_not_fast_since(self, earlier: Self) -> bool {
        let (own, real) = self.passed(earlier);
        (own - ROUNDING) * 1000 <= real * (1000 + RHO)
    }

    fn passed(self, earlier: Self) -> (i128, i128) {
        let real = i128::from(self.real) - i128::from(earlier.real);
        (i128::from(self.own) - i128::from(earlier.own), real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(real: u64, own: i64) -> Instant {
        let unit = 1_000_000_000;
        Instant {
            real: real * unit,
            own: own * unit.cast_signed(),
        }
    }

    #[test]
    fn a_clock_within_its_drift_is_neither_slow_nor_fast() {
        for own in [990, 1_000, 1_010] {
            assert!(at(1_000, own).was_not_slow_since(at(0, 0)));
            assert!(at(1_000, own).was_not_fast_since(at(0, 0)));
        }
    }

    #[test]
    fn a_clock_that_stood_still_was_slow_and_one_that_jumped_was_fast() {
        assert!(!at(1_000, 989).was_not_slow_since(at(0, 0)));
        assert!(!at(1_000, 1_011).was_not_fast_since(at(0, 0)));
    }

    #[test]
    fn a_clock_that_went_back_has_counted_nothing() {
        assert_eq!(at(10, 1).since(at(5, 3)), Duration::ZERO);
        assert_eq!(at(10, 3).since(at(5, 1)), Duration::from_secs(2));
    }
}
