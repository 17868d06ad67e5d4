//! What a challenger has seen of the leader key, and when (rules Q1 and Q4).

use std::time::Duration;

use super::foreign::Foreign;
use super::former_lock::FormerLock;
use super::seeded::{Bug, planted};
use crate::{
    Claim, Entry, LeaderRecord, LeaderUpdate, MemberName, ReleaseHash, Revision, Stamp, Timestamp,
    Value,
};

/// The newest version seen, since when, and whether its holder gave it up.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    seen: Option<Sight>,
    /// The largest revision ever seen, kept over a deletion.
    newest: Option<Revision>,
    /// The last version on the unbroken stretch of the watch, with the hash of
    /// the secret that may release it.
    stretch: Option<(Revision, Option<ReleaseHash>)>,
    /// The version that a holder gave up on purpose, as the watch showed it.
    free: Option<Revision>,
    /// Versions of holders that follow other rules, and what they gave up.
    foreign: Foreign,
    /// What such a holder wrote before the lock that was seen last.
    former_lock: FormerLock,
    /// The ttl in the version seen last that named a holder.
    held_ttl: Option<Duration>,
    /// Who was seen to renew last, and when by the record.
    renewed: Option<(Option<MemberName>, Option<Timestamp>)>,
    /// Since when, and how often, the version has changed without anyone renewing.
    meddling: Option<(Stamp, u32)>,
}

/// One version of the leader key and the instant of its first sight.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// `None` for absence, which is a version like any other.
    pub(crate) revision: Option<Revision>,
    pub(crate) record: Value<LeaderRecord>,
    /// When it was **received** for the first time.
    pub(crate) since: Stamp,
}

impl Sight {
    /// What was seen.
    pub(crate) fn entry(&self) -> Entry<LeaderRecord> {
        Entry {
            revision: self.revision,
            value: self.record.clone(),
            ..Entry::absent()
        }
    }
}

/// How a version came to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// By a read of any age.
    Plain,
    /// By a quorum read that was sent after a conflict on this revision. If it
    /// shows an older one, revisions went back.
    AfterConflict(Option<Revision>),
}

/// What a sight changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing: the same version again, or an older one.
    None,
    /// A version that was not seen before.
    New,
    /// A version older than one seen before, from a read that cannot be stale:
    /// the store went back. Assumption A0 is broken.
    WentBack,
}

impl Observer {
    pub(crate) const fn seen(&self) -> Option<&Sight> {
        self.seen.as_ref()
    }

    /// A version that a read showed.
    pub(crate) fn read(&mut self, entry: &Entry<LeaderRecord>, read: Read, now: Stamp) -> Change {
        self.see(entry, read, now)
    }

    /// The first version of a new stretch of the watch: what happened before it
    /// is not known.
    pub(crate) fn watch_began(&mut self, entry: &Entry<LeaderRecord>, now: Stamp) -> Change {
        let over_a_gap = planted(Bug::ReleaseMarkAfterGap);
        if over_a_gap && self.was_given_up(&LeaderUpdate::new(entry.clone(), None)) {
            self.free = entry.revision;
        }
        self.stretch = entry
            .revision
            .map(|revision| (revision, release_hash(&entry.value)))
            .or(self.stretch.filter(|_| over_a_gap));
        self.foreign.watch_began(entry);
        self.see(entry, Read::Plain, now)
    }

    /// A version that the watch showed. Whether it is free at once is judged
    /// here and on every event, also if a read has shown the version before.
    pub(crate) fn watched(&mut self, update: &LeaderUpdate, now: Stamp) -> Change {
        if let Some(revision) = update.entry.revision {
            if self.was_given_up(update) {
                self.free = Some(revision);
            }
            self.stretch = Some((revision, release_hash(&update.entry.value)));
        } else if !planted(Bug::ReleaseMarkAfterGap) {
            self.stretch = None;
        }
        self.foreign.watched(update);
        self.see(&update.entry, Read::Plain, now)
    }

    /// Whether any version but absence was ever seen.
    #[cfg(dcs_seeded_bugs)]
    pub(crate) const fn has_seen_a_record(&self) -> bool {
        self.newest.is_some()
    }

    /// Whether the version seen last was given up on purpose, so that nobody
    /// can believe in it any more.
    pub(crate) fn is_free(&self) -> bool {
        let seen = self.seen.as_ref().and_then(|sight| sight.revision);
        seen.is_some() && seen == self.free
    }

    /// Whether the version seen last was given up by a holder that follows
    /// other rules, as far as can be told without a mark.
    pub(crate) fn is_let_go(&self) -> bool {
        let seen = self.seen.as_ref().and_then(|sight| sight.revision);
        self.foreign.has_released(seen)
    }

