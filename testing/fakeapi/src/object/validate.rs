//! What makes an object invalid, whatever its kind.

use serde_json::Value;

use super::names::{label, label_value, qualified_name, subdomain};
use super::validate_endpoints::{endpoint_slice, endpoints};
use super::validate_spec::{config_map, lease, pod, service};
use super::{check_update, meta};
use crate::kinds::Kind;
use crate::status::Cause;

/// Most bytes that the annotations of one object may have, keys included.
const ANNOTATIONS_MAX: usize = 262_144;

/// What is wrong with a new object.
pub(crate) fn invalid_new(kind: Kind, object: &Value) -> Vec<Cause> {
    let mut causes = metadata(kind, object);
    causes.extend(body(kind, object));
    causes
}

/// What is wrong with an object that replaces `old`.
pub(crate) fn invalid_update(kind: Kind, object: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = metadata(kind, object);
    causes.extend(check_update(object, old));
    causes.extend(body(kind, object));
    causes.extend(fixed(kind, object, old));
    causes
}

fn body(kind: Kind, object: &Value) -> Vec<Cause> {
    match kind {
        Kind::ConfigMap => config_map(object),
        Kind::Endpoints => endpoints(object),
        Kind::EndpointSlice => endpoint_slice(object),
        Kind::Lease => lease(object),
        Kind::Namespace => Vec::new(),
        Kind::Pod => pod(object),
        Kind::Service => service(object),
    }
}

fn fixed(kind: Kind, object: &Value, old: &Value) -> Vec<Cause> {
    let differs = |field: &str| object[field] != old[field];
    match kind {
        Kind::EndpointSlice if differs("addressType") => {
            let value = &object["addressType"];
            vec![Cause::invalid("addressType", value, "field is immutable")]
        }
        Kind::ConfigMap if old["immutable"] == true => {
            let changed = ["immutable", "data", "binaryData"]
                .into_iter()
                .filter(|field| differs(field));
            let why = "field is immutable when `immutable` is set";
            changed.map(|field| Cause::forbidden(field, why)).collect()
        }
        Kind::Service if object["spec"]["clusterIP"] != old["spec"]["clusterIP"] => {
            let value = &object["spec"]["clusterIP"];
            vec![Cause::invalid(
                "spec.clusterIPs[0]",
                value,
                "may not change once set",
            )]
        }
        Kind::Pod if without_images(&object["spec"]) != without_images(&old["spec"]) => {
            let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
            vec![Cause::forbidden("spec", why)]
        }
        _ => Vec::new(),
    }
}

/// A Pod's spec without what may change.
fn without_images(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for list in ["containers", "initContainers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            container["image"] = Value::Null;
            container["imagePullPolicy"] = Value::Null;
        }
    }
    spec["activeDeadlineSeconds"] = Value::Null;
    spec["tolerations"] = Value::Null;
    spec
}

fn metadata(kind: Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let check = if kind.facts().name_is_label {
        label
    } else {
        subdomain
    };
    if let Some(base) = meta(object, "generateName") {
        let why = check(&without_dash(base));
        causes.extend(why.map(|why| Cause::invalid("metadata.generateName", &base.into(), &why)));
    }
    match meta(object, "name") {
        None => causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        )),
        Some(name) => {
            causes
                .extend(check(name).map(|why| Cause::invalid("metadata.name", &name.into(), &why)));
        }
    }
    for (key, value) in pairs(object, "labels") {
        let field = "metadata.labels";
        causes.extend(qualified_name(key).map(|why| Cause::invalid(field, &key.into(), &why)));
        causes.extend(label_value(value).map(|why| Cause::invalid(field, &value.into(), &why)));
    }
    let mut size = 0;
    for (key, value) in pairs(object, "annotations") {
        let why = qualified_name(&key.to_lowercase());
        causes.extend(why.map(|why| Cause::invalid("metadata.annotations", &key.into(), &why)));
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS_MAX {
        causes.push(Cause::too_long("metadata.annotations", ANNOTATIONS_MAX));
    }
    for finalizer in super::finalizers(object) {
        let why = qualified_name(finalizer);
        causes
            .extend(why.map(|why| Cause::invalid("metadata.finalizers", &finalizer.into(), &why)));
    }
    causes.extend(owners(object));
    causes
}

/// A prefix of names may end with a dash, a name may not.
fn without_dash(base: &str) -> String {
    match base.strip_suffix('-') {
        Some(base) if !base.is_empty() => format!("{base}a"),
        _ => base.to_owned(),
    }
}

fn owners(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let owners = object["metadata"]["ownerReferences"].as_array();
    for owner in owners.into_iter().flatten() {
        for (field, why) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            let value = owner[field].as_str().unwrap_or_default();
            if value.is_empty() {
                let path = format!("metadata.ownerReferences.{field}");
                causes.push(Cause::invalid(&path, &"".into(), why));
            }
        }
    }
    causes
}

fn pairs<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = object["metadata"][field].as_object();
    let pairs = map.into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}
