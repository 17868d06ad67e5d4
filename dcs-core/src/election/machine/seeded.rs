//! The wrong code of planted bugs that is longer than a condition, and what it
//! remembers. Not there in a build without seeded bugs.

use std::time::Duration;

use super::attempt::Sent;
use super::follow::Bootstrap;
use super::lead::Term;
use super::release::Release;
use super::{Ask, Doing, Machine, Role};
use crate::election::event::EventKind;
use crate::election::observer::{Read, Sight};
use crate::election::seeded::{Bug, planted};
use crate::{
    Change, Entry, FencingToken, LeaderRecord, LeaderWrite, Precondition, ReleaseMark, Revision,
    Secret, Stamp, Value,
};

/// What only wrong code remembers.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The term that ended last.
    ended: Option<Box<Term>>,
    /// The key is being read because that term ended.
    reading: bool,
    /// The holder is being removed by force, and the revision that did it.
    forcing: bool,
    forced: Option<Revision>,
    /// The term that is believed in while its release is under way.
    releasing: Option<u64>,
}

/// [`Bug::AckOfAnotherAttempt`]: the newest of these attempts, where `entry` is
/// a write of the same session.
pub(super) fn newest_of_the_session(
    attempts: &[Sent],
    entry: &Entry<LeaderRecord>,
) -> Option<usize> {
    let session = |record: &LeaderRecord| record.valid_claim().map(|claim| claim.session);
    let written = session(entry.get()?)?;
    let ours = session(&attempts.last()?.record)?;
    let counts = planted(Bug::AckOfAnotherAttempt) && written == ours;
    counts.then_some(attempts.len() - 1)
}

/// [`Bug::TransitionsAsToken`]: the token of a term that begins with `acquired`.
pub(super) fn token(revision: Revision, acquired: &Sent) -> FencingToken {
    let transitions = acquired.record.transitions.unwrap_or(0);
    let count = Revision::new(u128::from(transitions) + 1);
    let count = count.filter(|_| planted(Bug::TransitionsAsToken));
    FencingToken::new(count.unwrap_or(revision))
}

impl Bootstrap {
    /// [`Bug::BootstrapAssertionReused`]: whatever speaks against the assertion
    /// leaves it as it is, and a refused creation of initialize counts as one.
    pub(super) fn keep(&mut self) {
        if let (Self::Creating(_), Some(any)) = (*self, Revision::new(1)) {
            *self = Self::Ready(any);
        }
    }
}

/// As a challenger.
impl Machine {
    /// When a wrong rule says that it is this member's turn, if that is earlier.
    pub(super) fn wrong_turn_in(&self, due: Option<Duration>, now: Stamp) -> Option<Duration> {
        let seen = self.observer.seen()?;
        if planted(Bug::CreateAndLeadAfterWait) && seen.revision.is_none() {
            return self
                .observer
                .left_to_wait(self.timing.challenger_wait(), now);
        }
        let wrong = self.wrong_left_to_wait(now);
        due.map(|due| wrong.map_or(due, |wrong| wrong.min(due)))
    }

    /// How long a version is left alone by a wrong rule; `None` where none is planted.
    fn wrong_left_to_wait(&self, now: Stamp) -> Option<Duration> {
        let record = self.observer.seen()?.record.present();
        if planted(Bug::WallClockExpiry) {
            let record = record?;
            let ttl = i64::try_from(record.ttl?.as_millis()).ok()?;
            let left = record.renew_time?.as_millis() + ttl - self.wall().as_millis();
            return Some(Duration::from_millis(left.try_into().unwrap_or(0)));
        }
        let wait = self.timing.challenger_wait();
        let wait = if planted(Bug::TtlInRecord) {
            record?.ttl?
        } else if planted(Bug::LcFromContent) {
            let claim = record.and_then(LeaderRecord::valid_claim);
            claim.map_or(self.timing.ttl(), |claim| claim.ttl)
        } else if planted(Bug::VacantWaitsLess) {
            let vacant = record?.holder.is_none();
            vacant.then_some(wait / 4)?
        } else if planted(Bug::TtlTruncated) {
            let seconds = self.timing.span_of(wait).as_secs();
            Duration::from_secs((seconds - seconds % 5).max(1))
        } else {
            return None;
        };
        self.observer.left_to_wait(wait, now)
    }