    /// The ttl of who held the key last, also if it was deleted since.
    pub(crate) const fn held_ttl(&self) -> Option<Duration> {
        self.held_ttl
    }

    /// The ttl of the lock by other rules before the one that was seen last, and
    /// its first sight.
    pub(crate) fn former_lock(&self) -> Option<(Duration, Stamp)> {
        self.former_lock.get()
    }

    /// How often third parties have changed the version, if they have kept
    /// everyone waiting for longer than `wait` by it.
    pub(crate) fn blocked(&self, wait: Duration, now: Stamp) -> Option<u32> {
        let (since, changes) = self.meddling?;
        (now.challenger_elapsed_since(since) >= wait).then_some(changes)
    }

    /// How long the version seen last still has to be left alone, of `wait` in
    /// all; `None` before anything was seen.
    pub(crate) fn left_to_wait(&self, wait: Duration, now: Stamp) -> Option<Duration> {
        let seen = self.seen.as_ref()?;
        Some(wait.saturating_sub(now.challenger_elapsed_since(seen.since)))
    }

    fn see(&mut self, entry: &Entry<LeaderRecord>, read: Read, now: Stamp) -> Change {
        #[cfg(dcs_seeded_bugs)]
        if planted(Bug::ContentNotRevision) && self.is_the_same_content(entry) {
            return Change::None;
        }
        let change = self.judge(entry.revision, read);
        if change == Change::None {
            return change;
        }
        if change == Change::WentBack {
            // What the watch has shown was of another line of versions.
            (self.free, self.stretch) = (None, None);
            self.foreign = Foreign::default();
        }
        self.newest = match change {
            Change::WentBack => entry.revision,
            _ => self.newest.max(entry.revision),
        };
        self.note_meddling(entry, now);
        #[cfg(dcs_seeded_bugs)]
        let now = self.since_before(entry).unwrap_or(now);
        if let Some(record) = entry.get().filter(|record| record.holder.is_some()) {
            self.held_ttl = record.ttl;
            self.former_lock.saw(record, now);
        }
        self.seen = Some(Sight {
            revision: entry.revision,
            record: entry.value.clone(),
            since: now,
        });
        change
    }

    /// A holder that renews is nobody who meddles, by whatever rules it does:
    /// Patroni writes no claim, and a new `renewTime` each time.
    fn note_meddling(&mut self, entry: &Entry<LeaderRecord>, now: Stamp) {
        let held = entry.get().filter(|record| record.holder.is_some());
        let renewed = held.map(|record| (record.holder.clone(), record.renew_time));
        if renewed.is_some() && renewed != self.renewed {
            self.renewed = renewed;
            self.meddling = None;
        } else {
            let (since, changes) = self.meddling.unwrap_or((now, 0));
            self.meddling = Some((since, changes + 1));
        }
    }

    fn judge(&self, revision: Option<Revision>, read: Read) -> Change {
        let Some(seen) = &self.seen else {
            return Change::New;
        };
        if seen.revision == revision {
            return Change::None;
        }
        match (revision, self.newest) {
            // Seen before, and then replaced or deleted: only a quorum read after
            // a conflict says that it stands all the same.
            (Some(revision), Some(newest)) if revision <= newest => match read {
                Read::AfterConflict(on) if on == seen.revision && revision == newest => Change::New,
                Read::AfterConflict(on) if on == seen.revision => Change::WentBack,
                Read::AfterConflict(_) | Read::Plain => Change::None,
            },
            _ => Change::New,
        }
    }

    /// Rule Q4: the mark names the revision directly before it, that version
    /// carried a valid claim, and the mark shows the secret of that claim.
    fn was_given_up(&self, update: &LeaderUpdate) -> bool {
        let mark = update.entry.get().and_then(LeaderRecord::valid_release);
        let over_a_gap = self.stretch.filter(|_| planted(Bug::ReleaseMarkAfterGap));
        let previous = update.previous.or(over_a_gap.map(|(last, _)| last));
        let (Some(mark), Some(previous), Some((last, Some(hash)))) = (mark, previous, self.stretch)
        else {
            return false;
        };
        let names_it = mark.prev == previous || planted(Bug::ReleaseMarkReplayed);
        let shows_the_secret = mark.secret.hash() == hash || planted(Bug::ReleaseWipesSuccessor);
        names_it && previous == last && shows_the_secret
    }

