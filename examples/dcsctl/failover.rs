//! Requests to hand over. They are written where the members look for them;
//! whether one is obeyed is for the leader to decide.

use anyhow::bail;
use dcs_core::{
    Clock as _, DcsExt as _, Failover, Key, MemberName, Snapshot, SystemClock, Timestamp, Value,
};

use crate::args::{Args, Switchover};
use crate::source::Live;

pub(crate) async fn switchover(args: &Args, asked: &Switchover) -> anyhow::Result<String> {
    let live = Live::find(args).await?;
    let snapshot = live.saved.snapshot();
    let Some(holder) = snapshot.holder() else {
        bail!("nobody leads, so nobody can hand over: ask for a failover");
    };
    let leader = asked.leader.clone().unwrap_or_else(|| holder.clone());
    if leader != *holder {
        bail!("{leader} does not lead: {holder} does");
    }
    if asked.candidate.as_ref() == Some(holder) {
        bail!("{holder} leads already");
    }
    if let Some(candidate) = &asked.candidate {
        check_candidate(snapshot, candidate)?;
    }
    let paused = snapshot.config.readable(Key::Config)?;
    let paused = paused.is_some_and(|config| config.view().pause());
    if paused && (asked.scheduled.is_some() || asked.candidate.is_none()) {
        bail!("the cluster is paused: only a switchover to a candidate, and at once, is obeyed");
    }
    let mut request = Failover::switchover(Some(leader), asked.candidate.clone());
    if let Some(instant) = asked.scheduled {
        let now = Timestamp::from_system_time(SystemClock::new().wall());
        if instant <= now {
            bail!("{instant} is past: leave --scheduled out for a switchover at once");
        }
        request = request.not_before(instant);
    }
    ask(args, &live, request).await
}

pub(crate) async fn failover(args: &Args, candidate: &MemberName) -> anyhow::Result<String> {
    let live = Live::find(args).await?;
    let snapshot = live.saved.snapshot();
    if snapshot.holder() == Some(candidate) {
        bail!("{candidate} leads already");
    }
    check_candidate(snapshot, candidate)?;
    let request = Failover::switchover(None, Some(candidate.clone()));
    ask(args, &live, request).await
}

async fn ask(args: &Args, live: &Live, request: Failover) -> anyhow::Result<String> {
    match &live.saved.snapshot().failover.value {
        Value::Absent => {}
        Value::Present(_) => {
            tracing::warn!("an earlier request that nobody obeyed yet is replaced");
        }
        Value::Malformed(why) => tracing::warn!(%why, "a request that cannot be read is replaced"),
    }
    live.dcs.request_failover(request.clone()).await?;
    args.output.request(&request)
}

fn check_candidate(snapshot: &Snapshot, candidate: &MemberName) -> anyhow::Result<()> {
    if snapshot.members.contains_key(candidate) {
        return Ok(());
    }
    let known: Vec<_> = snapshot.members.keys().map(MemberName::as_str).collect();
    bail!("{candidate} is no member: there are {}", known.join(", "));
}
