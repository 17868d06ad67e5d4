//! The way to the store for one member of a cluster, and to that member.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, bail};
use dcs_core::election::LeaseTiming;
use dcs_core::{Dcs, MemberName, MemberRecord};
use dcs_kubernetes::{BuildError, Builder, ConfigMapDcs, EndpointsDcs, Group};

use crate::args::{Args, Backend, Refused};
use crate::member::Member;

/// Where clients find PostgreSQL, if nobody says otherwise.
const PORT: u16 = 5432;

/// Reads the scope for the first time. A member of a scope of Patroni's waits
/// for a store that is away, as Patroni does.
pub(crate) async fn reach(
    args: &Args,
    member: &Member,
    config: &kube::Config,
) -> anyhow::Result<()> {
    loop {
        let reached = async {
            member.dcs.load().await?;
            // A lock of someone else is in no list: it lacks our labels.
            member.dcs.load_leader().await
        };
        let Err(error) = reached.await else {
            let name = member.record.name();
            return Ok(refuse_other_mode(args, name, config).await?);
        };
        let waits = args.file.is_some() && error.is_transient();
        let error = anyhow::Error::from(error).context(format!(
            "reading the scope for the first time from {}",
            host(config)
        ));
        if !waits {
            return Err(error);
        }
        tracing::warn!("{}; trying again", crate::report::causes(error.as_ref()));
        member.clock.sleep(member.timing.loop_wait()).await;
    }
}

fn host(config: &kube::Config) -> String {
    let url = &config.cluster_url;
    let port = url.port_u16().map(|port| format!(":{port}"));
    format!(
        "{}{}",
        url.host().unwrap_or_default(),
        port.unwrap_or_default()
    )
}

/// A handle for one member, at this address or at that of its own Pod.
pub(crate) fn connect(
    args: &Args,
    timing: &LeaseTiming,
    config: kube::Config,
    name: &MemberName,
    ip: Option<IpAddr>,
) -> Result<Arc<dyn Dcs>, BuildError> {
    let agent = user_agent(name);
    let timeout = timing.attempt_timeout();
    if args.backend == Backend::Configmap {
        let builder = config_maps(args)?.member(name.clone());
        let builder = builder.attempt_timeout(timeout).user_agent(agent);
        return Ok(Arc::new(builder.build(config)?));
    }
    let mut builder = endpoints(args)?.member(name.clone());
    if let Some(ip) = ip {
        builder = builder.pod_ip(ip);
    }
    let builder = builder.attempt_timeout(timeout).user_agent(agent);
    Ok(Arc::new(builder.build(config)?))
}

/// Two modes are two locks: nobody joins a scope that is led in the other one.
async fn refuse_other_mode(
    args: &Args,
    name: &MemberName,
    config: &kube::Config,
) -> Result<(), BuildError> {
    let agent = user_agent(name);
    if args.backend == Backend::Configmap {
        let builder = config_maps(args)?.user_agent(agent);
        return builder.refuse_other_mode(config).await;
    }
    let builder = endpoints(args)?.user_agent(agent);
    builder.refuse_other_mode(config).await
}

fn config_maps(args: &Args) -> Result<Builder<ConfigMapDcs>, BuildError> {
    let scope = args.scope.clone();
    let builder = match &args.file {
        Some(file) => file.kubernetes.config_maps(scope)?,
        None => ConfigMapDcs::builder(scope)
            .namespace(args.namespace.clone())
            .labels(args.labels.clone()),
    };
    Ok(match group(args) {
        Some(group) => builder.group(group),
        None => builder,
    })
}

fn endpoints(args: &Args) -> Result<Builder<EndpointsDcs>, BuildError> {
    let scope = args.scope.clone();
    let builder = match &args.file {
        Some(file) => file.kubernetes.endpoints(scope)?,
        None => EndpointsDcs::builder(scope)
            .namespace(args.namespace.clone())
            .labels(args.labels.clone()),
    };
    Ok(match group(args) {
        Some(group) => builder.group(group),
        None => builder,
    })
}

fn group(args: &Args) -> Option<Group> {
    args.file.as_ref().and_then(|file| file.group)
}

/// What a member says of itself.
pub(crate) fn says(
    args: &Args,
    name: &MemberName,
    ip: Option<IpAddr>,
) -> Result<MemberRecord, Refused> {
    let told = args
        .file
        .as_ref()
        .and_then(|file| file.connect_address.clone());
    let own = || Some(SocketAddr::new(ip?, PORT).to_string());
    let address = told.or_else(own).ok_or(Refused::NoPodIp)?;
    Ok(crate::says(name.clone(), &address, args.file.as_ref()))
}

/// How a member calls itself in the API server's audit log.
pub(crate) fn user_agent(name: &MemberName) -> String {
    format!("ha-loop/{} ({name})", env!("CARGO_PKG_VERSION"))
}

/// Where clients reach the member: as told, at a stand-in's address, or the
/// Pod's own. `None` is the latter, too, where the API server has to be asked.
pub(crate) fn address(args: &Args, name: &MemberName) -> anyhow::Result<Option<IpAddr>> {
    if let Some(ip) = args.pod_ip {
        return Ok(Some(ip));
    }
    if !in_cluster() {
        return Ok(Some(stand_in_address(args.scope.as_str(), name.as_str())));
    }
    let asks = args.file.is_some();
    let ip = match std::env::var("POD_IP") {
        Ok(ip) => ip,
        Err(_) if asks => return Ok(None),
        Err(_) => bail!(Refused::NoPodIp),
    };
    let ip = ip
        .parse()
        .with_context(|| format!("POD_IP is {ip:?}, which is no address"))?;
    Ok(Some(ip))
}

pub(crate) fn in_cluster() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

/// An address of TEST-NET-1 (RFC 5737), which Kubernetes takes and nothing
/// answers at: SCOPE-N has the lower hundred to itself, other names share the rest.
fn stand_in_address(scope: &str, name: &str) -> IpAddr {
    let number = name
        .strip_prefix(scope)
        .and_then(|rest| rest.strip_prefix('-'));
    let last = number
        .and_then(|n| n.parse::<u8>().ok())
        .filter(|n| *n < 100)
        .map_or_else(
            || {
                let sum = name
                    .bytes()
                    .fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 65_521);
                101 + u8::try_from(sum % 154).unwrap_or_default()
            },
            |n| n + 1,
        );
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_named_after_the_scope_have_addresses_of_their_own() {
        let addresses: std::collections::BTreeSet<_> = (0..100)
            .map(|n| stand_in_address("demo", &format!("demo-{n}")))
            .collect();
        assert_eq!(addresses.len(), 100);
        assert!(!addresses.contains(&stand_in_address("demo", "node-1")));
    }
}
