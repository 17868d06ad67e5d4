//! How a handle is made.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Clock, Entropy, MemberName, OsEntropy, Scope, SystemClock};
use http::HeaderValue;

use crate::client::{Client, Own, Seal, ServerList, Servers};
use crate::role_labels::RoleLabels;
use crate::settings::{Address, Kind, Settings};
use crate::store::Store;
use crate::{BuildError, EndpointsDcs, Group, LabelKey, Labels, Mode, Namespace, Port, address};

/// Where the address of the handle's member comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodIp {
    None,
    OwnPod,
    Given(IpAddr),
}

/// Makes an [`EndpointsDcs`] or a [`ConfigMapDcs`](crate::ConfigMapDcs).
#[must_use = "nothing is made until `build`, `build_with_client` or `connect`"]
pub struct Builder<D> {
    scope: Scope,
    kind: Kind,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) labels: Labels,
    pub(crate) scope_label: String,
    pub(crate) member: Option<MemberName>,
    pub(crate) pod_ip: PodIp,
    ports: Vec<Port>,
    pub(crate) group: Option<Group>,
    pub(crate) role_labels: RoleLabels,
    pub(crate) config_service: bool,
    pub(crate) retriable: Vec<u16>,
    pub(crate) bypass: bool,
    attempt_timeout: Duration,
    user_agent: Option<String>,
    accepts_any_server: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    makes: PhantomData<fn() -> D>,
}

#[expect(private_bounds, reason = "only this crate's two backends can be built")]
impl<D: From<Store>> Builder<D> {
    pub(crate) fn new(scope: Scope, kind: Kind) -> Self {
        Self {
            scope,
            kind,
            namespace: None,
            labels: Labels::default(),
            scope_label: "cluster-name".to_owned(),
            member: None,
            pod_ip: PodIp::None,
            ports: vec![Port::DEFAULT],
            group: None,
            role_labels: RoleLabels::default(),
            config_service: false,
            retriable: Vec::new(),
            bypass: false,
            attempt_timeout: Duration::from_secs(2),
            user_agent: None,
            accepts_any_server: false,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy::new()),
            makes: PhantomData,
        }
    }

    /// The namespace. The configuration's own by default.
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Labels that all objects and Pods of the scope carry, beside the scope label.
    pub fn labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The key of the label whose value is the scope; `cluster-name` by default.
    pub fn scope_label(mut self, key: &LabelKey) -> Self {
        key.as_str().clone_into(&mut self.scope_label);
        self
    }

    /// The member that this handle speaks for: the name of its Pod. Without
    /// one, no member key can be written, and no lock in Endpoints mode.
    pub fn member(mut self, member: MemberName) -> Self {
        self.member = Some(member);
        self
    }

    /// The longest that one request may take, two seconds by default.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How this program calls itself in the API server's audit log.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Talks to a server whose certificate nobody checks, where the cluster's
    /// configuration says so. Whoever answers in its place gets the credentials
    /// and hands out the lock.
    pub fn danger_accept_invalid_certs(mut self) -> Self {
        self.accepts_any_server = true;
        self
    }

    /// The clock of all deadlines and waits; the operating system's by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The source of jitter; the operating system's by default.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// A handle with clients of its own, made as a lock needs them: no hidden
    /// retries, and a connection pool that nothing else waits in. After a
    /// request without an answer the next one has new connections. Where the
    /// credentials are refused (401) the configuration's token file or command
    /// is read at once, and that request is sent a second and last time.
    ///
    /// A command that brings credentials is run here once for each of the
    /// clients, and waited for. Later on it runs beside the requests, and one
    /// that takes too long leaves the old credentials in use.
    ///
    /// Call it within the tokio runtime that will use the handle.
    ///
    /// # Errors
    /// [`BuildError`], with the setting that is wrong.
    pub fn build(self, mut config: kube::Config) -> Result<D, BuildError> {
        if config.accept_invalid_certs && !self.accepts_any_server {
            return Err(BuildError::UncheckedServer);
        }
        config.default_retry = false;
        // A host that does not answer is then known not to have got anything.
        let connect = self.attempt_timeout / 2;
        let given = config.connect_timeout.unwrap_or(connect);
        config.connect_timeout = Some(given.min(connect));
        let own = |config: kube::Config| {
            Own::new(config).map_err(|error| BuildError::Client(error.into()))
        };
        let namespace = config.default_namespace.clone();
        let (lock, streams) = (own(config.clone())?, own(config)?);
        let (lock, streams) = if self.bypass {
            let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
            let list = Arc::new(ServerList::new(clock, entropy));
            let lock = Servers::each(lock, Arc::clone(&list));
            (lock, Servers::each(streams, list))
        } else {
            (Servers::Named(lock), Servers::Named(streams))
        };
        self.assemble(&namespace, lock, streams)
    }

    /// A handle on a client of the caller's making.
    ///
    /// Prefer [`build`](Self::build). Safety rests on nothing that a client
    /// does: the deadline of an attempt ends it here, whatever is still going
    /// on below. What is lost with a client that this crate did not make:
    ///
    /// - Whatever else it carries stands in the same queue as the lock.
    /// - Its connections are not dropped after silence, and its credentials
    ///   are not read anew after a 401.
    /// - It may send a refused request again by itself. The layer that kube adds
    ///   with `default_retry` does not: it is given bodies that it cannot copy.
    ///   A layer of another make that copies them hides 429, 503 and
    ///   `Retry-After` from the election, which then learns at the deadline that
    ///   an outcome is unknown; and where it sends a write again that was applied,
    ///   the refusal of the second sending tells of a committed write that it was
    ///   not. The election reads such a lock back; who writes other keys should
    ///   not use a client with one.
    /// - A layer that goes on sending after its caller gave up may renew a lock
    ///   after the attempt's deadline. Nobody believes in that, but others wait
    ///   for T_WAIT once more.
    ///
    /// # Errors
    /// [`BuildError`], with the setting that is wrong.
    pub fn build_with_client(self, client: kube::Client) -> Result<D, BuildError> {
        if self.bypass {
            return Err(BuildError::BypassNeedsConfig);
        }
        let namespace = client.default_namespace().to_owned();
        let lock = Servers::Given(client.clone(), Seal::new());
        self.assemble(&namespace, lock, Servers::Given(client, Seal::new()))
    }

    /// A handle on the cluster that this process belongs to, as
    /// [`infer_config`](crate::infer_config) finds it.
    ///
    /// # Errors
    /// [`BuildError::NoCluster`] where there is none, or the setting that is wrong.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn connect(self) -> Result<D, BuildError> {
        let config = crate::infer_config().await?;
        self.build(config)
    }

    fn assemble(self, namespace: &str, lock: Servers, streams: Servers) -> Result<D, BuildError> {
        let user_agent = self.user_agent.as_ref().map(|text| {
            HeaderValue::from_str(text).map_err(|_| BuildError::UserAgent {
                value: text.chars().take(80).collect(),
            })
        });
        let user_agent = user_agent.transpose()?;
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let settings = self.settings(namespace)?;
        crate::builder_wire::check(&settings)?;
        Ok(D::from(Store {
            settings,
            client: Client::new(lock, Arc::clone(&clock), user_agent.clone()),
            streams: Client::new(streams, Arc::clone(&clock), user_agent),
            clock,
            entropy,
            memory: crate::memory::Memory::default(),
        }))
    }

    pub(crate) fn settings(self, default_namespace: &str) -> Result<Settings, BuildError> {
        if self.attempt_timeout.is_zero() {
            return Err(BuildError::AttemptTimeout);
        }
        let address = self.address()?;
        let namespace = match self.namespace {
            Some(namespace) => namespace,
            None => default_namespace.parse()?,
        };
        let mut labels = self.labels;
        labels.set(&self.scope_label.parse()?, self.scope.as_str());
        Ok(Settings {
            kind: self.kind,
            scope: self.scope,
            namespace,
            labels,
            member: self.member,
            address,
            group: self.group,
            role_labels: self.role_labels,
            config_service: self.config_service,
            retriable: self.retriable,
            attempt_timeout: self.attempt_timeout,
        })
    }

    fn address(&self) -> Result<Option<Address>, BuildError> {
        if self.kind != Kind::Endpoints {
            return Ok(None);
        }
        if let PodIp::Given(ip) = self.pod_ip
            && let Some(why) = address::refusal(ip)
        {
            return Err(BuildError::PodIp { ip, why });
        }
        if let (Some(member), PodIp::None) = (&self.member, self.pod_ip) {
            let member = member.clone();
            return Err(BuildError::NoPodIp { member });
        }
        let mut names: Vec<_> = self.ports.iter().map(Port::name).collect();
        names.sort();
        names.dedup();
        let count = self.ports.len();
        if count == 0 || names.len() < count || (count > 1 && names.contains(&None)) {
            return Err(BuildError::Ports { count });
        }
        Ok(Some(Address {
            ip: match self.pod_ip {
                PodIp::Given(ip) => Some(ip),
                PodIp::None | PodIp::OwnPod => None,
            },
            ports: self.ports.clone(),
        }))
    }
}

