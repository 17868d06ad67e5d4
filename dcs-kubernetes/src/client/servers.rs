//! Which API server a request goes to: the one that the cluster's configuration
//! names, or, past their Service, one of them after the other.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcs_core::{Clock, Entropy, Stamp};
use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::own::{Made, Own, Trouble};
use super::sealed::Seal;

/// How old the list of servers may be before it is read again.
const REFRESH: Duration = Duration::from_secs(10);

/// The ways of one client. Two clients of one handle share the list, and not
/// the choice: a list that hangs says nothing about the lock's server.
#[derive(Clone)]
pub(crate) enum Servers {
    /// Whatever a client of the caller's making leads to.
    Given(kube::Client, Seal),
    /// One, or whatever stands behind its name.
    Named(Own),
    Each(Arc<Each>),
}

/// All servers by their own addresses, and the Service at last.
pub(crate) struct Each {
    service: Own,
    list: Arc<ServerList>,
    chosen: Mutex<Chosen>,
}

#[derive(Default)]
struct Chosen {
    place: Option<Place>,
    clients: BTreeMap<SocketAddr, Own>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Service,
    Server(SocketAddr),
}

/// Where a request went, and through which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    place: Place,
    made: Made,
}

/// The servers that the cluster says it has.
pub(crate) struct ServerList {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    state: Mutex<ListState>,
}

#[derive(Default)]
struct ListState {
    servers: Vec<SocketAddr>,
    asked: Option<Stamp>,
    is_off: bool,
}

/// The Endpoints of the API servers, as far as they are needed.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    subsets: Option<Vec<Subset>>,
}

#[derive(Debug, Deserialize)]
struct Subset {
    addresses: Option<Vec<Address>>,
    ports: Option<Vec<Port>>,
}

#[derive(Debug, Deserialize)]
struct Address {
    ip: IpAddr,
}

#[derive(Debug, Deserialize)]
struct Port {
    name: Option<String>,
    #[serde(rename = "port")]
    number: u16,
    protocol: Option<String>,
}

impl Servers {
    /// Past the Service: `service` is the way through it, and `list` what the
    /// handle's clients share.
    pub(crate) fn each(service: Own, list: Arc<ServerList>) -> Self {
        Self::Each(Arc::new(Each {
            service,
            list,
            chosen: Mutex::default(),
        }))
    }

    /// What keeps a client of another making from sending a request twice.
    pub(super) const fn seal(&self) -> Option<&Seal> {
        match self {
            Self::Given(_, seal) => Some(seal),
            Self::Named(_) | Self::Each(_) => None,
        }
    }

    /// The way that the next request goes. No command that brings credentials
    /// is waited for beyond `patience`.
    pub(crate) async fn choose(&self, patience: BoxFuture<'static, ()>) -> (Sent, kube::Client) {
        let (place, own) = match self {
            Self::Given(client, _) => return (Sent::GIVEN, client.clone()),
            Self::Named(own) => (Place::Service, own.clone()),
            Self::Each(each) => each.choose(),
        };
        Sent::through(place, own.client(patience).await)
    }

    /// A request that went there came to this.
    pub(crate) fn failed(&self, sent: Sent, trouble: Trouble) {
        match self {
            Self::Given(..) => {}
            Self::Named(own) => own.failed(sent.made, trouble),
            Self::Each(each) => each.failed(sent, trouble),
        }
    }

    /// The same way with credentials that were read anew, for the second and
    /// last sending of a request whose credentials were refused.
    pub(crate) async fn after_denial(
        &self,
        sent: Sent,
        patience: BoxFuture<'static, ()>,
    ) -> Option<(Sent, kube::Client)> {
        let own = self.own(sent)?;
        let next = own.after_denial(sent.made, patience).await?;
        Some(Sent::through(sent.place, next))
    }

    /// Whether a request was refused although its credentials were just read.
    pub(crate) fn denied_again(&self, sent: Sent, denied: bool) {
        if let Some(own) = self.own(sent) {
            own.denied_again(denied);
        }
    }

    /// The list, if it is to be read again now.
    pub(crate) fn due(&self) -> Option<&ServerList> {
        match self {
            Self::Each(each) if each.list.is_due() => Some(&each.list),
            _ => None,
        }
    }

    fn own(&self, sent: Sent) -> Option<Own> {
        match self {
            Self::Given(..) => None,
            Self::Named(own) => Some(own.clone()),
            Self::Each(each) => match sent.place {
                Place::Service => Some(each.service.clone()),
                Place::Server(server) => each.chosen().clients.get(&server).cloned(),
            },
        }
    }
}

impl Sent {
    const GIVEN: Self = Self {
        place: Place::Service,
        made: Made::FIRST,
    };

    fn through(place: Place, (made, client): (Made, kube::Client)) -> (Self, kube::Client) {
        (Self { place, made }, client)
    }
}

