//! What a member does that does not lead: wait, then try (rules Q1 to Q5).

use super::attempt::{Lasting, Sent, whole_seconds};
use super::lead::Term;
use super::{Ask, Doing, Machine, Role};
use crate::election::event::{Alarm, EventKind};
use crate::election::observer::{Read, Sight};
use crate::election::seeded::{Bug, planted};
use crate::{
    Change, Entry, Error, Initialize, LeaderRecord, LeaderWrite, MemberName, Outcome, Precondition,
    Revision, Secret, Stamp, Value,
};

/// Acquiring writes of unknown outcome that are kept for reading back.
const MOST_UNRESOLVED: usize = 16;

/// The assertion that this process makes the first record of a new scope
/// (rule Q3). It is void as soon as anything speaks against it, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bootstrap {
    Void,
    Asserted,
    /// The initialize key is being created. The watch may show it before the
    /// answer comes; which revision is ours is only known then.
    Creating(Option<Revision>),
    /// The initialize key was created by this process, at this revision.
    Ready(Revision),
}

impl Bootstrap {
    /// Anything of the scope was seen, other than what this process created.
    pub(super) fn scope_seen(&mut self, revision: Option<Revision>) {
        match (*self, revision) {
            (Self::Ready(own) | Self::Creating(Some(own)), Some(revision)) if own == revision => {}
            (Self::Creating(None), Some(revision)) => *self = Self::Creating(Some(revision)),
            _ => self.void(),
        }
    }

    /// The initialize key was created at `revision`. Whatever else was seen
    /// meanwhile voids the assertion.
    fn created(&mut self, revision: Revision) {
        match *self {
            Self::Creating(seen) if seen.is_none_or(|seen| seen == revision) => {
                *self = Self::Ready(revision);
            }
            _ => self.void(),
        }
    }

    pub(super) fn void(&mut self) {
        #[cfg(dcs_seeded_bugs)]
        if planted(Bug::BootstrapAssertionReused) {
            return self.keep();
        }
        *self = Self::Void;
    }
}

impl Machine {
    /// The next step of a member that contends.
    pub(super) fn follow(&mut self, now: Stamp) {
        let Some(sight) = self.observer.seen().cloned() else {
            return;
        };
        self.tell_of_a_long_ttl(&sight);
        let is_too_long = !planted(Bug::ClampAboveWait) && self.another_clamp_is_too_long(&sight);
        if is_too_long || !self.may_acquire(&sight) {
            return;
        }
        let Some(left) = self.turn_in(now) else {
            return;
        };
        let Some(revision) = sight.revision else {
            if planted(Bug::CreateAndLeadAfterWait) && !left.is_zero() {
                return;
            }
            return self.create();
        };
        let may_acquire = left.is_zero();
        #[cfg(dcs_seeded_bugs)]
        let may_acquire = may_acquire || self.may_acquire_all_the_same(&sight);
        #[cfg(dcs_seeded_bugs)]
        if self.force_release(revision, may_acquire) {
            return;
        }
        if may_acquire {
            return self.acquire(Some(revision), sight.record.present());
        }
        let vacant = sight
            .record
            .present()
            .is_none_or(|record| record.holder.is_none());
        if vacant && self.told.waiting != sight.revision {
            self.told.waiting = sight.revision;
            self.say(EventKind::Waiting { remaining: left });
        }
    }

    /// A version, while not leading.
    pub(super) fn follower_saw(&mut self, entry: &Entry<LeaderRecord>, fresh: bool, now: Stamp) {
        #[cfg(dcs_seeded_bugs)]
        if fresh && self.read_after_the_end(entry, now) {
            return;
        }
        let Role::Follower(unresolved) = &mut self.role else {
            return;
        };
        let Some(index) = Sent::position(unresolved, entry) else {
            if fresh {
                // Those that expected another revision than this one never will be.
                unresolved.retain(|sent| sent.expected == entry.revision);
            }
            return;
        };
        if !fresh {
            self.must_read = Some(Read::Plain);
            let flight = self.flight.as_ref();
            self.read_again = flight.is_some_and(|flight| matches!(flight.doing, Doing::Read(_)));
            return;
        }
        let sent = unresolved.swap_remove(index).found(now);
        if let Some(revision) = entry.revision {
            self.begin_term(sent, revision, false, now);
        }
    }

