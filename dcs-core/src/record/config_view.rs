//! What Patroni's members read out of the config key.

use std::time::Duration;

use serde_json::{Map, Value};

use super::read::{self, Seconds};

/// The settings of a cluster, read as Patroni reads them: what is absent has
/// Patroni's default, and so has what cannot be used, which
/// [`rejected`](Self::rejected) lists. Begin with [`Config::view`](crate::Config::view).
///
/// - Booleans are `true`, `on`, `yes` and `1`, or `false`, `off`, `no` and `0`,
///   in any case, also as text.
/// - Numbers may stand there as text; fractions are rounded.
/// - Times are seconds, or text with a unit: `us`, `ms`, `s`, `min`, `h`, `d`.
///
/// `ttl`, `loop_wait` and `retry_timeout` are read by [`Config`](crate::Config)
/// itself.
///
/// ```
/// use std::time::Duration;
/// use dcs_core::{Config, SynchronousMode};
///
/// let text = r#"{"pause":"on","synchronous_mode":"quorum","member_slots_ttl":"30min","check_timeline":7}"#;
/// let config: Config = text.parse()?;
/// let view = config.view();
/// assert!(view.pause());
/// assert_eq!(view.synchronous_mode(), SynchronousMode::Quorum);
/// assert_eq!(view.member_slots_ttl(), Duration::from_secs(1_800));
/// assert_eq!(view.maximum_lag_on_failover(), 1_048_576);
/// assert_eq!(view.rejected()[0].setting, "check_timeline");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConfigView<'a>(&'a Map<String, Value>);

/// Whether, and how, a commit waits for standbys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: the setting is off, on or quorum"
)]
pub enum SynchronousMode {
    /// It does not wait.
    #[default]
    Off,
    /// It waits for the named standbys.
    On,
    /// It waits for so many of the named standbys.
    Quorum,
}

/// A setting that stands there and cannot be used: its default is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// The setting.
    pub setting: &'static str,
    /// What stands there, cut to 80 characters.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// What a setting may be.
#[derive(Clone, Copy)]
enum Kind {
    Flag,
    Number,
    Span,
    Mode,
    Object,
    List,
    Positive,
}

/// Every setting that is read here or by the election.
const SETTINGS: [(&str, Kind); 22] = [
    ("ttl", Kind::Positive),
    ("loop_wait", Kind::Positive),
    ("retry_timeout", Kind::Positive),
    ("pause", Kind::Flag),
    ("synchronous_mode", Kind::Mode),
    ("synchronous_mode_strict", Kind::Flag),
    ("synchronous_node_count", Kind::Number),
    ("maximum_lag_on_failover", Kind::Number),
    ("maximum_lag_on_syncnode", Kind::Number),
    ("primary_start_timeout", Kind::Span),
    ("primary_stop_timeout", Kind::Span),
    ("primary_race_backoff", Kind::Span),
    ("failsafe_mode", Kind::Flag),
    ("check_timeline", Kind::Flag),
    ("max_timelines_history", Kind::Number),
    ("member_slots_ttl", Kind::Span),
    ("slots", Kind::Object),
    ("permanent_slots", Kind::Object),
    ("permanent_replication_slots", Kind::Object),
    ("ignore_slots", Kind::List),
    ("standby_cluster", Kind::Object),
    ("postgresql", Kind::Object),
];

impl<'a> ConfigView<'a> {
    pub(super) const fn new(settings: &'a Map<String, Value>) -> Self {
        Self(settings)
    }

    /// `pause`: nobody takes leadership by itself. Off by default.
    #[must_use]
    pub fn pause(self) -> bool {
        self.flag("pause")
    }

    /// `synchronous_mode`: off by default, and always off in a
    /// [standby cluster](Self::is_standby_cluster).
    #[must_use]
    pub fn synchronous_mode(self) -> SynchronousMode {
        let mode = self.get("synchronous_mode").and_then(read::mode);
        mode.filter(|_| !self.is_standby_cluster())
            .unwrap_or_default()
    }

    /// `synchronous_mode_strict`: without a standby nothing is committed. Off by default.
    #[must_use]
    pub fn synchronous_mode_strict(self) -> bool {
        self.flag("synchronous_mode_strict")
    }

