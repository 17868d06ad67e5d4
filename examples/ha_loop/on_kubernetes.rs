//! Members in a real cluster, or beside one.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context, bail};
use dcs_core::election::LeaseTiming;
use dcs_core::{Clock, MemberName, OsEntropy, SystemClock};
use dcs_kubernetes::{Group, infer_config};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::{Args, Backend, Refused};
use crate::member::Member;
use crate::report::Report;
use crate::stand_in::StandIn;
use crate::store::{address, connect, in_cluster, reach, says, user_agent};

/// Runs the members until a signal, `--duration`, or the end of the output.
pub(crate) async fn run(args: &Args, timing: LeaseTiming, report: Report) -> anyhow::Result<()> {
    if args.backend == Backend::Lease {
        bail!(Refused::NotYet);
    }
    let config = match &args.file {
        Some(file) => file.kubernetes.cluster().await?,
        None => infer_config().await?,
    };
    let names = names(args)?;
    let mut members = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let ip = address(args, name)?;
        members.push(Member {
            dcs: connect(args, &timing, config.clone(), name, ip)?,
            record: says(args, name, ip)?,
            timing: timing.clone(),
            seed: args.seed(&timing),
            beside: args.beside(&timing)?,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy::new()),
            bootstrap: args.bootstrap && number == 0,
            report: report.clone(),
        });
    }
    let clock = SystemClock::new();
    let mut end = pin!(async {
        tokio::select! {
            () = crate::signalled() => {}
            () = report.ended() => {}
            () = clock.sleep(args.duration) => {}
        }
    });
    // What cannot work is said before anything is written.
    if let Some(member) = members.first() {
        tokio::select! {
            () = &mut end => return Ok(()),
            reached = reach(args, member, &config) => reached?,
        }
    }
    let stand_ins = stand_ins(args, &config, &names).await?;
    let ran = run_members(members, end).await;
    for stand_in in stand_ins {
        stand_in.remove().await;
    }
    ran
}

async fn run_members(members: Vec<Member>, end: impl Future<Output = ()>) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let mut running = JoinSet::new();
    for member in members {
        running.spawn(member.run(stopped.clone()));
    }
    let first = tokio::select! {
        () = end => None,
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
        let stand_in = StandIn::make(client, namespace, scope, labels(args), name).await;
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

/// What the Pod of a member is found by.
fn labels(args: &Args) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = args
        .labels
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let file = args.file.as_ref();
    let key = file.and_then(|file| file.kubernetes.scope_label.as_ref());
    let key = key.map_or("cluster-name", |key| key.as_str());
    labels.insert(key.to_owned(), args.scope.to_string());
    if let Some(group) = file.and_then(|file| file.group) {
        labels.insert(Group::LABEL.to_owned(), group.to_string());
    }
    labels
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
