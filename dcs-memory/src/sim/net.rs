//! One process's way to the store: delay, loss, repetition, refusal.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Committed, Dcs, Entry, Error, FencingToken, Key, LeaderRecord,
    MemberName, MemberRecord, Outcome, Precondition, Scope, Snapshot, WatchStream,
};
use futures_util::StreamExt;

use super::answer::Answer;
use super::class::Class;
use super::executor::{Nanos, lock};
use super::fate::Fate;
use super::outcomes::Arrival;
use super::over::Lease;
use super::trace::{Answered, Mark, Wrote};
use super::watch::SimWatch;
use super::world::{Link, World};
use crate::BACKEND;

/// After so long a request without an answer ends, if nobody ended it before.
const DEADLINE: Duration = Duration::from_secs(60);

/// The store as one process reaches it.
#[derive(Clone)]
pub(super) struct SimDcs {
    world: Arc<World>,
    process: usize,
}

/// The number of a request, what becomes of it, and how long its ways take.
type Fated = (u64, Fate, [Nanos; 2]);
/// What a request does at the store, and whether it is a copy.
type Run<T> = Arc<dyn Fn(&World, bool) -> T + Send + Sync>;

impl SimDcs {
    pub(super) const fn new(world: Arc<World>, process: usize) -> Self {
        Self { world, process }
    }

    /// A write of the leader register that follows other rules than ours, which
    /// `run` carries out at the store; on whatever stands there if it expects
    /// nothing.
    pub(super) async fn by_other_rules(
        &self,
        what: String,
        expected: Option<Precondition>,
        run: impl Fn(&World) -> Result<Committed, Error> + Send + Sync + 'static,
    ) -> Outcome {
        let fated = self.world.fate(self.process, true);
        match expected {
            Some(expected) => self.send_once(|| what, run, expected, fated).await,
            None => self.send(|| what, move |world, _| run(world), fated).await,
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        run: impl Fn(&World, usize) -> T + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let fated = self.world.fate(self.process, false);
        let (number, fate, _) = fated;
        self.world
            .note(|| format!("p{} #{number} {what}", self.process));
        let stale = fate.stale;
        let run = Arc::new(move |world: &World, _| run(world, stale));
        let answer = self.world.exchange(self.process, fated, run);
        self.within(answer).await.ok_or_else(no_answer)
    }

    /// A conditional write: the judge compares what became of it with what the
    /// process is told.
    async fn send_once(
        &self,
        what: impl FnOnce() -> String + Send,
        run: impl Fn(&World) -> Result<Committed, Error> + Send + Sync + 'static,
        expected: Precondition,
        fated: Fated,
    ) -> Outcome {
        let id = (self.process, fated.0);
        let is_refused = fated.1.is_refused;
        let run = move |world: &World, is_copy| {
            let before = world.next_change();
            let result = run(world);
            let arrival = Arrival {
                is_copy,
                revision: result.as_ref().ok().map(|committed| committed.revision),
                changed: world.next_change() != before,
            };
            lock(&world.judge).arrives(world.now(), id, expected, arrival);
            result
        };
        let outcome = self.send(what, run, fated).await;
        let now = self.world.now();
        lock(&self.world.judge).reported(now, id, !is_refused, &outcome);
        outcome
    }

    async fn send(
        &self,
        what: impl FnOnce() -> String + Send,
        run: impl Fn(&World, bool) -> Result<Committed, Error> + Send + Sync + 'static,
        fated: Fated,
    ) -> Outcome {
        let (number, fate, _) = fated;
        let process = self.process;
        self.world
            .note(|| format!("p{process} #{number} {}", what()));
        if fate.is_refused {
            self.world.refuses(process, number);
            return Outcome::NotCommitted(Error::Unavailable {
                backend: BACKEND,
                retry_after: None,
                source: "refused".into(),
            });
        }
        let answer = self.world.exchange(process, fated, Arc::new(run));
        let outcome = match self.within(answer).await {
            Some(Ok(committed)) => Outcome::Committed(committed),
            Some(Err(error)) => Outcome::NotCommitted(error),
            None => Outcome::Unknown(no_answer()),
        };
        self.world
            .note(|| format!("p{process} #{number} {}", told(&outcome)));
        outcome
    }

    async fn within<T>(&self, answer: Answer<T>) -> Option<T> {
        let limit = dcs_core::Clock::sleep(&self.world.clock_of(self.process), DEADLINE);
        match futures_util::future::select(answer, limit).await {
            futures_util::future::Either::Left((answer, _)) => Some(answer),
            futures_util::future::Either::Right(((), _)) => None,
        }
    }
}

/// One request under way, and what becomes of it.
#[derive(Clone)]
struct Journey {
    world: Arc<World>,
    process: usize,
    number: u64,
    fate: Fate,
    back: Nanos,
    sent_at: Nanos,
}

impl Journey {
    fn arrive<T: Send + 'static>(self, world: &World, run: &Run<T>, giver: Answer<T>) {
        let (process, number, fate) = (self.process, self.number, self.fate);
        if self.is_cut(Link::requests_cut) {
            return;
        }
        if !fate.late.is_zero() {
            world.made(Class::RequestLate);
            if giver.is_given_up() {
                world.hit(Class::RequestLate);
            }
        }
        let result = run(world, false);
        world.note(|| format!("p{process} #{number} arrives"));
        if fate.loses_answer {
            world.made(Class::AnswerLost);
            if !giver.is_given_up() && self.cut_by(Link::answers_cut).is_none() {
                world.hit(Class::AnswerLost);
            }
            return;
        }
        if self.is_cut(Link::answers_cut) {
            return;
        }
        let late_answers = world.with_link(process, |link| link.late_answers.iter().max().copied());
        let wait = self.back + nanos(fate.late_answer) + late_answers.unwrap_or(0);
        let version = world.leader().revision;
        let world = Arc::clone(&self.world);
        let executor = world.executor.clone();
        executor.after(wait, move || {
            if self.is_cut(Link::answers_cut) {
                return;
            }
            let is_too_late = giver.is_given_up() || world.leader().revision != version;
            if !fate.late_answer.is_zero() {
                world.made(Class::AnswerLate);
                if is_too_late {
                    world.hit(Class::AnswerLate);
                }
            }
            if late_answers.is_some() && is_too_late {
                world.hit(Class::LateAnswers);
            }
            giver.give(result);
        });
    }

