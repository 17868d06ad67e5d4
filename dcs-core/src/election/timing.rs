//! How long a lease lasts, and which settings go together.

use std::time::Duration;

use super::beside_patroni::{LEAST_RETRY_TIMEOUT, LEAST_TTL};
use super::outage::{outage_of, retry_timeout_in};
use super::seeded::{Bug, planted};
use crate::Config;

/// Parts per thousand, in which the clock drift is given.
const PER_MILLE: u32 = 1_000;
/// The drift that covers clocks read as `SystemClock` reads them on Linux.
const DEFAULT_DRIFT: u32 = 10;
/// `loop_wait` is not shortened below this to fit the others, as in Patroni.
const SHORTEST_LOOP_WAIT: Duration = Duration::from_secs(1);
/// What Patroni raises shorter settings to.
const PATRONIS_LEAST: [(&str, Duration); 3] = [
    ("ttl", LEAST_TTL),
    ("loop_wait", SHORTEST_LOOP_WAIT),
    ("retry_timeout", LEAST_RETRY_TIMEOUT),
];
/// Records show the ttl in whole seconds.
const SHORTEST_TTL: Duration = Duration::from_secs(1);
/// What a heartbeat and its retries need at the very least.
const LEAST_ROOM: Duration = Duration::from_millis(300);
/// About a day: beyond it a lease is no lease.
pub(super) const LONGEST_TTL: Duration = Duration::from_secs(86_400);

/// How long a lease lasts, how often it is renewed, and how long others wait.
///
/// | setting | meaning | range |
/// |---|---|---|
/// | `ttl` | what a record is written with; a holder believes for a little less | 1 s to 1 day |
/// | `loop_wait` | time between two renewals | above zero |
/// | `retry_timeout` | time that one operation may take with all its attempts | above zero |
/// | `max_ttl` | T_CLAMP: holders cap the ttl at it. T_WAIT: challengers wait that long. Equal on all members | at least `ttl` at construction |
/// | `stop_time` | time that the work needs to stop before belief ends | below the holder's span |
/// | `drift` | bound on the rate error of clocks, in parts per thousand | 0 to 500 |
///
/// What breaks *safety* is a [`TimingError`]. What only breaks *liveness* (an
/// outage of `retry_timeout` would demote a healthy leader) is adjusted here,
/// as Patroni does: first `loop_wait` is shortened, then `retry_timeout`; see
/// [`LeaseTiming::adjustments`]. Inside, times are exact to the millisecond;
/// records show the ttl in whole seconds, rounded up, and nobody judges by that.
///
/// # What settings give
///
/// | ttl, `loop_wait`, `retry_timeout` | in use | a holder believes for | an outage survived | a crash, to the next leader | a dead successor costs |
/// |---|---|---|---|---|---|
/// | 60 s, 10 s, 10 s | 10 s, 10 s | 58.811 s | 36.811 s | 50 s to 60 s | 10 s |
/// | 30 s, 10 s, 10 s (Patroni's) | 10 s, 10 s | 29.405 s | 10.405 s | 20 s to 30 s | 10 s |
/// | 30 s, 8 s, 8 s | 8 s, 8 s | 29.405 s | 13.405 s | 22 s to 30 s | 8 s |
/// | 20 s, 10 s, 10 s (adjusted) | 1.603 s, 10 s | 19.603 s | 10 s | 18.397 s to 20 s | 1.603 s |
/// | 20 s, 5 s, 5 s | 5 s, 5 s | 19.603 s | 9.103 s | 15 s to 20 s | 5 s |
/// | 15 s, 5 s, 4 s | 5 s, 4 s | 14.702 s | 5.202 s | 10 s to 15 s | 5 s |
/// | 6 s, 2 s, 1 s | 2 s, 1 s | 5.881 s | 2.281 s | 4 s to 6 s | 2 s |
///
/// - *An outage survived*: whenever it begins, and also if each request hangs,
///   less the time of two requests; see [`LeaseTiming::outage_survived`].
/// - *A crash*: from `ttl - loop_wait`, where it comes just before a renewal, to
///   the ttl, where it comes just after one. To this add the stagger of the
///   others, below 40 ms for each other member and below 1 s, up to one
///   `loop_wait` where only members of a lower
///   [`Priority`](crate::election::Priority) are left, 1 % where clocks differ,
///   and two requests. Where `max_ttl` is longer than the ttl it counts instead.
/// - *A release*: the next leader needs the time of two requests, as soon as it
///   has seen the release, and up to 20 ms more among more than 8 members.
///   Where it names a successor that is dead, the last column.
///
/// ```
/// use std::time::Duration;
/// use dcs_core::election::LeaseTiming;
///
/// let seconds = Duration::from_secs;
/// let timing = LeaseTiming::new(seconds(30), seconds(10), seconds(10))?;
/// assert_eq!(timing.challenger_wait(), seconds(30));
/// assert_eq!(timing.holder_span(), Duration::from_millis(29_405));
/// # Ok::<(), dcs_core::election::TimingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseTiming {
    ttl: Duration,
    loop_wait: Duration,
    retry_timeout: Duration,
    clamp: Duration,
    wait: Duration,
    /// Whether T_CLAMP and T_WAIT were given, and do not follow from the ttl.
    is_static_given: bool,
    stop_time: Option<Duration>,
    drift: u32,
    adjustments: Vec<Adjustment>,
}

