//! What all of a history share: the store, the ways to it, the judge.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::task::Waker;
use std::time::Duration;

use dcs_core::election::{BesidePatroni, LeaseTiming};
use dcs_core::{
    Change, Committed, Config, Dcs, Entry, Error, LeaderRecord, MemberName, Precondition, Revision,
    Scope, Snapshot, Stamp,
};

use super::chance::chance;
use super::class::Class;
use super::clock::NodeClock;
use super::edits::STRANGER;
use super::executor::{Executor, Nanos, lock};
use super::fate::Fate;
use super::fault::{Fault, Planned};
use super::judge::{Invariant, Judge};
use super::member::COUNTER;
use super::net::nanos;
use super::over::{Backend, Over, Setting, nothing};
use super::patroni::Writer;
use super::peers::Inbox;
use super::rates::{Odds, Rates};
use super::store_bugs;
use super::story::member_name;
use super::trace::{Mark, Trace};
use crate::MemoryOptions;
use crate::store::{Keys, Registers};

/// The longest that a message is under way when all is well, one way.
const QUICK: Nanos = 20_000_000;

pub(super) struct World {
    pub(super) executor: Executor,
    pub(super) scope: Scope,
    pub(super) seed: u64,
    pub(super) rates: Rates,
    /// This, for what is to happen later.
    pub(super) me: Weak<Self>,
    /// Real time, as a clock.
    pub(super) time: NodeClock,
    pub(super) registers: Mutex<Registers>,
    /// The store that takes the place of these registers, if one does.
    over: Option<Arc<dyn Backend>>,
    /// What stands in it, at one of its versions.
    pub(super) known: Mutex<(u64, Box<Snapshot>)>,
    pub(super) processes: Mutex<Vec<Process>>,
    pub(super) judge: Mutex<Judge>,
    pub(super) trace: Trace,
    /// What becomes of messages: drawn by these odds, or as listed.
    pub(super) odds: Mutex<Option<Odds>>,
    pub(super) listed: BTreeMap<(usize, u64), Fate>,
    /// Every fault that happened, for a replay without chance.
    pub(super) happened: Mutex<Vec<Planned>>,
    /// Lease writes after which an ambush is due.
    pub(super) ambushes: Mutex<Vec<usize>>,
}

/// A process and its way to the store.
pub(super) struct Process {
    pub(super) node: usize,
    pub(super) name: MemberName,
    pub(super) clock: NodeClock,
    pub(super) is_alive: bool,
    /// The pauses and suspends that hold it.
    pub(super) holds: Vec<Class>,
    /// The settings of its elector, if it has one.
    pub(super) timing: Option<LeaseTiming>,
    /// What other members ask of it.
    pub(super) inbox: Option<Arc<Mutex<Inbox>>>,
    /// Its handle of a store outside of the simulator.
    pub(super) dcs: Option<Arc<dyn Dcs>>,
    pub(super) link: Link,
}

#[derive(Default)]
pub(super) struct Link {
    pub(super) requests: u64,
    /// The cuts that are on, by what they count for.
    pub(super) cut_requests: Vec<Class>,
    pub(super) cut_answers: Vec<Class>,
    /// How late answers are, and watches, each time that is on.
    pub(super) late_answers: Vec<Nanos>,
    pub(super) late_watch: Vec<Nanos>,
    pub(super) happened: Happened,
    /// Since when watches get something again.
    pub(super) opened_at: Nanos,
    watchers: Vec<Waker>,
}

/// What has happened to the watches of a process, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Happened {
    pub(super) breaks: u64,
    /// How often all faults ended, with which watches connect anew, as after a break.
    pub(super) healings: u64,
    pub(super) gaps: u64,
    pub(super) silences: u64,
}

impl Link {
    /// What a request is lost by, if it is.
    pub(super) fn requests_cut(&self) -> Option<Class> {
        self.cut_requests.last().copied()
    }

    /// What an answer is lost by, if it is.
    pub(super) fn answers_cut(&self) -> Option<Class> {
        self.cut_answers.last().copied()
    }
}

