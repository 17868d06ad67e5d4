//! What an object is made of: the fields that a kind has, their types, what is
//! filled in, and what is refused.

mod defaults;
mod meta;
mod names;
mod schema;
mod shape;
mod validate;
mod validate_endpoints;
mod validate_spec;

use serde_json::{Map, Value};

use crate::kinds::Kind;

pub(crate) use defaults::fill_in;
pub(crate) use meta::{check_update, created, kept};
pub(crate) use names::{label_value, qualified_name};
pub(crate) use validate::{invalid_new, invalid_update};

use self::schema::META;
use self::shape::Shape;

/// An object of this kind as the server keeps it: only fields that the kind
/// has, in the order in which they are printed.
///
/// # Errors
/// The sentence in which the real server's decoder complains of a wrong type.
pub(crate) fn typed(kind: Kind, value: &Value) -> Result<Value, String> {
    let Some(given) = value.as_object() else {
        return Err(format!(
            "json: cannot unmarshal {} into Go value of type v1.{}",
            shape::name_of(value),
            kind.facts().kind
        ));
    };
    let mut object = Map::new();
    object.insert("kind".into(), kind.facts().kind.into());
    object.insert("apiVersion".into(), kind.api_version().into());
    let metadata = given.get("metadata").unwrap_or(&Value::Null);
    let metadata = META.cast(metadata, "metadata")?;
    object.insert(
        "metadata".into(),
        metadata.unwrap_or_else(|| Map::new().into()),
    );
    for (field, shape) in schema::of(kind) {
        let given = given.get(*field).unwrap_or(&Value::Null);
        if let Some(cast) = shape.cast(given, field)? {
            object.insert((*field).into(), cast);
        } else if matches!(shape, Shape::Open(_) | Shape::Struct(_)) {
            object.insert((*field).into(), Map::new().into());
        } else if kind == Kind::EndpointSlice && *field != "addressType" {
            object.insert((*field).into(), Value::Null);
        }
    }
    Ok(object.into())
}

/// `metadata.FIELD`, where it is a text that is not empty.
pub(crate) fn meta<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let text = object.get("metadata")?.get(field)?.as_str()?;
    Some(text).filter(|text| !text.is_empty())
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let listed = object["metadata"]["finalizers"].as_array();
    listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

pub(crate) fn is_being_deleted(object: &Value) -> bool {
    meta(object, "deletionTimestamp").is_some()
}

/// What Go calls the type of a decoded value.
pub(crate) fn go_name(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::Object(_) => "map[string]interface {}",
        Value::Array(_) => "[]interface {}",
        other => shape::name_of(other),
    }
}
