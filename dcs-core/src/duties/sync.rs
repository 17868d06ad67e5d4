//! Who the synchronous standbys are to be.

use super::{Situation, Tags};
use crate::{MemberRecord, SyncState, SynchronousMode};

/// The sync key as the leader wants it: which members are to hold all that is
/// confirmed. `None` where synchronous mode is off: then the key is removed.
///
/// Standbys are members that run, stream (or do not say), and are not marked
/// `nosync` or `nostream`; those that may lead go before those that may not, then the larger
/// `sync_priority`, then who is one already, then who is furthest ahead. In
/// quorum mode all of them are, and a candidate must have asked so many others
/// that one of any `synchronous_node_count` is among them. Without anybody the
/// key names the leader alone.
///
/// It is what the members say, not what the database does: a program that waits
/// for standbys adds one there before it does here, and removes it here before
/// it does there.
///
/// ```
/// use dcs_core::duties::{Situation, choose};
/// use dcs_core::{Config, MemberName, Snapshot, SyncState};
///
/// let me: MemberName = "demo-0".parse()?;
/// let (view, on): (_, Config) = (Snapshot::default(), r#"{"synchronous_mode":true}"#.parse()?);
/// let now = "2026-01-02T03:04:05Z".parse()?;
/// let alone = SyncState::new("demo-0", Vec::new(), 0);
/// assert_eq!(choose(&Situation::new(&me, &view, &on, now)), Some(alone));
/// assert_eq!(choose(&Situation::new(&me, &view, &Config::default(), now)), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn choose(of: &Situation<'_>) -> Option<SyncState> {
    let settings = of.config.view();
    let mode = settings.synchronous_mode();
    let wanted = usize::try_from(settings.synchronous_node_count()).unwrap_or(usize::MAX);
    let wanted = wanted.max(1);
    let mut standbys = standbys(of);
    match mode {
        SynchronousMode::Off => return None,
        SynchronousMode::On => standbys.truncate(wanted),
        SynchronousMode::Quorum => {
            // One that never leads could be ahead of all that may.
            let leading = standbys.iter().filter(|record| may_lead(record)).count();
            standbys.truncate(leading.max(wanted));
        }
    }
    let quorum = match mode {
        SynchronousMode::Quorum => standbys.len().saturating_sub(wanted),
        SynchronousMode::On | SynchronousMode::Off => 0,
    };
    let names = standbys.iter().map(|record| record.name().to_string());
    let quorum = u32::try_from(quorum).unwrap_or(u32::MAX);
    Some(SyncState::new(of.me.as_str(), names.collect(), quorum))
}

/// Those that can be one, the best first.
fn standbys<'a>(of: &Situation<'a>) -> Vec<&'a MemberRecord> {
    let stored = of.view.sync.get();
    let is_one =
        |record: &MemberRecord| stored.is_some_and(|state| state.matches(record.name().as_str()));
    let all = of.others().filter(|record| can_follow(record));
    let mut all: Vec<_> = all.collect();
    let leader = of.view.status.get().and_then(|status| status.optime);
    let furthest = all
        .iter()
        .filter_map(|record| record.lsn())
        .max()
        .max(leader);
    if let (Some(most), Some(furthest)) = (of.config.view().maximum_lag_on_syncnode(), furthest) {
        all.retain(|record| furthest.saturating_sub(record.lsn().unwrap_or(0)) <= most);
    }
    all.sort_by_key(|record| {
        let tags = Tags::of(record);
        let best_first = (
            may_lead(record),
            tags.sync_priority(),
            is_one(record),
            record.lsn(),
        );
        (std::cmp::Reverse(best_first), record.name())
    });
    all
}

fn can_follow(record: &MemberRecord) -> bool {
    let state = record.data().get("replication_state");
    let streams = state.is_none_or(|state| state.as_str() == Some("streaming"));
    let tags = Tags::of(record);
    streams && !record.is_primary() && !tags.nosync() && !tags.nostream()
}

fn may_lead(record: &MemberRecord) -> bool {
    !Tags::of(record).nofailover()
}
