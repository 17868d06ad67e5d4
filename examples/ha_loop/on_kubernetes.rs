//! Members in a real cluster, or beside one.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context, bail};
use dcs_core::election::LeaseTiming;
use dcs_core::{Dcs, MemberName, OsEntropy, SystemClock};
use dcs_kubernetes::{ConfigMapDcs, EndpointsDcs, infer_config};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::{Args, Backend};
use crate::member::Member;
use crate::report::Report;
use crate::stand_in::StandIn;

/// Runs the members until a signal, `--duration`, or the end of the output.
pub(crate) async fn run(args: &Args, timing: LeaseTiming, report: Report) -> anyhow::Result<()> {
    if args.backend == Backend::Lease {
        bail!("--backend lease is not there yet: use memory, endpoints or configmap");
    }
    let config = infer_config().await?;
    let names = names(args)?;
    let mut members = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let ip = args.pod_ip.unwrap_or_else(|| address(name));
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
        member.dcs.load().await.with_context(|| {
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
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
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

/// An address of TEST-NET-1 (RFC 5737), which Kubernetes takes and nothing
/// answers at: by the number that the name ends in, else by the name's bytes.
fn address(name: &MemberName) -> IpAddr {
    let digits = name
        .as_str()
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap_or_default();
    let number = digits.parse::<u64>().unwrap_or_else(|_| {
        name.as_str()
            .bytes()
            .fold(7, |sum, byte| sum * 31 % 65_521 + u64::from(byte))
    });
    let last = u8::try_from(number % 254).unwrap_or_default() + 1;
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}
