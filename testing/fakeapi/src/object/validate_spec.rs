//! What makes ConfigMaps, Leases, Pods and Services invalid.

use serde_json::Value;

use super::names::label;
use crate::status::Cause;

/// Most bytes that a ConfigMap may hold.
const CONFIG_MAP_MAX: usize = 1 << 20;

pub(super) fn config_map(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in object[field].as_object().into_iter().flatten() {
            let path = format!("{field}[{key}]");
            causes
                .extend(data_key(key).map(|why| Cause::invalid(&path, &key.as_str().into(), why)));
            if field == "binaryData" && !object["data"][key].is_null() {
                let why = "duplicate of key present in data";
                causes.push(Cause::invalid(&path, &key.as_str().into(), why));
            }
            size += value.as_str().map_or(0, str::len);
        }
    }
    if size > CONFIG_MAP_MAX {
        causes.push(Cause::too_long("[]", CONFIG_MAP_MAX));
    }
    causes
}

fn data_key(key: &str) -> Option<&'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if key.len() > 253 {
        return Some("must be no more than 253 characters");
    }
    if key.is_empty() || !key.bytes().all(known) {
        return Some(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        );
    }
    match key {
        "." => Some("must not be '.'"),
        ".." => Some("must not be '..'"),
        key if key.starts_with("..") => Some("must not start with '..'"),
        _ => None,
    }
}

pub(super) fn lease(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    if spec["leaseDurationSeconds"]
        .as_i64()
        .is_some_and(|seconds| seconds <= 0)
    {
        let value = &spec["leaseDurationSeconds"];
        causes.push(Cause::invalid(
            "spec.leaseDurationSeconds",
            value,
            "must be greater than 0",
        ));
    }
    if spec["leaseTransitions"]
        .as_i64()
        .is_some_and(|count| count < 0)
    {
        let value = &spec["leaseTransitions"];
        causes.push(Cause::invalid(
            "spec.leaseTransitions",
            value,
            "must be greater than or equal to 0",
        ));
    }
    causes
}

pub(super) fn pod(object: &Value) -> Vec<Cause> {
    let containers = object["spec"]["containers"].as_array();
    let containers = containers.map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        return vec![Cause::required("spec.containers", "")];
    }
    let mut causes = Vec::new();
    for (at, container) in containers.iter().enumerate() {
        let text = |field: &str| container[field].as_str().unwrap_or_default();
        let path = format!("spec.containers[{at}].name");
        if text("name").is_empty() {
            causes.push(Cause::required(&path, ""));
        } else {
            let why = label(text("name"));
            causes.extend(why.map(|why| Cause::invalid(&path, &text("name").into(), &why)));
        }
        if text("image").is_empty() {
            causes.push(Cause::required(&format!("spec.containers[{at}].image"), ""));
        }
    }
    causes
}

pub(super) fn service(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let is_headless = spec["clusterIP"] == "None" || spec["type"] == "ExternalName";
    if spec["ports"].as_array().is_none_or(Vec::is_empty) && !is_headless {
        return vec![Cause::required("spec.ports", "")];
    }
    // Only where nothing is selected may a cluster without it have two families.
    let policy = &spec["ipFamilyPolicy"];
    if policy == "RequireDualStack" && spec["selector"].is_object() {
        let why = "this cluster is not configured for dual-stack services";
        return vec![Cause::invalid("spec.ipFamilyPolicy", policy, why)];
    }
    Vec::new()
}
