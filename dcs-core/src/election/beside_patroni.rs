//! What changes where Patroni may lead in the same scope.

use std::time::Duration;

use super::seeded::{Bug, planted};
use super::timing::{LONGEST_TTL, LeaseTiming, TimingError, out_of_range};
use crate::{Config, LeaderRecord, Value};

/// What Patroni takes where nobody says otherwise.
const DEFAULT_RETRY_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_TTL: Duration = Duration::from_secs(30);
/// Less than this is raised by Patroni.
pub(super) const LEAST_RETRY_TIMEOUT: Duration = Duration::from_secs(3);
pub(super) const LEAST_TTL: Duration = Duration::from_secs(20);

/// How members go about a scope in which Patroni may lead, too.
///
/// Patroni believes in its lock for the ttl of the record from when its write
/// was *answered*, which may be its `retry_timeout` after it was sent. So a
/// version that shows no valid claim of this library is left alone for
/// `(ttl + retry_timeout) (1 + rho) / (1 - rho)` where that is longer than
/// T_WAIT, with the ttl as the record shows it: it has no cap, and one above
/// T_WAIT is told as
/// [`Alarm::PatroniTtlAboveWait`](super::Alarm::PatroniTtlAboveWait). A record
/// without holder may be what is left of a Patroni's, and is left alone as long.
///
/// Patroni itself follows rules of its own: at most one member believes among
/// the members that follow these ones. See `docs/election.md` of the repository.
///
/// ```
/// use std::time::Duration;
/// use dcs_core::election::BesidePatroni;
///
/// let beside = BesidePatroni::new().with_retry_timeout(Duration::from_secs(20))?;
/// assert_eq!(beside.retry_timeout(), Duration::from_secs(20));
/// # Ok::<(), dcs_core::election::TimingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BesidePatroni {
    retry_timeout: Duration,
    /// The longest ttl that the config key has shown; zero before it was seen.
    ttl: Duration,
    release: PatroniRelease,
}

/// Whether a release by Patroni lets members acquire at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: it is waited for or it is not"
)]
pub enum PatroniRelease {
    /// It does not: what it leaves behind is left alone as its lock was.
    #[default]
    Wait,
    /// It does, if an unbroken watch showed the holder go and nothing else
    /// change. **A third party that removes the holder looks the same**, and
    /// then two members may believe at once.
    Take,
}

impl BesidePatroni {
    /// Beside Patroni with its default `retry_timeout` of 10 s, waiting after
    /// its releases.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            retry_timeout: DEFAULT_RETRY_TIMEOUT,
            ttl: Duration::ZERO,
            release: PatroniRelease::Wait,
        }
    }

    /// The same with another `retry_timeout` of Patroni's. Where the config key
    /// is followed ([`ElectorBuilder::follow_config`](super::ElectorBuilder::follow_config))
    /// a longer one that it shows counts from then on. A member that starts after
    /// the key was changed to a shorter one does not know the longer one, by
    /// which Patroni may still be writing: tell the longest that will be there.
    ///
    /// # Errors
    /// [`TimingError::OutOfRange`] below 3 s, which Patroni does not go below,
    /// and above a day.
    pub fn with_retry_timeout(self, retry_timeout: Duration) -> Result<Self, TimingError> {
        if !(LEAST_RETRY_TIMEOUT..=LONGEST_TTL).contains(&retry_timeout) {
            return Err(out_of_range(
                "retry_timeout of Patroni",
                retry_timeout,
                "use what Patroni uses, 3 s to 1 day",
            ));
        }
        Ok(Self {
            retry_timeout,
            ..self
        })
    }

    /// The same with another word on whether releases by Patroni count.
    #[must_use]
    pub const fn with_release(self, release: PatroniRelease) -> Self {
        Self { release, ..self }
    }

    /// Whether a release by Patroni lets members acquire at once.
    #[must_use]
    pub const fn release(&self) -> PatroniRelease {
        self.release
    }

    /// For how long Patroni may try one operation, as far as is known.
    #[must_use]
    pub const fn retry_timeout(&self) -> Duration {
        self.retry_timeout
    }

    /// The config key shows another `retry_timeout` or ttl. It never shortens the
    /// one that is known: a write may be under way by the longer one.
    pub(super) fn sees(&mut self, config: &Config) {
        let shown = retry_timeout_of(config).unwrap_or_default();
        if planted(Bug::PatroniRetryLowered) && !shown.is_zero() {
            self.retry_timeout = shown;
            return;
        }
        self.retry_timeout = self.retry_timeout.max(shown);
        self.ttl = self.ttl.max(ttl_of(config).min(LONGEST_TTL));
    }

    /// L_c: how long a version is left alone. `former` is the ttl of who held
    /// the key last, of which a deletion leaves no trace.
    pub(super) fn wait(
        &self,
        record: &Value<LeaderRecord>,
        former: Option<Duration>,
        timing: &LeaseTiming,
    ) -> Duration {
        let own = timing.challenger_wait();
        let record = record.present();
        let is_ours = record.is_some_and(|record| record.valid_claim().is_some());
        if is_ours || planted(Bug::PatroniWaitIgnored) {
            return own;
        }
        let shown = record.and_then(|record| record.ttl).unwrap_or_default();
        let is_held = record.is_some_and(|record| record.holder.is_some());
        let ttl = if planted(Bug::PatroniTtlFromOwn) {
            own
        } else if is_held && !shown.is_zero() {
            shown
        } else {
            // Nobody says by which ttl somebody may still believe.
            let known = former.unwrap_or_default().max(self.ttl);
            shown.max(known).max(own)
        };
        own.max(self.believed_for(ttl, timing))
    }

    /// How long after the first sight of a lock with this ttl Patroni may believe
    /// in it.
    pub(super) fn believed_for(&self, ttl: Duration, timing: &LeaseTiming) -> Duration {
        timing.wait_of(ttl.saturating_add(self.retry_timeout))
    }
}

