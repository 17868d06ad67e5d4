//! One handle's way to the store, and what goes wrong on it.

use std::time::Duration;

/// How long the ways to the store and back take.
///
/// ```
/// use std::time::Duration;
/// use dcs_memory::Latency;
///
/// let slow = Latency::fixed(Duration::from_millis(5)).with_jitter(Duration::from_millis(20));
/// assert_eq!(slow.there, slow.back);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// From the call to the store: what passes before a write is applied.
    pub there: Duration,
    /// From the store to the caller, and to those who watch.
    pub back: Duration,
    /// The most that chance adds to each of the two.
    pub jitter: Duration,
}

impl Latency {
    /// The same on both ways, without jitter.
    #[must_use]
    pub const fn fixed(each_way: Duration) -> Self {
        Self {
            there: each_way,
            back: each_way,
            jitter: Duration::ZERO,
        }
    }

    /// The same with up to `jitter` more on each way, drawn from the store's seed.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }
}

/// The state of a handle that its clones and its watches share.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) is_cut: bool,
    pub(crate) deadline: Duration,
    /// How often the watch connection broke, and how often with a gap.
    pub(crate) breaks: u64,
    pub(crate) gaps: u64,
    latency: Latency,
    requests_to_lose: u32,
    answers_to_lose: u32,
    chance: fastrand::Rng,
}

/// What will happen to one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journey {
    pub(crate) there: Duration,
    pub(crate) back: Duration,
    pub(crate) deadline: Duration,
    pub(crate) loses_request: bool,
    pub(crate) loses_answer: bool,
}

impl Link {
    pub(crate) fn new(deadline: Duration, seed: u64) -> Self {
        Self {
            is_cut: false,
            deadline,
            breaks: 0,
            gaps: 0,
            latency: Latency::default(),
            requests_to_lose: 0,
            answers_to_lose: 0,
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    pub(crate) const fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }

    pub(crate) const fn lose_next_request(&mut self) {
        self.requests_to_lose += 1;
    }

    pub(crate) const fn lose_next_answer(&mut self) {
        self.answers_to_lose += 1;
    }

    pub(crate) const fn heal(&mut self) {
        self.is_cut = false;
        self.requests_to_lose = 0;
        self.answers_to_lose = 0;
    }

    /// Draws what happens to the next request. Only writes use up a loss.
    pub(crate) fn journey(&mut self, is_write: bool) -> Journey {
        let loses_request = is_write && take(&mut self.requests_to_lose);
        let loses_answer = is_write && !loses_request && take(&mut self.answers_to_lose);
        Journey {
            there: self.draw(self.latency.there),
            back: self.draw(self.latency.back),
            deadline: self.deadline,
            loses_request,
            loses_answer,
        }
    }

    /// Draws how long a watch item is under way.
    pub(crate) fn delivery(&mut self) -> Duration {
        self.draw(self.latency.back)
    }

    fn draw(&mut self, fixed: Duration) -> Duration {
        let most = u64::try_from(self.latency.jitter.as_micros()).unwrap_or(u64::MAX);
        match most {
            0 => fixed,
            most => fixed + Duration::from_micros(self.chance.u64(0..=most)),
        }
    }
}

const fn take(count: &mut u32) -> bool {
    let any = *count > 0;
    *count = count.saturating_sub(1);
    any
}
