//! A release by Patroni, which leaves no mark, as an unbroken watch shows it
//! (rule P2).

use crate::{Entry, LeaderRecord, LeaderUpdate, Revision};

/// What the watch has shown of holders that follow other rules.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    /// The last version on the unbroken stretch, if such a holder held it.
    last: Option<(Revision, LeaderRecord)>,
    /// The version by which one removed itself.
    released: Option<Revision>,
}

impl Foreign {
    /// The first version of a new stretch of the watch.
    pub(crate) fn watch_began(&mut self, entry: &Entry<LeaderRecord>) {
        #[cfg(dcs_seeded_bugs)]
        self.released_over_a_gap(entry);
        self.last = held(entry);
    }

    /// Takes what a gap has hidden for a release, if that bug is planted.
    #[cfg(dcs_seeded_bugs)]
    fn released_over_a_gap(&mut self, entry: &Entry<LeaderRecord>) {
        use super::seeded::{Bug, planted};
        let vacant =
            |record: &LeaderRecord| record.holder.is_none() && record.valid_release().is_none();
        let is_vacant = entry.get().is_some_and(vacant);
        if planted(Bug::PatroniReleaseUnwatched) && self.last.is_some() && is_vacant {
            self.released = entry.revision;
        }
    }

    /// A version that the watch showed.
    pub(crate) fn watched(&mut self, update: &LeaderUpdate) {
        if self.is_release(update) {
            self.released = update.entry.revision;
        }
        self.last = held(&update.entry);
    }

    /// Whether this version is one by which such a holder removed itself.
    pub(crate) fn has_released(&self, seen: Option<Revision>) -> bool {
        seen.is_some() && seen == self.released
    }

    /// Patroni removes the holder and leaves the rest as it is, also what is
    /// left there of a claim and a mark of ours.
    fn is_release(&self, update: &LeaderUpdate) -> bool {
        let (Some((last, held)), Some(record)) = (&self.last, update.entry.get()) else {
            return false;
        };
        let let_go = LeaderRecord {
            holder: None,
            ..held.clone()
        };
        let follows = update.previous == Some(*last);
        follows && *record == let_go && record.valid_release().is_none()
    }
}

/// The version, if somebody holds it by other rules. A claim of that very
/// holder that does not count is no sign of one: it may be a member of ours
/// whose record a third party has touched, and that believes still.
fn held(entry: &Entry<LeaderRecord>) -> Option<(Revision, LeaderRecord)> {
    let record = entry.get()?;
    let holder = record.holder.as_ref()?;
    let is_ours = record
        .claim
        .as_ref()
        .is_some_and(|claim| claim.holder == *holder);
    let revision = entry.revision.filter(|_| !is_ours)?;
    Some((revision, record.clone()))
}
