//! The Pod of the handle's own member: what the leader's address says of it.
//!
//! It is not asked for: the answer to each write of the member's own key shows
//! it. A write of the lock stays one request with one deadline.

use std::net::IpAddr;

use serde::Deserialize;

use crate::address;
use crate::format::Object as Raw;

/// What is read of the own Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnPod {
    /// `status.podIP`; `None` until the Pod has an address, or has one that
    /// Kubernetes takes for no leader's.
    pub(crate) ip: Option<IpAddr>,
    pub(crate) hostname: Option<String>,
    pub(crate) node_name: Option<String>,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    hostname: Option<String>,
    node_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
}

impl OwnPod {
    /// What this object says, if it is a whole Pod and not its metadata only.
    pub(crate) fn of(raw: &Raw) -> Option<Self> {
        if raw.kind != "Pod" || raw.metadata.uid.is_empty() {
            return None;
        }
        let spec = Spec::deserialize(&raw.spec).unwrap_or_default();
        let status = Status::deserialize(&raw.status).unwrap_or_default();
        let ip: Option<IpAddr> = status.pod_ip.and_then(|text| text.parse().ok());
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Some(Self {
            ip: ip.filter(|ip| address::refusal(*ip).is_none()),
            hostname: filled(spec.hostname),
            node_name: filled(spec.node_name),
            uid: raw.metadata.uid.clone(),
            resource_version: raw.metadata.resource_version.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(pod: Value) -> Option<OwnPod> {
        OwnPod::of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_pod_without_node_address_or_status_is_read() {
        let metadata = json!({"name": "demo-0", "uid": "u", "resourceVersion": "7"});
        for (spec, status) in [
            (json!({}), json!({})),
            (Value::Null, Value::Null),
            (
                json!({"hostname": null, "nodeName": ""}),
                json!({"podIP": null}),
            ),
            (json!([]), json!({"podIP": "127.0.0.1"})),
        ] {
            let pod = json!({"kind": "Pod", "metadata": metadata, "spec": spec, "status": status});
            let pod = of(pod).unwrap();
            assert_eq!((pod.ip, pod.hostname, pod.node_name), (None, None, None));
            assert_eq!((&*pod.uid, &*pod.resource_version), ("u", "7"));
        }
    }

    #[test]
    fn the_metadata_alone_is_no_pod() {
        let metadata = json!({"name": "demo-0", "uid": "u", "resourceVersion": "7"});
        let part = json!({"kind": "PartialObjectMetadata", "metadata": metadata});
        assert_eq!(of(part), None);
    }
}