impl World {
    pub(super) fn new(
        seed: u64,
        rates: Rates,
        plan: Option<&[Planned]>,
        traced: bool,
        over: Option<&Over>,
    ) -> Arc<Self> {
        let options = MemoryOptions::default()
            .with_log_capacity(300)
            .with_identical_writes(rates.identical);
        let listed = plan.unwrap_or_default().iter();
        let listed = listed.filter_map(|planned| match planned.fault {
            Fault::Message {
                process,
                request,
                fate,
            } => Some(((process, request), fate)),
            _ => None,
        });
        let executor = Executor::new();
        let time = NodeClock::new(&executor, 0, &mut chance(seed, [u64::MAX, 3]));
        let over = over.map(|over| {
            over.0(Setting {
                scope: scope(),
                members: (0..rates.nodes).map(member_name).collect(),
                attempt: Duration::from_secs(rates.ttl / rates.retries) / 2,
                clock: Arc::new(time.clone()),
                seed,
            })
        });
        let world = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            trace: Trace::new(executor.clone(), traced),
            executor,
            scope: scope(),
            seed,
            registers: Mutex::new(Registers::new(&options)),
            processes: Mutex::default(),
            judge: Mutex::new(Judge::default()),
            odds: Mutex::new(plan.is_none().then_some(rates.odds)),
            listed: listed.collect(),
            happened: Mutex::default(),
            ambushes: Mutex::default(),
            rates,
            time,
            over,
            known: Mutex::new(nothing()),
        });
        world.takes_in(None);
        world
    }

    pub(super) fn over(&self) -> Option<&Arc<dyn Backend>> {
        self.over.as_ref()
    }

    pub(super) fn now(&self) -> Nanos {
        self.executor.now()
    }

    pub(super) fn hit(&self, class: Class) {
        lock(&self.judge).hits.entry(class).or_default().1 += 1;
    }

    pub(super) fn made(&self, class: Class) {
        lock(&self.judge).hits.entry(class).or_default().0 += 1;
    }

    /// Something that happened by itself, and is a hit as such.
    pub(super) fn counts(&self, class: Class) {
        let mut judge = lock(&self.judge);
        let (made, hit) = judge.hits.entry(class).or_default();
        (*made, *hit) = (*made + 1, *hit + 1);
    }

    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        self.trace.note(line);
    }

    pub(super) fn with_link<T>(&self, process: usize, change: impl FnOnce(&mut Link) -> T) -> T {
        change(&mut lock(&self.processes)[process].link)
    }

    pub(super) fn clock_of(&self, process: usize) -> NodeClock {
        lock(&self.processes)[process].clock.clone()
    }

    /// Wakes the watches of a process, whose way to the store has changed.
    pub(super) fn wake_watchers(&self, process: usize) {
        let watchers = self.with_link(process, |link| std::mem::take(&mut link.watchers));
        watchers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn watches(&self, process: usize, waker: &Waker) {
        self.with_link(process, |link| {
            if !link.watchers.iter().any(|known| known.will_wake(waker)) {
                link.watchers.push(waker.clone());
            }
        });
    }

    /// The next request of a process: its number, what becomes of it, and how
    /// long it and its answer are under way when all is well.
    pub(super) fn fate(&self, process: usize, is_write: bool) -> (u64, Fate, [Nanos; 2]) {
        let number = self.next_request(process);
        let key = process as u64;
        let mut rng = chance(self.seed, [key, number]);
        let ways = [rng.u64(0..QUICK), rng.u64(0..QUICK)];
        let odds = *lock(&self.odds);
        let fate = match odds {
            Some(odds) => draw(odds, is_write, self.rates.late_most, &mut rng),
            None => self
                .listed
                .get(&(process, number))
                .copied()
                .unwrap_or_default(),
        };
        if fate != Fate::default() {
            let fault = Fault::Message {
                process,
                request: number,
                fate,
            };
            self.happens(fault.clone());
            self.trace.mark(|| Mark::Fault { fault });
        }
        (number, fate, ways)
    }

    /// The number of a request of this process.
    pub(super) fn next_request(&self, process: usize) -> u64 {
        self.with_link(process, |link| {
            link.requests += 1;
            link.requests - 1
        })
    }

    /// Keeps what happened for a replay.
    pub(super) fn happens(&self, fault: Fault) {
        let at = Duration::from_nanos(self.now());
        lock(&self.happened).push(Planned { at, fault });
    }

    /// How late the update of this instant reaches the watches of a process.
    pub(super) fn delivery(&self, process: usize, committed: Nanos) -> (Nanos, Nanos) {
        let mut rng = chance(self.seed ^ committed, [process as u64, u64::MAX]);
        let late = self.with_link(process, |link| link.late_watch.iter().max().copied());
        (rng.u64(0..QUICK + QUICK / 2), late.unwrap_or(0))
    }

    /// One conditional write, at the store.
    pub(super) fn apply(
        &self,
        process: usize,
        change: &Change,
        expected: Precondition,
    ) -> Result<Committed, Error> {
        let (result, before, after) = {
            let mut registers = lock(&self.registers);
            let keys = registers.keys(&self.scope);
            let before = Before::of(keys);
            let expected = store_bugs::expected(keys, change, expected);
            let result = registers.write(&self.scope, change, expected, self.stamp());
            (
                result,
                before,
                registers.keys(&self.scope).now.leader.clone(),
            )
        };
        if result.is_ok() && matches!(change, Change::Leader(_)) {
            self.leaves_strangers_alone(process);
            self.leaves_patroni_alone(process);
        }
        if after.revision != before.leader {
            self.leader_changed(&after, Some(process));
        }
        if result.is_ok() {
            self.applied(process, change, before, after.revision);
            self.wake_all();
        }
        result
    }

    /// A version that names someone who is none of ours is not replaced before
    /// it has stood there for T_WAIT, or for as long as Patroni may believe.
    pub(super) fn leaves_strangers_alone(&self, process: usize) {
        let mut judge = lock(&self.judge);
        if judge.patronis.is_one(process) {
            return;
        }
        let replaced = judge.past.last().and_then(|entry| entry.get());
        let holder = replaced.and_then(|record| record.holder.as_ref());
        if holder.is_none_or(|holder| holder.as_str() != STRANGER) {
            return;
        }
        let ttl = replaced.and_then(|record| record.ttl).unwrap_or_default();
        let stood = self.now() - judge.newest_since;
        let timing = lock(&self.processes)[process].timing.clone();
        let wait = timing.map_or(Duration::ZERO, |timing| timing.challenger_wait());
        let wait = wait.max(self.patroni_believes_for(ttl));
        if stood < nanos(wait) / 1020 * 1000 {
            let stood = Duration::from_nanos(stood);
            let what = format!("p{process} replaces {STRANGER} after {stood:.3?}");
            judge.fail(self.now(), Invariant::LeftAlone, what);
        }
    }

    /// How long after the sending of a write with this ttl Patroni may believe,
    /// where members go by that; with the drift that the judge takes off again.
    pub(super) fn patroni_believes_for(&self, ttl: Duration) -> Duration {
        if self.rates.beside_patroni {
            (ttl + BesidePatroni::new().retry_timeout()) * 1020 / 1000
        } else {
            Duration::ZERO
        }
    }

    fn applied(&self, process: usize, change: &Change, before: Before, leader: Option<Revision>) {
        let now = self.now();
        match change {
            Change::Leader(write) if write.record.holder.is_some() => {
                lock(&self.judge).counts.writes += 1;
                lock(&self.ambushes).push(process);
            }
            Change::Leader(_) => {}
            _ if before.leader != leader => {
                let what = format!("a write of {} changed the leader record", change.key());
                lock(&self.judge).fail(now, Invariant::EndIsEnd, what);
            }
            Change::Config(config) => {
                let counted = config.as_ref().and_then(counter);
                if counted.is_some() && counted != before.count.unwrap_or(0).checked_add(1) {
                    let what = format!("{counted:?} was written over {:?}", before.count);
                    lock(&self.judge).fail(now, Invariant::NoLostUpdate, what);
                }
            }
            _ => {}
        }
    }

    /// The leader register as it is now, in the past that is rolled back to.
    /// `writer` is the process that wrote it, `None` for a third party.
    pub(super) fn leader_changed(&self, entry: &Entry<LeaderRecord>, writer: Option<usize>) {
        self.trace.mark(|| Mark::Version {
            revision: entry.revision.map(|revision| revision.to_string()),
            holder: entry
                .get()
                .and_then(|record| Some(record.holder.as_ref()?.to_string())),
            writer,
        });
        let mut judge = lock(&self.judge);
        judge.past.push(entry.clone());
        judge
            .patronis
            .wrote(writer.map_or(Writer::Nobody, Writer::Ours));
        judge.newest_since = self.now();
    }

    /// A term has begun: by whoever was asked to lead next, if someone was.
    pub(super) fn elected(&self) {
        let (holder, candidate) = self.with_now(|now| {
            let request = now.failover.get();
            let candidate = request.and_then(|request| request.candidate.clone());
            (now.holder().cloned(), candidate)
        });
        if candidate.is_some() && holder == candidate {
            self.hit(Class::Handover);
        }
    }

    /// What stands in the leader register.
    pub(super) fn leader(&self) -> Entry<LeaderRecord> {
        self.with_now(|now| now.leader.clone())
    }

    /// What stands in the store.
    pub(super) fn with_now<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        if self.over.is_some() {
            return look(&lock(&self.known).1);
        }
        look(&lock(&self.registers).keys(&self.scope).now)
    }

    /// A third party does something to the store.
    pub(super) fn third_party<T>(&self, edit: impl FnOnce(&mut Registers, Stamp) -> T) -> T {
        let (result, before, after) = {
            let mut registers = lock(&self.registers);
            let before = registers.keys(&self.scope).now.leader.revision;
            let result = edit(&mut registers, self.stamp());
            (
                result,
                before,
                registers.keys(&self.scope).now.leader.clone(),
            )
        };
        if before != after.revision {
            self.leader_changed(&after, None);
        }
        self.wake_all();
        result
    }

    /// Tells the watches of everyone that something was committed, at the
    /// instant at which it reaches them.
    fn wake_all(&self) {
        let now = self.now();
        let count = lock(&self.processes).len();
        for process in 0..count {
            let watchers = self.with_link(process, |link| std::mem::take(&mut link.watchers));
            if watchers.is_empty() {
                continue;
            }
            let (quick, late) = self.delivery(process, now);
            self.executor.after(quick + late, move || {
                watchers.into_iter().for_each(Waker::wake);
            });
        }
    }

    /// The instant as the store's log keeps it.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp::from_single(Duration::from_nanos(self.now()))
    }
}

