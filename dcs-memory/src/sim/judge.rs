//! What has to hold in every history, after every event.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::task::{Context, Waker};
use std::time::Duration;

use dcs_core::election::{Elector, EventKind, Events};
use dcs_core::{Attempt, Entry, LeaderRecord, LeaderWrite, Outcome, Precondition, Revision};
use futures_util::StreamExt;

use super::class::Class;
use super::executor::Nanos;
use super::outcomes::{Arrival, Outcomes};
use super::over::{Calls, Stood};
use super::patroni::Patronis;

/// What has to hold. The numbers are those of the project's specification,
/// `docs/election.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// I1: at most one process believes that it leads.
    OneBeliever,
    /// I2: at most one process acts as leader, unless it was stopped meanwhile.
    OneActs,
    /// I3: nothing that a former leader does is accepted after its successor's.
    NoStaleEffect,
    /// I4: a write that was reported as committed was applied, once; one that
    /// was reported as not committed never is.
    TrueOutcomes,
    /// I5: each value was made from the one directly before it; what the
    /// [library's own members](super::Simulation::run_members) count.
    NoLostUpdate,
    /// I6: what a process reads never goes back; over a store of one's own also
    /// that it stood there, as that revision, and that nothing lies between two
    /// versions of which a watch says so.
    SessionOrder,
    /// I8: fencing tokens grow from term to term.
    TokensGrow,
    /// I9: without faults someone leads within the bound, and goes on leading.
    Liveness,
    /// I10: the end of a term is its end, and nobody believes while releasing.
    EndIsEnd,
    /// Who follows other rules is left alone for T_WAIT, as everyone is (Q2), and
    /// Patroni for as long as it may believe (P1).
    LeftAlone,
    /// Nobody believes beside a Patroni whose clock and answers are as it takes
    /// them to be, where no third party has written the record (P1 to P3).
    BesidePatroni,
    /// The step of the proof: who believes is covered by a committed write of its own.
    Covered,
    /// Nobody believes for longer than the record shows to others (P3).
    Shown,
    /// Time goes on: nothing spins.
    TimeGoesOn,
    /// What the program under test says of itself.
    Own,
}

impl Invariant {
    /// Its short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneBeliever => "I1 one believer",
            Self::OneActs => "I2 one acts",
            Self::NoStaleEffect => "I3 no stale effect",
            Self::TrueOutcomes => "I4 true outcomes",
            Self::NoLostUpdate => "I5 no lost update",
            Self::SessionOrder => "I6 session order",
            Self::TokensGrow => "I8 tokens grow",
            Self::Liveness => "I9 liveness",
            Self::EndIsEnd => "I10 the end is the end",
            Self::LeftAlone => "Q2 others are left alone",
            Self::BesidePatroni => "P nobody beside Patroni",
            Self::Covered => "V belief is covered",
            Self::Shown => "P3 the record shows belief",
            Self::TimeGoesOn => "time goes on",
            Self::Own => "the program's own",
        }
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, since the start of the history.
    pub at: Duration,
    /// Of whom, and how.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.as_secs_f64();
        write!(
            f,
            "{} broken at {at:.3} s: {}",
            self.invariant.name(),
            self.what
        )
    }
}

impl std::error::Error for Violation {}

#[derive(Default)]
pub(super) struct Judge {
    /// Whether belief has to be covered by what was committed.
    pub(super) checks_cover: bool,
    /// Whether belief has to be over by the ttl that the record shows.
    pub(super) checks_shown: bool,
    pub(super) hits: BTreeMap<Class, (u64, u64)>,
    pub(super) counts: Counts,
    /// Every version of the leader register that there was.
    pub(super) past: Vec<Entry<LeaderRecord>>,
    /// Since when the newest of them stands there.
    pub(super) newest_since: Nanos,
    pub(super) violation: Option<Violation>,
    /// Processes that a fault started beside another one of their name.
    pub(super) twins: HashSet<usize>,
    pub(super) judged: Vec<Judged>,
    believers: Vec<usize>,
    largest_token: u128,
    attempts: HashSet<Attempt>,
    outcomes: Outcomes,
    /// The same for stores outside of the simulator.
    pub(super) calls: Calls,
    pub(super) stood: Stood,
    /// Who follows Patroni's rules beside those that are judged.
    pub(super) patronis: Patronis,
    acts: Vec<Act>,
    acts_made: u64,
    accepted: Option<(u128, usize)>,
}