impl Default for BesidePatroni {
    fn default() -> Self {
        Self::new()
    }
}

/// The `retry_timeout` that Patroni makes of the config key, which fits twice
/// into its ttl.
fn retry_timeout_of(config: &Config) -> Option<Duration> {
    let asked = config.span("retry_timeout")?;
    Some(asked.min(ttl_of(config) / 2).min(LONGEST_TTL))
}

/// The ttl that Patroni makes of the config key.
fn ttl_of(config: &Config) -> Duration {
    config.span("ttl").unwrap_or(DEFAULT_TTL).max(LEAST_TTL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberName;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn timing() -> LeaseTiming {
        LeaseTiming::new(s(15), s(5), s(4)).unwrap()
    }

    fn record(holder: Option<&str>, ttl: Option<u64>) -> Value<LeaderRecord> {
        let holder = holder.map(|name| name.parse::<MemberName>().unwrap());
        Value::Present(LeaderRecord {
            holder,
            ttl: ttl.map(s),
            ..LeaderRecord::default()
        })
    }

    fn wait(record: &Value<LeaderRecord>, former: Option<Duration>) -> Duration {
        BesidePatroni::new().wait(record, former, &timing())
    }

    fn sees(config: &str) -> Duration {
        let mut beside = BesidePatroni::new();
        beside.sees(&config.parse().unwrap());
        beside.retry_timeout()
    }

    #[test]
    fn a_lock_of_patroni_is_left_alone_for_its_ttl_and_its_retry_timeout_and_the_drift() {
        // 40 s * 1.01 / 0.99, rounded up to the millisecond.
        let least = Duration::from_millis(40_809);
        assert_eq!(wait(&record(Some("pg1"), Some(30)), None), least);
    }

    #[test]
    fn a_short_ttl_of_patroni_does_not_shorten_the_own_wait() {
        let long = LeaseTiming::new(s(60), s(5), s(4)).unwrap();
        let beside = BesidePatroni::new();
        let lock = record(Some("pg1"), Some(20));
        assert_eq!(beside.wait(&lock, None, &long), s(60));
    }

    #[test]
    fn a_lock_without_a_ttl_is_left_alone_as_one_of_the_own_wait() {
        // 25 s * 1.01 / 0.99.
        let least = Duration::from_millis(25_506);
        for ttl in [None, Some(0)] {
            assert_eq!(wait(&record(Some("pg1"), ttl), None), least);
        }
        assert_eq!(wait(&Value::Malformed("x".to_owned()), None), least);
    }

    #[test]
    fn a_record_without_holder_is_left_alone_for_the_ttl_of_who_held_it_last() {
        let least = Duration::from_millis(40_809);
        assert_eq!(wait(&record(None, Some(15)), Some(s(30))), least);
        assert_eq!(wait(&record(None, Some(30)), None), least);
    }

    #[test]
    fn a_record_without_holder_never_counts_for_less_than_the_own_wait() {
        let least = Duration::from_millis(25_506);
        assert_eq!(wait(&record(None, Some(1)), Some(s(2))), least);
    }

    #[test]
    fn a_ttl_without_bound_overflows_nothing() {
        let forever = wait(&record(Some("pg1"), Some(u64::MAX)), None);
        assert!(forever > s(1_000_000_000_000));
    }

    #[test]
    fn the_config_key_moves_the_retry_timeout_up_and_never_down() {
        assert_eq!(sees(r#"{"ttl": 60, "retry_timeout": 20}"#), s(20));
        assert_eq!(sees(r#"{"ttl": 60, "retry_timeout": " 20 "}"#), s(20));
        assert_eq!(sees(r#"{"ttl": 60, "retry_timeout": 5}"#), s(10));
    }

    #[test]
    fn a_retry_timeout_that_does_not_fit_twice_into_the_ttl_counts_as_patroni_adjusts_it() {
        assert_eq!(sees(r#"{"ttl": 60, "retry_timeout": 3600}"#), s(30));
        assert_eq!(sees(r#"{"retry_timeout": 3600}"#), s(15));
    }

    #[test]
    fn what_is_no_number_of_seconds_moves_nothing() {
        for bad in ["null", "-1", "1e999", "\"x\"", "[20]", "true"] {
            let config = format!(r#"{{"ttl":60,"retry_timeout":{bad}}}"#);
            let Ok(config) = config.parse::<Config>() else {
                continue;
            };
            let mut beside = BesidePatroni::new();
            beside.sees(&config);
            assert_eq!(beside.retry_timeout(), s(10), "{bad}");
        }
    }

    #[test]
    fn a_retry_timeout_that_patroni_does_not_use_is_refused() {
        for bad in [s(0), s(2), s(86_401)] {
            let error = BesidePatroni::new().with_retry_timeout(bad).unwrap_err();
            assert!(error.to_string().contains("3 s to 1 day"), "{error}");
        }
    }

    #[test]
    fn a_retry_timeout_of_the_config_key_counts_up_to_a_day() {
        assert_eq!(sees(r#"{"ttl": 1e9, "retry_timeout": 1e9}"#), s(86_400));
        let text = r#"{"ttl": 1e99, "retry_timeout": "99999999999999999999"}"#;
        assert_eq!(sees(text), s(86_400));
    }

    #[test]
    fn a_ttl_below_patronis_minimum_leaves_room_for_a_retry_timeout_as_the_minimum_does() {
        let mut beside = BesidePatroni::new().with_retry_timeout(s(3)).unwrap();
        for ttl in ["5", "0", "-5", "\"-5\""] {
            let config = format!(r#"{{"ttl": {ttl}, "retry_timeout": 3600}}"#);
            beside.sees(&config.parse().unwrap());
            assert_eq!(beside.retry_timeout(), s(10), "{ttl}");
        }
    }

    #[test]
    fn where_no_record_says_a_ttl_the_longest_that_the_config_key_has_shown_counts() {
        let mut beside = BesidePatroni::new();
        for config in [r#"{"ttl": 60}"#, r#"{"ttl": 20}"#] {
            beside.sees(&config.parse().unwrap());
            // (60 s + 10 s) 1.01 / 0.99.
            let least = Duration::from_millis(71_415);
            for unsaid in [record(None, Some(20)), record(Some("pg1"), None)] {
                assert_eq!(beside.wait(&unsaid, None, &timing()), least);
            }
        }
        let said = beside.wait(&record(Some("pg1"), Some(30)), None, &timing());
        assert_eq!(said, Duration::from_millis(40_809));
    }

    #[test]
    fn a_config_key_without_a_ttl_means_patronis_own_and_none_counts_beyond_a_day() {
        let waits = |config: &str| {
            let mut beside = BesidePatroni::new();
            beside.sees(&config.parse().unwrap());
            beside.wait(&record(None, None), None, &timing())
        };
        assert_eq!(waits("{}"), Duration::from_millis(40_809));
        // (86,400 s + 10 s) 1.01 / 0.99.
        assert_eq!(waits(r#"{"ttl": 1e9}"#), Duration::from_millis(88_155_657));
    }
}