impl Builder<EndpointsDcs> {
    /// The address at which clients reach this handle's member.
    pub fn pod_ip(mut self, ip: IpAddr) -> Self {
        self.pod_ip = PodIp::Given(ip);
        self
    }

    /// The ports at which clients reach this handle's member; 5432 without a
    /// name by default.
    pub fn ports(mut self, ports: impl IntoIterator<Item = Port>) -> Self {
        self.ports = ports.into_iter().collect();
        self
    }
}

impl<D> Builder<D> {
    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) const fn mode(&self) -> Mode {
        match self.kind {
            Kind::Endpoints => Mode::Endpoints,
            Kind::ConfigMap => Mode::ConfigMap,
        }
    }

    /// The same scope in this mode, for who only reads.
    pub(crate) fn reader_in(&self, mode: Mode) -> Self {
        Self {
            scope: self.scope.clone(),
            kind: mode.into(),
            namespace: self.namespace.clone(),
            labels: self.labels.clone(),
            scope_label: self.scope_label.clone(),
            member: None,
            pod_ip: PodIp::None,
            ports: vec![Port::DEFAULT],
            group: self.group,
            role_labels: RoleLabels::default(),
            config_service: false,
            retriable: self.retriable.clone(),
            bypass: self.bypass,
            attempt_timeout: self.attempt_timeout,
            user_agent: self.user_agent.clone(),
            accepts_any_server: self.accepts_any_server,
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            makes: PhantomData,
        }
    }
}

impl<D> fmt::Debug for Builder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("scope", &self.scope)
            .field("kind", &self.kind)
            .field("namespace", &self.namespace)
            .field("labels", &self.labels)
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}
