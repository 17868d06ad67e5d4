//! Why no handle could be made, and where the cluster is.

use std::net::IpAddr;
use std::path::PathBuf;

use dcs_core::{BoxError, MemberName, Scope};

use crate::{InvalidName, Mode};

/// Why no handle could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Correct the name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Give the address at which clients reach the member: Kubernetes takes no such one.
    #[error("{ip} cannot be the address of a leader: {why}")]
    PodIp {
        /// The refused address.
        ip: IpAddr,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Set `pod_ip`: a leader without address would take the lock and no traffic.
    #[error(
        "member {member} has no address: set pod_ip or pod_ip_of_own_pod, or leave member out to read only"
    )]
    NoPodIp {
        /// The member.
        member: MemberName,
    },
    /// Name the ports: Kubernetes takes several of them only with different names.
    #[error("{count} ports need different names each, and at least one is needed")]
    Ports {
        /// How many were given.
        count: usize,
    },
    /// Give an attempt more time than none.
    #[error("an attempt needs more than zero time")]
    AttemptTimeout,
    /// Correct the user agent: it is no value of an HTTP header.
    #[error("{value:?} is no user agent: use visible ASCII characters")]
    UserAgent {
        /// The refused text.
        value: String,
    },
    /// Let the API server be checked: whoever answers in its place gets the token and hands out the lock.
    #[error(
        "the cluster's configuration does not check the server's certificate (insecure-skip-tls-verify): name its certificate authority, or call danger_accept_invalid_certs"
    )]
    UncheckedServer,
    /// Say where the cluster is.
    #[error(
        "no Kubernetes cluster is configured: set KUBECONFIG, write ~/.kube/config, or run in a Pod with a service account"
    )]
    NoCluster(#[source] BoxError),
    /// Name a context that the kubeconfig has, or none for its current one.
    #[error("the kubeconfig has no context {context:?}: it has {}", .known.join(", "))]
    Context {
        /// The context that was asked for.
        context: String,
        /// The contexts that are there.
        known: Vec<String>,
    },
    /// Name a file with the certificate authority of the API server, in PEM.
    #[error("no certificate authority can be read from {}", .path.display())]
    CaCert {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: BoxError,
    },
    /// Give a configuration, with `build` or `connect`, or switch the bypass off.
    #[error(
        "bypass_api_service needs the cluster's configuration: use build or connect, not build_with_client"
    )]
    BypassNeedsConfig,
    /// Use the mode that the others use, or remove what one of them left behind:
    /// two modes are two locks.
    #[error(
        "{holder} holds the lock of scope {scope} in mode {mode}: use that mode, or remove the lock there if nobody uses it any more"
    )]
    OtherMode {
        /// The scope.
        scope: Scope,
        /// The mode in which somebody leads.
        mode: Mode,
        /// Who it is.
        holder: MemberName,
    },
    /// Correct the lock in the other mode, or remove it: whether somebody holds it
    /// cannot be told.
    #[error(
        "the lock of scope {scope} in mode {mode} cannot be read ({why}): somebody may hold it; correct it, or remove it if nobody uses it any more"
    )]
    OtherModeUnreadable {
        /// The scope.
        scope: Scope,
        /// The mode in which the lock stands.
        mode: Mode,
        /// What is wrong with it.
        why: String,
    },
    /// Look at the source: no client could be made of this configuration.
    #[error("no client could be made of the cluster's configuration")]
    Client(#[source] BoxError),
}

/// The configuration of the cluster that this process belongs to: the file that
/// `KUBECONFIG` names, `~/.kube/config`, or the service account of the Pod.
///
/// # Errors
/// [`BuildError::NoCluster`] where there is none.
///
/// # Cancel safety
/// A dropped future leaves nothing behind.
pub async fn infer_config() -> Result<kube::Config, BuildError> {
    let inferred = kube::Config::infer().await;
    inferred.map_err(|error| BuildError::NoCluster(error.into()))
}