    /// The same bytes once more. Whatever comes of it, nobody waits for it.
    fn arrive_again<T>(self, world: &World, run: &Run<T>) {
        if self.is_cut(Link::requests_cut) {
            return;
        }
        let (process, number) = (self.process, self.number);
        world.note(|| format!("p{process} #{number} arrives again"));
        let before = world.next_change();
        run(world, true);
        // Also where it comes before the original, which is refused by it.
        if world.next_change() != before {
            world.hit(Class::Duplicate);
        }
    }

    fn is_cut(&self, cut: fn(&Link) -> Option<Class>) -> bool {
        let Some(class) = self.cut_by(cut) else {
            return false;
        };
        self.world.hit(class);
        self.world
            .note(|| format!("p{} #{} is cut off", self.process, self.number));
        true
    }

    /// The cut that this is lost by, if it is.
    fn cut_by(&self, cut: fn(&Link) -> Option<Class>) -> Option<Class> {
        let passes = self.fate.is_stray && self.world.now() > self.sent_at;
        let class = self.world.with_link(self.process, |link| cut(link));
        class.filter(|_| !passes)
    }
}

#[async_trait]
impl Dcs for SimDcs {
    fn scope(&self) -> &Scope {
        &self.world.scope
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.read("load", |world, _| {
            lock(&world.registers).keys(&world.scope).now.clone()
        })
        .await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        self.read("load leader", |world, stale| {
            let now = world.leader();
            let old = lock(&world.judge).version_before(stale);
            match old {
                Some(old) => {
                    world.made(Class::StaleRead);
                    if old.revision != now.revision {
                        world.hit(Class::StaleRead);
                    }
                    old
                }
                None => now,
            }
        })
        .await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let process = self.process;
        let fated = self.world.fate(process, true);
        let request = fated.0;
        self.world.sends((process, request), change);
        let write = change.clone();
        let lease = Lease::of(&self.world, process, change);
        let run = move |world: &World| {
            let replaced = world.leader();
            let result = world.apply(process, &write, expected);
            if let (Some(lease), Ok(_)) = (&lease, &result) {
                world.lease_applied(process, lease, replaced.get());
            }
            result
        };
        let what = || describe(change, expected);
        let outcome = self.send_once(what, run, expected, fated).await;
        if matches!(change, Change::Leader(_)) {
            self.world.trace.mark(|| Mark::Answered {
                process,
                request,
                answer: answered(&outcome),
            });
        }
        outcome
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        let fated = self.world.fate(self.process, true);
        let fenced = key.clone();
        let run = move |world: &World| {
            world.third_party(|registers, at| {
                registers.fence(&world.scope, (&fenced, expected), token, at)
            })
        };
        let what = || format!("touches {key} with {token:?}");
        self.send_once(what, run, expected, fated).await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        let fated = self.world.fate(self.process, true);
        let put = record.clone();
        let run = move |world: &World, _| {
            Ok(world.third_party(|registers, at| registers.put_member(&world.scope, &put, at)))
        };
        let what = || format!("put members/{}", record.name());
        self.send(what, run, fated).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        let fated = self.world.fate(self.process, true);
        let gone = name.clone();
        let run = move |world: &World, _| {
            world.third_party(|registers, at| registers.delete_member(&world.scope, &gone, at))
        };
        let what = || format!("delete members/{name}");
        self.send(what, run, fated).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        SimWatch::open(Arc::clone(&self.world), self.process, silence).boxed()
    }
}