/// Why a combination of settings was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimingError {
    /// A setting is outside its range.
    #[error("{setting} of {value:?} is not allowed: {allowed}")]
    OutOfRange {
        /// The setting.
        setting: &'static str,
        /// The refused value.
        value: Duration,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The work would still run when belief ends.
    #[error(
        "stop_time of {stop_time:?} does not leave 300 ms of the {span:?} for which a holder may believe: shorten it or raise the ttl"
    )]
    StopTime {
        /// The refused value.
        stop_time: Duration,
        /// What it has to stay below.
        span: Duration,
    },
    /// A challenger would wait for less time than a holder may believe.
    #[error(
        "challengers that wait {wait:?} could lead beside a holder whose ttl may be {clamp:?}: wait at least as long"
    )]
    WaitBelowClamp {
        /// T_WAIT.
        wait: Duration,
        /// T_CLAMP.
        clamp: Duration,
    },
}

/// A setting that was changed for this process only, so that a healthy leader
/// outlives an outage of `retry_timeout`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adjustment {
    /// The setting.
    pub setting: &'static str,
    /// What was asked for.
    pub asked: Duration,
    /// What is used.
    pub used: Duration,
}

impl LeaseTiming {
    /// Settings with `max_ttl` equal to the ttl, a stop time of a tenth of the
    /// ttl and a drift of 1 %.
    ///
    /// # Errors
    /// [`TimingError`] where a setting is outside its range.
    pub fn new(
        ttl: Duration,
        loop_wait: Duration,
        retry_timeout: Duration,
    ) -> Result<Self, TimingError> {
        let timing = Self {
            ttl,
            loop_wait,
            retry_timeout,
            clamp: ttl,
            wait: ttl,
            is_static_given: false,
            stop_time: None,
            drift: DEFAULT_DRIFT,
            adjustments: Vec::new(),
        };
        timing.checked()
    }

    /// The same with another cap on the ttl, for holders and challengers alike.
    /// All members of a scope must use the same one; failover takes that long.
    ///
    /// # Errors
    /// [`TimingError::OutOfRange`] where it is below the ttl or above a day.
    pub fn with_max_ttl(self, max_ttl: Duration) -> Result<Self, TimingError> {
        if max_ttl < self.ttl {
            return Err(out_of_range("max_ttl", max_ttl, "use at least the ttl"));
        }
        self.with_clamp_and_wait(max_ttl, max_ttl)
    }

