//! Patches: what each kind of them makes of an object.

mod merge;
mod strategic;

use serde_json::{Map, Value};

use crate::kinds::Kind;
use crate::object;
use crate::status::Refusal;

/// The kinds of patches that are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Merge,
    Strategic,
}

impl Format {
    /// By the Content-Type of the request.
    pub(crate) fn of(content_type: &str) -> Result<Self, Refusal> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence {
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/json-patch+json"
            | "application/apply-patch+yaml"
            | "application/apply-patch+cbor" => Err(Refusal::unsupported_media(format!(
                "dcs-fakeapi applies merge patches and strategic merge patches, and no {essence}"
            ))),
            _ => Err(Refusal::unsupported_media("415: Unsupported Media Type")),
        }
    }
}

/// The object that the patch makes of `old`, not yet checked.
pub(crate) fn applied(
    kind: Kind,
    old: &Value,
    patch: &[u8],
    format: Format,
) -> Result<Value, Refusal> {
    let patch = parsed(patch, format)?;
    let patched = match format {
        Format::Merge => merge::merged(old, &patch),
        Format::Strategic => strategic::merged(kind, old, &patch)?,
    };
    // A strategic merge patch is applied to fields, and a kind is none.
    let mine = |field: &str, own: &str| {
        let given = patched[field].as_str();
        given.is_none_or(|given| given == own)
    };
    let is_other = !mine("kind", kind.facts().kind) || !mine("apiVersion", &kind.api_version());
    if is_other && format == Format::Merge {
        let why = format!(
            "{}: the kind of an object cannot be changed",
            Value::from(patched.to_string())
        );
        return Err(Refusal::invalid_patch(&why));
    }
    object::typed(kind, &patched).map_err(|why| {
        let text = Value::from(patched.to_string());
        Refusal::invalid_patch(&format!("{text}: {why}"))
    })
}

fn parsed(patch: &[u8], format: Format) -> Result<Value, Refusal> {
    let patch: Value = serde_json::from_slice(patch)
        .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
    if patch.is_null() && format == Format::Strategic {
        return Ok(Map::new().into());
    }
    if patch.is_object() {
        return Ok(patch);
    }
    Err(Refusal::bad_request(
        "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}",
    ))
}
