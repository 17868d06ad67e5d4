//! Objects as bytes, whole or as metadata.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::kinds::Kind;
use crate::status::Refusal;
use crate::store::Stored;

/// What the client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Whole,
    Metadata,
    MetadataList,
}

const TYPES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

impl Form {
    /// The first of the accepted forms that there is.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let accept = headers.get(http::header::ACCEPT);
        let accept = accept
            .and_then(|accept| accept.to_str().ok())
            .unwrap_or_default();
        if accept.trim().is_empty() {
            return Ok(Self::Whole);
        }
        let mut as_other = false;
        for choice in accept.split(',') {
            let mut parts = choice.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            if !matches!(media, "application/json" | "application/*" | "*/*") {
                continue;
            }
            let converted = parts.find_map(|part| part.strip_prefix("as="));
            match converted {
                None => return Ok(Self::Whole),
                Some("PartialObjectMetadata") => return Ok(Self::Metadata),
                Some("PartialObjectMetadataList") => return Ok(Self::MetadataList),
                Some(_) => as_other = true,
            }
        }
        Err(if as_other {
            Refusal::not_acceptable(format!(
                "only the following media types are accepted: {TYPES}"
            ))
        } else {
            Refusal::no_such_media(format!(
                "406: Not Acceptable\n\nAvailable representations: {TYPES}"
            ))
        })
    }

    /// # Errors
    /// A list cannot be printed as one object, nor one object as a list.
    pub(crate) fn check(self, kind: Kind, is_list: bool) -> Result<(), Refusal> {
        let name = kind.facts().kind;
        match (self, is_list) {
            (Self::Metadata, true) => Err(Refusal::not_acceptable(format!(
                "you requested PartialObjectMetadata, but the requested object is a list (*core.{name}List)"
            ))),
            (Self::MetadataList, false) => Err(Refusal::not_acceptable(format!(
                "you requested PartialObjectMetadataList, but the requested object is not a list (*core.{name})"
            ))),
            _ => Ok(()),
        }
    }

    /// One object.
    pub(crate) fn object(self, object: &Value) -> Bytes {
        let mut text = match self {
            Self::Whole => object.to_string(),
            Self::Metadata | Self::MetadataList => metadata_of(object),
        };
        text.push('\n');
        text.into()
    }

    /// A list of objects.
    pub(crate) fn list(self, kind: Kind, metadata: &Value, items: &[&Stored]) -> Bytes {
        let (name, version) = match self {
            Self::Whole => (format!("{}List", kind.facts().kind), kind.api_version()),
            _ => (
                "PartialObjectMetadataList".to_owned(),
                "meta.k8s.io/v1".to_owned(),
            ),
        };
        let mut text = format!(
            "{{\"kind\":\"{name}\",\"apiVersion\":\"{version}\",\"metadata\":{metadata},\"items\":["
        );
        if items.is_empty() && self != Self::Whole {
            text.truncate(text.len() - 1);
            text.push_str("null}\n");
            return text.into();
        }
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            match self {
                Self::Whole => untyped(&mut text, &item.value),
                _ => text.push_str(&metadata_of(&item.value)),
            }
        }
        text.push_str("]}\n");
        text.into()
    }

    /// One line of a watch. The object of a deletion is how it was, at the
    /// revision at which it went.
    pub(crate) fn event(self, event: &str, object: &Value, revision: Option<u64>) -> Bytes {
        let moved = revision.map(|revision| {
            let mut object = match self {
                Self::Whole => object.clone(),
                _ => json!({"metadata": object["metadata"]}),
            };
            object["metadata"]["resourceVersion"] = revision.to_string().into();
            object
        });
        let object = moved.as_ref().unwrap_or(object);
        let text = match self {
            Self::Whole => object.to_string(),
            _ => metadata_of(object),
        };
        format!("{{\"type\":\"{event}\",\"object\":{text}}}\n").into()
    }

    /// A line that says how far the watch is.
    pub(crate) fn bookmark(self, kind: Kind, revision: u64, ends_initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if ends_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (name, version) = (kind.facts().kind, kind.api_version());
        let object = json!({"kind": name, "apiVersion": version, "metadata": metadata});
        self.event("BOOKMARK", &object, None)
    }
}

fn metadata_of(object: &Value) -> String {
    format!(
        "{{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{}}}",
        object["metadata"]
    )
}

/// In a list the objects do not say their kind.
fn untyped(text: &mut String, object: &Value) {
    let empty = Map::new();
    let fields = object.as_object().unwrap_or(&empty).iter();
    let fields = fields.filter(|(key, _)| !matches!(key.as_str(), "kind" | "apiVersion"));
    for (at, (key, value)) in fields.enumerate() {
        text.push(if at == 0 { '{' } else { ',' });
        text.push('"');
        text.push_str(key);
        text.push_str("\":");
        text.push_str(&value.to_string());
    }
    text.push('}');
}
