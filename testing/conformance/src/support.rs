//! What the cases are written with.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::{
    Change, Clock, Dcs, Entry, Error, LeaderRecord, MemberName, Outcome, Precondition, Revision,
    Snapshot, Update, WatchEvent, WatchStream,
};
use futures::StreamExt;
use futures::future::{Either, select};

use crate::World;

/// What a case waits at most for something that has to happen, on the clock of
/// the world. Far more than any backend needs; no case waits for it to pass.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

impl World {
    pub(crate) fn dcs(&self, member: usize) -> &Arc<dyn Dcs> {
        &self.handles[member]
    }

    pub(crate) fn name(&self, member: usize) -> MemberName {
        self.members[member].clone()
    }

    pub(crate) fn watch(&self, member: usize) -> Watcher {
        let controls = &self.controls;
        Watcher {
            stream: self.dcs(member).watch(controls.silence()),
            clock: controls.clock(),
        }
    }

    /// Reads until the member gets through, after its troubles were healed.
    pub(crate) async fn until_healed(&self, member: usize) -> Snapshot {
        let clock = self.controls.clock();
        let since = clock.now();
        loop {
            let error = match self.dcs(member).load().await {
                Ok(snapshot) => return snapshot,
                Err(error) => error,
            };
            let waited = clock.now().challenger_elapsed_since(since);
            assert!(
                waited < LIMIT,
                "healed, but after {waited:?} still: {error}"
            );
            clock.sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The next item of a watch, or `None` where none came in time.
pub(crate) async fn expect_next(
    stream: &mut WatchStream,
    clock: &dyn Clock,
    within: Duration,
) -> Option<Result<WatchEvent, Error>> {
    match select(stream.next(), clock.sleep(within)).await {
        Either::Left((item, _)) => Some(item.expect("a watch never ends by itself")),
        Either::Right(_) => None,
    }
}

/// A watch that is read with a limit of time.
pub(crate) struct Watcher {
    pub(crate) stream: WatchStream,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The leader register as one item of a watch shows it.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) entry: Entry<LeaderRecord>,
    pub(crate) previous: Option<Revision>,
    pub(crate) is_reset: bool,
}

impl Watcher {
    /// The first item that `pick` takes. Errors are passed over: they say that
    /// a try failed, and the watch goes on.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(WatchEvent) -> Option<T>,
    ) -> T {
        let since = self.clock.now();
        let mut items = 0;
        loop {
            let waited = self.clock.now().challenger_elapsed_since(since);
            let left = LIMIT.saturating_sub(waited);
            let item = expect_next(&mut self.stream, &*self.clock, left).await;
            let Some(item) = item else {
                panic!("the watch did not say {what} within {LIMIT:?}, but {items} other items")
            };
            items += 1;
            if let Some(picked) = item.ok().and_then(&mut pick) {
                return picked;
            }
        }
    }

    /// Everything, as the next `Reset` has it that knows the members.
    pub(crate) async fn reset(&mut self) -> Snapshot {
        self.until("Reset with the members", |event| match event {
            WatchEvent::Reset(snapshot) if !snapshot.members_unknown => Some(*snapshot),
            _ => None,
        })
        .await
    }

    /// The leader register as the next item shows it that has it.
    pub(crate) async fn sight(&mut self) -> Sight {
        self.until("the leader register", sight_of).await
    }

    /// Every sight of the leader register up to this revision.
    pub(crate) async fn sights_up_to(&mut self, last: Revision) -> Vec<Sight> {
        let mut sights = Vec::new();
        loop {
            let what = format!("leader version {last:?} after {sights:?}");
            let sight = self.until(&what, sight_of).await;
            let is_last = sight.entry.revision == Some(last);
            sights.push(sight);
            if is_last {
                return sights;
            }
        }
    }
}

fn sight_of(event: WatchEvent) -> Option<Sight> {
    let (entry, previous, is_reset) = match event {
        WatchEvent::Reset(snapshot) => (snapshot.leader, None, true),
        WatchEvent::Changed(Update::Leader(update)) => (update.entry, update.previous, false),
        _ => return None,
    };
    Some(Sight {
        entry,
        previous,
        is_reset,
    })
}

/// The revisions that were seen, deletions left out.
pub(crate) fn revisions(sights: &[Sight]) -> Vec<Revision> {
    sights
        .iter()
        .filter_map(|sight| sight.entry.revision)
        .collect()
}

pub(crate) async fn load(dcs: &Arc<dyn Dcs>) -> Snapshot {
    match dcs.load().await {
        Ok(snapshot) => snapshot,
        Err(error) => panic!("load failed without a fault: {error:?}"),
    }
}

/// Writes where nothing stands in the way.
pub(crate) async fn commit(
    dcs: &Arc<dyn Dcs>,
    change: impl Into<Change>,
    expected: Precondition,
) -> Revision {
    let change = change.into();
    match dcs.write(&change, expected).await {
        Outcome::Committed(committed) => committed.revision,
        other => panic!(
            "{} expecting {expected:?} was not committed: {other:?}",
            change.key()
        ),
    }
}

/// Writes where someone else was first.
pub(crate) async fn conflict(
    dcs: &Arc<dyn Dcs>,
    change: impl Into<Change>,
    expected: Precondition,
) -> Error {
    let change = change.into();
    match dcs.write(&change, expected).await {
        Outcome::NotCommitted(error) if error.is_conflict() => error,
        other => panic!(
            "{} expecting {expected:?} was no conflict: {other:?}",
            change.key()
        ),
    }
}

/// Writes where the outcome cannot be known.
pub(crate) async fn unknown(dcs: &Arc<dyn Dcs>, change: Change, expected: Precondition) {
    is_unknown(
        dcs.write(&change, expected).await,
        &change.key().to_string(),
    );
}

pub(crate) fn is_unknown(outcome: Outcome, what: &str) {
    match outcome {
        Outcome::Unknown(_) => {}
        other => panic!("nobody can know how the write of {what} ended, but: {other:?}"),
    }
}
