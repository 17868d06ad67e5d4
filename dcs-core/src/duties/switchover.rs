//! What becomes of a request to hand over.

use std::time::Duration;

use super::candidate::is_synchronous;
use super::{Situation, Tags};
use crate::{Failover, MemberName, MemberRecord, Timestamp};

/// What the leader does with a request to hand over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: a request is obeyed, kept for later or cleared"
)]
pub enum Decision {
    /// Nothing is asked of this member.
    Nothing,
    /// It is not due yet: decide again after this time.
    NotYet(Duration),
    /// Give leadership up, to this member where one is named.
    HandOver(Option<MemberName>),
    /// It cannot be obeyed: remove it.
    Clear(Why),
}

/// Why a request is removed and not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// It asks another member to hand over.
    #[error("it names a leader that does not lead")]
    OtherLeader,
    /// It asks for the member that leads.
    #[error("the member that it asks for leads already")]
    CandidateLeads,
    /// It names nobody while the cluster is paused.
    #[error("the cluster is paused, and it names nobody to follow")]
    PausedWithoutCandidate,
    /// The member that it asks for, or everybody, cannot lead: it does not run,
    /// never leads, or is no synchronous standby.
    #[error("nobody that it asks for can lead")]
    NobodyToFollow,
    /// It was to be obeyed too long ago.
    #[error("it was to be obeyed more than one and a half loop_wait ago")]
    Stale,
    /// This leader has obeyed it, and leads again.
    #[error("it was obeyed")]
    Obeyed,
    /// It stood there before this term: whoever led then has seen to it.
    #[error("it was for the leader before")]
    BeforeTheTerm,
}

/// What the leader does with this request, by itself: whether it was obeyed
/// before is for [`LeaderDuties`](super::LeaderDuties) to know.
#[must_use]
pub fn decide(request: &Failover, of: &Situation<'_>) -> Decision {
    if !of.leads || request.is_empty() {
        return Decision::Nothing;
    }
    if let Some(at) = request.scheduled_at {
        if at > of.now {
            return Decision::NotYet(until(at, of.now));
        }
        if passed(at, of.now) > of.loop_wait.saturating_mul(3) / 2 {
            return Decision::Clear(Why::Stale);
        }
    }
    if request
        .leader
        .as_ref()
        .is_some_and(|leader| leader != of.me)
    {
        return Decision::Clear(Why::OtherLeader);
    }
    if request.candidate.as_ref() == Some(of.me) {
        return Decision::Clear(Why::CandidateLeads);
    }
    if request.candidate.is_none() && of.config.view().pause() {
        return Decision::Clear(Why::PausedWithoutCandidate);
    }
    if !of.others().any(|record| can_follow(request, of, record)) {
        return Decision::Clear(Why::NobodyToFollow);
    }
    Decision::HandOver(request.candidate.clone())
}

/// An administrator who names no leader forces the change, also to a member
/// that is no synchronous standby, as in Patroni.
fn can_follow(request: &Failover, of: &Situation<'_>, record: &MemberRecord) -> bool {
    let name = record.name();
    let is_asked_for = request.candidate.as_ref().is_none_or(|asked| asked == name);
    let is_forced = request.leader.is_none();
    is_asked_for
        && !Tags::of(record).nofailover()
        && (is_forced || is_synchronous(of, name.as_str()))
}

/// Rounded up, so that it is due after this time.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    passed(now, at) + Duration::from_millis(1)
}

fn passed(from: Timestamp, to: Timestamp) -> Duration {
    let millis = to.as_millis().saturating_sub(from.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