/// What stood there before a write.
#[derive(Clone, Copy)]
struct Before {
    leader: Option<Revision>,
    count: Option<u64>,
}

impl Before {
    fn of(keys: &Keys) -> Self {
        Self {
            leader: keys.now.leader.revision,
            count: keys.now.config.get().and_then(counter),
        }
    }
}

pub(super) fn counter(config: &Config) -> Option<u64> {
    config.settings().get(COUNTER)?.as_u64()
}

fn draw(odds: Odds, is_write: bool, late_most: u64, rng: &mut fastrand::Rng) -> Fate {
    let mut hit = |odds: u32| rng.u32(0..1000) < odds;
    let (lost, answer_lost) = (hit(odds.lost), hit(odds.answer_lost));
    let (late, late_answer) = (hit(odds.late), hit(odds.late_answer));
    let (refused, again) = (hit(odds.refused), hit(odds.again));
    let (stale, stray) = (hit(odds.stale), hit(250));
    let mut long = || Duration::from_millis(rng.u64(200..late_most));
    let (late_by, answer_by, again_after) = (long(), long(), long());
    let some = |is: bool, by: Duration| if is { by } else { Duration::ZERO };
    Fate {
        is_lost: lost,
        loses_answer: answer_lost,
        is_refused: refused && is_write,
        late: some(late, late_by),
        late_answer: some(late_answer, answer_by),
        again: again.then_some(again_after),
        stale: if stale && !is_write {
            rng.usize(1..=4)
        } else {
            0
        },
        is_stray: stray && late,
    }
}

#[expect(clippy::expect_used, reason = "a constant that is a valid name")]
fn scope() -> Scope {
    "sim".parse().expect("a valid name")
}
