//! How long one thing takes, in units of another.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, WallTime};

/// Calls that are timed in one piece: long beside the two readings that time
/// them, short beside the time slices of a machine that does other work too.
const BATCH: u64 = 256;

/// How long one thing takes, in units of another that is measured in turn.
pub(crate) struct Ratio {
    name: &'static str,
    /// One quotient for each pair of neighbouring batches.
    quotients: Vec<f64>,
}

impl Ratio {
    /// Nothing is measured yet.
    pub(crate) const fn new(name: &'static str) -> Self {
        let quotients = Vec::new();
        Self { name, quotients }
    }

    /// Times so many calls of `subject`, in batches that take turns with those
    /// of `unit`: what slows the machine down slows both.
    pub(crate) fn time<S, U>(
        &mut self,
        calls: u64,
        subject: impl Fn() -> S,
        unit: impl Fn() -> U,
    ) -> Duration {
        let mut total = Duration::ZERO;
        let mut left = calls;
        while left > 0 {
            let batch = left.min(BATCH);
            let of_unit = time(batch, &unit).as_secs_f64();
            let of_subject = time(batch, &subject);
            if batch == BATCH {
                self.quotients.push(of_subject.as_secs_f64() / of_unit);
            }
            total += of_subject;
            left -= batch;
        }
        total
    }

    /// Whether there is anything to show: not in a test, nor in a list.
    pub(crate) const fn is_measured(&self) -> bool {
        !self.quotients.is_empty()
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.quotients.clone();
        sorted.sort_by(f64::total_cmp);
        let pairs = sorted.len();
        let quarter = |number| sorted.get(pairs * number / 4).copied().unwrap_or(f64::NAN);
        let (low, median, high) = (quarter(1), quarter(2), quarter(3));
        let name = self.name;
        write!(
            f,
            "{name} = {median:.2} (median of {pairs} pairs of batches, half of them within {low:.2} to {high:.2})"
        )
    }
}

fn time<T>(calls: u64, call: impl Fn() -> T) -> Duration {
    let start = WallTime.start();
    for _ in 0..calls {
        black_box(call());
    }
    WallTime.end(start)
}