/// What a history has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Terms that began.
    pub terms: u64,
    /// Terms that ended without a release.
    pub lost: u64,
    /// Terms that were given up on purpose.
    pub released: u64,
    /// Renewals that succeeded.
    pub renewals: u64,
    /// Lease writes that were committed.
    pub writes: u64,
    /// Effects of leaders that a resource accepted by their token.
    pub effects: u64,
    /// Effects that it refused, as their token was old.
    pub refused_effects: u64,
    /// Alarms that were raised.
    pub alarms: u64,
}

/// One process with an elector.
pub(super) struct Judged {
    pub(super) process: usize,
    name: String,
    elector: Elector,
    events: Events,
    is_alive: bool,
    /// The term that is open by what was told.
    pub(super) open: Option<u128>,
    /// To where, in real time, its committed writes carry it.
    covered: Nanos,
    /// To where, in real time, others leave it alone who go by the ttl that its
    /// newest committed write shows; absent before the first one.
    left_alone: Option<Nanos>,
    newest_seen: Option<Revision>,
}

/// Something that a process does as the only one.
struct Act {
    id: u64,
    process: usize,
    /// It was stopped in the middle: nothing can be said of it.
    was_stopped: bool,
}

impl Judge {
    pub(super) fn judge(&mut self, process: usize, name: String, elector: Elector) {
        self.judged.push(Judged {
            process,
            name,
            events: elector.events(),
            elector,
            is_alive: true,
            open: None,
            covered: 0,
            left_alone: None,
            newest_seen: None,
        });
    }

    pub(super) fn elector_of(&self, process: usize) -> Option<&Elector> {
        let judged = self
            .judged
            .iter()
            .find(|judged| judged.process == process)?;
        Some(&judged.elector)
    }

    /// Gives away the electors, at the end: nothing is judged any more.
    pub(super) fn lets_go(&mut self) -> Vec<Judged> {
        self.believers.clear();
        std::mem::take(&mut self.judged)
    }

    pub(super) fn killed(&mut self, process: usize) {
        self.acts.retain(|act| act.process != process);
        self.patronis.killed(process);
        for judged in &mut self.judged {
            if judged.process == process {
                judged.is_alive = false;
            }
        }
    }

    /// A stopped process breaks assumption A2, not the rules.
    pub(super) fn stopped(&mut self, process: usize) {
        for act in &mut self.acts {
            act.was_stopped |= act.process == process;
        }
    }

    pub(super) fn fail(&mut self, now: Nanos, invariant: Invariant, what: String) {
        let at = Duration::from_nanos(now);
        self.violation.get_or_insert(Violation {
            invariant,
            at,
            what,
        });
    }

    /// After a turn of a process: what it has told, and what it believes.
    /// Returns what was told, for the trace.
    pub(super) fn polled(&mut self, now: Nanos, process: usize) -> Vec<EventKind> {
        let mut all = Vec::new();
        for index in 0..self.judged.len() {
            if self.judged[index].process != process {
                continue;
            }
            let mut context = Context::from_waker(Waker::noop());
            while let std::task::Poll::Ready(Some(event)) =
                self.judged[index].events.poll_next_unpin(&mut context)
            {
                self.said(now, index, &event.kind);
                all.push(event.kind);
            }
            self.sees(now, index);
            self.check(now, index);
        }
        all
    }

    /// Who leads at this instant, by whatever rules.
    pub(super) fn leaders(&self, now: Nanos) -> Vec<usize> {
        let mut leaders = self.believers();
        leaders.extend(self.patronis.believers(now));
        leaders
    }

    /// Who believes at this instant.
    pub(super) fn believers(&self) -> Vec<usize> {
        self.believing().map(|judged| judged.process).collect()
    }

    /// Who believes, and the token of the term that it told.
    pub(super) fn believes(&self) -> Vec<(usize, Option<u128>)> {
        let believing = self.believing();
        believing
            .map(|judged| (judged.process, judged.open))
            .collect()
    }