    /// Since when the holder was seen of a lock that another Patroni's write has
    /// not taken from it, if that bug is planted.
    #[cfg(dcs_seeded_bugs)]
    fn since_before(&self, entry: &Entry<LeaderRecord>) -> Option<Stamp> {
        let theirs = |record: &&LeaderRecord| record.valid_claim().is_none();
        let seen = self.seen.as_ref()?;
        let before = seen.record.present().filter(theirs)?.holder.as_ref()?;
        let holder = entry.get().filter(theirs)?.holder.as_ref()?;
        (planted(Bug::PatroniWaitFromBefore) && before == holder).then_some(seen.since)
    }

    /// Takes a newer version with the content of the one seen last for that one.
    #[cfg(dcs_seeded_bugs)]
    fn is_the_same_content(&mut self, entry: &Entry<LeaderRecord>) -> bool {
        let seen = self.seen.as_mut();
        let Some(seen) = seen.filter(|seen| seen.record == entry.value) else {
            return false;
        };
        seen.revision = seen.revision.max(entry.revision);
        self.newest = self.newest.max(entry.revision);
        true
    }
}

fn release_hash(value: &Value<LeaderRecord>) -> Option<ReleaseHash> {
    let holds = |record: &&LeaderRecord| record.holder.is_some();
    let claim: Option<&Claim> = value
        .present()
        .filter(holds)
        .and_then(LeaderRecord::valid_claim);
    claim.map(|claim| claim.release_hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::TestClock;
    use crate::{Attempt, Clock, ReleaseMark, Secret, Session};

    const SECRET: Secret = Secret::from_bits(7);

    fn rev(number: u128) -> Revision {
        Revision::new(number).unwrap()
    }

    fn held() -> LeaderRecord {
        let renew_time: Timestamp = "2026-01-02T03:04:05+00:00".parse().unwrap();
        let holder: MemberName = "a".parse().unwrap();
        let ids = (Session::from_bits(1), Attempt::from_bits(2));
        let spans = (Duration::from_secs(30), Duration::from_secs(30));
        LeaderRecord {
            holder: Some(holder.clone()),
            renew_time: Some(renew_time),
            claim: Some(Claim::new(ids, holder, spans, renew_time, SECRET.hash())),
            ..LeaderRecord::default()
        }
    }

    fn released(prev: u128) -> LeaderRecord {
        let held = held();
        let mark = ReleaseMark::new(SECRET, rev(prev), held.renew_time.unwrap());
        LeaderRecord {
            holder: None,
            released: Some(mark),
            ..held
        }
    }

    fn at(revision: u128, record: LeaderRecord) -> Entry<LeaderRecord> {
        Entry::present(rev(revision), record)
    }

    fn update(revision: u128, record: LeaderRecord, previous: Option<u128>) -> LeaderUpdate {
        LeaderUpdate::new(at(revision, record), previous.map(rev))
    }

    fn watching(first: u128) -> (Observer, TestClock) {
        let (mut observer, clock) = (Observer::default(), TestClock::new());
        observer.watch_began(&at(first, held()), clock.now());
        (observer, clock)
    }

    #[test]
    fn the_wait_counts_from_the_first_sight_of_the_version() {
        let (mut observer, clock) = watching(5);
        clock.advance(Duration::from_secs(10));
        observer.read(&at(5, held()), Read::Plain, clock.now());
        let left = observer.left_to_wait(Duration::from_secs(30), clock.now());
        assert_eq!(left, Some(Duration::from_secs(20)));
    }

    #[test]
    fn a_newer_version_restarts_the_wait_also_with_the_same_content() {
        let (mut observer, clock) = watching(5);
        clock.advance(Duration::from_secs(10));
        assert_eq!(
            observer.watched(&update(6, held(), Some(5)), clock.now()),
            Change::New
        );
        let left = observer.left_to_wait(Duration::from_secs(30), clock.now());
        assert_eq!(left, Some(Duration::from_secs(30)));
    }

    #[test]
    fn an_older_version_of_a_stale_read_changes_nothing() {
        let (mut observer, clock) = watching(5);
        assert_eq!(
            observer.read(&at(4, held()), Read::Plain, clock.now()),
            Change::None
        );
        assert_eq!(observer.seen().unwrap().revision, Some(rev(5)));
    }

    #[test]
    fn an_older_version_read_after_a_conflict_on_the_newest_means_that_the_store_went_back() {
        let (mut observer, clock) = watching(5);
        let read = Read::AfterConflict(Some(rev(5)));
        assert_eq!(
            observer.read(&at(4, held()), read, clock.now()),
            Change::WentBack
        );
        assert_eq!(observer.seen().unwrap().revision, Some(rev(4)));
    }

    #[test]
    fn a_release_that_a_restored_store_shows_again_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(6, released(5), Some(5)), clock.now());
        observer.watched(&update(7, held(), Some(6)), clock.now());
        let read = Read::AfterConflict(Some(rev(7)));
        let seen = observer.read(&at(6, released(5)), read, clock.now());
        assert_eq!(seen, Change::WentBack);
        assert!(!observer.is_free());
    }

    #[test]
    fn what_patroni_let_go_is_not_let_go_when_a_restored_store_shows_it_again() {
        let (mut observer, clock) = (Observer::default(), TestClock::new());
        let [lock, let_go] = [held().holder, None].map(|holder| LeaderRecord {
            holder,
            claim: None,
            ..held()
        });
        observer.watch_began(&at(5, lock), clock.now());
        observer.watched(&update(6, let_go.clone(), Some(5)), clock.now());
        assert!(observer.is_let_go());
        observer.watched(&update(7, held(), Some(6)), clock.now());
        let read = Read::AfterConflict(Some(rev(7)));
        observer.read(&at(6, let_go), read, clock.now());
        assert!(!observer.is_let_go());
    }

    #[test]
    fn absence_is_a_version_and_restarts_the_wait() {
        let (mut observer, clock) = watching(5);
        clock.advance(Duration::from_secs(29));
        let gone = LeaderUpdate::new(Entry::absent(), None);
        assert_eq!(observer.watched(&gone, clock.now()), Change::New);
        let left = observer.left_to_wait(Duration::from_secs(30), clock.now());
        assert_eq!(left, Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_release_seen_directly_after_the_term_it_ends_is_free_at_once() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(6, released(5), Some(5)), clock.now());
        assert!(observer.is_free());
    }

    #[test]
    fn a_release_is_free_also_if_a_read_saw_it_before_the_watch_did() {
        let (mut observer, clock) = watching(5);
        observer.read(&at(6, released(5)), Read::Plain, clock.now());
        assert!(!observer.is_free());
        observer.watched(&update(6, released(5), Some(5)), clock.now());
        assert!(observer.is_free());
    }

    #[test]
    fn a_release_after_a_gap_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watch_began(&at(6, released(5)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_release_whose_mark_names_another_revision_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(6, released(4), Some(5)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_release_with_another_secret_is_not_free() {
        let (mut observer, clock) = watching(5);
        let mut record = released(5);
        record.released.as_mut().unwrap().secret = Secret::from_bits(8);
        observer.watched(&update(6, record, Some(5)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_release_after_a_version_that_the_watch_left_out_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(7, released(6), Some(6)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_release_that_followed_another_version_than_the_one_seen_last_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(6, released(5), Some(4)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_release_that_the_watch_does_not_vouch_for_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(6, released(5), None), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_version_that_was_deleted_is_not_seen_again_by_a_late_read() {
        let (mut observer, clock) = watching(5);
        observer.watched(&LeaderUpdate::new(Entry::absent(), None), clock.now());
        assert_eq!(
            observer.read(&at(5, held()), Read::Plain, clock.now()),
            Change::None
        );
        let read = Read::AfterConflict(None);
        assert_eq!(
            observer.read(&at(5, held()), read, clock.now()),
            Change::New
        );
    }

    #[test]
    fn a_wiped_holder_is_not_free() {
        let (mut observer, clock) = watching(5);
        let wiped = LeaderRecord {
            holder: None,
            ..held()
        };
        observer.watched(&update(6, wiped, Some(5)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_release_that_is_written_again_later_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(6, released(5), Some(5)), clock.now());
        observer.watched(&update(7, released(5), Some(6)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn a_release_seen_over_a_deletion_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&LeaderUpdate::new(Entry::absent(), None), clock.now());
        observer.watched(&update(6, released(5), Some(5)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn before_anything_was_seen_nothing_is_free_or_let_go() {
        let observer = Observer::default();
        assert!(!observer.is_free() && !observer.is_let_go());
    }

    #[test]
    fn a_release_that_someone_else_makes_of_a_release_is_not_free() {
        let (mut observer, clock) = watching(5);
        observer.watched(&update(6, released(5), Some(5)), clock.now());
        observer.watched(&update(7, released(6), Some(6)), clock.now());
        assert!(!observer.is_free());
    }

    #[test]
    fn who_takes_the_holder_away_and_puts_it_back_renews_nothing() {
        let (mut observer, clock) = watching(5);
        let wiped = LeaderRecord {
            holder: None,
            ..held()
        };
        for revision in [6, 8, 10] {
            clock.advance(Duration::from_secs(10));
            observer.watched(&update(revision, wiped.clone(), None), clock.now());
            observer.watched(&update(revision + 1, held(), None), clock.now());
        }
        let blocked = observer.blocked(Duration::from_secs(20), clock.now());
        assert_eq!(blocked, Some(6));
    }
}
