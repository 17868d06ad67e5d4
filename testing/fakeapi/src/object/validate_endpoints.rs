//! What makes Endpoints and EndpointSlices invalid.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::names::label;
use crate::status::Cause;

pub(super) fn endpoints(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (at, subset) in items(&object["subsets"]).iter().enumerate() {
        let path = format!("subsets[{at}]");
        let ready = items(&subset["addresses"]);
        let not_ready = items(&subset["notReadyAddresses"]);
        if ready.is_empty() && not_ready.is_empty() {
            let why = "must specify `addresses` or `notReadyAddresses`";
            causes.push(Cause::required(&path, why));
        }
        addresses(&mut causes, ready, &format!("{path}.addresses"));
        addresses(&mut causes, not_ready, &format!("{path}.notReadyAddresses"));
        ports(
            &mut causes,
            items(&subset["ports"]),
            &format!("{path}.ports"),
        );
    }
    causes
}

pub(super) fn endpoint_slice(object: &Value) -> Vec<Cause> {
    let kind = object["addressType"].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    match kind {
        "" => causes.push(Cause::required("addressType", "")),
        "IPv4" | "IPv6" | "FQDN" => {}
        other => {
            let supported = "\"FQDN\", \"IPv4\", \"IPv6\"";
            causes.push(Cause::unsupported("addressType", other, supported));
        }
    }
    for (at, endpoint) in items(&object["endpoints"]).iter().enumerate() {
        let path = format!("endpoints[{at}].addresses");
        let addresses = items(&endpoint["addresses"]);
        if addresses.is_empty() {
            causes.push(Cause::required(&path, "must contain at least 1 address"));
        }
        for address in addresses {
            let text = address.as_str().unwrap_or_default();
            let why = match (kind, text.parse::<IpAddr>()) {
                ("IPv4", Ok(IpAddr::V4(_))) | ("IPv6", Ok(IpAddr::V6(_))) | ("FQDN", _) => {
                    special(text)
                }
                ("IPv4", _) => Some("must be an IPv4 address"),
                ("IPv6", _) => Some("must be an IPv6 address"),
                _ => None,
            };
            causes.extend(why.map(|why| Cause::invalid(&path, address, why)));
        }
    }
    slice_ports(&mut causes, items(&object["ports"]));
    causes
}

fn addresses(causes: &mut Vec<Cause>, addresses: &[Value], path: &str) {
    for (at, address) in addresses.iter().enumerate() {
        let path = format!("{path}[{at}].ip");
        let ip = &address["ip"];
        let text = ip.as_str().unwrap_or_default();
        let given: Value = text.into();
        if text.parse::<IpAddr>().is_err() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            causes.push(Cause::invalid(&path, &given, why));
            continue;
        }
        causes.extend(special(text).map(|why| Cause::invalid(&path, &given, why)));
    }
}

/// Addresses at which nothing of a cluster can be.
fn special(text: &str) -> Option<&'static str> {
    let ip: IpAddr = text.parse().ok()?;
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    let is_link_local_multicast = match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
    };
    if ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED) || ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        return Some(match ip {
            IpAddr::V4(_) => "may not be unspecified (0.0.0.0)",
            IpAddr::V6(_) => "may not be unspecified (::)",
        });
    }
    if ip.is_loopback() {
        return Some("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    if is_link_local {
        return Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    is_link_local_multicast
        .then_some("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
}

fn ports(causes: &mut Vec<Cause>, ports: &[Value], path: &str) {
    for (at, port) in ports.iter().enumerate() {
        let path = format!("{path}[{at}]");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(&format!("{path}.name"), ""));
        } else if !name.is_empty() {
            let why = label(name);
            let path = format!("{path}.name");
            causes.extend(why.map(|why| Cause::invalid(&path, &name.into(), &why)));
        }
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65_535).contains(&number) {
            let why = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(&format!("{path}.port"), &number.into(), why));
        }
        protocol(causes, port, &path);
    }
}

fn slice_ports(causes: &mut Vec<Cause>, ports: &[Value]) {
    let mut names = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let path = format!("ports[{at}]");
        let name = port["name"].as_str().unwrap_or_default();
        if names.contains(&name) {
            let message = Cause::invalid(&format!("{path}.name"), &name.into(), "Duplicate value");
            causes.push(message);
        }
        names.push(name);
        protocol(causes, port, &path);
    }
}

fn protocol(causes: &mut Vec<Cause>, port: &Value, path: &str) {
    let protocol = port["protocol"].as_str().unwrap_or_default();
    if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
        let path = format!("{path}.protocol");
        let supported = "\"SCTP\", \"TCP\", \"UDP\"";
        causes.push(Cause::unsupported(&path, protocol, supported));
    }
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}
