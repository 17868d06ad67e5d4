//! Whether a member should lead.

use crate::duties::{Situation, Tags};
use crate::election::{Eligibility, Priority};
use crate::{Entry, History, MemberRecord, SynchronousMode, Value};

/// Why a member should not take leadership now.
///
/// It is a wish for the data's sake, and no part of what keeps two from leading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotNow {
    /// The cluster is paused.
    #[error("the cluster is paused: nobody takes leadership by itself")]
    Paused,
    /// Patroni may lead in this scope, and its first data is not made yet, or a
    /// moment ago: see [`FirstData`](super::FirstData). It could not even begin
    /// to make any while somebody leads who has none to copy.
    #[error("Patroni has not made the first data of this scope, or not taken its lock since")]
    NoData,
    /// The member's tags say that it never leads.
    #[error("the tags of this member say that it never leads")]
    NoFailover,
    /// A failsafe map stands, and does not name the member, or cannot be read.
    #[error("the failsafe map does not name this member")]
    NotInFailsafe,
    /// The member's data is on an older timeline than the cluster.
    #[error("this member is on timeline {own} and the cluster on {cluster}")]
    Behind {
        /// The member's timeline.
        own: u64,
        /// The timeline that the history tells.
        cluster: u64,
    },
    /// The member is too far behind the leader.
    #[error("this member is {lag} bytes behind the leader: {allowed} are allowed")]
    Lags {
        /// How far it is behind, in bytes.
        lag: u64,
        /// `maximum_lag_on_failover`.
        allowed: i64,
    },
    /// Synchronous mode is on, and the member is none of the standbys.
    #[error("synchronous mode is on and this member is no synchronous standby")]
    NotSynchronous,
}

/// Whether this member should take leadership if it becomes free.
///
/// It asks nobody: whether another member is further ahead is not told by what
/// the store shows. In quorum mode that is for the program to find out, before
/// it takes the lead to be safe: [`SyncState::quorum`](crate::SyncState::quorum)
/// other standbys must not be ahead.
///
/// # Errors
/// [`NotNow`], the first reason that counts.
///
/// ```
/// use dcs_core::duties::{NotNow, Situation, may_lead};
/// use dcs_core::{Config, MemberName, Snapshot};
///
/// let me: MemberName = "demo-0".parse()?;
/// let (view, config): (_, Config) = (Snapshot::default(), r#"{"pause":true}"#.parse()?);
/// let situation = Situation::new(&me, &view, &config, "2026-01-02T03:04:05Z".parse()?);
/// assert_eq!(may_lead(&situation), Err(NotNow::Paused));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn may_lead(of: &Situation<'_>) -> Result<(), NotNow> {
    if of.config.view().pause() {
        return Err(NotNow::Paused);
    }
    if of.lacks_data {
        return Err(NotNow::NoData);
    }
    if of.own.is_some_and(|own| Tags::of(own).nofailover()) {
        return Err(NotNow::NoFailover);
    }
    let is_named = match &of.view.failsafe.value {
        Value::Present(map) => map.0.is_empty() || map.0.contains_key(of.me.as_str()),
        Value::Absent => true,
        Value::Malformed(_) => false,
    };
    if !is_named {
        return Err(NotNow::NotInFailsafe);
    }
    if let Some(own) = of.own {
        check_timeline(of, own)?;
        check_lag(of, own)?;
    }
    check_sync(of)
}

/// After whom this member is to lead: those with the largest priority go first,
/// and each step below it is a level. A member that never leads counts for
/// nobody. Give it to [`Elector::set_eligibility`](crate::election::Elector::set_eligibility).
#[must_use]
pub fn eligibility(of: &Situation<'_>) -> Eligibility {
    let own = of.own.map_or(1, |own| Tags::of(own).failover_priority());
    if own == 0 {
        return Eligibility::Never;
    }
    let others = of
        .others()
        .map(|record| Tags::of(record).failover_priority());
    let steps = others.max().unwrap_or(own).saturating_sub(own).clamp(0, 10);
    let level = u8::try_from(10 - steps).unwrap_or_default();
    Eligibility::Priority(Priority::new(level).unwrap_or(Priority::LOWEST))
}

/// A primary of an older timeline has missed a change of leader. Replicas tell
/// their timeline late, so of them it is asked only where the settings say so.
fn check_timeline(of: &Situation<'_>, own: &MemberRecord) -> Result<(), NotNow> {
    if !own.is_primary() && !of.config.view().check_timeline() {
        return Ok(());
    }
    let cluster = History::timeline_of(&of.view.history);
    match own.timeline() {
        Some(own) if own < cluster => Err(NotNow::Behind { own, cluster }),
        _ => Ok(()),
    }
}

/// Where nobody tells positions there is nothing to compare.
fn check_lag(of: &Situation<'_>, own: &MemberRecord) -> Result<(), NotNow> {
    let leader = of.view.status.get().and_then(|status| status.optime);
    let (Some(leader), Some(own)) = (leader.filter(|at| *at > 0), own.lsn()) else {
        return Ok(());
    };
    let allowed = of.config.view().maximum_lag_on_failover();
    if i128::from(leader) - i128::from(own) <= i128::from(allowed) {
        return Ok(());
    }
    let lag = leader.saturating_sub(own);
    Err(NotNow::Lags { lag, allowed })
}

fn check_sync(of: &Situation<'_>) -> Result<(), NotNow> {
    let asked = of.view.failover.get();
    let is_asked = asked.is_some_and(|request| {
        request.leader.is_none() && request.candidate.as_ref() == Some(of.me)
    });
    if is_asked || is_synchronous(of, of.me.as_str()) {
        return Ok(());
    }
    Err(NotNow::NotSynchronous)
}

/// Whether this member has all that was confirmed, as far as the sync key tells:
/// also if synchronous mode is off, or nobody has switched it on yet.
pub(super) fn is_synchronous(of: &Situation<'_>, member: &str) -> bool {
    if of.config.view().synchronous_mode() == SynchronousMode::Off {
        return true;
    }
    match &of.view.sync {
        Entry {
            value: Value::Present(state),
            ..
        } => state.is_off() || state.matches(member) || state.leader_matches(member),
        Entry {
            value: Value::Absent,
            ..
        } => true,
        Entry {
            value: Value::Malformed(_),
            ..
        } => false,
    }
}