    pub(super) fn acquire_written(&mut self, sent: Box<Sent>, outcome: Outcome, now: Stamp) {
        self.bootstrap.void();
        match outcome {
            Outcome::Committed(committed) if sent.was_acked_by(&committed) => {
                self.succeeded();
                let entry = Entry::present(committed.revision, sent.record.clone());
                self.observer.read(&entry, Read::Plain, now);
                self.tell_holder(&entry);
                self.begin_term(*sent, committed.revision, true, now);
            }
            Outcome::Committed(_) => {
                self.say(EventKind::Alarm(Alarm::AlteredWrite));
                self.acquire_is_unknown(*sent);
            }
            Outcome::NotCommitted(Error::Conflict {
                found: Some(found), ..
            }) if planted(Bug::AcquireWithoutPrecondition) && self.contending => {
                self.acquire(Some(found), None);
            }
            Outcome::NotCommitted(error) if error.is_conflict() => {
                self.must_read = Some(Read::AfterConflict(sent.expected));
            }
            Outcome::NotCommitted(error) => {
                self.refused("acquiring the lease", &sent, &error, now);
            }
            #[cfg(dcs_seeded_bugs)]
            Outcome::Unknown(_) if planted(Bug::TimeoutIsSuccess) => {
                self.take_acquire_for_committed(*sent, now);
            }
            Outcome::Unknown(error) => {
                self.unknown("acquiring the lease", &error, now);
                self.acquire_is_unknown(*sent);
            }
        }
    }

    pub(super) fn vacant_written(&mut self, outcome: Outcome, now: Stamp) {
        match outcome {
            Outcome::Committed(committed) => {
                self.succeeded();
                if let Some(value) = committed.leader {
                    let entry = Entry {
                        revision: Some(committed.revision),
                        value,
                        ..Entry::absent()
                    };
                    self.observer.read(&entry, Read::Plain, now);
                    // Created by this write, so no map stands beside it.
                    self.map_stands(entry.revision, Value::Absent);
                    #[cfg(dcs_seeded_bugs)]
                    self.forced(committed.revision);
                }
            }
            Outcome::NotCommitted(error) if error.is_conflict() => {
                self.must_read = Some(Read::AfterConflict(None));
            }
            Outcome::NotCommitted(error) => self.failed("creating the leader key", &error, now),
            Outcome::Unknown(error) => {
                self.unknown("creating the leader key", &error, now);
            }
        }
    }

    pub(super) fn initialize_written(&mut self, outcome: Outcome, now: Stamp) {
        match outcome {
            Outcome::Committed(committed) => {
                self.succeeded();
                self.bootstrap.created(committed.revision);
            }
            Outcome::NotCommitted(error) | Outcome::Unknown(error) => {
                self.bootstrap.void();
                self.failed("creating the initialize key", &error, now);
            }
        }
    }

    /// The key is absent, and absence is not freedom (rule Q3).
    fn create(&mut self) {
        #[cfg(dcs_seeded_bugs)]
        if self.creates_with_a_holder() {
            return self.acquire(None, None);
        }
        match self.bootstrap {
            Bootstrap::Asserted => {
                self.bootstrap = Bootstrap::Creating(None);
                let change = Change::Initialize(Some(Initialize::InProgress));
                self.ask(Doing::Initialize, Ask::Write(change, Precondition::Absent));
            }
            Bootstrap::Ready(_) => self.acquire(None, None),
            Bootstrap::Creating(_) | Bootstrap::Void => {
                let record = self.vacant_record();
                let change = Change::Leader(Box::new(LeaderWrite::from(record)));
                self.ask(Doing::Vacant, Ask::Write(change, Precondition::Absent));
            }
        }
    }

