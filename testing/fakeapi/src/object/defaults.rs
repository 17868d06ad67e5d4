//! What the server fills in where a client is silent.

use serde_json::{Map, Value, json};

use crate::kinds::Kind;

/// Fills in what is missing. `old` is what the object replaces.
pub(crate) fn fill_in(kind: Kind, object: &mut Value, old: Option<&Value>) {
    match kind {
        Kind::ConfigMap | Kind::Lease => {}
        Kind::Endpoints => each(&mut object["subsets"], |subset| {
            protocols(&mut subset["ports"]);
        }),
        Kind::EndpointSlice => {
            protocols(&mut object["ports"]);
            each(&mut object["ports"], |port| {
                default(port, "name", || "".into());
            });
            each(&mut object["endpoints"], |endpoint| {
                default(endpoint, "conditions", || json!({}));
            });
        }
        Kind::Namespace => {
            default(&mut object["spec"], "finalizers", || json!(["kubernetes"]));
            default(&mut object["status"], "phase", || "Active".into());
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
        }
        Kind::Pod => pod(object, old),
        Kind::Service => service(object, old),
    }
}

fn pod(object: &mut Value, old: Option<&Value>) {
    let spec = &mut object["spec"];
    each(&mut spec["containers"], |container| {
        let tag = container["image"]
            .as_str()
            .and_then(|image| image.split_once(':'));
        let policy = match tag {
            None | Some((_, "latest")) => "Always",
            Some(_) => "IfNotPresent",
        };
        default(container, "resources", || json!({}));
        default(container, "terminationMessagePath", || {
            "/dev/termination-log".into()
        });
        default(container, "terminationMessagePolicy", || "File".into());
        default(container, "imagePullPolicy", || policy.into());
        protocols(&mut container["ports"]);
    });
    default(spec, "restartPolicy", || "Always".into());
    default(spec, "terminationGracePeriodSeconds", || 30.into());
    default(spec, "dnsPolicy", || "ClusterFirst".into());
    default(spec, "securityContext", || json!({}));
    default(spec, "schedulerName", || "default-scheduler".into());
    default(spec, "tolerations", tolerations);
    default(spec, "priority", || 0.into());
    default(spec, "enableServiceLinks", || true.into());
    default(spec, "preemptionPolicy", || "PreemptLowerPriority".into());
    match old {
        None => object["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"}),
        Some(old) => {
            let class = old["status"]["qosClass"].clone();
            default(&mut object["status"], "qosClass", || class);
        }
    }
}

fn tolerations() -> Value {
    let of = |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    json!([
        of("node.kubernetes.io/not-ready"),
        of("node.kubernetes.io/unreachable")
    ])
}

/// An address is handed out once and stays with the Service.
fn service(object: &mut Value, old: Option<&Value>) {
    let spec = &mut object["spec"];
    let kept = |field: &str| {
        old.map(|old| old["spec"][field].clone())
            .filter(|value| !value.is_null())
    };
    each(&mut spec["ports"], |port| {
        default(port, "protocol", || "TCP".into());
        let number = port["port"].clone();
        default(port, "targetPort", || number);
    });
    let address = kept("clusterIP").unwrap_or_else(|| "10.0.0.1".into());
    default(spec, "clusterIP", || address);
    let address = spec["clusterIP"].clone();
    let headless = address == "None";
    default(spec, "clusterIPs", || json!([address]));
    default(spec, "type", || "ClusterIP".into());
    default(spec, "sessionAffinity", || "None".into());
    let (families, policy) = match (headless, spec["selector"].is_object()) {
        (true, false) => (json!(["IPv4", "IPv6"]), "RequireDualStack"),
        _ => (json!(["IPv4"]), "SingleStack"),
    };
    let families = kept("ipFamilies").unwrap_or(families);
    let policy = kept("ipFamilyPolicy").unwrap_or_else(|| policy.into());
    default(spec, "ipFamilies", || families);
    default(spec, "ipFamilyPolicy", || policy);
    default(spec, "internalTrafficPolicy", || "Cluster".into());
    default(&mut object["status"], "loadBalancer", || json!({}));
}

fn protocols(ports: &mut Value) {
    each(ports, |port| default(port, "protocol", || "TCP".into()));
}

fn each(list: &mut Value, mut change: impl FnMut(&mut Value)) {
    // Indexing made a null of what is absent; `tidy` takes it away again.
    for item in list.as_array_mut().into_iter().flatten() {
        change(item);
    }
}

fn default(at: &mut Value, field: &str, value: impl FnOnce() -> Value) {
    if at.is_null() {
        *at = Map::new().into();
    }
    if let Some(map) = at.as_object_mut()
        && map.get(field).is_none_or(Value::is_null)
    {
        map.insert(field.to_owned(), value());
    }
}