impl World {
    /// Sends one request, which `run` carries out at the store.
    pub(super) fn exchange<T: Send + 'static>(
        self: &Arc<Self>,
        process: usize,
        (number, fate, ways): Fated,
        run: Run<T>,
    ) -> Answer<T> {
        let answer = Answer::new();
        let journey = Journey {
            world: Arc::clone(self),
            process,
            number,
            fate,
            back: ways[1],
            sent_at: self.now(),
        };
        if fate.is_lost {
            self.hit(Class::RequestLost);
            self.made(Class::RequestLost);
            self.note(|| format!("p{process} #{number} is lost"));
            // The giver is kept nowhere: the answer never comes.
            return answer;
        }
        if journey.is_cut(Link::requests_cut) {
            return answer;
        }
        if let Some(again) = fate.again {
            self.made(Class::Duplicate);
            let (journey, run) = (journey.clone(), Arc::clone(&run));
            let world = Arc::clone(self);
            self.executor.after(ways[0] + nanos(again), move || {
                journey.arrive_again(&world, &run);
            });
        }
        let giver = answer.giver();
        let world = Arc::clone(self);
        let wait = ways[0] + nanos(fate.late);
        self.executor
            .after(wait, move || journey.arrive(&world, &run, giver));
        answer
    }

    /// A request is refused before it can be applied.
    pub(super) fn refuses(&self, process: usize, number: u64) {
        self.counts(Class::Refused);
        self.note(|| format!("p{process} #{number} is refused"));
    }

    /// A lease write of this process is applied.
    pub(super) fn lease_applied(
        &self,
        process: usize,
        lease: &Lease,
        replaced: Option<&LeaderRecord>,
    ) {
        self.shows_time((&lease.clock, &lease.sent), &lease.write.record, replaced);
        let Some(until) = lease.covers else {
            return;
        };
        let left_alone = self.now() + lease.keeps_off;
        lock(&self.judge).carried(process, until, left_alone);
        let everything = self.me.clone();
        self.executor.at(until.max(self.now()), move || {
            if let Some(world) = everything.upgrade() {
                lock(&world.judge).check_all(world.now());
            }
        });
    }

    /// What holds of every lease write when it leaves.
    pub(super) fn sends(&self, (process, request): (usize, u64), change: &Change) {
        let Change::Leader(write) = change else {
            return;
        };
        self.trace.mark(|| Mark::Sent {
            process,
            request,
            wrote: match &write.record {
                record if record.holder.is_some() => Wrote::Holder,
                record if record.released.is_some() => Wrote::Release,
                _ => Wrote::Vacancy,
            },
        });
        let ttl = write.record.claim.as_ref().map(|claim| claim.ttl);
        if ttl.is_some_and(|ttl| ttl != Duration::from_secs(self.rates.ttl)) {
            self.hit(Class::Timing);
        }
        let now = self.now();
        lock(&self.judge).sends(now, process, write);
    }
}

/// For how long, in real time from its sending, a lease write carries its
/// holder: `L_h(T) / (1 - rho)`, and what rounding takes.
pub(super) fn covers(change: &Change) -> Option<Nanos> {
    let Change::Leader(write) = change else {
        return None;
    };
    write.record.holder.as_ref()?;
    let ttl = write.record.claim.as_ref()?.ttl;
    Some(nanos(ttl) / 1010 * 1000 + 2_000)
}

/// For how long, in real time from when it is applied, a lease write keeps
/// others off who go by the ttl that the record shows, as Patroni does.
pub(super) fn keeps_off(change: &Change) -> Nanos {
    match change {
        Change::Leader(write) => nanos(write.record.ttl.unwrap_or_default()) / 1010 * 1000 + 2_000,
        _ => 0,
    }
}

pub(super) fn describe(change: &Change, expected: Precondition) -> String {
    let on = match expected.revision() {
        Some(revision) => format!("on {revision}"),
        None => "on absence".to_owned(),
    };
    match change {
        Change::Leader(write) => {
            let record = &write.record;
            let holder = record.holder.as_ref().map_or("nobody", MemberName::as_str);
            let attempt = record.claim.as_ref().map(|claim| claim.attempt.to_string());
            let attempt = attempt.as_deref().map_or("no claim", |text| &text[..8]);
            format!("writes leader {holder} {attempt} {on}")
        }
        _ => format!("writes {} {on}", change.key()),
    }
}

pub(super) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Committed(committed) => format!("committed as {}", committed.revision),
        Outcome::NotCommitted(error) => format!("not committed: {error}"),
        Outcome::Unknown(error) => format!("unknown: {error}"),
    }
}

pub(super) fn answered(outcome: &Outcome) -> Answered {
    match outcome {
        Outcome::Committed(committed) => Answered::Committed(committed.revision.to_string()),
        Outcome::NotCommitted(error) => Answered::Not(error.to_string()),
        Outcome::Unknown(_) => Answered::Unknown,
    }
}

const fn no_answer() -> Error {
    Error::Timeout {
        backend: BACKEND,
        after: DEADLINE,
    }
}

pub(super) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Display for SimDcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the simulated store, process {}", self.process)
    }
}

impl fmt::Debug for SimDcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDcs")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}