    /// The same with T_CLAMP (`clamp`) apart from T_WAIT (`wait`), for a change
    /// of `max_ttl` in a running cluster. To raise it: `wait` on all members
    /// first, then `clamp`. To lower it: `clamp` on all, wait the old `wait`,
    /// then `wait`.
    ///
    /// # Errors
    /// [`TimingError::WaitBelowClamp`] where `wait` is below `clamp`,
    /// [`TimingError::OutOfRange`] outside 1 s to 1 day.
    pub fn with_clamp_and_wait(self, clamp: Duration, wait: Duration) -> Result<Self, TimingError> {
        Self {
            clamp,
            wait,
            is_static_given: true,
            ..self
        }
        .checked()
    }

    /// The same with T_CLAMP and T_WAIT of the settings before, unless others
    /// were given.
    pub(crate) fn with_static_of(self, before: &Self) -> Result<Self, TimingError> {
        if self.is_static_given || planted(Bug::WaitFollowsTtl) {
            return Ok(self);
        }
        let (clamp, wait) = (before.clamp, before.wait);
        Self {
            clamp,
            wait,
            ..self
        }
        .checked()
    }

    /// The same with the time that the work needs to stop.
    ///
    /// # Errors
    /// [`TimingError::StopTime`] where it does not fit into the holder's span.
    pub fn with_stop_time(self, stop_time: Duration) -> Result<Self, TimingError> {
        Self {
            stop_time: Some(stop_time),
            ..self
        }
        .checked()
    }

    /// The same with another bound on the rate error of clocks, in parts per
    /// thousand.
    ///
    /// # Errors
    /// [`TimingError::OutOfRange`] above 500.
    pub fn with_drift(self, per_mille: u32) -> Result<Self, TimingError> {
        if per_mille > PER_MILLE / 2 {
            let value = Duration::from_millis(per_mille.into());
            return Err(out_of_range(
                "drift (ms per s)",
                value,
                "use 0 to 500 parts per thousand",
            ));
        }
        Self {
            drift: per_mille,
            ..self
        }
        .checked()
    }

    /// The same with what the config key says of ttl, `loop_wait` and
    /// `retry_timeout`; what it does not say stays. The static settings stay.
    ///
    /// # Errors
    /// [`TimingError`] where the result would be unsafe. Keep the old settings then.
    pub fn with_config(&self, config: &Config) -> Result<Self, TimingError> {
        let ttl = config.ttl().unwrap_or(self.ttl);
        let loop_wait = config
            .loop_wait()
            .unwrap_or_else(|| self.asked("loop_wait", self.loop_wait));
        let retry_timeout = config
            .retry_timeout()
            .unwrap_or_else(|| self.asked("retry_timeout", self.retry_timeout));
        Self {
            ttl,
            loop_wait,
            retry_timeout,
            ..self.clone()
        }
        .checked()
    }

    /// The same as [`LeaseTiming::with_config`], as Patroni reads the key: what
    /// is below its minimums (a ttl of 20 s, a `retry_timeout` of 3 s, a
    /// `loop_wait` of 1 s) is raised to them, which the adjustments tell, and
    /// numbers may stand there as text. For scopes in which Patroni may lead.
    ///
    /// # Errors
    /// [`TimingError`] where the result would be unsafe. Keep the old settings then.
    pub fn with_shared_config(&self, config: &Config) -> Result<Self, TimingError> {
        let (mut shared, mut raised) = (config.clone(), Vec::new());
        for (setting, least) in PATRONIS_LEAST {
            let Some(asked) = config.span(setting) else {
                continue;
            };
            let used = asked.max(least);
            let value = used.as_secs_f64().into();
            shared.settings_mut().insert(setting.to_owned(), value);
            if asked < least {
                raised.push(Adjustment {
                    setting,
                    asked,
                    used,
                });
            }
        }
        let mut timing = self.with_config(&shared)?;
        timing.adjustments.extend(raised);
        Ok(timing)
    }

    /// The config key that says these settings, as they were asked for. Whole
    /// seconds are written as integers, which is what Patroni reads.
    #[must_use]
    pub fn to_config(&self) -> Config {
        let mut config = Config::default();
        for (name, setting) in [
            ("ttl", self.ttl),
            ("loop_wait", self.asked("loop_wait", self.loop_wait)),
            (
                "retry_timeout",
                self.asked("retry_timeout", self.retry_timeout),
            ),
        ] {
            let whole = setting.subsec_nanos() == 0;
            let value = if whole {
                setting.as_secs().into()
            } else {
                setting.as_secs_f64().into()
            };
            config.settings_mut().insert(name.to_owned(), value);
        }
        config
    }

