//! From changes to annotations: the values that Patroni writes, byte for byte.

use std::time::Duration;

use dcs_core::{
    Change, Failover, Failsafe, FencingToken, Initialize, LeaderRecord, LeaderWrite, MemberRecord,
    Status, SyncState,
};

use super::name;
use super::python::{compact, spaced};

/// An annotation to set, or to remove where there is no value.
pub(crate) type Annotation = (&'static str, Option<String>);

/// The annotations that make up `change`.
///
/// # Errors
/// What is wrong with a value that the format cannot hold.
pub(crate) fn of_change(change: &Change) -> Result<Vec<Annotation>, String> {
    match change {
        Change::Leader(write) => leader(write),
        Change::Config(config) => {
            let text = config.as_ref().map(|config| compact(config.settings()));
            Ok(vec![(name::CONFIG, text.transpose()?)])
        }
        Change::Initialize(value) => Ok(vec![(name::INITIALIZE, initialize(value.as_ref())?)]),
        Change::History(history) => {
            let text = history.as_ref().map(|history| compact(&history.0));
            Ok(vec![(name::HISTORY, text.transpose()?)])
        }
        Change::Failover(request) => Ok(failover(request.as_ref())),
        Change::Sync(state) => sync(state.as_ref()),
        _ => Err("this backend does not know the key".to_owned()),
    }
}

/// The annotation that a touch sets, and nothing else.
pub(crate) fn of_fence(token: FencingToken) -> Annotation {
    (name::FENCE, Some(token.to_string()))
}

/// The value of a Pod's annotation `status`. Without any space: operators look
/// for `"role":"primary"` in it.
pub(crate) fn member_status(record: &MemberRecord) -> Result<String, String> {
    compact(record.data())
}

/// The record is written as it is to stand: what it lacks is removed.
fn leader(write: &LeaderWrite) -> Result<Vec<Annotation>, String> {
    let mut annotations = lock(&write.record);
    if let Some(new) = &write.status {
        annotations.extend(status(new)?);
    }
    if let Some(Failsafe(map)) = &write.failsafe {
        let text = (!map.is_empty()).then(|| compact(map)).transpose()?;
        annotations.push((name::FAILSAFE, text));
    }
    let record = &write.record;
    let claim = record.claim.as_ref().map(compact).transpose()?;
    let released = record.released.as_ref().map(compact).transpose()?;
    annotations.extend([(name::CLAIM, claim), (name::RELEASED, released)]);
    Ok(annotations)
}

fn lock(record: &LeaderRecord) -> Vec<Annotation> {
    vec![
        (
            name::LEADER,
            record.holder.as_ref().map(ToString::to_string),
        ),
        (name::TTL, record.ttl.map(whole_seconds)),
        (name::RENEW_TIME, record.renew_time.map(|t| t.to_string())),
        (
            name::ACQUIRE_TIME,
            record.acquire_time.map(|t| t.to_string()),
        ),
        (name::TRANSITIONS, record.transitions.map(|n| n.to_string())),
    ]
}

/// Slots are removed where there are none, as Patroni does.
fn status(status: &Status) -> Result<[Annotation; 3], String> {
    let slots = status.slots.as_ref().filter(|slots| !slots.is_empty());
    let retained = status.retain_slots.as_ref();
    let retained = retained.filter(|slots| !slots.is_empty());
    Ok([
        (name::OPTIME, status.optime.map(|lsn| lsn.to_string())),
        (
            name::SLOTS,
            slots.map(|slots| compact(slots.by_name())).transpose()?,
        ),
        (name::RETAIN_SLOTS, retained.map(spaced).transpose()?),
    ])
}

fn initialize(value: Option<&Initialize>) -> Result<Option<String>, String> {
    match value {
        None => Ok(None),
        Some(Initialize::InProgress) => Ok(Some(String::new())),
        Some(Initialize::Done(id)) if id.is_empty() => {
            Err("an empty id would be read as a bootstrap in progress".to_owned())
        }
        Some(Initialize::Done(id)) => Ok(Some(id.clone())),
    }
}

fn failover(request: Option<&Failover>) -> Vec<Annotation> {
    let name_of = |member: Option<&dcs_core::MemberName>| member.map(ToString::to_string);
    let leader = name_of(request.and_then(|request| request.leader.as_ref()));
    let candidate = name_of(request.and_then(|request| request.candidate.as_ref()));
    let scheduled_at = request.and_then(|request| request.scheduled_at);
    vec![
        (name::LEADER, leader),
        (name::MEMBER, candidate),
        (name::SCHEDULED_AT, scheduled_at.map(|at| at.to_string())),
    ]
}

fn sync(state: Option<&SyncState>) -> Result<Vec<Annotation>, String> {
    let standbys = state.map_or(&[][..], |state| &state.sync_standby);
    if let Some(bad) = standbys
        .iter()
        .find(|name| name.is_empty() || name.contains(','))
    {
        return Err(format!(
            "standby {bad:?} is empty or holds a comma, which separates standbys"
        ));
    }
    let mut standbys = standbys.to_vec();
    standbys.sort();
    let quorum = state.and_then(|state| state.quorum);
    Ok(vec![
        (name::LEADER, state.and_then(|state| state.leader.clone())),
        (
            name::SYNC_STANDBY,
            (!standbys.is_empty()).then(|| standbys.join(",")),
        ),
        (name::QUORUM, quorum.map(|quorum| quorum.to_string())),
    ])
}

/// Rounded up: a reader that waits this long has waited no less than the ttl.
fn whole_seconds(ttl: Duration) -> String {
    let up = u64::from(ttl.subsec_nanos() > 0);
    ttl.as_secs().saturating_add(up).to_string()
}