    /// Whether a version that is not free is taken all the same.
    pub(super) fn may_acquire_all_the_same(&self, sight: &Sight) -> bool {
        let holder = sight.record.present().map(|record| record.holder.as_ref());
        let by_name = planted(Bug::OwnNameRenews) || planted(Bug::OneIdentity);
        let own = by_name && holder == Some(Some(&self.me));
        own || planted(Bug::WipeIsRelease) && holder == Some(None)
    }

    /// Whether an absent key is created with this member as its holder.
    pub(super) fn creates_with_a_holder(&self) -> bool {
        let cold = planted(Bug::ColdStartCreates) && !self.observer.has_seen_a_record();
        cold || planted(Bug::CreateAndLead) || planted(Bug::CreateAndLeadAfterWait)
    }

    /// [`Bug::ForceRelease`]: removes the holder from whatever stands there,
    /// then acquires what it has written.
    pub(super) fn force_release(&mut self, revision: Revision, may_acquire: bool) -> bool {
        if !planted(Bug::ForceRelease) {
            return false;
        }
        if self.kept.forced == Some(revision) {
            (self.kept.forcing, self.kept.forced) = (false, None);
            self.acquire(Some(revision), None);
            return true;
        }
        self.kept.forcing |= may_acquire;
        if self.kept.forcing {
            let change = Change::Leader(Box::new(LeaderWrite::from(self.vacant_record())));
            let expected = Precondition::Matches(revision);
            self.ask(Doing::Vacant, Ask::Write(change, expected));
        }
        self.kept.forcing
    }

    /// A record without holder was written at this revision.
    pub(super) fn forced(&mut self, revision: Revision) {
        self.kept.forced = Some(revision).filter(|_| self.kept.forcing);
    }

    /// [`Bug::TimeoutIsSuccess`], for an acquiring write.
    pub(super) fn take_acquire_for_committed(&mut self, sent: Sent, now: Stamp) {
        self.succeeded();
        if let Some(revision) = sent.expected.or(Revision::new(1)) {
            self.begin_term(sent, revision, false, now);
        }
    }

    /// [`Bug::OwnNameLeads`]: whoever reads its own name leads from now on.
    pub(super) fn believe_own_name(&mut self, entry: &Entry<LeaderRecord>, now: Stamp) {
        let record = entry
            .get()
            .filter(|record| record.holder.as_ref() == Some(&self.me));
        let (Some(record), Some(revision)) = (record, entry.revision) else {
            return;
        };
        if !planted(Bug::OwnNameLeads) || !self.contending {
            return;
        }
        let sent = Sent {
            record: record.clone(),
            secret: Secret::from_bits(self.entropy.bits()),
            expected: None,
            span: self.timing.holder_span(),
            when: Some(now),
            map: None,
            status: None,
            failsafe: None,
        };
        let Some(deadline) = sent.deadline() else {
            return;
        };
        match &mut self.role {
            Role::Leader(term) => {
                let extended = self.belief.extend(term.number, deadline, &*self.clock);
                term.deadline = extended.unwrap_or(term.deadline);
            }
            Role::Follower(_) if self.flight.is_none() => {
                let Some(number) = self.belief.open(deadline, now, now) else {
                    return;
                };
                let term = Term::new(number, revision, sent, deadline);
                let (token, until) = (term.token, self.until(deadline, now));
                self.role = Role::Leader(Box::new(term));
                self.say(EventKind::Elected { token, until });
            }
            Role::Follower(_) | Role::Releasing(_) => {}
        }
    }

    /// [`Bug::FreshTermOnCachedRevision`]: any own record that is seen counts
    /// as an acknowledged one.
    pub(super) fn cache_own_revision(&mut self, entry: &Entry<LeaderRecord>) {
        let record = entry.get().filter(|record| record.holder.is_some());
        let claim = record.and_then(LeaderRecord::valid_claim);
        let own = claim.is_some_and(|claim| claim.session == self.session);
        if planted(Bug::FreshTermOnCachedRevision) && own && self.acked.is_some() {
            self.acked = self.acked.max(entry.revision);
        }
    }
}

/// As a holder, and as a former one.
impl Machine {
    /// [`Bug::TimeoutIsSuccess`], for a renewal.
    pub(super) fn take_renewal_for_committed(&mut self, sent: Sent, now: Stamp) {
        self.succeeded();
        if let Some(known) = sent.expected {
            self.carried(sent, known, now);
        }
    }

