//! Faults by chance, from a seed.

use std::time::Duration;

use fastrand::Rng;

use super::{Action, Disturbance, Lag, Plan, Reply};
use crate::target::Verb;

/// How often each fault happens, as a share of the requests that it can happen
/// to: 0.0 is never, 1.0 is always.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// [`Action::DelayBefore`], up to `longest_delay`.
    pub delay_before: f64,
    /// [`Action::DelayAfter`], up to `longest_delay`.
    pub delay_after: f64,
    /// The longest delay.
    pub longest_delay: Duration,
    /// [`Action::LoseRequest`].
    pub lose_request: f64,
    /// [`Action::LoseAnswer`].
    pub lose_answer: f64,
    /// [`Action::Hang`].
    pub hang: f64,
    /// [`Action::HangAfter`].
    pub hang_after: f64,
    /// [`Action::Duplicate`], of writes.
    pub duplicate: f64,
    /// [`Action::Replay`] within `longest_delay`, of writes.
    pub replay: f64,
    /// 500 without anything applied.
    pub error: f64,
    /// 500 after the request was applied, of writes.
    pub error_after: f64,
    /// 429 with `Retry-After: 1`.
    pub throttle: f64,
    /// [`Action::CutBody`].
    pub cut_body: f64,
    /// [`Action::Stale`], of lists and watches, by up to `most_stale` revisions.
    pub stale: f64,
    /// Most revisions that a cache is behind.
    pub most_stale: u64,
    /// One of the [`Disturbance`]s, of watches.
    pub disturb: f64,
}

impl Rates {
    /// Nothing happens.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            delay_before: 0.0,
            delay_after: 0.0,
            longest_delay: Duration::from_secs(5),
            lose_request: 0.0,
            lose_answer: 0.0,
            hang: 0.0,
            hang_after: 0.0,
            duplicate: 0.0,
            replay: 0.0,
            error: 0.0,
            error_after: 0.0,
            throttle: 0.0,
            cut_body: 0.0,
            stale: 0.0,
            most_stale: 5,
            disturb: 0.0,
        }
    }

    /// Everything happens to this share of the requests.
    #[must_use]
    pub const fn all(share: f64) -> Self {
        Self {
            delay_before: share,
            delay_after: share,
            lose_request: share,
            lose_answer: share,
            hang: share,
            hang_after: share,
            duplicate: share,
            replay: share,
            error: share,
            error_after: share,
            throttle: share,
            cut_body: share,
            stale: share,
            disturb: share,
            ..Self::none()
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Random {
    rng: Rng,
    rates: Rates,
}

impl Random {
    pub(super) fn new(seed: u64, rates: Rates) -> Self {
        let rng = Rng::with_seed(seed);
        Self { rng, rates }
    }

    /// Rolls for every fault, whether or not it can happen to this request, so
    /// that what happens to later ones does not depend on this one's kind.
    pub(super) fn add_to(&mut self, plan: &mut Plan, verb: Verb) {
        let (write, watch) = (verb.is_write(), verb == Verb::Watch);
        let stale = self.lag();
        let rolled = [
            (
                self.rates.delay_before,
                true,
                Action::DelayBefore(self.delay()),
            ),
            (
                self.rates.delay_after,
                true,
                Action::DelayAfter(self.delay()),
            ),
            (self.rates.lose_request, true, Action::LoseRequest),
            (self.rates.lose_answer, true, Action::LoseAnswer),
            (self.rates.hang, true, Action::Hang),
            (self.rates.hang_after, true, Action::HangAfter),
            (self.rates.duplicate, write, Action::Duplicate),
            (self.rates.replay, write, Action::Replay(self.delay())),
            (
                self.rates.error,
                true,
                Action::Answer(Reply::internal_error()),
            ),
            (
                self.rates.error_after,
                write,
                Action::AnswerAfter(Reply::etcd_timeout()),
            ),
            (
                self.rates.throttle,
                true,
                Action::Answer(Reply::too_many_requests(1)),
            ),
            (self.rates.cut_body, true, Action::CutBody),
            (
                self.rates.stale,
                watch || verb == Verb::List,
                Action::Stale(stale),
            ),
            (
                self.rates.disturb,
                watch,
                Action::Disturb(self.disturbance()),
            ),
        ];
        for (rate, possible, action) in rolled {
            if self.rng.f64() < rate && possible {
                plan.add(&action);
            }
        }
    }

    fn delay(&mut self) -> Duration {
        self.rates.longest_delay.mul_f64(self.rng.f64())
    }

    fn lag(&mut self) -> Lag {
        Lag::Revisions(self.rng.u64(..=self.rates.most_stale))
    }

    fn disturbance(&mut self) -> Disturbance {
        match self.rng.u8(..5) {
            0 => Disturbance::Close,
            1 => Disturbance::Break,
            2 => Disturbance::CutLine,
            3 => Disturbance::Silence,
            _ => Disturbance::Gone,
        }
    }
}