    /// `synchronous_node_count`: how many standbys a commit waits for; 1 by
    /// default, and at least 1 in strict mode.
    #[must_use]
    pub fn synchronous_node_count(self) -> u32 {
        let count = self.number("synchronous_node_count", 1);
        let least = i64::from(self.synchronous_mode_strict());
        u32::try_from(count.max(least)).unwrap_or(u32::MAX)
    }

    /// `maximum_lag_on_failover`: how many bytes a member may be behind the
    /// leader and still lead next; 1 MiB by default. Below zero nobody may who
    /// is not ahead.
    #[must_use]
    pub fn maximum_lag_on_failover(self) -> i64 {
        self.number("maximum_lag_on_failover", 1_048_576)
    }

    /// `maximum_lag_on_syncnode`: how many bytes a synchronous standby may be
    /// behind before another one takes its place; `None`, the default, for any
    /// number (0 and below).
    #[must_use]
    pub fn maximum_lag_on_syncnode(self) -> Option<u64> {
        let bytes = u64::try_from(self.number("maximum_lag_on_syncnode", -1));
        bytes.ok().filter(|bytes| *bytes > 0)
    }

    /// `primary_start_timeout`: how long a crashed primary may take to start
    /// before another member leads; 5 minutes by default.
    #[must_use]
    pub fn primary_start_timeout(self) -> Duration {
        self.span("primary_start_timeout", 300)
    }

    /// `primary_stop_timeout`: how long a primary may take to stop in
    /// synchronous mode; 0, the default, for as long as it takes.
    #[must_use]
    pub fn primary_stop_timeout(self) -> Duration {
        self.span("primary_stop_timeout", 0)
    }

    /// `primary_race_backoff`: how long a member waits before it runs for
    /// leadership; 0 by default.
    #[must_use]
    pub fn primary_race_backoff(self) -> Duration {
        self.span("primary_race_backoff", 0)
    }

    /// `failsafe_mode`: a leader may go on without the store while all members
    /// agree. Off by default.
    #[must_use]
    pub fn failsafe_mode(self) -> bool {
        self.flag("failsafe_mode")
    }

    /// `check_timeline`: a replica whose timeline is behind does not lead. Off
    /// by default.
    #[must_use]
    pub fn check_timeline(self) -> bool {
        self.flag("check_timeline")
    }

    /// `max_timelines_history`: how many lines the history keeps; `None`, the
    /// default, for all (0 and below).
    #[must_use]
    pub fn max_timelines_history(self) -> Option<usize> {
        let lines = usize::try_from(self.number("max_timelines_history", 0));
        lines.ok().filter(|lines| *lines > 0)
    }

    /// `member_slots_ttl`: how long the slot of an absent member is kept; 30
    /// minutes by default, and not at all at 0.
    #[must_use]
    pub fn member_slots_ttl(self) -> Duration {
        self.span("member_slots_ttl", 1_800)
    }

    /// `slots`: the permanent slots by name, also under the older names
    /// `permanent_slots` and `permanent_replication_slots`. `None` where there
    /// are none.
    #[must_use]
    pub fn slots(self) -> Option<&'a Map<String, Value>> {
        let names = ["permanent_replication_slots", "permanent_slots", "slots"];
        let mut found = names.into_iter().filter_map(|name| self.object(name));
        found.find(|slots| !slots.is_empty())
    }

    /// `ignore_slots`: which slots are left alone; none by default.
    #[must_use]
    pub fn ignore_slots(self) -> &'a [Value] {
        let list = self.get("ignore_slots").and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// Whether `standby_cluster` says where to follow another cluster: by
    /// `host`, `port` or `restore_command`.
    #[must_use]
    pub fn is_standby_cluster(self) -> bool {
        let Some(source) = self.object("standby_cluster") else {
            return false;
        };
        let says = |name: &&str| source.get(*name).is_some_and(read::is_truthy);
        ["host", "port", "restore_command"].iter().any(says)
    }

    /// The settings that stand there and cannot be used. Null is absence.
    #[must_use]
    pub fn rejected(self) -> Vec<Rejected> {
        let settings = SETTINGS.into_iter().filter_map(|(setting, kind)| {
            let value = self.get(setting)?;
            let rejected = Rejected {
                setting,
                value: value.to_string().chars().take(80).collect(),
                allowed: kind.allowed(),
            };
            (!kind.takes(value)).then_some(rejected)
        });
        settings.collect()
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn flag(self, name: &str) -> bool {
        self.get(name).and_then(read::flag).unwrap_or_default()
    }

    fn number(self, name: &str, default: i64) -> i64 {
        self.get(name).and_then(read::number).unwrap_or(default)
    }

    fn span(self, name: &str, default: u64) -> Duration {
        let seconds = self.get(name).and_then(read::seconds);
        seconds.map_or(Duration::from_secs(default), Seconds::span)
    }

    fn object(self, name: &str) -> Option<&'a Map<String, Value>> {
        self.get(name).and_then(Value::as_object)
    }
}