impl Each {
    fn choose(&self) -> (Place, Own) {
        let servers = self.list.servers();
        let mut chosen = self.chosen();
        chosen.clients.retain(|server, _| servers.contains(server));
        let first = servers.first().copied();
        let server = match chosen.place {
            Some(Place::Service) => None,
            Some(Place::Server(server)) if servers.contains(&server) => Some(server),
            _ => first,
        };
        let through_service = || (Place::Service, self.service.clone());
        let Some(server) = server else {
            return through_service();
        };
        let place = Place::Server(server);
        chosen.place = Some(place);
        if let Some(own) = chosen.clients.get(&server) {
            return (place, own.clone());
        }
        match self.client(server) {
            Ok(own) => {
                chosen.clients.insert(server, own.clone());
                (place, own)
            }
            Err(error) => {
                tracing::warn!(%server, %error, "no client for this API server: going through the Service");
                chosen.place = Some(Place::Service);
                through_service()
            }
        }
    }

    fn failed(&self, sent: Sent, trouble: Trouble) {
        let servers = self.list.servers();
        let mut chosen = self.chosen();
        match sent.place {
            Place::Service => self.service.failed(sent.made, trouble),
            Place::Server(server) => {
                if let Some(own) = chosen.clients.get(&server) {
                    own.failed(sent.made, trouble);
                }
            }
        }
        // Others would refuse the same credentials; and another request may
        // have moved on already.
        if trouble == Trouble::Denied || chosen.place.is_some_and(|chosen| chosen != sent.place) {
            return;
        }
        let next = match sent.place {
            Place::Service => servers.first(),
            Place::Server(server) => {
                let at = servers.iter().position(|known| *known == server);
                servers.get(at.map_or(0, |at| at + 1))
            }
        };
        chosen.place = Some(next.map_or(Place::Service, |next| Place::Server(*next)));
        tracing::debug!(failed = ?sent.place, next = ?chosen.place, "moving on to the next API server");
    }

    /// A client of one server, which has to show a certificate for the name
    /// that the configuration gives to all of them.
    fn client(&self, server: SocketAddr) -> Result<Own, dcs_core::BoxError> {
        let mut config = self.service.config().clone();
        let scheme = config.cluster_url.scheme_str().unwrap_or("https");
        let url = format!("{scheme}://{server}/").parse()?;
        if config.tls_server_name.is_none() {
            let host = config.cluster_url.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            config.tls_server_name = Some(host.to_owned());
        }
        config.cluster_url = url;
        Ok(self.service.of_server(config)?)
    }

    fn chosen(&self) -> MutexGuard<'_, Chosen> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerList {
    /// Where the list is read.
    pub(crate) const PATH: &'static str = "/api/v1/namespaces/default/endpoints/kubernetes";

    pub(crate) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            clock,
            entropy,
            state: Mutex::default(),
        }
    }

    fn servers(&self) -> Vec<SocketAddr> {
        self.state().servers.clone()
    }

    /// True once for each time that the list is to be read.
    fn is_due(&self) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let is_old = |asked| now.holder_elapsed_since(asked) >= REFRESH;
        let is_due = !state.is_off && state.asked.is_none_or(is_old);
        if is_due {
            state.asked = Some(now);
        }
        is_due
    }

    /// What the cluster says now. Where it names no server the old list stays.
    pub(crate) fn saw(&self, found: &Found) {
        let mut servers = found.servers();
        if servers.is_empty() {
            return;
        }
        // Not all members begin with the same one.
        let count = servers.len() as u128;
        let turn = usize::try_from(self.entropy.bits() % count).unwrap_or_default();
        let mut state = self.state();
        let known = |server| state.servers.contains(server);
        if servers.len() == state.servers.len() && servers.iter().all(known) {
            return;
        }
        servers.rotate_left(turn);
        state.servers = servers;
    }

    /// The account may not read the list: the bypass is off from now on.
    pub(crate) fn refused(&self) {
        tracing::warn!(
            "bypass_api_service is off: let a Role in namespace default grant get on endpoints/kubernetes to this account"
        );
        let mut state = self.state();
        state.is_off = true;
        state.servers.clear();
    }

    fn state(&self) -> MutexGuard<'_, ListState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    fn servers(&self) -> Vec<SocketAddr> {
        let mut servers = Vec::new();
        for subset in self.subsets.iter().flatten() {
            let mut ports = subset.ports.iter().flatten();
            let is_https = |port: &&Port| {
                let protocol = port.protocol.as_deref().unwrap_or("TCP");
                port.name.as_deref() == Some("https") && protocol == "TCP"
            };
            let Some(port) = ports.find(is_https) else {
                continue;
            };
            let addresses = subset.addresses.iter().flatten();
            servers.extend(addresses.map(|address| SocketAddr::new(address.ip, port.number)));
        }
        servers.sort_unstable();
        servers.dedup();
        servers
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Given(..) => "Given",
            Self::Named(_) => "Named",
            Self::Each(_) => "Each",
        };
        f.debug_tuple(name).finish()
    }
}

#[cfg(test)]
mod tests;
