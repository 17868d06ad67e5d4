//! Single values as Patroni reads them: numbers and booleans also as text.

use std::time::Duration;

use serde_json::Value;

use super::SynchronousMode;

/// Whole seconds, from 0 on.
#[derive(Clone, Copy)]
pub(super) struct Seconds(u64);

impl Seconds {
    pub(super) const fn span(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

/// A boolean, or the text or the number of one.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(flag) => return Some(*flag),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.to_ascii_lowercase(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    match text.as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number, rounded if need be, also as text.
pub(crate) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| rounded(number.as_f64()?)),
        Value::String(text) => with_unit(text, |unit| unit.is_empty().then_some(1.0)),
        _ => None,
    }
}

/// Seconds that are at least 0, rounded, with a unit if it is text.
pub(super) fn seconds(value: &Value) -> Option<Seconds> {
    let seconds = match value {
        Value::String(text) => with_unit(text, length),
        other => number(other),
    };
    seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Seconds)
}

/// A number of seconds, as text only a whole one. One below zero is zero and
/// none is too large, so that whoever has bounds can say what is beyond them.
pub(super) fn span(value: &Value) -> Option<Duration> {
    if let Value::String(text) = value {
        let whole = text.trim().parse::<i128>().ok()?.max(0);
        return Some(Duration::from_secs(whole.try_into().unwrap_or(u64::MAX)));
    }
    let seconds = value.as_f64()?.max(0.0);
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// A positive number of seconds, also as text.
pub(super) fn positive(value: &Value) -> Option<Duration> {
    span(value).filter(|span| !span.is_zero())
}

/// A boolean, or the word quorum.
pub(super) fn mode(value: &Value) -> Option<SynchronousMode> {
    if value
        .as_str()
        .is_some_and(|text| text.eq_ignore_ascii_case("quorum"))
    {
        return Some(SynchronousMode::Quorum);
    }
    let is_on = flag(value)?;
    Some(if is_on {
        SynchronousMode::On
    } else {
        SynchronousMode::Off
    })
}

/// What Python takes for true.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// A number and its unit, of which `worth` knows what it is worth.
fn with_unit(text: &str, worth: impl Fn(&str) -> Option<f64>) -> Option<i64> {
    let text = text.trim();
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let worth = worth(unit.trim())?;
    match digits.parse::<i64>() {
        Ok(whole) if unit.is_empty() => Some(whole),
        _ => rounded(digits.parse::<f64>().ok()? * worth),
    }
}

/// What a unit of time is worth in seconds.
fn length(unit: &str) -> Option<f64> {
    Some(match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

/// To the nearest whole number, to the even one where two are as near. Nothing
/// beyond what is exact in a float.
fn rounded(number: f64) -> Option<i64> {
    let whole = number.round_ties_even();
    let exact = whole.abs() <= 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is a whole number below 2^53"
    )]
    exact.then_some(whole as i64)
}
