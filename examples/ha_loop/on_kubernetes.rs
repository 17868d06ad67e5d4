//! Members in a real cluster, or beside one.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context, bail};
use dcs_core::election::LeaseTiming;
use dcs_core::{Dcs, MemberName, OsEntropy, SystemClock};
use dcs_kubernetes::{ConfigMapDcs, EndpointsDcs, infer_config};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::{Args, Backend, Refused};
use crate::member::Member;
use crate::report::Report;
use crate::stand_in::StandIn;

/// Runs the members until a signal, `--duration`, or the end of the output.
pub(crate) async fn run(args: &Args, timing: LeaseTiming, report: Report) -> anyhow::Result<()> {
    if args.backend == Backend::Lease {
        bail!(Refused::NotYet);
    }
    let config = infer_config().await?;
    let names = names(args)?;
    let mut members = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let ip = address(args, name)?;
        members.push(Member {
            dcs: connect(args, &timing, config.clone(), name, ip)?,
            me: name.clone(),
            address: ip.to_string(),
            timing: timing.clone(),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy::new()),
            bootstrap: args.bootstrap && number == 0,
            report: report.clone(),
        });
    }
    // What cannot work is said before anything is written.
    if let Some(member) = members.first() {
        let reached = async {
            member.dcs.load().await?;
            // A lock of someone else is in no list: it lacks our labels.
            member.dcs.load_leader().await
        };
        reached.await.with_context(|| {
            let url = &config.cluster_url;
            let (host, port) = (url.host().unwrap_or_default(), url.port_u16());
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            format!("reading the scope for the first time from {host}{port}")
        })?;
    }
    let stand_ins = stand_ins(args, &config, &names).await?;
    let ran = run_members(args, &report, members).await;
    for stand_in in stand_ins {
        stand_in.remove().await;
    }
    ran
}

async fn run_members(args: &Args, report: &Report, members: Vec<Member>) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    for member in members {
        running.spawn(member.run(stopped.clone()));
    }
    let clock = SystemClock::new();
    let first = tokio::select! {
        () = crate::signalled() => None,
        () = report.ended() => None,
        () = dcs_core::Clock::sleep(&clock, args.duration) => None,
        ended = running.join_next() => ended,
    };
    stop.send_replace(true);
    let mut ended = Vec::from_iter(first);
    while let Some(next) = running.join_next().await {
        ended.push(next);
    }
    let ended: Result<(), _> = ended.into_iter().collect();
    ended.context("a member ended by a panic")
}

fn connect(
    args: &Args,
    timing: &LeaseTiming,
    config: kube::Config,
    name: &MemberName,
    ip: IpAddr,
) -> anyhow::Result<Arc<dyn Dcs>> {
    let user_agent = user_agent(name);
    let (scope, namespace) = (args.scope.clone(), args.namespace.clone());
    let (labels, name) = (args.labels.clone(), name.clone());
    let timeout = timing.attempt_timeout();
    Ok(match args.backend {
        Backend::Configmap => Arc::new(
            ConfigMapDcs::builder(scope)
                .namespace(namespace)
                .labels(labels)
                .member(name)
                .attempt_timeout(timeout)
                .user_agent(user_agent)
                .build(config)?,
        ),
        _ => Arc::new(
            EndpointsDcs::builder(scope)
                .namespace(namespace)
                .labels(labels)
                .member(name)
                .pod_ip(ip)
                .attempt_timeout(timeout)
                .user_agent(user_agent)
                .build(config)?,
        ),
    })
}

/// How a member calls itself in the API server's audit log.
fn user_agent(name: &MemberName) -> String {
    format!("ha-loop/{} ({name})", env!("CARGO_PKG_VERSION"))
}

/// Outside a cluster nobody makes the members' Pods.
async fn stand_ins(
    args: &Args,
    config: &kube::Config,
    names: &[MemberName],
) -> anyhow::Result<Vec<StandIn>> {
    if in_cluster() {
        return Ok(Vec::new());
    }
    let mut stand_ins = Vec::new();
    for name in names {
        let mut config = config.clone();
        let agent = ("user-agent".parse()?, user_agent(name).parse()?);
        config.headers.push(agent);
        let client = kube::Client::try_from(config).context("a client for the stand-in Pods")?;
        let (namespace, scope) = (&args.namespace, &args.scope);
        let stand_in = StandIn::make(client, namespace, scope, &args.labels, name).await;
        match stand_in {
            Ok(stand_in) => stand_ins.push(stand_in),
            Err(error) => {
                for made in stand_ins {
                    made.remove().await;
                }
                return Err(error);
            }
        }
    }
    Ok(stand_ins)
}

fn names(args: &Args) -> anyhow::Result<Vec<MemberName>> {
    if let Some(count) = args.members {
        let names = (0..count).map(|number| format!("{}-{number}", args.scope).parse());
        return names
            .collect::<Result<_, _>>()
            .context("the members are named after the scope");
    }
    if let Some(name) = &args.name {
        return Ok(vec![name.clone()]);
    }
    let host = || {
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .to_lowercase()
    };
    let name = std::env::var("POD_NAME").unwrap_or_else(|_| host());
    let name = name
        .parse()
        .context("POD_NAME or the host name is no member name: give --name")?;
    Ok(vec![name])
}

/// Where clients reach the member: as told, the Pod's own, or a stand-in's.
fn address(args: &Args, name: &MemberName) -> anyhow::Result<IpAddr> {
    if let Some(ip) = args.pod_ip {
        return Ok(ip);
    }
    if !in_cluster() {
        return Ok(stand_in_address(args.scope.as_str(), name.as_str()));
    }
    let ip = std::env::var("POD_IP").map_err(|_| Refused::NoPodIp)?;
    ip.parse()
        .with_context(|| format!("POD_IP is {ip:?}, which is no address"))
}

fn in_cluster() -> bool {
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
