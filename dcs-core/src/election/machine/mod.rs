//! The election as a state machine without I/O.
//!
//! Inputs are what was seen, answered, asked for, and the passing of time;
//! outputs are requests and events. At most one request is under way at a time.
//! The names H1 to H9, Q1 to Q5 and F1 are those of `docs/election.md`, where the
//! rules stand with their proof.

mod attempt;
mod consent;
mod failsafe;
mod follow;
mod io;
mod lead;
mod pace;
mod release;
#[cfg(dcs_seeded_bugs)]
mod seeded;
mod shown;
mod tell;
#[cfg(test)]
#[expect(
    clippy::unchecked_time_subtraction,
    reason = "differences of constants"
)]
mod tests;
mod turn;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::belief::Belief;
use super::beside_patroni::BesidePatroni;
use super::event::{Alarm, EventKind};
use super::observer::{Change as Seen, Observer, Read};
use super::seeded::{Bug, planted};
use super::timing::LeaseTiming;
use crate::{
    Clock, Entropy, Entry, Error, Failover, Failsafe, LeaderRecord, MemberName, Outcome, Revision,
    Session, Stamp, Status,
};
use attempt::Sent;
use failsafe::FailsafeMode;
use follow::Bootstrap;
pub(crate) use io::{Answer, Ask, Command, FailsafeAsk, FailsafeSaid, Input, Output, Request};
use lead::Term;
use pace::Pause;
use release::Release;
use tell::Told;
use turn::Turn;

/// Whether a release on purpose lets others acquire at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: it counts or it does not"
)]
pub enum ReleasePolicy {
    /// It does, if its mark is right and was seen on an unbroken watch (rule Q4).
    #[default]
    Honor,
    /// It does not: every version is left alone for T_WAIT. For hostile tenants.
    Ignore,
}

/// What a machine is made of.
pub(crate) struct Parts {
    pub(crate) me: MemberName,
    pub(crate) timing: LeaseTiming,
    pub(crate) policy: ReleasePolicy,
    pub(crate) bootstrap: bool,
    /// How to go about Patroni in the same scope, if it may be there.
    pub(crate) beside: Option<BesidePatroni>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) belief: Arc<Belief>,
}

/// The election, as one member plays it.
#[derive(Debug)]
pub(crate) struct Machine {
    me: MemberName,
    session: Session,
    timing: LeaseTiming,
    policy: ReleasePolicy,
    beside: Option<BesidePatroni>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    belief: Arc<Belief>,
    observer: Observer,
    role: Role,
    contending: bool,
    bootstrap: Bootstrap,
    flight: Option<Flight>,
    requests: u64,
    /// A read that has to come before any other request.
    must_read: Option<Read>,
    /// Something asked for a reading while one was under way, which may have
    /// been answered before.
    read_again: bool,
    pause: Option<Pause>,
    /// When it was last decided what is due: what was not due then is waited for.
    decided: Stamp,
    /// A pause that begins once the read has come back.
    pause_after_read: Option<Pause>,
    failures: u32,
    /// Revision of a definite ack of an own lease write, with no release sent
    /// since: what a new term may build on without waiting (rule H9).
    acked: Option<Revision>,
    /// The request to hand over, if there is one.
    request: Option<Failover>,
    status: Option<Status>,
    /// The failsafe map that goes with each lease write.
    failsafe: Option<Failsafe>,
    turn: Turn,
    failsafe_mode: FailsafeMode,
    told: Told,
    out: VecDeque<Output>,
    #[cfg(dcs_seeded_bugs)]
    kept: seeded::Kept,
}

#[derive(Debug)]
enum Role {
    /// Not leading. Acquiring writes of unknown outcome are kept until resolved.
    Follower(Vec<Sent>),
    Leader(Box<Term>),
    Releasing(Box<Release>),
}

/// The request under way.
#[derive(Debug)]
struct Flight {
    id: u64,
    doing: Doing,
}

#[derive(Debug)]
enum Doing {
    /// Create a record without holder (rule Q3).
    Vacant,
    /// Create the initialize key, which an asserted first bootstrap needs.
    Initialize,
    /// Take the lease.
    Acquire(Box<Sent>),
    Renew(Box<Sent>),
    Release,
    Read(Read),
}

