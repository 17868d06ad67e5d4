//! Where a leader is reached: what Endpoints mode writes beside the lock.

use std::net::IpAddr;
use std::num::NonZeroU16;

use serde_json::{Value, json};

use crate::InvalidName;

/// A port of the leader's address, as in `subsets[].ports[]` of Endpoints.
///
/// If the Service names its port, the same name must be given here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    name: Option<String>,
    number: NonZeroU16,
    protocol: Protocol,
}

/// The protocol of a [`Port`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl Port {
    /// The port of `PostgreSQL`, without a name: Patroni's default.
    pub(crate) const DEFAULT: Self = Self::new(NonZeroU16::new(5432).unwrap());

    /// A TCP port without a name.
    #[must_use]
    pub const fn new(number: NonZeroU16) -> Self {
        Self {
            name: None,
            number,
            protocol: Protocol::Tcp,
        }
    }

    /// The same port, of another protocol.
    #[must_use]
    pub const fn over(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// The same port with a name.
    ///
    /// # Errors
    /// [`InvalidName`] where the name is no DNS-1123 label.
    pub fn named(mut self, name: &str) -> Result<Self, InvalidName> {
        if name.parse::<crate::Namespace>().is_err() {
            return Err(InvalidName::new(
                "port name",
                name,
                "use 1 to 63 of a-z, 0-9 and '-', first and last one a letter or digit",
            ));
        }
        self.name = Some(name.to_owned());
        Ok(self)
    }

    pub(crate) const fn name(&self) -> Option<&String> {
        self.name.as_ref()
    }

    pub(crate) const fn number(&self) -> u16 {
        self.number.get()
    }

    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut port = match &self.name {
            Some(name) => json!({"name": name, "port": self.number}),
            None => json!({"port": self.number}),
        };
        if self.protocol != Protocol::Tcp {
            port["protocol"] = self.protocol.as_str().into();
        }
        port
    }
}

/// Why Kubernetes refuses this address in Endpoints, or `None` if it takes it.
///
/// The same rules as the API server's, checked early: it would answer each
/// write of the lock with 422 for as long as the program runs.
pub(crate) fn refusal(ip: IpAddr) -> Option<&'static str> {
    let ip = ip.to_canonical();
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    if ip.is_unspecified() {
        Some("it is the unspecified address, which nobody can connect to")
    } else if ip.is_loopback() {
        Some("it is a loopback address, which leads every client to itself")
    } else if link_local {
        Some("it is a link-local address, which is valid on one link only")
    } else if ip.is_multicast() {
        Some("it is a multicast address, not one of a single member")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_kubernetes_refuses_are_refused_with_a_reason() {
        for (ip, word) in [
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("169.254.169.254", "link-local"),
            ("fe80::1", "link-local"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
        ] {
            let why = refusal(ip.parse().unwrap());
            assert!(why.is_some_and(|why| why.contains(word)), "{ip}: {why:?}");
        }
    }

    #[test]
    fn ordinary_addresses_are_taken() {
        for ip in ["192.0.2.1", "10.0.0.10", "fd00::1", "2001:db8::1"] {
            assert_eq!(refusal(ip.parse().unwrap()), None, "{ip}");
        }
    }

    #[test]
    fn a_port_without_a_name_is_written_without_one() {
        assert_eq!(Port::DEFAULT.to_json().to_string(), r#"{"port":5432}"#);
        let other = Port::DEFAULT.over(Protocol::Udp).to_json();
        assert_eq!(other.to_string(), r#"{"port":5432,"protocol":"UDP"}"#);
        let named = Port::DEFAULT.named("postgresql").unwrap();
        assert_eq!(
            named.to_json().to_string(),
            r#"{"name":"postgresql","port":5432}"#
        );
    }
}
