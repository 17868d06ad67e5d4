//! Types of fields, as far as a decoder looks at them.

use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Text,
    /// A text that is left out where it is empty.
    Word,
    Int,
    Bool,
    /// A point in time with microseconds.
    MicroTime,
    Map(&'static Self),
    List(&'static Self),
    /// A struct that is printed even if it is empty.
    Struct(Fields),
    /// A struct that is left out where it is absent.
    Optional(Fields),
    /// A struct that is printed even if it is empty. Of its fields only these
    /// are looked at.
    Open(Fields),
    /// Whatever it is.
    Any,
}

pub(crate) type Fields = &'static [(&'static str, Shape)];

impl Shape {
    /// The value in this type, without fields that the type does not have;
    /// `None` where it is absent or empty.
    pub(crate) fn cast(&self, value: &Value, path: &str) -> Result<Option<Value>, String> {
        let wrong = |wanted: &str| {
            let given = name_of(value);
            Err(format!(
                "json: cannot unmarshal {given} into Go struct field {path} of type {wanted}"
            ))
        };
        Ok(match (self, value) {
            (_, Value::Null) => None,
            (Self::Text, Value::String(_)) | (Self::Bool, Value::Bool(_)) => Some(value.clone()),
            (Self::Int, Value::Number(number)) if number.is_i64() => Some(value.clone()),
            (Self::Word, Value::String(text)) => Some(value.clone()).filter(|_| !text.is_empty()),
            (Self::Text | Self::Word, _) => return wrong("string"),
            (Self::Int, _) => return wrong("int32"),
            (Self::Bool, _) => return wrong("bool"),
            (Self::MicroTime, value) => Some(micro_time(value)?),
            (Self::Map(of), Value::Object(entries)) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    // A null in a map of texts is the empty text.
                    let cast = of.cast(value, path)?;
                    map.insert(key.clone(), cast.unwrap_or_else(|| "".into()));
                }
                Some(map.into()).filter(|_| !entries.is_empty())
            }
            (Self::List(of), Value::Array(items)) => {
                let cast = items
                    .iter()
                    .map(|item| Ok(of.cast(item, path)?.unwrap_or_else(|| Map::new().into())));
                let cast: Vec<Value> = cast.collect::<Result<_, String>>()?;
                Some(cast.into()).filter(|_| !items.is_empty())
            }
            (Self::Struct(fields) | Self::Optional(fields), Value::Object(entries)) => {
                let mut map = Map::new();
                for (field, shape) in *fields {
                    let value = entries.get(*field).unwrap_or(&Value::Null);
                    if let Some(cast) = shape.cast(value, &format!("{path}.{field}"))? {
                        map.insert((*field).into(), cast);
                    }
                }
                Some(map.into())
            }
            (Self::Open(known), Value::Object(_)) => {
                let mut open = without_nulls(value);
                for (field, shape) in *known {
                    let value = value.get(field).unwrap_or(&Value::Null);
                    if let Some(cast) = shape.cast(value, &format!("{path}.{field}"))? {
                        open[*field] = cast;
                    }
                }
                Some(open)
            }
            (Self::Any, value) => Some(without_nulls(value)),
            (Self::Map(_), _) => return wrong("map[string]string"),
            (Self::List(_), _) => return wrong("[]string"),
            (Self::Struct(_) | Self::Optional(_) | Self::Open(_), _) => return wrong("struct"),
        })
    }
}

/// As Go's decoder calls it.
pub(crate) const fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn micro_time(value: &Value) -> Result<Value, String> {
    let text = value.as_str().unwrap_or_default();
    let fraction = text.get(19..27).unwrap_or_default();
    let digits = fraction.get(1..7).unwrap_or_default();
    let is_micro = fraction.starts_with('.')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !fraction.ends_with(|last: char| last.is_ascii_digit());
    let time = text.parse::<jiff::Timestamp>().ok().filter(|_| is_micro);
    let time = time.ok_or_else(|| {
        format!("parsing time {value} as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse it")
    })?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string().into())
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().filter(|(_, value)| !is_absent(value));
            let entries = entries.map(|(key, value)| (key.clone(), without_nulls(value)));
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