impl Machine {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            session: Session::from_bits(parts.entropy.bits()),
            me: parts.me,
            timing: parts.timing,
            policy: parts.policy,
            beside: parts.beside,
            entropy: parts.entropy,
            belief: parts.belief,
            observer: Observer::default(),
            role: Role::Follower(Vec::new()),
            contending: false,
            bootstrap: if parts.bootstrap {
                Bootstrap::Asserted
            } else {
                Bootstrap::Void
            },
            flight: None,
            requests: 0,
            must_read: None,
            read_again: false,
            pause: None,
            decided: parts.clock.now(),
            clock: parts.clock,
            pause_after_read: None,
            failures: 0,
            acked: None,
            request: None,
            status: None,
            failsafe: None,
            turn: Turn::default(),
            failsafe_mode: FailsafeMode::default(),
            told: Told::default(),
            out: VecDeque::new(),
            #[cfg(dcs_seeded_bugs)]
            kept: seeded::Kept::default(),
        }
    }

    /// Takes one input in and decides what follows from it.
    pub(crate) fn handle(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        self.end_term_if_over(now);
        match input {
            Input::WatchBegan {
                leader,
                scope_is_empty,
            } => {
                if !scope_is_empty {
                    self.bootstrap.scope_seen(leader.revision);
                }
                let seen = self.observer.watch_began(leader, now);
                self.saw(leader, seen, false, now);
            }
            Input::Watched(update) => {
                self.bootstrap.scope_seen(update.entry.revision);
                let seen = self.observer.watched(update, now);
                self.saw(&update.entry, seen, false, now);
            }
            Input::FailsafeSeen(entry) => self.map_seen(entry.revision, entry.value.clone()),
            Input::ScopeSeen(revision) => self.bootstrap.scope_seen(revision),
            Input::Members(members) => self.turn.members = members,
            Input::Requested(request) => self.request = request.cloned(),
            Input::Answer { id, sent, answer } => self.answered(id, sent, answer, now),
            Input::Command(command) => self.command(command),
            Input::Failsafe(ask) => self.failsafe_asked(ask, now),
            Input::Tick => {}
        }
        self.decide(now);
    }

    /// What is to be done or said next.
    pub(crate) fn output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When time alone will change something, counted from now. It is zero for
    /// what has become due since the last decision: judged by the present
    /// instant instead, that would be taken for done.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        let now = self.decided;
        let pause = self
            .pause
            .map(|pause| pause.left(now))
            .filter(|left| !left.is_zero());
        let due = match &self.role {
            Role::Leader(term) => {
                let end = self
                    .belief
                    .remaining(term.number, &*self.clock)
                    .unwrap_or_default();
                let renewal = term
                    .renewal_due_in(&self.timing, now)
                    .max(pause.unwrap_or_default());
                Some(if self.flight.is_some() {
                    end
                } else {
                    end.min(renewal)
                })
            }
            Role::Follower(_) if self.contending && self.flight.is_none() => {
                let waits = [self.turn_in(now), self.promise_left(now)];
                let waits = waits.into_iter().flatten();
                waits.filter(|left| !left.is_zero()).min()
            }
            Role::Follower(_) | Role::Releasing(_) => None,
        };
        // Much of what wakes the driver decides nothing here, and must not put
        // off what is due.
        let passed = self.clock.now().holder_elapsed_since(now);
        let next = [due, pause].into_iter().flatten().min();
        next.map(|wait| wait.saturating_sub(passed))
    }

    /// Whether what was to be given up is given up.
    pub(crate) fn has_given_up(&self) -> bool {
        match &self.role {
            Role::Leader(term) => self.contending && !term.giving_up,
            Role::Releasing(_) => false,
            Role::Follower(_) => self.contending || self.flight.is_none(),
        }
    }

    /// Whether nothing is under way and this member neither leads nor wants to.
    pub(crate) fn is_idle(&self) -> bool {
        !self.contending && self.has_given_up()
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Contend => {
                self.contending = true;
                self.told.waiting = None;
            }
            Command::GiveUpTo(successor) => {
                if let Role::Leader(term) = &mut self.role {
                    term.successor = Some(successor);
                }
                self.command(Command::GiveUp);
            }
            Command::GiveUp => {
                self.contending = false;
                match &mut self.role {
                    Role::Leader(term) => term.giving_up = true,
                    // An attempt that is found committed later opens no term.
                    Role::Follower(unresolved) => {
                        if let Some(sent) = unresolved.last() {
                            self.failsafe_mode.forgotten = Some(sent.expected.into());
                        }
                        if !planted(Bug::AttemptRevivedAfterRelease) {
                            unresolved.clear();
                        }
                        self.must_read = None;
                        #[cfg(dcs_seeded_bugs)]
                        self.read_what_to_release();
                    }
                    Role::Releasing(_) => {}
                }
            }
            Command::Pause(paused) => self.turn.paused = paused,
            Command::Eligibility(eligibility) => {
                self.turn.eligibility = eligibility;
                if let (Role::Leader(term), false) = (&mut self.role, self.turn.may_lead()) {
                    term.giving_up = true;
                }
            }
            Command::Successor(successor) => self.turn.successor = successor,
            Command::Timing(timing) => self.timing = timing,
            Command::Config(config) => self.config_shows(&config),
            Command::Status(status) => self.status = Some(status),
            Command::Failsafe(failsafe) => self.failsafe = Some(failsafe),
        }
    }

    fn answered(&mut self, id: u64, sent: Stamp, answer: Answer, now: Stamp) {
        let Some(flight) = self.flight.take_if(|flight| flight.id == id) else {
            return;
        };
        match (flight.doing, answer) {
            (Doing::Read(read), Answer::Read(result)) => {
                let sighted = if planted(Bug::FirstSightAtRequest) {
                    sent
                } else {
                    now
                };
                self.read_back(read, result, sighted, now);
            }
            (doing, Answer::Written(outcome)) => self.written(doing, sent, outcome, now),
            (doing, Answer::Read(_)) => unreachable_answer(&doing),
        }
    }

    fn written(&mut self, doing: Doing, at: Stamp, outcome: Outcome, now: Stamp) {
        if outcome.is_conflict() {
            self.bootstrap.void();
        }
        let late = planted(Bug::DeadlineAtAnswer) || planted(Bug::ClientGoTiming);
        let committed = matches!(outcome, Outcome::Committed(_));
        let at = if late && committed { now } else { at };
        match doing {
            Doing::Vacant => self.vacant_written(outcome, now),
            Doing::Initialize => self.initialize_written(outcome, now),
            Doing::Acquire(sent) => self.acquire_written(sent.at(at), outcome, now),
            Doing::Renew(sent) => self.renew_written(sent.at(at), outcome, now),
            Doing::Release => self.release_written(outcome, now),
            Doing::Read(_) => unreachable_answer(&doing),
        }
    }

    /// `sighted` is the instant of the sight: the receipt (rule Q1).
    fn read_back(
        &mut self,
        read: Read,
        result: Result<Entry<LeaderRecord>, Error>,
        sighted: Stamp,
        now: Stamp,
    ) {
        match result {
            Ok(entry) => {
                if !std::mem::take(&mut self.read_again) {
                    self.must_read = None;
                }
                self.pause = self.pause_after_read.take();
                let seen = self.observer.read(&entry, read, sighted);
                if matches!(read, Read::AfterConflict(on) if on == entry.revision) {
                    // Refused, and yet nothing has changed: not to be repeated at once.
                    self.space_out(Duration::ZERO, now);
                }
                self.saw(&entry, seen, true, now);
            }
            Err(error) => self.failed("reading the leader key back", &error, now),
        }
    }

    /// Everything that a version can mean, whoever showed it. `fresh` says that
    /// a quorum read did, which alone proves that an own attempt was committed.
    fn saw(&mut self, entry: &Entry<LeaderRecord>, seen: Seen, fresh: bool, now: Stamp) {
        if entry.revision.is_some() {
            self.bootstrap.scope_seen(entry.revision);
        }
        if seen == Seen::WentBack {
            // An ack of revisions that are used again proves nothing.
            self.acked = None;
            self.maps_went_back();
            self.say(EventKind::Alarm(Alarm::StoreWentBack));
        }
        if seen != Seen::None {
            self.tell_holder(entry);
            self.tell_of_meddling(now);
        }
        #[cfg(dcs_seeded_bugs)]
        self.cache_own_revision(entry);
        match self.role {
            Role::Leader(_) => self.leader_saw(entry, seen, fresh, now),
            Role::Follower(_) => self.follower_saw(entry, fresh, now),
            #[cfg(dcs_seeded_bugs)]
            Role::Releasing(_) if fresh => self.releasing_saw(entry),
            Role::Releasing(_) => {}
        }
        #[cfg(dcs_seeded_bugs)]
        self.believe_own_name(entry, now);
    }

    /// Sends the next request, if one is due and none is under way.
    fn decide(&mut self, now: Stamp) {
        self.end_term_if_over(now);
        self.decided = now;
        let waits = self.pause.is_some_and(|pause| !pause.left(now).is_zero());
        if self.flight.is_some() || waits {
            return;
        }
        self.pause = None;
        if let Some(read) = self.must_read.filter(|_| !self.gives_up_unread()) {
            self.ask(Doing::Read(read), Ask::ReadLeader);
            return;
        }
        if matches!(self.role, Role::Leader(_)) {
            self.lead(now);
        }
        if matches!(self.role, Role::Releasing(_)) {
            self.release_again(now);
        }
        if matches!(self.role, Role::Follower(_)) && self.contending && self.flight.is_none() {
            self.follow(now);
        }
    }

    /// A store that does not answer is no reason to go on leading.
    fn gives_up_unread(&self) -> bool {
        let gives_up = matches!(&self.role, Role::Leader(term) if term.giving_up);
        gives_up && self.failures > 1
    }

    fn ask(&mut self, doing: Doing, what: Ask) {
        self.requests += 1;
        let id = self.requests;
        self.flight = Some(Flight { id, doing });
        self.out.push_back(Output::Request(Request { id, what }));
    }
}

/// An answer of the wrong kind: the driver mixed up its requests. It is dropped,
/// which can only make belief end early.
fn unreachable_answer(doing: &Doing) {
    debug_assert!(false, "an answer of the wrong kind for {doing:?}");
    tracing::error!(
        ?doing,
        "an answer of the wrong kind was dropped: please report this"
    );
}