    /// Every acquiring write passes here, whatever made it due.
    pub(super) fn acquire(&mut self, expected: Option<Revision>, replaced: Option<&LeaderRecord>) {
        if !self.failsafe_lets_acquire(expected) {
            return;
        }
        let lasting = Lasting {
            acquire_time: None,
            transitions: self.transitions_after(replaced),
            secret: Secret::from_bits(self.entropy.bits()),
            token: None,
        };
        let sent = self.attempt(expected, replaced, lasting);
        let change = Change::Leader(Box::new(sent.write()));
        self.ask(
            Doing::Acquire(Box::new(sent)),
            Ask::Write(change, expected.into()),
        );
    }

    fn acquire_is_unknown(&mut self, sent: Sent) {
        if !self.contending && !planted(Bug::AttemptRevivedAfterRelease) {
            self.failsafe_mode.forgotten = Some(sent.expected.into());
            self.must_read = None;
            return;
        }
        self.must_read = Some(Read::Plain);
        if let Role::Follower(unresolved) = &mut self.role {
            if unresolved.len() == MOST_UNRESOLVED {
                unresolved.remove(0);
            }
            unresolved.push(sent);
        }
    }

    pub(super) fn begin_term(
        &mut self,
        sent: Sent,
        revision: Revision,
        definite: bool,
        now: Stamp,
    ) {
        self.acked = definite.then_some(revision);
        self.own_map_stands(&sent, revision);
        let (Some(deadline), Some(when)) = (sent.deadline(), sent.when) else {
            return;
        };
        // Too late for a term: the record is known all the same, and where the
        // ack was definite a new attempt may follow at once (rule H9).
        let Some(number) = self.belief.open(deadline, when, now) else {
            return;
        };
        let mut term = Term::new(number, revision, sent, deadline);
        term.giving_up = !self.turn.may_lead() || !self.contending;
        let (token, until) = (term.token, self.until(deadline, now));
        self.role = Role::Leader(Box::new(term));
        self.say(EventKind::Elected { token, until });
        // What was seen while the answer was under way is judged now.
        if let Some(entry) = self.observer.seen().map(Sight::entry) {
            self.leader_saw(&entry, crate::election::observer::Change::None, false, now);
        }
    }

    /// Whether a request that is due names another member to lead next: then
    /// what is released is left alone, as if it were not. That only adds
    /// waiting, so the wall clock may have a say in it.
    pub(super) fn stands_aside(&self) -> bool {
        let candidate = self.candidate();
        candidate.is_some_and(|candidate| *candidate != self.me)
    }

    /// Whom a request that is due names to lead next.
    pub(super) fn candidate(&self) -> Option<&MemberName> {
        let request = self.request.as_ref()?;
        let due = request.scheduled_at.is_none_or(|at| at <= self.wall());
        request.candidate.as_ref().filter(|_| due)
    }

    /// A claim with a longer T_CLAMP than our T_WAIT: its holder might believe
    /// for longer than we wait.
    fn another_clamp_is_too_long(&mut self, sight: &Sight) -> bool {
        let claim = sight.record.present().and_then(LeaderRecord::valid_claim);
        let wait = self.timing.challenger_wait();
        let Some(claim) = claim.filter(|claim| claim.clamp > wait) else {
            return false;
        };
        if self.told.alarmed != sight.revision {
            self.told.alarmed = sight.revision;
            let (holder, clamp) = (claim.holder.clone(), claim.clamp);
            self.say(EventKind::Alarm(Alarm::ClampAboveWait {
                holder,
                clamp,
                wait,
            }));
        }
        true
    }

    /// A record without holder: it only starts the wait. Patroni's fields are
    /// there, so that every version of the object has them.
    pub(super) fn vacant_record(&self) -> LeaderRecord {
        LeaderRecord {
            ttl: Some(whole_seconds(self.timing.ttl())),
            renew_time: Some(self.wall()),
            transitions: Some(0),
            ..LeaderRecord::default()
        }
    }

    /// Patroni's count: 0 for the first holder of a new record, one more with
    /// each change of holder. For display only.
    fn transitions_after(&self, replaced: Option<&LeaderRecord>) -> u64 {
        let Some(replaced) = replaced else { return 0 };
        let count = replaced.transitions.unwrap_or(0);
        let first = replaced.holder.is_none() && replaced.acquire_time.is_none();
        let same = replaced.holder.as_ref() == Some(&self.me);
        if first || same {
            count
        } else {
            count.saturating_add(1)
        }
    }
}
