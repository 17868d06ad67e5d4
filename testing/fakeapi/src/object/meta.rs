//! Metadata that belongs to the server: what it sets, keeps and defends.

use serde_json::{Map, Value};

use super::{finalizers, is_being_deleted};
use crate::kinds::Kind;
use crate::status::Cause;

/// Fields that a client never sets on a new object.
const SERVER_ONLY: [&str; 5] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Fields that no update changes: what it says of them is ignored or refused.
const FIXED: [&str; 6] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Marks an object as new.
pub(crate) fn created(kind: Kind, object: &mut Value, uid: String, now: String) {
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    for field in SERVER_ONLY {
        metadata.remove(field);
    }
    metadata.insert("uid".into(), uid.into());
    metadata.insert("creationTimestamp".into(), now.into());
    if kind.facts().has_generation {
        metadata.insert("generation".into(), 1.into());
    }
    if !kind.facts().namespaced {
        metadata.remove("namespace");
    }
    in_order(metadata);
}

/// Gives an update what it may leave out, and takes back what it cannot change.
pub(crate) fn kept(kind: Kind, object: &mut Value, old: &Value) {
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    for field in FIXED {
        let is_given = metadata.contains_key(field);
        let was = &old["metadata"][field];
        let ignored = match field {
            "creationTimestamp" | "generation" | "resourceVersion" => true,
            "deletionTimestamp" => !was.is_null(),
            _ => !is_given,
        };
        match was {
            _ if !ignored => None,
            Value::Null => metadata.remove(field),
            was => metadata.insert(field.to_owned(), was.clone()),
        };
    }
    in_order(metadata);
    if kind.facts().has_generation && changes_generation(kind, object, old) {
        let generation = old["metadata"]["generation"].as_u64().unwrap_or(0);
        object["metadata"]["generation"] = (generation + 1).into();
    }
}

/// What an update must not touch.
pub(crate) fn check_update(object: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for field in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let value = &object["metadata"][field];
        if *value != old["metadata"][field] {
            let path = format!("metadata.{field}");
            causes.push(Cause::invalid(&path, value, "field is immutable"));
        }
    }
    if is_being_deleted(old) {
        let before = finalizers(old);
        let new = finalizers(object);
        let added: Vec<_> = new
            .into_iter()
            .filter(|new| !before.contains(new))
            .collect();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added
                    .iter()
                    .map(|added| format!("{added:?}"))
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &why));
        }
    }
    causes
}

fn changes_generation(kind: Kind, object: &Value, old: &Value) -> bool {
    let fields = kind
        .facts()
        .fields
        .iter()
        .filter(|field| **field != "status");
    let mut changed = fields.map(|field| object[field] != old[field]);
    let by_labels =
        kind == Kind::EndpointSlice && object["metadata"]["labels"] != old["metadata"]["labels"];
    by_labels || changed.any(|changed| changed)
}

/// The order in which the fields are printed.
fn in_order(metadata: &mut Map<String, Value>) {
    const ORDER: [&str; 13] = [
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
    ];
    let mut ordered = Map::new();
    for field in ORDER {
        if let Some(value) = metadata.remove(field) {
            ordered.insert(field.to_owned(), value);
        } else if field == "resourceVersion" {
            // It is set last, and has its place all the same.
            ordered.insert(field.to_owned(), "".into());
        }
    }
    *metadata = ordered;
}