    /// The ttl that records are written with: as set, at most T_CLAMP.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.ttl.min(self.clamp)
    }

    /// The time between two renewals, after adjustment.
    #[must_use]
    pub const fn loop_wait(&self) -> Duration {
        self.loop_wait
    }

    /// The time that one operation may take with all its attempts, after adjustment.
    #[must_use]
    pub const fn retry_timeout(&self) -> Duration {
        self.retry_timeout
    }

    /// The time that one attempt may take: two fit into `retry_timeout`, so
    /// that one dead connection does not eat the whole budget.
    #[must_use]
    pub fn attempt_timeout(&self) -> Duration {
        self.retry_timeout / 2
    }

    /// T_CLAMP: no record of this process claims a longer ttl.
    #[must_use]
    pub const fn clamp(&self) -> Duration {
        self.clamp
    }

    /// T_WAIT: how long this process leaves a version alone before it tries to
    /// replace it (rule Q2). Nothing in a record shortens it.
    #[must_use]
    pub const fn challenger_wait(&self) -> Duration {
        self.wait
    }

    /// The bound on the rate error of clocks, in parts per thousand.
    #[must_use]
    pub const fn drift(&self) -> u32 {
        self.drift
    }

    /// How long before the end of belief the work is told to stop.
    #[must_use]
    pub fn stop_time(&self) -> Duration {
        self.stop_time.unwrap_or_else(|| self.ttl() / 10)
    }

    /// For how long after the sending of a write with the present ttl its
    /// holder may believe.
    #[must_use]
    pub fn holder_span(&self) -> Duration {
        self.span_of(self.ttl())
    }

    /// L_h of the rules: `floor(ttl (1 - rho) / (1 + rho))` in milliseconds, of
    /// a ttl capped at T_CLAMP.
    #[must_use]
    pub fn span_of(&self, ttl: Duration) -> Duration {
        if planted(Bug::NoDriftMargin) {
            return ttl.min(self.clamp);
        }
        if planted(Bug::ClientGoTiming) {
            return ttl.min(self.clamp) * 12 / 15;
        }
        let millis = ttl.min(self.clamp).as_millis();
        let span = millis * u128::from(PER_MILLE - self.drift) / u128::from(PER_MILLE + self.drift);
        Duration::from_millis(u64::try_from(span).unwrap_or(u64::MAX))
    }

    /// How long a challenger waits for a span to be over that somebody else
    /// counts: `ceil(span (1 + rho) / (1 - rho))` in milliseconds.
    pub(in crate::election) fn wait_of(&self, span: Duration) -> Duration {
        let (fast, slow) = (PER_MILLE + self.drift, PER_MILLE - self.drift);
        let nanos = (span.as_nanos() * u128::from(fast)).div_ceil(u128::from(slow));
        let millis = nanos.div_ceil(1_000_000);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// What was changed so that a healthy leader outlives an outage of
    /// `retry_timeout`. Worth a warning in the log.
    #[must_use]
    pub fn adjustments(&self) -> &[Adjustment] {
        &self.adjustments
    }

    fn checked(mut self) -> Result<Self, TimingError> {
        // A claim says milliseconds: what it says has to be what was meant.
        for setting in [&mut self.ttl, &mut self.clamp, &mut self.wait] {
            *setting = whole_millis(*setting);
        }
        let range = SHORTEST_TTL..=LONGEST_TTL;
        for (setting, value) in [
            ("ttl", self.ttl),
            ("max_ttl", self.clamp),
            ("max_ttl", self.wait),
        ] {
            if !range.contains(&value) {
                return Err(out_of_range(setting, value, "use 1 s to 1 day"));
            }
        }
        for (setting, value) in [
            ("loop_wait", self.loop_wait),
            ("retry_timeout", self.retry_timeout),
        ] {
            if value.is_zero() || value > LONGEST_TTL {
                return Err(out_of_range(
                    setting,
                    value,
                    "use more than zero and at most a day",
                ));
            }
        }
        if self.wait < self.clamp && !planted(Bug::ClampAboveWait) {
            return Err(TimingError::WaitBelowClamp {
                wait: self.wait,
                clamp: self.clamp,
            });
        }
        let (stop_time, span) = (self.stop_time(), self.holder_span());
        if span.saturating_sub(stop_time) < LEAST_ROOM {
            return Err(TimingError::StopTime { stop_time, span });
        }
        self.adjust(span.saturating_sub(stop_time));
        Ok(self)
    }

    /// Makes an outage of `retry_timeout`, and what follows it until the next
    /// answer, fit into `room` beside `loop_wait`.
    fn adjust(&mut self, room: Duration) {
        self.loop_wait = self.asked("loop_wait", self.loop_wait);
        self.retry_timeout = self.asked("retry_timeout", self.retry_timeout);
        self.adjustments.clear();
        if self.ttl > self.clamp {
            let (asked, used) = (self.ttl, self.clamp);
            self.adjustments.push(Adjustment {
                setting: "ttl",
                asked,
                used,
            });
        }
        if self.loop_wait + outage_of(self.retry_timeout) <= room {
            return;
        }
        let shortest = SHORTEST_LOOP_WAIT.min(room / 4).min(self.loop_wait);
        let loop_wait = room
            .saturating_sub(outage_of(self.retry_timeout))
            .clamp(shortest, self.loop_wait);
        let retry_timeout = self
            .retry_timeout
            .min(retry_timeout_in(room.saturating_sub(loop_wait)));
        let changes = [
            ("loop_wait", self.loop_wait, loop_wait),
            ("retry_timeout", self.retry_timeout, retry_timeout),
        ];
        let differing = changes.into_iter().filter(|(_, asked, used)| asked != used);
        self.adjustments
            .extend(differing.map(|(setting, asked, used)| Adjustment {
                setting,
                asked,
                used,
            }));
        (self.loop_wait, self.retry_timeout) = (loop_wait, retry_timeout);
    }

    /// What was asked for before the last adjustment.
    fn asked(&self, setting: &str, used: Duration) -> Duration {
        let adjusted = self
            .adjustments
            .iter()
            .find(|a| a.setting == setting && a.used == used);
        adjusted.map_or(used, |adjustment| adjustment.asked)
    }
}

fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

pub(super) const fn out_of_range(
    setting: &'static str,
    value: Duration,
    allowed: &'static str,
) -> TimingError {
    TimingError::OutOfRange {
        setting,
        value,
        allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_holders_span_is_rounded_down_to_the_millisecond() {
        let timing = LeaseTiming::new(s(15), s(5), s(4)).unwrap();
        assert_eq!(timing.holder_span(), Duration::from_millis(14_702));
    }

    #[test]
    fn a_ttl_raised_by_the_config_key_does_not_pass_the_clamp_and_this_is_said() {
        let timing = LeaseTiming::new(s(15), s(5), s(4)).unwrap();
        let raised = timing
            .with_config(&r#"{"ttl": 60}"#.parse().unwrap())
            .unwrap();
        assert_eq!(raised.ttl(), s(15));
        assert_eq!(raised.challenger_wait(), s(15));
        assert_eq!(raised.adjustments()[0].asked, s(60));
    }

    #[test]
    fn a_ttl_lowered_by_the_config_key_shortens_the_span_and_not_the_wait() {
        let timing = LeaseTiming::new(s(30), s(10), s(10)).unwrap();
        let lowered = timing
            .with_config(
                &r#"{"ttl": 20, "loop_wait": 5, "retry_timeout": 5}"#
                    .parse()
                    .unwrap(),
            )
            .unwrap();
        assert!(lowered.holder_span() < s(20));
        assert_eq!(lowered.challenger_wait(), s(30));
    }

    #[test]
    fn a_stop_time_that_outlasts_belief_is_refused() {
        let error = LeaseTiming::new(s(10), s(2), s(2))
            .unwrap()
            .with_stop_time(s(10))
            .unwrap_err();
        assert!(matches!(error, TimingError::StopTime { .. }), "{error}");
    }

    #[test]
    fn a_stop_time_that_leaves_no_room_for_a_heartbeat_is_refused() {
        let timing = LeaseTiming::new(s(10), s(2), s(2)).unwrap();
        let almost_all = timing
            .holder_span()
            .saturating_sub(Duration::from_millis(299));
        assert!(timing.with_stop_time(almost_all).is_err());
    }

    #[test]
    fn a_ttl_is_kept_in_whole_milliseconds() {
        let timing = LeaseTiming::new(Duration::from_micros(15_000_900), s(5), s(4)).unwrap();
        assert_eq!((timing.ttl(), timing.clamp()), (s(15), s(15)));
    }

    #[test]
    fn a_wait_below_the_clamp_is_refused() {
        let error = LeaseTiming::new(s(10), s(2), s(2))
            .unwrap()
            .with_clamp_and_wait(s(20), s(19))
            .unwrap_err();
        assert!(error.to_string().contains("19s"), "{error}");
    }

    #[test]
    fn zero_is_refused_with_its_name_and_the_range() {
        let error = LeaseTiming::new(s(0), s(1), s(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ttl of 0ns is not allowed: use 1 s to 1 day"
        );
    }

    #[test]
    fn settings_that_would_demote_a_healthy_leader_are_adjusted_loop_wait_first() {
        let timing = LeaseTiming::new(s(20), s(12), s(10)).unwrap();
        assert_eq!(timing.retry_timeout(), s(10));
        assert!(timing.loop_wait() < s(12));
        assert_eq!(timing.adjustments()[0].asked, s(12));
    }

    #[test]
    fn where_loop_wait_is_at_its_shortest_the_retry_timeout_is_adjusted_too() {
        let timing = LeaseTiming::new(s(10), s(5), s(9)).unwrap();
        assert_eq!(timing.loop_wait(), s(1));
        // 9.801 s of belief less 1 s to stop and 1 s to the renewal: an outage
        // of R, an attempt of R / 2 and a pause of 1 s fit into what is left.
        assert_eq!(timing.retry_timeout(), Duration::from_millis(6_801) * 2 / 3);
        let adjusted: Vec<_> = timing.adjustments().iter().map(|a| a.asked).collect();
        assert_eq!(adjusted, [s(5), s(9)]);
    }

    #[test]
    fn settings_of_a_shared_scope_below_patronis_minimums_are_raised_and_this_is_told() {
        let timing = LeaseTiming::new(s(30), s(10), s(8)).unwrap();
        let config = r#"{"ttl": 5, "loop_wait": 0.5, "retry_timeout": "1"}"#;
        let shared = timing.with_shared_config(&config.parse().unwrap()).unwrap();
        let in_use = (shared.ttl(), shared.loop_wait(), shared.retry_timeout());
        assert_eq!(in_use, (s(20), s(1), s(3)));
        let told = shared.adjustments().iter();
        let told: Vec<_> = told.map(|told| (told.setting, told.used)).collect();
        assert_eq!(
            told,
            [("ttl", s(20)), ("loop_wait", s(1)), ("retry_timeout", s(3))]
        );
    }

    #[test]
    fn zero_and_less_in_a_shared_config_are_raised_as_patroni_raises_them() {
        let timing = LeaseTiming::new(s(30), s(8), s(8)).unwrap();
        for ttl in ["0", "-1", "\"0\"", "\"-1\""] {
            let config = format!(r#"{{"ttl": {ttl}}}"#).parse().unwrap();
            let shared = timing.with_shared_config(&config).unwrap();
            assert_eq!(shared.ttl(), s(20), "{ttl}");
        }
    }

    #[test]
    fn a_setting_beyond_all_bounds_is_refused_and_not_passed_over() {
        let timing = LeaseTiming::new(s(30), s(8), s(8)).unwrap();
        for ttl in ["1e300", "\"18446744073709551616\"", "18446744073709551615"] {
            let config: Config = format!(r#"{{"ttl": {ttl}}}"#).parse().unwrap();
            assert!(timing.with_config(&config).is_err(), "{ttl}");
            assert!(timing.with_shared_config(&config).is_err(), "{ttl}");
        }
    }

    #[test]
    fn what_a_shared_config_does_not_say_stays_also_below_patronis_minimums() {
        let timing = LeaseTiming::new(s(6), s(2), s(1)).unwrap();
        let config = r#"{"loop_wait": 1}"#.parse().unwrap();
        let shared = timing.with_shared_config(&config).unwrap();
        assert_eq!((shared.ttl(), shared.retry_timeout()), (s(6), s(1)));
    }

    #[test]
    fn a_drift_that_no_clock_has_is_refused() {
        let timing = LeaseTiming::new(s(10), s(2), s(2)).unwrap();
        assert!(timing.clone().with_drift(500).is_ok());
        let error = timing.with_drift(501).unwrap_err();
        assert!(error.to_string().contains("501ms"), "{error}");
    }

    #[test]
    fn settings_written_to_the_config_key_come_back_from_it() {
        let timing = LeaseTiming::new(s(20), s(12), Duration::from_millis(9_500)).unwrap();
        let config = timing.to_config();
        assert_eq!(
            config.to_string(),
            r#"{"ttl":20,"loop_wait":12,"retry_timeout":9.5}"#
        );
        assert_eq!(timing.with_config(&config), Ok(timing));
    }

    #[test]
    fn an_adjustment_is_undone_when_the_ttl_leaves_room_again() {
        let timing = LeaseTiming::new(s(20), s(12), s(10))
            .unwrap()
            .with_max_ttl(s(60))
            .unwrap();
        let roomy = timing
            .with_config(&r#"{"ttl": 60}"#.parse().unwrap())
            .unwrap();
        assert_eq!(roomy.loop_wait(), s(12));
        assert!(roomy.adjustments().is_empty());
    }

    proptest! {
        #[test]
        fn shared_settings_are_raised_to_patronis_minimums_and_fit_the_ttl(
            ttl in 1_u64..200, loop_wait in 1_u64..100, retry in 1_u64..100,
        ) {
            let base = LeaseTiming::new(s(30), s(10), s(10)).unwrap().with_max_ttl(s(200)).unwrap();
            let config = format!(r#"{{"ttl":{ttl},"loop_wait":{loop_wait},"retry_timeout":{retry}}}"#);
            let shared = base.with_shared_config(&config.parse().unwrap()).unwrap();
            prop_assert_eq!(shared.ttl(), s(ttl.max(20)));
            prop_assert!(shared.loop_wait() >= s(1));
            prop_assert!(shared.retry_timeout() >= s(3));
            prop_assert!(shared.outage_survived() >= shared.retry_timeout());
        }

        #[test]
        fn accepted_settings_keep_both_inequalities(
            ttl in 1_u64..200_000, loop_wait in 1_u64..100_000, retry in 1_u64..100_000,
            stop in proptest::option::of(0_u64..200_000), drift in 0_u32..600, extra in 0_u64..100_000,
        ) {
            let ms = Duration::from_millis;
            let timing = LeaseTiming::new(ms(ttl), ms(loop_wait), ms(retry))
                .and_then(|t| t.with_drift(drift))
                .and_then(|t| t.with_max_ttl(ms(ttl + extra)))
                .and_then(|t| stop.map_or(Ok(t.clone()), |stop| t.with_stop_time(ms(stop))));
            if let Ok(timing) = timing {
                prop_assert!(timing.stop_time() < timing.holder_span());
                prop_assert!(timing.clamp() <= timing.challenger_wait());
                prop_assert!(timing.holder_span() <= timing.ttl());
                prop_assert!(timing.loop_wait() + timing.retry_timeout() + timing.stop_time() <= timing.holder_span());
                prop_assert!(timing.outage_survived() >= timing.retry_timeout());
                prop_assert!(!timing.loop_wait().is_zero() && !timing.retry_timeout().is_zero());
            }
        }
    }
}
