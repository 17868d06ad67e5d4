//! The addresses of the leader Endpoints: which are written, and when none
//! need be.

use std::net::IpAddr;

use dcs_core::MemberName;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::address::Port;
use crate::own_pod::OwnPod;

/// One of `subsets`, as it is stored. Any part may be null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Subset {
    addresses: Option<Vec<Address>>,
    ports: Option<Vec<SeenPort>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Address {
    ip: Option<String>,
    target_ref: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct SeenPort {
    name: Option<String>,
    port: Option<u64>,
    protocol: Option<String>,
}

/// The one address that clients are to be sent to.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) member: &'a MemberName,
    pub(crate) ip: IpAddr,
    pub(crate) ports: &'a [Port],
    /// The member's Pod, where it is known.
    pub(crate) pod: Option<&'a OwnPod>,
}

/// `subsets` of a whole Endpoints object; `None` where they cannot be read.
pub(crate) fn seen(subsets: &Value) -> Option<Vec<Subset>> {
    let subsets = Option::<Vec<Subset>>::deserialize(subsets);
    subsets.ok().map(Option::unwrap_or_default)
}

/// What a write of the lock sends as `subsets`: nothing only where what stands
/// there, in the very version that it replaces, is right already. What stands
/// there may be unknown. Nobody `wanted` means that no address may remain.
pub(crate) fn to_send(wanted: Option<&Wanted<'_>>, seen: Option<&[Subset]>) -> Option<Value> {
    match (wanted, seen) {
        (None, Some([])) => None,
        (None, _) => Some(json!([])),
        (Some(wanted), Some(seen)) if !wanted.differs(seen) && !wanted.completes(seen) => None,
        (Some(wanted), seen) => Some(wanted.to_json(seen.unwrap_or_default())),
    }
}

impl Wanted<'_> {
    /// Patroni's rule: hostname, node and target are not compared, or each
    /// version of the Pod would be a change of the address.
    pub(crate) fn differs(&self, seen: &[Subset]) -> bool {
        let [subset] = seen else {
            return true;
        };
        let [address] = subset.addresses.as_deref().unwrap_or_default() else {
            return true;
        };
        let ports = subset.ports.as_deref().unwrap_or_default();
        !self.has_ip(address)
            || ports.len() != self.ports.len()
            || !self.ports.iter().all(|port| has(ports, port))
    }

    /// Whether the member led before its Pod was known, and it is known now.
    fn completes(&self, seen: &[Subset]) -> bool {
        self.pod.is_some() && self.known_target(seen).is_none()
    }

    fn has_ip(&self, address: &Address) -> bool {
        let ip = address.ip.as_deref().and_then(|ip| ip.parse().ok());
        ip == Some(self.ip)
    }

    fn to_json(&self, seen: &[Subset]) -> Value {
        let mut address = Map::new();
        address.insert("ip".to_owned(), self.ip.to_string().into());
        let pod = self.pod;
        let of_pod = [
            ("hostname", pod.and_then(|pod| pod.hostname.clone())),
            ("nodeName", pod.and_then(|pod| pod.node_name.clone())),
        ];
        // A null would say no more than an absent field.
        for (key, value) in of_pod {
            if let Some(value) = value {
                address.insert(key.to_owned(), value.into());
            }
        }
        let target = self.known_target(seen).unwrap_or_else(|| self.target());
        address.insert("targetRef".to_owned(), target);
        let ports: Vec<Value> = self.ports.iter().map(Port::to_json).collect();
        json!([{"addresses": [address], "ports": ports}])
    }

    /// The whole target that stands there for this member at this address.
    fn known_target(&self, seen: &[Subset]) -> Option<Value> {
        let addresses = seen.iter().flat_map(|subset| subset.addresses.iter());
        let mut own = addresses.flatten().filter(|address| self.has_ip(address));
        own.find_map(|address| {
            let target = address.target_ref.as_ref()?;
            let name = target.get("name")?.as_str()?;
            let whole = name == self.member.as_str() && target.contains_key("uid");
            whole.then(|| target.clone().into())
        })
    }

    fn target(&self) -> Value {
        let (namespace, name) = (self.namespace, self.member.as_str());
        match self.pod {
            Some(pod) => json!({
                "kind": "Pod",
                "uid": pod.uid,
                "namespace": namespace,
                "name": name,
                "resourceVersion": pod.resource_version,
            }),
            None => json!({"kind": "Pod", "namespace": namespace, "name": name}),
        }
    }
}

