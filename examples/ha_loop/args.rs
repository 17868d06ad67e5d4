//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use dcs_core::{MemberName, Rejected, Scope};
use dcs_kubernetes::{Labels, Namespace, PatroniFile};

/// A highly available program over a distributed configuration store: reads the
/// config, keeps its member record fresh, leads or follows, obeys a failover
/// request, and gives leadership up on SIGINT and SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "ha-loop", version)]
pub(crate) struct Args {
    /// A file of Patroni's settings, for a scope in which Patroni may lead, too.
    /// The variables `PATRONI_...` stand over it, and flags that are given over both.
    /// Without such a flag `bootstrap.dcs` and Patroni's defaults count, and not those below.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What that file and the environment say.
    #[arg(skip)]
    pub(crate) file: Option<PatroniFile>,
    /// Where the keys live. Off memory a kubeconfig or a Pod says which cluster.
    #[arg(long, value_enum, default_value = "memory")]
    pub(crate) backend: Backend,
    /// The namespace of the objects and Pods.
    #[arg(long, default_value = "default")]
    pub(crate) namespace: Namespace,
    /// The name of the cluster of members.
    #[arg(long, default_value = "demo")]
    pub(crate) scope: Scope,
    /// Labels of the objects and Pods, beside the scope's.
    #[arg(long, default_value = "application=dcs")]
    pub(crate) labels: Labels,
    /// The one member in this process; off memory by default `POD_NAME` or the host name.
    #[arg(long, conflicts_with = "members")]
    pub(crate) name: Option<MemberName>,
    /// Several members in this process; 3 on memory.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) members: Option<u8>,
    /// The address of the member; by default `POD_IP` in a cluster, and off one an
    /// address of 192.0.2.0/24 made of the name, which a SCOPE-N has to itself.
    #[arg(long, conflicts_with = "members")]
    pub(crate) pod_ip: Option<IpAddr>,
    /// How long a lease lasts. Seeds the config key, which wins if it exists.
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
    /// Time between two renewals. Seeds the config key.
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) loop_wait: Duration,
    /// Time that one operation may take. Seeds the config key.
    #[arg(long, default_value = "4s", value_parser = humantime::parse_duration)]
    pub(crate) retry_timeout: Duration,
    /// The longest ttl that holders use, and how long challengers wait; the ttl by default.
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) max_ttl: Option<Duration>,
    /// Assert that this scope is new and nobody else asserts it: the first
    /// election then does not take the whole ttl. Wrongly asserted, two may lead.
    #[arg(long)]
    pub(crate) bootstrap: bool,
    /// When to end; on memory in virtual time.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) duration: Duration,
    /// How to tell what happens.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// Where the keys live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Memory,
    Endpoints,
    Configmap,
    Lease,
}

/// How to tell what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

/// Why flags, or what stands in the file, cannot be obeyed that are fine one by one.
#[derive(Debug)]
pub(crate) enum Refused {
    /// `--backend lease`.
    NotYet,
    /// In a cluster clients have to be sent to the Pod's own address.
    NoPodIp,
    /// `--config` with `--backend memory`.
    FileOnMemory,
    /// A file without a scope.
    NoScope,
    /// A setting of `bootstrap.dcs` that would have its default in silence.
    Bootstrap(Rejected),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotYet => "--backend lease is not there yet: use memory, endpoints or configmap",
            Self::NoPodIp => "the address of this Pod is not known: set POD_IP from status.podIP, or give --pod-ip",
            Self::FileOnMemory => "--config is for a cluster: leave --backend out, or use endpoints or configmap",
            Self::NoScope => "the file names no scope: write scope, set PATRONI_SCOPE, or give --scope",
            Self::Bootstrap(it) => {
                let (setting, value, allowed) = (it.setting, &it.value, it.allowed);
                return write!(f, "bootstrap.dcs.{setting} is {value}: {allowed}");
            }
        })
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// Whether the arguments are bad, and not what they ask for.
    pub(crate) const fn is_argument(&self) -> bool {
        !matches!(self, Self::NotYet)
    }
}
