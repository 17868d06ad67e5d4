//! Strategic merge patch: a merge patch that knows which lists are merged, and
//! by which key.

use serde_json::{Map, Value};

use crate::kinds::Kind;
use crate::status::Refusal;

/// Lists whose elements are merged: where they are, and the field that tells
/// the elements apart. A list that is not here is replaced.
const KEYED: &[(&str, &str)] = &[
    ("metadata.ownerReferences", "uid"),
    ("spec.containers", "name"),
    ("spec.initContainers", "name"),
    ("spec.ephemeralContainers", "name"),
    ("spec.volumes", "name"),
    ("spec.imagePullSecrets", "name"),
    ("spec.hostAliases", "ip"),
    ("spec.topologySpreadConstraints", "topologyKey"),
    ("spec.resourceClaims", "name"),
    ("spec.ports", "port"),
    ("spec.containers.env", "name"),
    ("spec.containers.ports", "containerPort"),
    ("spec.containers.volumeMounts", "mountPath"),
    ("spec.containers.volumeDevices", "devicePath"),
    ("spec.initContainers.env", "name"),
    ("spec.initContainers.ports", "containerPort"),
    ("spec.initContainers.volumeMounts", "mountPath"),
    ("spec.initContainers.volumeDevices", "devicePath"),
    ("status.conditions", "type"),
    ("status.podIPs", "ip"),
    ("status.hostIPs", "ip"),
];

/// Lists of texts that are merged as sets.
const SETS: &[&str] = &["metadata.finalizers"];

pub(super) fn merged(kind: Kind, old: &Value, patch: &Value) -> Result<Value, Refusal> {
    check_texts(patch)?;
    object(kind, old, patch, "")
}

fn object(kind: Kind, old: &Value, patch: &Value, at: &str) -> Result<Value, Refusal> {
    let Some(changes) = patch.as_object() else {
        return Ok(patch.clone());
    };
    let mut result = old.as_object().cloned().unwrap_or_default();
    for (key, change) in changes {
        if key.starts_with('$') {
            return Err(Refusal::unsupported(&format!(
                "the directive {key} of strategic merge patches"
            )));
        }
        if change.is_null() {
            result.shift_remove(key);
            continue;
        }
        let place = if at.is_empty() {
            key.clone()
        } else {
            format!("{at}.{key}")
        };
        let entry = result.entry(key.clone()).or_insert(Value::Null);
        *entry = match (&*entry, change) {
            (old, Value::Object(_)) => object(kind, old, change, &place)?,
            (old, Value::Array(items)) => list(kind, old, items, &place)?,
            (_, plain) => plain.clone(),
        };
    }
    Ok(Map::into(result))
}

fn list(kind: Kind, old: &Value, items: &[Value], at: &str) -> Result<Value, Refusal> {
    let old = old.as_array().map(Vec::as_slice).unwrap_or_default();
    if SETS.contains(&at) {
        let mut result = old.to_vec();
        for item in items.iter().filter(|item| !old.contains(item)) {
            result.push(item.clone());
        }
        return Ok(result.into());
    }
    let key = KEYED.iter().find(|(keyed, _)| *keyed == at);
    let Some((_, key)) = key else {
        return items
            .iter()
            .map(|item| object(kind, &Value::Null, item, at))
            .collect();
    };
    let mut result = old.to_vec();
    for item in items {
        let Some(own) = item.get(key).filter(|own| !own.is_null()) else {
            if item.get("$patch").is_some() {
                return Err(Refusal::unsupported(
                    "the directive $patch of strategic merge patches",
                ));
            }
            let why = format!("map: {item} does not contain declared merge key: {key}");
            return Err(Refusal::internal(why));
        };
        let same = result.iter().position(|old| old.get(key) == Some(own));
        match same {
            Some(index) => result[index] = object(kind, &result[index], item, at)?,
            None => result.push(object(kind, &Value::Null, item, at)?),
        }
    }
    Ok(result.into())
}

/// The real server converts this patch field by field, and complains of the
/// patch alone.
fn check_texts(patch: &Value) -> Result<(), Refusal> {
    for field in ["labels", "annotations"] {
        let entries = patch["metadata"][field].as_object();
        for (key, value) in entries.into_iter().flatten() {
            if !value.is_null() && !value.is_string() {
                let why = format!(
                    "\"map[metadata:map[{field}:map[{key}:{value}]]]\": cannot convert {} to string",
                    crate::object::go_name(value)
                );
                return Err(Refusal::invalid_patch(&why));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_with_a_key_is_merged_by_it() {
        let old = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}});
        let patch = json!({"spec": {"containers": [{"name": "b", "image": "2"}, {"name": "c", "image": "3"}]}});
        let new = merged(Kind::Pod, &old, &patch).unwrap();
        assert_eq!(
            new,
            json!({"spec": {"containers": [
                {"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c", "image": "3"}]}})
        );
    }

    #[test]
    fn subsets_are_replaced() {
        let old = json!({"subsets": [{"addresses": [{"ip": "192.0.2.1"}]}, {}]});
        let patch = json!({"subsets": [{"addresses": [{"ip": "192.0.2.2"}]}]});
        assert_eq!(merged(Kind::Endpoints, &old, &patch).unwrap(), patch);
    }

    #[test]
    fn finalizers_are_a_set() {
        let old = json!({"metadata": {"finalizers": ["a/b"]}});
        let patch = json!({"metadata": {"finalizers": ["c/d", "a/b"]}});
        let new = merged(Kind::ConfigMap, &old, &patch).unwrap();
        assert_eq!(new, json!({"metadata": {"finalizers": ["a/b", "c/d"]}}));
    }

    #[test]
    fn a_directive_is_refused_and_not_guessed() {
        let patch = json!({"spec": {"$retainKeys": ["a"]}});
        let refusal = merged(Kind::Pod, &json!({}), &patch).unwrap_err();
        assert_eq!(refusal.code, 501);
    }
}
