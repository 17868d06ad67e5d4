//! What Patroni makes of ttl, `loop_wait` and `retry_timeout` in the config key.

use std::time::Duration;

use dcs_core::Config;

/// Patroni's settings, after its own adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Settings {
    pub(in crate::sim) ttl: Duration,
    pub(in crate::sim) loop_wait: Duration,
    /// The time that one operation may take with all its attempts.
    pub(in crate::sim) retry_timeout: Duration,
}

const SECOND: Duration = Duration::from_secs(1);
const LEAST_TTL: u64 = 20;
const LEAST_LOOP_WAIT: u64 = 1;
const LEAST_RETRY_TIMEOUT: u64 = 3;

impl Settings {
    /// These many seconds of each, as Patroni would use them: what is below its
    /// minimums is raised, and then `loop_wait + 2 retry_timeout <= ttl` is made
    /// to hold, by `loop_wait` first.
    pub(in crate::sim) fn adjusted(ttl: u64, loop_wait: u64, retry_timeout: u64) -> Self {
        let ttl = ttl.max(LEAST_TTL);
        let (mut loop_wait, mut retry_timeout) = (
            loop_wait.max(LEAST_LOOP_WAIT),
            retry_timeout.max(LEAST_RETRY_TIMEOUT),
        );
        if 1 + 2 * retry_timeout > ttl {
            (loop_wait, retry_timeout) = (1, (ttl - 1) / 2);
        } else if loop_wait + 2 * retry_timeout > ttl {
            loop_wait = ttl - 2 * retry_timeout;
        }
        Self {
            ttl: Duration::from_secs(ttl),
            loop_wait: Duration::from_secs(loop_wait),
            retry_timeout: Duration::from_secs(retry_timeout),
        }
    }

    /// What the config key says; what it does not say stays.
    pub(in crate::sim) fn with_config(self, config: &Config) -> Self {
        let whole = |said: Option<Duration>, now: Duration| said.unwrap_or(now).as_secs();
        Self::adjusted(
            whole(config.ttl(), self.ttl),
            whole(config.loop_wait(), self.loop_wait),
            whole(config.retry_timeout(), self.retry_timeout),
        )
    }

    /// How long the first try of an operation may take of what is left of it:
    /// half, as long as that is a second; `None` where no second is left.
    pub(in crate::sim) fn one_try(left: Duration) -> Option<Duration> {
        let halves = left / 2 >= SECOND;
        (left >= SECOND).then_some(if halves { left / 2 } else { left })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::adjusted(30, 10, 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn seconds(settings: Settings) -> [u64; 3] {
        [
            settings.ttl.as_secs(),
            settings.loop_wait.as_secs(),
            settings.retry_timeout.as_secs(),
        ]
    }

    #[test]
    fn settings_that_fit_stay_as_they_are() {
        assert_eq!(seconds(Settings::adjusted(30, 10, 10)), [30, 10, 10]);
        assert_eq!(seconds(Settings::adjusted(60, 10, 20)), [60, 10, 20]);
    }

    #[test]
    fn settings_below_the_minimums_are_raised() {
        assert_eq!(seconds(Settings::adjusted(5, 0, 1)), [20, 1, 3]);
    }

    #[test]
    fn a_loop_wait_that_does_not_fit_is_shortened() {
        assert_eq!(seconds(Settings::adjusted(30, 20, 10)), [30, 10, 10]);
    }

    #[test]
    fn a_retry_timeout_that_does_not_fit_twice_is_shortened_and_loop_wait_is_a_second() {
        assert_eq!(seconds(Settings::adjusted(20, 10, 10)), [20, 1, 9]);
    }

    #[test]
    fn what_the_config_key_does_not_say_stays() {
        let config: Config = r#"{"ttl":60}"#.parse().unwrap();
        let settings = Settings::adjusted(30, 5, 10).with_config(&config);
        assert_eq!(seconds(settings), [60, 5, 10]);
    }

    #[test]
    fn a_try_takes_half_of_what_is_left_while_that_is_a_second() {
        assert_eq!(Settings::one_try(s(10)), Some(s(5)));
        let short = Duration::from_millis(1_500);
        assert_eq!(Settings::one_try(short), Some(short));
        assert_eq!(Settings::one_try(Duration::from_millis(999)), None);
    }
}
