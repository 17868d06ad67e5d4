//! Objects by chance, mostly well made.

use fastrand::Rng;
use serde_json::{Value, json};

use super::chance::choose;
use super::requests::KINDS;

/// An object that is mostly well made.
pub(crate) fn object(rng: &mut Rng, kind: usize, name: &str) -> Value {
    let mut metadata = metadata(rng);
    metadata["name"] = name.into();
    let mut object = json!({"metadata": metadata});
    let twist = rng.u8(..12);
    match KINDS[kind].1 {
        "configmaps" => match twist {
            0 => object["data"] = json!({"bad key": "x"}),
            1 => object["data"] = json!({"k": 1}),
            2 => object["immutable"] = true.into(),
            3 => object["data"] = json!([]),
            4 => object["binaryData"] = json!({"b": "AAEC"}),
            _ => object["data"] = json!({"k": choose(rng, &["1", "2", ""])}),
        },
        "endpoints" => object["subsets"] = subsets(rng, twist),
        "leases" => match twist {
            0 => object["spec"] = json!({"leaseDurationSeconds": 0}),
            1 => object["spec"] = json!({"leaseTransitions": -1}),
            2 => object["spec"] = json!({"renewTime": "yesterday"}),
            3 => object["spec"] = json!({"leaseDurationSeconds": "15"}),
            4 => {}
            _ => {
                let holder = choose(rng, &["a", "b", ""]);
                let renew = choose(
                    rng,
                    &["2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:01Z"],
                );
                object["spec"] = json!({"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renew, "leaseTransitions": rng.u8(..3)});
            }
        },
        "pods" => match twist {
            0 => object["spec"] = json!({}),
            1 => object["spec"] = json!({"containers": [{"name": "c"}]}),
            2 => object["spec"] = json!({"containers": [{"name": "C", "image": "i"}]}),
            3 => object["spec"] = json!({"containers": "none"}),
            4 => object["spec"] = json!({"containers": [{"name": "c", "image": "j"}]}),
            _ => object["spec"] = json!({"containers": [{"name": "c", "image": "i"}]}),
        },
        "services" => match twist {
            0 => object["spec"] = json!({}),
            1 => object["spec"] = json!({"clusterIP": "None", "selector": {"a": "b"}}),
            2 => object["spec"] = json!({"clusterIP": "None", "ports": [{"port": 80}]}),
            _ => object["spec"] = json!({"clusterIP": "None"}),
        },
        _ => {
            let ip = choose(rng, &["192.0.2.1", "192.0.2.2"]);
            object["addressType"] = "IPv4".into();
            object["endpoints"] = json!([{"addresses": [ip]}]);
            match twist {
                0 => object["addressType"] = "IPv6".into(),
                1 => object["addressType"] = Value::Null,
                2 => object["endpoints"] = json!([]),
                3 => object["endpoints"] = json!([{"addresses": []}]),
                4 => object["ports"] = json!([{"port": 80}, {"port": 81}]),
                5 => object["ports"] = json!([{"port": 80, "name": "x"}]),
                _ => {}
            }
        }
    }
    object
}

fn subsets(rng: &mut Rng, twist: u8) -> Value {
    let ip = choose(rng, &["192.0.2.1", "192.0.2.2"]);
    match twist {
        0 => json!([{"addresses": [{"ip": "127.0.0.1"}]}]),
        1 => json!([{"addresses": [{"ip": "x"}], "ports": [{"port": 0}]}]),
        2 => json!([{"addresses": []}]),
        3 => json!([{"addresses": [{"ip": ip}], "ports": [{"port": 1}, {"port": 2}]}]),
        4 => json!([{"addresses": [{"ip": ip}], "ports": [{"port": 1, "protocol": "X"}]}]),
        5 => json!([]),
        6 => {
            json!([{"notReadyAddresses": [{"ip": ip}], "ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]}])
        }
        7 => json!({"addresses": []}),
        8 => json!([{"addresses": [{"ip": "169.254.1.1"}, {"ip": "0.0.0.0"}]}]),
        _ => {
            json!([{"addresses": [{"ip": ip, "targetRef": {"kind": "Pod", "name": "p"}}], "ports": [{"port": 5432}]}])
        }
    }
}

pub(crate) fn metadata(rng: &mut Rng) -> Value {
    let mut metadata = json!({});
    if rng.bool() {
        metadata["labels"] = match rng.u8(..24) {
            0 => json!({"bad key": "1"}),
            1 => json!({"x": "bad value"}),
            2 => json!({"example.com/x": "1", "x": "1"}),
            3 => json!({"x": null}),
            _ => json!({"x": choose(rng, &["1", "2", "3", ""])}),
        };
    }
    if rng.bool() {
        metadata["annotations"] = match rng.u8(..200) {
            5..14 => json!({"bad key": "1"}),
            1 => json!({"big": "y".repeat(262_144)}),
            2 => json!({"fits": "y".repeat(262_140)}),
            14..22 => json!({"UPPER/Case": "1"}),
            22..30 => json!({"a": null}),
            _ => json!({"a": choose(rng, &["1", "2", ""])}),
        };
    }
    match rng.u8(..24) {
        0..2 => metadata["finalizers"] = json!(["example.com/x"]),
        2 => metadata["finalizers"] = json!(["example.com/x", "example.com/y"]),
        3 => metadata["finalizers"] = json!([]),
        4 => {
            metadata["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]);
        }
        5 => {
            metadata["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "Pod", "name": "", "uid": ""}]);
        }
        _ => {}
    }
    metadata
}