    pub(super) fn keep(&mut self, ended: Box<Term>) {
        self.kept.ended = Some(ended);
    }

    /// [`Bug::LateAckRevivesTerm`]: the term that is over goes on.
    pub(super) fn revive(&mut self, renewal: &Sent, now: Stamp) {
        let deadline = renewal.deadline();
        let Some(deadline) = deadline.filter(|deadline| deadline.remaining(now).is_some()) else {
            return;
        };
        if !planted(Bug::LateAckRevivesTerm) || !matches!(self.role, Role::Follower(_)) {
            return;
        }
        if let Some(term) = self.kept.ended.take() {
            self.belief.reopen(term.number, deadline);
            self.role = Role::Leader(term);
        }
    }

    /// A term is over: the key is read, to go on with it or to release it.
    pub(super) fn read_what_to_release(&mut self) {
        let reads = planted(Bug::RightTestedBeforeSight)
            || planted(Bug::ReleaseWithoutH6)
            || planted(Bug::ReleaseWipesSuccessor);
        if reads && self.kept.ended.is_some() {
            self.kept.reading = true;
            self.must_read = Some(Read::Plain);
        }
    }

    /// What was read because a term is over; true if it was acted upon.
    pub(super) fn read_after_the_end(&mut self, entry: &Entry<LeaderRecord>, now: Stamp) -> bool {
        if !std::mem::take(&mut self.kept.reading) {
            return false;
        }
        let (Some(ended), Some(record), Some(revision)) =
            (&self.kept.ended, entry.get(), entry.revision)
        else {
            return false;
        };
        if planted(Bug::RightTestedBeforeSight) && self.contending && ended.last.is(entry) {
            let replaced = record.clone();
            // What is missing is the test of the right alone, not that of the map.
            self.map_stands(Some(revision), Value::Absent);
            self.acquire(Some(revision), Some(&replaced));
            return true;
        }
        let claim = record.valid_claim();
        let own = claim.is_some_and(|claim| claim.release_hash == ended.last.secret.hash());
        let releases = planted(Bug::ReleaseWithoutH6) && own
            || planted(Bug::ReleaseWipesSuccessor) && record.holder.is_some();
        let Some(renew_time) = record.renew_time.filter(|_| releases) else {
            return false;
        };
        let mark = ReleaseMark::new(ended.last.secret, revision, renew_time);
        let record = LeaderRecord {
            holder: None,
            released: Some(mark),
            ..record.clone()
        };
        (self.acked, self.kept.ended) = (None, None);
        self.role = Role::Releasing(Box::new(Release {
            write: LeaderWrite::from(record),
            expected: revision,
            began: now,
        }));
        true
    }

    /// [`Bug::ReleaseRetriedOnNewerRevision`]: what was read after a release was refused.
    pub(super) fn releasing_saw(&mut self, entry: &Entry<LeaderRecord>) {
        let Role::Releasing(release) = &mut self.role else {
            return;
        };
        if !planted(Bug::ReleaseRetriedOnNewerRevision) {
            return;
        }
        let record = entry.get().filter(|record| record.holder.is_some());
        let claim = record.and_then(LeaderRecord::valid_claim);
        let own = claim.is_some() && claim == release.write.record.claim.as_ref();
        match (entry.revision, &mut release.write.record.released) {
            (Some(revision), Some(mark)) if own => {
                release.expected = revision;
                mark.prev = revision;
            }
            _ => self.released(),
        }
    }

    /// [`Bug::BelievesWhileReleasing`]: a term that was closed for its release
    /// is believed in until that was answered.
    pub(super) fn believe_while_releasing(&mut self) {
        let ended = self.kept.ended.as_ref();
        if let Some(term) = ended.filter(|_| planted(Bug::BelievesWhileReleasing)) {
            self.belief.reopen(term.number, term.deadline);
            self.kept.releasing = Some(term.number);
        }
    }

    /// The release was answered, or nobody answers it.
    pub(super) fn release_is_over(&mut self) {
        if let Some(term) = self.kept.releasing.take() {
            self.belief.close(term);
        }
        let ended = self.kept.ended.take();
        let ended = ended.filter(|_| planted(Bug::AttemptRevivedAfterRelease));
        if let (Some(term), Role::Follower(unresolved)) = (ended, &mut self.role) {
            unresolved.extend(term.unresolved);
            unresolved.push(term.last);
        }
    }
}
