//! Waits between tries: doubling, bounded, and never the same for two members.

use std::time::Duration;

use dcs_core::Entropy;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// Between one half and the whole of a span that doubles each time.
    pub(super) fn wait(&mut self, entropy: &dyn Entropy) -> Duration {
        let span = self.next;
        self.next = (span * 2).min(LONGEST);
        span / 2 + jitter(span / 2, entropy)
    }

    pub(super) const fn reset(&mut self) {
        self.next = FIRST;
    }
}

/// From zero to `most`.
pub(super) fn jitter(most: Duration, entropy: &dyn Entropy) -> Duration {
    let share = u32::from(entropy.bits().to_be_bytes()[0]);
    most * share / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Always(u128);

    impl Entropy for Always {
        fn bits(&self) -> u128 {
            self.0
        }
    }

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::new();
        let longest = Always(u128::MAX);
        let waits: Vec<_> = (0..7).map(|_| backoff.wait(&longest).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 2000, 2000]);
        backoff.reset();
        assert_eq!(backoff.wait(&Always(0)), FIRST / 2);
    }
}
