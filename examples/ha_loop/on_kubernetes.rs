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
        member
            .dcs
            .load()
            .await
            .context("reading the scope for the first time")?;
    }
    let stand_ins = stand_ins(args, config, &names).await?;
    run_members(args, &report, members).await;
    for stand_in in stand_ins {
        stand_in.remove().await;
    }
    Ok(())
}

async fn run_members(args: &Args, report: &Report, members: Vec<Member>) {
    let (stop, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    for member in members {
        running.spawn(member.run(stopped.clone()));
    }
    let clock = SystemClock::new();
    tokio::select! {
        () = crate::signalled() => {}
        () = report.ended() => {}
        () = dcs_core::Clock::sleep(&clock, args.duration) => {}
        _ = running.join_next() => {}
    }
    stop.send_replace(true);
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a member ended by a panic");
        }
    }
}

fn connect(
    args: &Args,
    timing: &LeaseTiming,
    config: kube::Config,
    name: &MemberName,
    ip: IpAddr,
) -> anyhow::Result<Arc<dyn Dcs>> {
    let user_agent = format!("ha-loop/{} ({name})", env!("CARGO_PKG_VERSION"));
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

/// Outside a cluster nobody makes the members' Pods.
async fn stand_ins(
    args: &Args,
    config: kube::Config,
    names: &[MemberName],
) -> anyhow::Result<Vec<StandIn>> {
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Ok(Vec::new());
    }
    let client = kube::Client::try_from(config).context("a client for the stand-in Pods")?;
    let mut stand_ins = Vec::new();
    for name in names {
        let (namespace, scope) = (&args.namespace, &args.scope);
        let stand_in = StandIn::make(client.clone(), namespace, scope, &args.labels, name).await;
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
