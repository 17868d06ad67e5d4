//! What a holder does: renew in time, or be over (rules H1 to H9).

use std::time::Duration;

use super::attempt::{Lasting, Sent};
use super::failsafe::InPlay;
use super::{Ask, Doing, Machine, Role};
use crate::election::LeaseTiming;
use crate::election::belief::Deadline;
use crate::election::event::{Alarm, EventKind, LossReason};
use crate::election::observer::{Change as Seen, Read};
use crate::election::seeded::{Bug, planted};
use crate::{
    Change, Entry, FencingToken, LeaderRecord, MemberName, Outcome, Precondition, Revision, Stamp,
    Timestamp,
};

/// Renewals of unknown outcome that are kept for reading back.
const MOST_UNRESOLVED: usize = 16;

/// A term of this process.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) number: u64,
    pub(super) token: FencingToken,
    /// The revision that the next write expects, received while the term was open.
    pub(super) known: Revision,
    /// The write that stands at `known`, or that a stranger has bumped there.
    pub(super) last: Sent,
    /// Renewals of unknown outcome.
    pub(super) unresolved: Vec<Sent>,
    /// The user gave this term up; also if they contend again meanwhile.
    pub(super) giving_up: bool,
    /// Who is to follow, if the user named someone for this term.
    pub(super) successor: Option<MemberName>,
    /// Whose consent failsafe mode takes.
    pub(super) in_play: InPlay,
    /// To where belief was carried, for reports; the belief itself decides.
    pub(super) deadline: Deadline,
}

impl Term {
    pub(super) fn new(number: u64, known: Revision, last: Sent, deadline: Deadline) -> Self {
        #[cfg(not(dcs_seeded_bugs))]
        let token = FencingToken::new(known);
        #[cfg(dcs_seeded_bugs)]
        let token = super::seeded::token(known, &last);
        Self {
            number,
            token,
            known,
            last,
            unresolved: Vec::new(),
            giving_up: false,
            successor: None,
            in_play: InPlay::since(known),
            deadline,
        }
    }

    /// When the next renewal is due: a heartbeat after the sending of the last
    /// one that succeeded; at once where that one carries another span than the
    /// settings do, since a longer heartbeat might come too late for it.
    pub(super) fn renewal_due_in(&self, timing: &LeaseTiming, now: Stamp) -> Duration {
        let heartbeat = timing.loop_wait();
        let settled = self.last.span == timing.holder_span();
        let since = self.last.when.filter(|_| settled);
        let since = since.map_or(heartbeat, |when| now.holder_elapsed_since(when));
        heartbeat.saturating_sub(since)
    }

    /// Whether `record` is the write that stood at `known` (rule H7: a stranger
    /// that bumps the revision and leaves our record alone).
    fn is_last(&self, entry: &Entry<LeaderRecord>) -> bool {
        self.last.is(entry)
    }

    /// Whether `entry` is a write of this term that may still count.
    fn is_own(&self, entry: &Entry<LeaderRecord>) -> bool {
        self.is_last(entry) || self.unresolved.iter().any(|sent| sent.is(entry))
    }
}

impl Machine {
    /// The next step of a holder: renew if it is due, or give the term up.
    /// The term was found open after the receipt of `known` (rule H6).
    pub(super) fn lead(&mut self, now: Stamp) {
        let Role::Leader(term) = &self.role else {
            return;
        };
        if !self.contending || term.giving_up {
            return self.give_up(now);
        }
        if !term.renewal_due_in(&self.timing, now).is_zero() {
            return;
        }
        let replaced = &term.last.record;
        let lasting = Lasting {
            acquire_time: replaced.acquire_time,
            transitions: replaced.transitions.unwrap_or(0),
            secret: term.last.secret,
            token: Some(term.token),
        };
        let known = term.known;
        let mut sent = self.attempt(Some(known), Some(replaced), lasting);
        if planted(Bug::IdenticalRenewals) {
            sent.record = replaced.clone();
        }
        self.shows_to_patroni(sent.span, now);
        let change = Change::Leader(Box::new(sent.write()));
        self.ask(
            Doing::Renew(Box::new(sent)),
            Ask::Write(change, Precondition::Matches(known)),
        );
    }

    pub(super) fn renew_written(&mut self, sent: Box<Sent>, outcome: Outcome, now: Stamp) {
        match outcome {
            Outcome::Committed(committed) if sent.was_acked_by(&committed) => {
                self.succeeded();
                let entry = Entry::present(committed.revision, sent.record.clone());
                self.observer.read(&entry, Read::Plain, now);
                self.acked = Some(committed.revision);
                #[cfg(dcs_seeded_bugs)]
                self.revive(&sent, now);
                self.carried(*sent, committed.revision, now);
            }
            Outcome::Committed(_) => {
                self.say(EventKind::Alarm(Alarm::AlteredWrite));
                self.renewal_is_unknown(*sent);
            }
            Outcome::NotCommitted(error) if error.is_conflict() => {
                self.must_read = Some(Read::AfterConflict(sent.expected));
                if let Role::Leader(term) = &mut self.role {
                    term.in_play.conflict();
                }
            }
            Outcome::NotCommitted(error) => self.refused("renewing the lease", &sent, &error, now),
            #[cfg(dcs_seeded_bugs)]
            Outcome::Unknown(_) if planted(Bug::TimeoutIsSuccess) => {
                self.take_renewal_for_committed(*sent, now);
            }
            Outcome::Unknown(error) => {
                self.unknown("renewing the lease", &error, now);
                self.renewal_is_unknown(*sent);
            }
        }
    }