    fn believing(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| judged.believes())
    }

    /// Looks at everyone: also at those of whom nothing was polled.
    pub(super) fn check_all(&mut self, now: Nanos) {
        for index in 0..self.judged.len() {
            self.check(now, index);
        }
    }

    /// Belief begins in a turn of its process and in no other, so it is enough
    /// to look at the process of this turn and at those that believed before.
    fn check(&mut self, now: Nanos, index: usize) {
        let judged = &self.judged[index];
        self.believers.retain(|known| *known != index);
        if !judged.believes() {
            return;
        }
        let (open, covered, left_alone) = (judged.open, judged.covered, judged.left_alone);
        let mut others = self.believers.iter().copied();
        let other = others.find(|other| self.judged[*other].believes());
        self.believers.push(index);
        if let Some(other) = other {
            let [other, name] = [other, index].map(|index| told(&self.judged[index]));
            let what = format!("{other} and {name} believe");
            self.fail(now, Invariant::OneBeliever, what);
        }
        if !self.patronis.is_empty() {
            self.check_beside_patroni(now, index);
        }
        if open.is_none() {
            let what = format!("{} believes outside of a term", told(&self.judged[index]));
            self.fail(now, Invariant::EndIsEnd, what);
        }
        if self.checks_cover && covered <= now {
            let over = Duration::from_nanos(now - covered);
            let name = told(&self.judged[index]);
            let what = format!("{name} believes {over:?} longer than its writes carry it");
            self.fail(now, Invariant::Covered, what);
        }
        let shown = left_alone.filter(|until| self.checks_shown && *until <= now);
        if let Some(left_alone) = shown {
            let over = Duration::from_nanos(now - left_alone);
            let name = told(&self.judged[index]);
            let what = format!("{name} believes {over:?} longer than its record shows");
            self.fail(now, Invariant::Shown, what);
        }
    }

    fn sees(&mut self, now: Nanos, index: usize) {
        let judged = &mut self.judged[index];
        let Some(view) = judged.elector.cluster().latest() else {
            return;
        };
        let (seen, newest) = (view.leader.revision, judged.newest_seen);
        if seen.is_some() && seen < newest {
            let what = format!("{} sees leader {seen:?} after {newest:?}", told(judged));
            self.fail(now, Invariant::SessionOrder, what);
        } else {
            judged.newest_seen = newest.max(seen);
        }
    }

    fn said(&mut self, now: Nanos, index: usize, kind: &EventKind) {
        let judged = &self.judged[index];
        let name = told(judged);
        match kind {
            EventKind::Elected { token, .. } => {
                let token = token.get();
                self.counts.terms += 1;
                if self.twins.contains(&judged.process) {
                    self.hits.entry(Class::Twin).or_default().1 += 1;
                }
                let judged = &mut self.judged[index];
                if judged.open.replace(token).is_some() {
                    let what = format!("{name} begins a term within a term");
                    self.fail(now, Invariant::EndIsEnd, what);
                }
                if token <= self.largest_token {
                    let what = format!(
                        "token {token} of {name} is not above {}",
                        self.largest_token
                    );
                    self.fail(now, Invariant::TokensGrow, what);
                }
                self.largest_token = self.largest_token.max(token);
            }
            EventKind::Renewed { token, .. } => {
                self.counts.renewals += 1;
                if judged.open != Some(token.get()) {
                    let what = format!("{name} renews a term that is not open");
                    self.fail(now, Invariant::EndIsEnd, what);
                }
            }
            EventKind::Lost { token, .. } | EventKind::Released { token } => {
                match kind {
                    EventKind::Lost { .. } => self.counts.lost += 1,
                    _ => self.counts.released += 1,
                }
                if self.judged[index].open.take() != Some(token.get()) {
                    let what = format!("{name} ends a term that is not open");
                    self.fail(now, Invariant::EndIsEnd, what);
                }
            }
            EventKind::Alarm(_) => self.counts.alarms += 1,
            _ => {}
        }
    }

    /// A lease write leaves a process.
    pub(super) fn sends(&mut self, now: Nanos, process: usize, write: &LeaderWrite) {
        let claim = write.record.claim.as_ref();
        let Some(judged) = self.judged.iter().find(|judged| judged.process == process) else {
            return;
        };
        let name = told(judged);
        let believes = judged.elector.is_leader();
        if write.record.released.is_some() && believes {
            let what = format!("{name} believes while it releases");
            return self.fail(now, Invariant::EndIsEnd, what);
        }
        if write.record.holder.is_none() {
            return;
        }
        let nonce = claim.map(|claim| claim.attempt);
        let is_new = nonce.is_some_and(|nonce| self.attempts.insert(nonce));
        if self.checks_cover && !is_new {
            self.fail(
                now,
                Invariant::Covered,
                format!("{name} writes an attempt twice"),
            );
        }
    }

    /// A write arrives at the store.
    pub(super) fn arrives(
        &mut self,
        now: Nanos,
        id: (usize, u64),
        expected: Precondition,
        arrival: Arrival,
    ) {
        let is_true = self.outcomes.arrives(id, expected, arrival);
        self.outcome_is_true(now, id, is_true);
    }

    /// What the process is told of its write.
    pub(super) fn reported(
        &mut self,
        now: Nanos,
        id: (usize, u64),
        had_left: bool,
        outcome: &Outcome,
    ) {
        let is_true = self.outcomes.told(id, had_left, outcome);
        self.outcome_is_true(now, id, is_true);
    }

    fn outcome_is_true(&mut self, now: Nanos, id: (usize, u64), is_true: bool) {
        if !is_true {
            let what = format!("request {} of process {}", id.1, id.0);
            self.fail(now, Invariant::TrueOutcomes, what);
        }
    }

    /// A process is carried by a committed write of its own up to `until`, and
    /// its record keeps others off up to `left_alone`.
    pub(super) fn carried(&mut self, process: usize, until: Nanos, left_alone: Nanos) {
        for judged in &mut self.judged {
            if judged.process == process {
                judged.covered = judged.covered.max(until);
                judged.left_alone = Some(left_alone);
            }
        }
    }

    /// What stood in the leader register so many versions ago.
    pub(super) fn version_before(&self, versions: usize) -> Option<Entry<LeaderRecord>> {
        let index = self.past.len().checked_sub(versions + 1)?;
        (versions > 0).then(|| self.past[index].clone())
    }

    /// A process begins to do what only one may do.
    pub(super) fn acts(&mut self, now: Nanos, process: usize, is_stopped: bool) -> u64 {
        let acting = self.acts.iter();
        let other = acting
            .filter(|act| act.process != process && !act.was_stopped)
            .map(|act| act.process)
            .next();
        if let (Some(other), false) = (other, is_stopped) {
            let what = format!("processes {other} and {process} act at once");
            self.fail(now, Invariant::OneActs, what);
        }
        self.acts_made += 1;
        self.acts.push(Act {
            id: self.acts_made,
            process,
            was_stopped: is_stopped,
        });
        self.acts_made
    }

    /// Ends it. Whether the process was stopped in the middle.
    pub(super) fn ends_act(&mut self, id: u64) -> bool {
        let index = self.acts.iter().position(|act| act.id == id);
        index.is_none_or(|index| self.acts.swap_remove(index).was_stopped)
    }

    /// An effect on a resource that checks tokens: whether it is accepted.
    pub(super) fn effect(
        &mut self,
        now: Nanos,
        process: usize,
        token: u128,
        was_stopped: bool,
    ) -> bool {
        let newest = self.accepted.map_or(0, |(newest, _)| newest);
        if token < newest {
            self.counts.refused_effects += 1;
            return false;
        }
        self.counts.effects += 1;
        if let Some((_, by)) = self
            .accepted
            .filter(|(newest, by)| *newest == token && *by != process)
        {
            let what = format!("processes {by} and {process} write by one token {token}");
            self.fail(now, Invariant::NoStaleEffect, what);
        }
        self.accepted = Some((token, process));
        let other = self.believing().find(|other| other.process != process);
        let other = other.map(told);
        if let (Some(other), false) = (other, was_stopped) {
            let what = format!("process {process} acts while {other} believes");
            self.fail(now, Invariant::OneActs, what);
        }
        true
    }
}

impl Judged {
    pub(super) fn believes(&self) -> bool {
        self.is_alive && self.elector.is_leader()
    }
}

pub(super) fn told(judged: &Judged) -> String {
    format!("p{} ({})", judged.process, judged.name)
}
