//! The config key: one JSON object that all members obey.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{ConfigView, read};

/// The dynamic configuration: any JSON object, with typed views of the
/// settings that the election itself reads.
///
/// ```
/// use dcs_core::Config;
///
/// let config: Config = r#"{"ttl": 30, "my_setting": [1, 2]}"#.parse()?;
/// assert_eq!(config.ttl(), Some(std::time::Duration::from_secs(30)));
/// assert_eq!(config.to_string(), r#"{"ttl":30,"my_setting":[1,2]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config(Map<String, Value>);

impl Config {
    /// A configuration of these settings.
    #[must_use]
    pub const fn new(settings: Map<String, Value>) -> Self {
        Self(settings)
    }

    /// All settings.
    #[must_use]
    pub const fn settings(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All settings, to edit.
    pub const fn settings_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// All settings, each with the default that Patroni has for it.
    #[must_use]
    pub const fn view(&self) -> ConfigView<'_> {
        ConfigView::new(&self.0)
    }

    /// Merges `patch` into these settings (RFC 7396): null removes a setting, an
    /// object is merged into the object that stands there, and anything else
    /// replaces. Settings keep their place, new ones come last. Returns whether
    /// anything has changed.
    ///
    /// ```
    /// use dcs_core::Config;
    /// use serde_json::json;
    ///
    /// let mut config: Config = r#"{"ttl":30,"pause":true,"postgresql":{"a":1,"b":2}}"#.parse()?;
    /// let patch = json!({"pause": null, "postgresql": {"b": 3}});
    /// assert!(config.merge(patch.as_object().unwrap()));
    /// assert_eq!(config.to_string(), r#"{"ttl":30,"postgresql":{"a":1,"b":3}}"#);
    /// assert!(!config.merge(patch.as_object().unwrap()));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn merge(&mut self, patch: &Map<String, Value>) -> bool {
        merge(&mut self.0, patch)
    }

    /// `ttl` in seconds, or `None` where it is absent or no positive number.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.seconds("ttl")
    }

    /// `loop_wait` in seconds, or `None` where it is absent or no positive number.
    #[must_use]
    pub fn loop_wait(&self) -> Option<Duration> {
        self.seconds("loop_wait")
    }

    /// `retry_timeout` in seconds, or `None` where it is absent or no positive number.
    #[must_use]
    pub fn retry_timeout(&self) -> Option<Duration> {
        self.seconds("retry_timeout")
    }

    /// A setting in seconds, zero where it is below that: Patroni raises what is
    /// too short for it to the least that it uses.
    pub(crate) fn span(&self, name: &str) -> Option<Duration> {
        read::span(self.0.get(name)?)
    }

    fn seconds(&self, name: &str) -> Option<Duration> {
        read::positive(self.0.get(name)?)
    }
}

fn merge(into: &mut Map<String, Value>, patch: &Map<String, Value>) -> bool {
    let mut changed = false;
    for (name, value) in patch {
        changed |= match (into.get_mut(name), value) {
            (found, Value::Null) => found.is_some() && into.shift_remove(name).is_some(),
            (Some(Value::Object(inner)), Value::Object(patch)) => merge(inner, patch),
            (found, value) => {
                let value = without_nulls(value);
                let differs = found.is_none_or(|found| *found != value);
                if differs {
                    into.insert(name.clone(), value);
                }
                differs
            }
        };
    }
    changed
}

/// What a patch makes of a place where no object stood: a null in it removes
/// what is not there.
fn without_nulls(value: &Value) -> Value {
    let Value::Object(patch) = value else {
        return value.clone();
    };
    let mut made = Map::new();
    merge(&mut made, patch);
    Value::Object(made)
}

impl std::str::FromStr for Config {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }
}

/// Compact JSON, as Patroni writes it.
impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| std::fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_no_positive_number_is_absent_from_the_typed_view() {
        for bad in ["0", "-1", "\"\"", "\"30s\"", "\"-1\"", "null", "1e999999"] {
            let text = format!(r#"{{"ttl":{bad}}}"#);
            let ttl = text.parse::<Config>().ok().and_then(|config| config.ttl());
            assert_eq!(ttl, None, "{bad}");
        }
    }

    #[test]
    fn seconds_may_stand_there_as_text() {
        let config: Config = r#"{"ttl":" 30 "}"#.parse().unwrap();
        assert_eq!(config.ttl(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn anything_but_an_object_is_no_configuration() {
        for bad in ["", "[]", "1", "null", "{"] {
            assert!(bad.parse::<Config>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn settings_that_the_library_does_not_know_survive() {
        let text = r#"{"postgresql":{"parameters":{"max_connections":100}},"ttl":30}"#;
        assert_eq!(text.parse::<Config>().unwrap().to_string(), text);
    }
}