impl Kind {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Flag => read::flag(value).is_some(),
            Self::Number => read::number(value).is_some(),
            Self::Span => read::seconds(value).is_some(),
            Self::Mode => read::mode(value).is_some(),
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
            Self::Positive => read::positive(value).is_some(),
        }
    }

    const fn allowed(self) -> &'static str {
        match self {
            Self::Flag => "use true or false",
            Self::Number => "use a whole number",
            Self::Span => {
                "use seconds from 0 on, or text with one of the units us, ms, s, min, h and d"
            }
            Self::Mode => "use on, off or quorum",
            Self::Object => "use an object",
            Self::List => "use a list",
            Self::Positive => "use a number of seconds above 0",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Config;

    fn config(settings: Value) -> Config {
        match settings {
            Value::Object(settings) => Config::new(settings),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_absent_or_null_has_patronis_default() {
        for settings in [
            json!({}),
            SETTINGS.iter().map(|s| (s.0, Value::Null)).collect(),
        ] {
            let config = config(settings);
            let view = config.view();
            assert!(!view.pause() && !view.failsafe_mode() && !view.check_timeline());
            assert_eq!(view.synchronous_mode(), SynchronousMode::Off);
            assert!(!view.synchronous_mode_strict());
            assert_eq!(view.synchronous_node_count(), 1);
            assert_eq!(view.maximum_lag_on_failover(), 1_048_576);
            assert_eq!(view.maximum_lag_on_syncnode(), None);
            assert_eq!(view.primary_start_timeout(), Duration::from_secs(300));
            assert_eq!(view.primary_stop_timeout(), Duration::ZERO);
            assert_eq!(view.primary_race_backoff(), Duration::ZERO);
            assert_eq!(view.max_timelines_history(), None);
            assert_eq!(view.member_slots_ttl(), Duration::from_secs(1_800));
            assert!(view.slots().is_none() && view.ignore_slots().is_empty());
            assert!(!view.is_standby_cluster());
            assert_eq!(view.rejected(), []);
        }
    }

    #[test]
    fn booleans_are_read_in_every_spelling() {
        let truths = [
            json!(true),
            json!("On"),
            json!("TRUE"),
            json!("yes"),
            json!("1"),
            json!(1),
        ];
        let lies = [
            json!(false),
            json!("off"),
            json!("False"),
            json!("no"),
            json!("0"),
            json!(0),
        ];
        for (spellings, expected) in [(truths, true), (lies, false)] {
            for spelling in spellings {
                let config = config(json!({"pause": spelling}));
                assert_eq!(config.view().pause(), expected, "{config}");
                assert_eq!(config.view().rejected(), [], "{config}");
            }
        }
    }

    #[test]
    fn a_pause_is_read_as_patroni_reads_it() {
        let says = |pause: &str| {
            let config: Config = format!(r#"{{"pause":{pause}}}"#).parse().unwrap();
            config.view().pause()
        };
        for yes in ["true", "1", "\"on\"", "\"True\"", "\"YES\"", "\"1\""] {
            assert!(says(yes), "{yes}");
        }
        for no in [
            "false", "0", "null", "\"off\"", "\"\"", "2", "[true]", "1.0",
        ] {
            assert!(!says(no), "{no}");
        }
        assert!(!Config::default().view().pause());
    }

    #[test]
    fn the_synchronous_mode_is_a_boolean_or_quorum() {
        let modes = [
            (json!("Quorum"), SynchronousMode::Quorum),
            (json!("on"), SynchronousMode::On),
            (json!(true), SynchronousMode::On),
            (json!("off"), SynchronousMode::Off),
            (json!("rubbish"), SynchronousMode::Off),
        ];
        for (text, mode) in modes {
            let config = config(json!({"synchronous_mode": text}));
            assert_eq!(config.view().synchronous_mode(), mode, "{config}");
        }
    }

    #[test]
    fn a_standby_cluster_is_never_synchronous() {
        let config = config(json!({"synchronous_mode": true, "standby_cluster": {"port": 5432}}));
        assert!(config.view().is_standby_cluster());
        assert_eq!(config.view().synchronous_mode(), SynchronousMode::Off);
    }

    #[test]
    fn numbers_and_times_are_read_also_as_text_and_with_units() {
        let config = config(json!({
            "synchronous_node_count": " 2 ",
            "maximum_lag_on_failover": 1000.5,
            "maximum_lag_on_syncnode": "4096",
            "member_slots_ttl": "30 min",
            "primary_start_timeout": "1.5h",
            "primary_stop_timeout": "2600ms",
            "primary_race_backoff": 3.5,
            "max_timelines_history": "7",
        }));
        let view = config.view();
        assert_eq!(view.rejected(), []);
        assert_eq!(view.synchronous_node_count(), 2);
        assert_eq!(view.maximum_lag_on_failover(), 1_000, "to the even one");
        assert_eq!(view.maximum_lag_on_syncnode(), Some(4_096));
        assert_eq!(view.member_slots_ttl(), Duration::from_secs(1_800));
        assert_eq!(view.primary_start_timeout(), Duration::from_secs(5_400));
        assert_eq!(view.primary_stop_timeout(), Duration::from_secs(3));
        assert_eq!(view.primary_race_backoff(), Duration::from_secs(4));
        assert_eq!(view.max_timelines_history(), Some(7));
    }

    #[test]
    fn strict_mode_waits_for_one_standby_at_least() {
        let lenient = config(json!({"synchronous_node_count": 0}));
        assert_eq!(lenient.view().synchronous_node_count(), 0);
        let strict = config(json!({"synchronous_node_count": -4, "synchronous_mode_strict": "on"}));
        assert_eq!(strict.view().synchronous_node_count(), 1);
    }

    #[test]
    fn what_cannot_be_used_is_listed_with_what_is_allowed_and_its_default_counts() {
        let bad = [
            ("ttl", json!("soon")),
            ("loop_wait", json!(0)),
            ("pause", json!("perhaps")),
            ("failsafe_mode", json!(2)),
            ("synchronous_mode", json!("sometimes")),
            ("maximum_lag_on_failover", json!("1MB")),
            ("maximum_lag_on_failover", json!(true)),
            ("maximum_lag_on_failover", json!(1e300)),
            ("member_slots_ttl", json!("30 weeks")),
            ("member_slots_ttl", json!("-5")),
            ("primary_start_timeout", json!("min")),
            ("slots", json!([])),
            ("ignore_slots", json!({})),
            ("standby_cluster", json!("host")),
        ];
        for (setting, value) in bad {
            let config = config(json!({setting: value, "my_own": "kept"}));
            let rejected = config.view().rejected();
            assert_eq!(rejected.len(), 1, "{config}");
            assert_eq!(rejected[0].setting, setting);
            assert_eq!(rejected[0].value, value.to_string());
            assert!(rejected[0].allowed.starts_with("use "));
            assert_eq!(config.view().maximum_lag_on_failover(), 1_048_576);
            assert_eq!(config.view().member_slots_ttl(), Duration::from_secs(1_800));
        }
    }

    #[test]
    fn a_long_value_is_cut_in_the_list() {
        let config = config(json!({"pause": "x".repeat(1_000)}));
        assert_eq!(config.view().rejected()[0].value.len(), 80);
    }

    #[test]
    fn permanent_slots_are_found_under_each_of_their_names() {
        for name in ["slots", "permanent_slots", "permanent_replication_slots"] {
            let config = config(json!({name: {"cdc": {"type": "logical"}}}));
            assert!(config.view().slots().unwrap().contains_key("cdc"), "{name}");
        }
        assert!(config(json!({"slots": {}})).view().slots().is_none());
    }
}