    /// A version, while leading.
    pub(super) fn leader_saw(
        &mut self,
        entry: &Entry<LeaderRecord>,
        seen: Seen,
        fresh: bool,
        now: Stamp,
    ) {
        let Role::Leader(term) = &mut self.role else {
            return;
        };
        let Some(revision) = entry.revision else {
            return self.lose(LossReason::Deleted);
        };
        if seen == Seen::WentBack {
            return self.lose(LossReason::Replaced);
        }
        if fresh && revision >= term.known && term.is_own(entry) {
            term.in_play.read_back();
        }
        let again = fresh && planted(Bug::AckOfAnotherAttempt);
        let is_known = revision == term.known && !again;
        if revision < term.known || is_known {
            return;
        }
        if let Some(index) = Sent::position(&term.unresolved, entry) {
            if fresh {
                let sent = term.unresolved.swap_remove(index).found(now);
                self.acked = None;
                self.carried(sent, revision, now);
            }
        } else if term.is_last(entry) {
            term.known = revision;
        } else if !self.in_flight_is(entry) {
            self.lose(LossReason::Replaced);
        }
    }

    /// Ends a term whose deadline has been reached, and says so.
    pub(super) fn end_term_if_over(&mut self, now: Stamp) {
        let Role::Leader(term) = &self.role else {
            return;
        };
        if self.belief.remaining(term.number, &*self.clock).is_some() {
            return;
        }
        let overrun = term.deadline.overrun(now);
        self.end_term(overrun, |token| EventKind::Lost {
            token,
            why: LossReason::Expired,
        });
        #[cfg(dcs_seeded_bugs)]
        self.read_what_to_release();
    }

    /// Closes the term now, at the latest instant that belief reached.
    pub(super) fn end_term(&mut self, ago: Duration, kind: impl FnOnce(FencingToken) -> EventKind) {
        let Role::Leader(term) = std::mem::replace(&mut self.role, Role::Follower(Vec::new()))
        else {
            return;
        };
        self.belief.close(term.number);
        self.must_read = None;
        self.pause_after_read = None;
        let at = Timestamp::from_system_time(self.clock.wall() - ago);
        self.say_at(at, kind(term.token));
        #[cfg(dcs_seeded_bugs)]
        self.keep(term);
    }

    /// The wall-clock instant to which `deadline` reaches.
    pub(super) fn until(&self, deadline: Deadline, now: Stamp) -> Timestamp {
        let left = deadline.remaining(now).unwrap_or_default();
        Timestamp::from_system_time(self.clock.wall() + left)
    }

    /// To where belief in the open term reaches.
    pub(crate) fn reach(&self) -> Option<(u64, Deadline)> {
        match &self.role {
            Role::Leader(term) => Some((term.number, term.deadline)),
            Role::Follower(_) | Role::Releasing(_) => None,
        }
    }

    /// The open term that is to be given up as soon as it can be.
    pub(crate) fn gives_up(&self) -> Option<u64> {
        match &self.role {
            Role::Leader(term) if term.giving_up || !self.contending => Some(term.number),
            _ => None,
        }
    }

    fn lose(&mut self, why: LossReason) {
        self.end_term(Duration::ZERO, |token| EventKind::Lost { token, why });
        #[cfg(dcs_seeded_bugs)]
        self.read_what_to_release();
    }

    /// A renewal of this term is known to be committed: belief reaches further,
    /// counted from its sending (rules H2, H5).
    pub(super) fn carried(&mut self, sent: Sent, revision: Revision, now: Stamp) {
        self.own_map_stands(&sent, revision);
        let Role::Leader(term) = &mut self.role else {
            return;
        };
        let Some(deadline) = sent.deadline() else {
            return;
        };
        let Some(in_force) = self.belief.extend(term.number, deadline, &*self.clock) else {
            return self.end_term_if_over(now);
        };
        term.deadline = in_force;
        (term.known, term.last) = (revision, sent);
        term.in_play = InPlay::since(revision);
        // What is left expected an older revision and can never be committed.
        term.unresolved.clear();
        let (token, deadline) = (term.token, term.deadline);
        let until = self.until(deadline, now);
        self.say(EventKind::Renewed { token, until });
    }

    fn renewal_is_unknown(&mut self, sent: Sent) {
        self.must_read = Some(Read::Plain);
        if let Role::Leader(term) = &mut self.role {
            term.in_play.is_unknown(&sent);
            if term.unresolved.len() == MOST_UNRESOLVED {
                term.unresolved.remove(0);
            }
            term.unresolved.push(sent);
        }
    }

    /// Whether the version is the renewal under way, which the watch may show
    /// before its answer comes.
    fn in_flight_is(&self, entry: &Entry<LeaderRecord>) -> bool {
        let doing = self.flight.as_ref().map(|flight| &flight.doing);
        matches!(doing, Some(Doing::Renew(sent)) if sent.is(entry))
    }
}
