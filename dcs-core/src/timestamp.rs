//! Wall-clock instants as they stand in records: for people, never for rules.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// A wall-clock instant with a resolution of one microsecond, as records show
/// it to people.
///
/// No rule of this library compares one with a clock. Its text is what Python's
/// `datetime.isoformat` gives for UTC, which Patroni writes:
/// `2026-01-02T03:04:05.678901+00:00`, without the fraction where it is zero.
///
/// ```
/// use dcs_core::Timestamp;
///
/// let text = "2026-01-02T03:04:05.678901+00:00";
/// assert_eq!(text.parse::<Timestamp>()?.to_string(), text);
/// # Ok::<(), dcs_core::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// Why a text is no timestamp.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{value:?} is no timestamp: use ISO 8601 with an offset, such as 2026-01-02T03:04:05+00:00"
)]
#[non_exhaustive]
pub struct TimestampError {
    /// The refused text, cut to 80 characters.
    pub value: String,
}

impl Timestamp {
    /// This instant of the wall clock, cut to whole microseconds. Instants
    /// outside the years -9999 to 9999 become the nearest one inside.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        let stamp = jiff::Timestamp::try_from(time).unwrap_or_else(|_| {
            if time < SystemTime::UNIX_EPOCH {
                jiff::Timestamp::MIN
            } else {
                jiff::Timestamp::MAX
            }
        });
        Self::cut(stamp)
    }

    /// Milliseconds since the Unix epoch, rounded down.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.as_microsecond().div_euclid(1000)
    }

    /// The first instant that records may show for a write which replaces a
    /// record that shows `replaced`: always another one, and a later one if
    /// `replaced` is less than a day ahead.
    #[must_use]
    pub fn after(self, replaced: Option<Self>) -> Self {
        let Some(replaced) = replaced else {
            return self;
        };
        let ahead = replaced.0.duration_since(self.0);
        if ahead < jiff::SignedDuration::ZERO || ahead > jiff::SignedDuration::from_hours(24) {
            return self;
        }
        Self(
            replaced
                .0
                .checked_add(Duration::from_micros(1))
                .unwrap_or(self.0),
        )
    }

    fn cut(stamp: jiff::Timestamp) -> Self {
        Self(jiff::Timestamp::from_microsecond(stamp.as_microsecond()).unwrap_or(stamp))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        text.parse().map(Self::cut).map_err(|_| TimestampError {
            value: text.chars().take(80).collect(),
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.0.as_microsecond().rem_euclid(1_000_000) {
            0 => "%Y-%m-%dT%H:%M:%S+00:00",
            _ => "%Y-%m-%dT%H:%M:%S.%6f+00:00",
        };
        fmt::Display::fmt(&self.0.strftime(format), f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_text_is_the_one_that_python_writes() {
        let micros = SystemTime::UNIX_EPOCH + Duration::from_micros(1_767_323_045_678_901);
        assert_eq!(
            Timestamp::from_system_time(micros).to_string(),
            "2026-01-02T03:04:05.678901+00:00"
        );
        let whole = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        assert_eq!(
            Timestamp::from_system_time(whole).to_string(),
            "2026-01-02T03:04:05+00:00"
        );
    }

    #[test]
    fn a_renewal_within_the_same_microsecond_shows_a_later_instant() {
        let now = at("2026-01-02T03:04:05.000001+00:00");
        assert!(now.after(Some(now)) > now);
    }

    #[test]
    fn a_record_of_a_clock_that_runs_an_hour_ahead_is_followed_by_a_later_instant() {
        let now = at("2026-01-02T03:04:05+00:00");
        let ahead = at("2026-01-02T04:04:05+00:00");
        assert!(now.after(Some(ahead)) > ahead);
    }

    #[test]
    fn an_instant_far_ahead_in_a_record_does_not_pull_us_along() {
        let now = at("2026-01-02T03:04:05+00:00");
        assert_eq!(now.after(Some(at("2099-01-01T00:00:00+00:00"))), now);
    }

    #[test]
    fn rubbish_is_no_timestamp() {
        for bad in ["", "now", "2026-01-02", "2026-01-02T03:04:05", "\u{0}"] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad:?}");
        }
    }
}