/// Ports have no order; each has a name of its own, or is alone without one.
fn has(seen: &[SeenPort], port: &Port) -> bool {
    let name = port.name().map(String::as_str);
    let same = |seen: &&SeenPort| seen.name.as_deref().filter(|name| !name.is_empty()) == name;
    seen.iter().find(same).is_some_and(|seen| {
        let protocol = seen.protocol.as_deref().unwrap_or("TCP");
        seen.port == Some(port.number().into()) && protocol == port.protocol().as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: &str = r#"[{"port":5432,"protocol":"TCP"}]"#;

    static DEFAULT: [Port; 1] = [Port::DEFAULT];

    fn member() -> MemberName {
        "demo-0".parse().unwrap()
    }

    fn pod() -> OwnPod {
        OwnPod {
            ip: Some("192.0.2.10".parse().unwrap()),
            hostname: Some("demo-0".to_owned()),
            node_name: Some("n1".to_owned()),
            uid: "u".to_owned(),
            resource_version: "77".to_owned(),
        }
    }

    fn wanted<'a>(
        member: &'a MemberName,
        ports: &'a [Port],
        pod: Option<&'a OwnPod>,
    ) -> Wanted<'a> {
        Wanted {
            namespace: "default",
            member,
            ip: "192.0.2.10".parse().unwrap(),
            ports,
            pod,
        }
    }

    fn stored(text: &str) -> Vec<Subset> {
        seen(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn null_is_no_address() {
        let member = member();
        let wanted = wanted(&member, &DEFAULT, None);
        for text in [
            "null",
            "[]",
            r#"[{"addresses":null,"ports":null}]"#,
            r#"[{"addresses":[{"ip":null}],"ports":[]}]"#,
            r#"[{"notReadyAddresses":[{"ip":"192.0.2.10"}]}]"#,
        ] {
            assert!(wanted.differs(&stored(text)), "{text}");
        }
        assert_eq!(stored("null"), []);
        assert_eq!(seen(&json!({"addresses": []})), None);
    }

    #[test]
    fn an_address_differs_by_ip_and_ports_and_by_nothing_else() {
        let member = member();
        let wanted = wanted(&member, &DEFAULT, None);
        let one = |address: &str, ports: &str| {
            stored(&format!(r#"[{{"addresses":[{address}],"ports":{ports}}}]"#))
        };
        let own = r#"{"ip":"192.0.2.10"}"#;
        for same in [
            one(own, PORTS),
            one(own, r#"[{"port":5432}]"#),
            one(own, r#"[{"port":5432,"name":"","protocol":null}]"#),
            one(
                r#"{"ip":"192.0.2.10","hostname":"x","nodeName":"y","targetRef":null}"#,
                PORTS,
            ),
        ] {
            assert!(!wanted.differs(&same), "{same:?}");
        }
        let twice = [one(own, PORTS), one(own, PORTS)].concat();
        for other in [
            one(r#"{"ip":"192.0.2.11"}"#, PORTS),
            one(&format!("{own},{own}"), PORTS),
            one(own, r#"[{"port":5433}]"#),
            one(own, r#"[{"port":5432,"protocol":"UDP"}]"#),
            one(own, r#"[{"port":5432,"name":"postgresql"}]"#),
            one(own, r#"[{"port":5432},{"port":5433,"name":"b"}]"#),
            twice,
        ] {
            assert!(wanted.differs(&other), "{other:?}");
        }
    }

    #[test]
    fn the_order_of_several_ports_is_no_difference() {
        let member = member();
        let port = |number: u16, name| Port::new(number.try_into().unwrap()).named(name).unwrap();
        let ports = [port(5432, "postgresql"), port(8008, "api")];
        let wanted = wanted(&member, &ports, None);
        let text = |names: [&str; 2]| {
            format!(
                r#"[{{"addresses":[{{"ip":"192.0.2.10"}}],"ports":[{{"name":"{}","port":8008}},{{"name":"{}","port":5432}}]}}]"#,
                names[0], names[1]
            )
        };
        assert!(!wanted.differs(&stored(&text(["api", "postgresql"]))));
        assert!(wanted.differs(&stored(&text(["postgresql", "api"]))));
        assert!(wanted.differs(&stored(&text(["api", "pg"]))));
    }

    #[test]
    fn the_target_that_stands_there_is_kept() {
        let (member, pod) = (member(), pod());
        let wanted = wanted(&member, &DEFAULT, Some(&pod));
        let of = |ip: &str, name: &str| {
            let target = json!({"kind": "Pod", "name": name, "uid": "old"});
            let subsets = json!([{"addresses": [{"ip": ip, "targetRef": target}]}]);
            let sent = to_send(Some(&wanted), seen(&subsets).as_deref()).unwrap();
            sent[0]["addresses"][0]["targetRef"]["uid"].clone()
        };
        assert_eq!(of("192.0.2.10", "demo-0"), "old");
        assert_eq!(of("192.0.2.11", "demo-0"), "u", "another address");
        assert_eq!(of("192.0.2.10", "demo-1"), "u", "another Pod");
    }

    #[test]
    fn what_is_not_known_is_written() {
        let member = member();
        let wanted = wanted(&member, &DEFAULT, None);
        assert!(to_send(Some(&wanted), None).is_some());
        assert_eq!(to_send(None, None), Some(json!([])));
        assert_eq!(to_send(None, Some(&[])), None);
        assert_eq!(to_send(None, Some(&[Subset::default()])), Some(json!([])));
    }
}
