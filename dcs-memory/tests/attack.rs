//! An attack on the election: electors over the store in memory, each with a
//! clock and a network of its own, under seeded faults and hostile edits.
//!
//! `DCS_ATTACK_SEED=7` runs one history, `DCS_ATTACK_SEEDS=5000` that many, and
//! `DCS_ATTACK_FROM` says where to begin.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::struct_excessive_bools,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    clippy::cognitive_complexity,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test: numbers are small, and a history is one list of events"
)]

use std::collections::{BTreeMap, HashSet};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use dcs_core::election::{Elector, EventKind, LeaseTiming};
use dcs_core::{
    Capabilities, Change, Clock, Dcs, Entry, Error, Failover, LeaderRecord, MemberName,
    MemberRecord, Outcome, Precondition, ReleaseMark, Revision, Scope, Secret, Snapshot, Stamp,
    TokioClock, WatchStream,
};
use dcs_memory::{IdenticalWrites, Latency, MemoryDcs, MemoryOptions, MemoryStore, SeededEntropy};
use fastrand::Rng;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Either, select};
use tokio::task::JoinHandle;

const SECOND: u64 = 1_000_000_000;
/// How far apart clocks run: the drift that the electors are told, exactly.
const RHO_PPM: i64 = 10_000;
const PHASE: u64 = 600;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

// ---------------------------------------------------------------- the clocks

/// The time that the history is told by.
#[derive(Clone, Debug)]
struct Real {
    clock: TokioClock,
    origin: Stamp,
}

impl Real {
    fn new() -> Self {
        let clock = TokioClock::new();
        let origin = clock.now();
        Self { clock, origin }
    }

    fn now(&self) -> u64 {
        let elapsed = self.clock.now().holder_elapsed_since(self.origin);
        u64::try_from(elapsed.as_nanos()).unwrap()
    }
}

/// The clocks of one machine: raw within the drift, the others slewed at will,
/// boottime alone going on while the machine sleeps.
#[derive(Clone, Debug)]
struct Host {
    real: Real,
    ticks: Arc<Mutex<Ticks>>,
}

#[derive(Clone, Copy, Debug)]
struct Ticks {
    at: u64,
    boot: u64,
    mono: u64,
    raw: u64,
    raw_ppm: i64,
    slew_ppm: i64,
    asleep: bool,
    wall_offset: u64,
}

fn scaled(nanos: u64, ppm: i64) -> u64 {
    let scaled = i128::from(nanos) * i128::from(1_000_000 + ppm) / 1_000_000;
    u64::try_from(scaled).unwrap()
}

impl Host {
    fn new(real: &Real, rng: &mut Rng) -> Self {
        let raw_ppm = match rng.u8(0..3) {
            0 => -RHO_PPM,
            1 => RHO_PPM,
            _ => rng.i64(-RHO_PPM..=RHO_PPM),
        };
        let ticks = Ticks {
            at: real.now(),
            boot: rng.u64(0..1_000_000) * SECOND,
            mono: rng.u64(0..1_000_000) * SECOND,
            raw: rng.u64(0..1_000_000) * SECOND,
            raw_ppm,
            slew_ppm: raw_ppm,
            asleep: false,
            wall_offset: rng.u64(0..100_000) * SECOND / 1_000,
        };
        Self {
            real: real.clone(),
            ticks: Arc::new(Mutex::new(ticks)),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Ticks)) -> Ticks {
        let now = self.real.now();
        let mut ticks = self.ticks.lock().unwrap();
        let passed = now - ticks.at;
        if ticks.asleep {
            ticks.boot += passed;
        } else {
            let slewed = scaled(passed, ticks.slew_ppm);
            ticks.raw += scaled(passed, ticks.raw_ppm);
            ticks.mono += slewed;
            ticks.boot += slewed;
        }
        ticks.at = now;
        change(&mut ticks);
        *ticks
    }
}

impl Clock for Host {
    fn now(&self) -> Stamp {
        let ticks = self.change(|_| ());
        let nanos = Duration::from_nanos;
        Stamp::from_readings(nanos(ticks.boot), nanos(ticks.mono), nanos(ticks.raw))
    }

    fn wall(&self) -> SystemTime {
        let ticks = self.change(|_| ());
        let start = SystemTime::UNIX_EPOCH + s(1_767_225_600);
        start + Duration::from_nanos(ticks.raw % (1_000_000 * SECOND) + ticks.wall_offset)
    }

    /// A timer of the monotonic clock, which stands still while the machine sleeps.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let host = self.clone();
        Box::pin(async move {
            let target = host.change(|_| ()).mono + u64::try_from(duration.as_nanos()).unwrap();
            loop {
                let left = target.saturating_sub(host.change(|_| ()).mono);
                if left == 0 {
                    return;
                }
                host.real.clock.sleep(Duration::from_nanos(left)).await;
            }
        })
    }
}

// ------------------------------------------------------------- the processes

/// A process that can be stopped: nothing of it is polled meanwhile.
#[derive(Debug, Default)]
struct Gate(Mutex<(bool, Vec<Waker>)>);

impl Gate {
    fn set(&self, stopped: bool) {
        let mut gate = self.0.lock().unwrap();
        gate.0 = stopped;
        if !stopped {
            gate.1.drain(..).for_each(Waker::wake);
        }
    }
}

struct Gated {
    gate: Arc<Gate>,
    inner: BoxFuture<'static, ()>,
}

impl Future for Gated {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        {
            let mut gate = self.gate.0.lock().unwrap();
            if gate.0 {
                gate.1.push(context.waker().clone());
                return Poll::Pending;
            }
        }
        self.inner.as_mut().poll(context)
    }
}

struct Process {
    id: usize,
    slot: usize,
    elector: Elector,
    tasks: Vec<JoinHandle<()>>,
    gate: Arc<Gate>,
    host: Host,
    net: Arc<Net>,
    watch: MemoryDcs,
    running: bool,
    timing: LeaseTiming,
}

// --------------------------------------------------------------- the network

/// What goes wrong between one process and the store, in parts per thousand.
#[derive(Clone, Copy, Debug, Default)]
struct Odds {
    lost: u32,
    unanswered: u32,
    slow: u32,
    refused: u32,
    stale: u32,
    ambush: u32,
}

struct Net {
    id: usize,
    rw: MemoryDcs,
    watch: MemoryDcs,
    world: Arc<World>,
    cut: AtomicBool,
    rng: Mutex<Rng>,
}

#[derive(Clone)]
struct NetDcs(Arc<Net>);

impl std::fmt::Debug for NetDcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NetDcs")
    }
}

impl std::fmt::Display for NetDcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a network")
    }
}

#[derive(Clone, Copy)]
struct Fate {
    there: u64,
    back: u64,
    lost: bool,
    unanswered: bool,
    refused: bool,
    /// It is under way outside of any cut.
    stray: bool,
}

impl Net {
    fn fate(&self) -> Fate {
        let odds = self.world.odds();
        let mut rng = self.rng.lock().unwrap();
        let hit = |rng: &mut Rng, odds: u32| rng.u32(0..1000) < odds;
        let way = |rng: &mut Rng| {
            if hit(rng, odds.slow) {
                self.world.count("messages delayed by up to 40 s");
                rng.u64(0..40_000) * 1_000_000
            } else {
                rng.u64(0..20) * 1_000_000
            }
        };
        let (there, back) = (way(&mut rng), way(&mut rng));
        Fate {
            there,
            back,
            lost: hit(&mut rng, odds.lost),
            unanswered: hit(&mut rng, odds.unanswered),
            refused: hit(&mut rng, odds.refused),
            stray: rng.u8(0..4) == 0,
        }
    }

    fn is_cut(&self, fate: Fate) -> bool {
        self.cut.load(SeqCst) && !(fate.stray && fate.there > SECOND)
    }

    async fn way(&self, nanos: u64) {
        if nanos > 0 {
            self.world
                .real
                .clock
                .sleep(Duration::from_nanos(nanos))
                .await;
        }
    }
}

async fn answer_or_never<T>(answer: tokio::sync::oneshot::Receiver<T>) -> T {
    match answer.await {
        Ok(answer) => answer,
        Err(_) => pending().await,
    }
}

#[async_trait]
impl Dcs for NetDcs {
    fn scope(&self) -> &Scope {
        self.0.rw.scope()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.0.rw.load().await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        let (net, fate) = (Arc::clone(&self.0), self.0.fate());
        let (answer, answered) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            net.way(fate.there).await;
            if net.is_cut(fate) || fate.lost {
                return;
            }
            let entry = net.world.read(&net);
            net.way(fate.back).await;
            if !net.is_cut(fate) && !fate.unanswered {
                // Whoever asked may have given up.
                let _ = answer.send(Ok(entry));
            }
        });
        answer_or_never(answered).await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let (net, fate) = (Arc::clone(&self.0), self.0.fate());
        let sent = net.world.real.now();
        net.world.check_write(net.id, change, expected);
        if fate.refused {
            net.world.count("requests refused");
            return Outcome::NotCommitted(Error::Unavailable {
                backend: "attack",
                retry_after: None,
                source: "refused".into(),
            });
        }
        let (answer, answered) = tokio::sync::oneshot::channel();
        let change = change.clone();
        tokio::spawn(async move {
            net.way(fate.there).await;
            if net.is_cut(fate) || fate.lost {
                net.world.count("requests lost");
                return;
            }
            let outcome = net.rw.write(&change, expected).await;
            if let Outcome::Committed(committed) = &outcome {
                net.world.committed(&net, &change, committed.revision, sent);
            }
            net.way(fate.back).await;
            if net.is_cut(fate) || fate.unanswered {
                net.world.count("answers lost");
                return;
            }
            // Whoever asked may have given up.
            let _ = answer.send(outcome);
        });
        answer_or_never(answered).await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        self.0.rw.put_member(record).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        self.0.rw.delete_member(name).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        self.0.watch.watch(silence)
    }
}

// ----------------------------------------------------------------- the world

/// What all of a history share, and what it is judged by.
struct World {
    seed: u64,
    real: Real,
    store: MemoryStore,
    scope: Scope,
    calm: AtomicBool,
    odds: Mutex<Odds>,
    judge: Mutex<Judge>,
}

#[derive(Default)]
struct Judge {
    electors: Vec<(String, Elector)>,
    /// To where, in real time, the committed writes of a process carry it.
    covered: BTreeMap<usize, u64>,
    open: BTreeMap<usize, u128>,
    largest_token: u128,
    attempts: HashSet<String>,
    /// Every record that was ever committed.
    past: Vec<Entry<LeaderRecord>>,
    ambushes: Vec<usize>,
    counts: BTreeMap<&'static str, u64>,
    log: Vec<String>,
    failed: Option<String>,
}

impl World {
    fn odds(&self) -> Odds {
        *self.odds.lock().unwrap()
    }

    fn count(&self, what: &'static str) {
        *self.judge.lock().unwrap().counts.entry(what).or_default() += 1;
    }

    fn log(&self, line: impl FnOnce() -> String) {
        if std::env::var_os("DCS_ATTACK_SEED").is_some() {
            let line = format!("{:>10} {}", self.real.now() / 1_000_000, line());
            self.judge.lock().unwrap().log.push(line);
        }
    }

    fn fail(&self, why: String) {
        self.log(|| format!("FAILED: {why}"));
        let at = self.real.now() / 1_000_000;
        let mut judge = self.judge.lock().unwrap();
        judge.failed.get_or_insert(format!("at {at} ms: {why}"));
    }

    fn read(&self, net: &Net) -> Entry<LeaderRecord> {
        let odds = self.odds();
        let mut rng = net.rng.lock().unwrap();
        let now = self.store.snapshot(&self.scope).leader;
        let judge = self.judge.lock().unwrap();
        if rng.u32(0..1000) < odds.stale && !judge.past.is_empty() {
            let back = rng.usize(1..=judge.past.len().min(4));
            return judge.past[judge.past.len() - back].clone();
        }
        now
    }

    /// What holds of every write when it leaves (rules H4 and H7).
    fn check_write(&self, id: usize, change: &Change, expected: Precondition) {
        let Change::Leader(write) = change else {
            return;
        };
        self.log(|| format!("{id} writes {:?} on {expected:?}", write.record.holder));
        let (is_leader, new) = {
            let mut judge = self.judge.lock().unwrap();
            let elector = judge.electors.get(id).map(|(_, elector)| elector.clone());
            let attempt = write.record.claim.as_ref().map(|c| c.attempt.to_string());
            let is_attempt = write.record.holder.is_some();
            let new = !is_attempt || attempt.is_some_and(|nonce| judge.attempts.insert(nonce));
            (elector.is_some_and(|elector| elector.is_leader()), new)
        };
        if !new {
            self.fail(format!("{id} writes an attempt twice"));
        }
        if write.record.released.is_some() && is_leader {
            self.fail(format!("{id} believes while it releases"));
        }
    }

    fn committed(&self, net: &Net, change: &Change, revision: Revision, sent: u64) {
        let Change::Leader(write) = change else {
            return;
        };
        self.log(|| format!("{} committed {revision:?}", net.id));
        let mut judge = self.judge.lock().unwrap();
        if let (Some(_), Some(claim)) = (&write.record.holder, &write.record.claim) {
            let replaced = judge.past.last().and_then(|entry| entry.get());
            let same = replaced.is_some_and(|old| old.renew_time == write.record.renew_time);
            if same {
                let why = format!("{} shows the renewTime that it replaces", net.id);
                judge.failed.get_or_insert(why);
            }
            // L_h(T) / (1 - rho), in real time, with what rounding takes.
            let nanos = u64::try_from(claim.ttl.as_nanos()).unwrap();
            let until = sent + nanos * 1000 / 1010 + 1_000;
            let covered = judge.covered.entry(net.id).or_default();
            *covered = until.max(*covered);
            *judge.counts.entry("lease writes committed").or_default() += 1;
            let odds = self.odds();
            if net.rng.lock().unwrap().u32(0..1000) < odds.ambush {
                judge.ambushes.push(net.id);
            }
        }
        let entry = Entry::present(revision, write.record.clone());
        judge.past.push(entry);
    }

    /// Rule I1, and that belief is covered by what was committed.
    fn check(&self) {
        let now = self.real.now();
        let electors = self.judge.lock().unwrap().electors.clone();
        let mut leading = Vec::new();
        for (id, (name, elector)) in electors.iter().enumerate() {
            if !elector.is_leader() {
                continue;
            }
            leading.push(format!("{id} ({name})"));
            let covered = self.judge.lock().unwrap().covered.get(&id).copied();
            if covered.unwrap_or(0) <= now {
                self.fail(format!(
                    "{id} believes {} ms longer than what it wrote carries it",
                    (now - covered.unwrap_or(0)) / 1_000_000
                ));
            }
        }
        if leading.len() > 1 {
            self.fail(format!("two believers: {leading:?}"));
        }
    }

    fn said(&self, id: usize, kind: &EventKind) {
        self.log(|| format!("{id} says {kind:?}"));
        let mut why = None;
        {
            let mut judge = self.judge.lock().unwrap();
            match kind {
                EventKind::Elected { token, .. } => {
                    *judge.counts.entry("terms").or_default() += 1;
                    if judge.open.insert(id, token.get()).is_some() {
                        why = Some(format!("{id} begins a term within a term"));
                    }
                    if token.get() <= judge.largest_token {
                        why = Some(format!("token {token} of {id} is not larger"));
                    }
                    judge.largest_token = judge.largest_token.max(token.get());
                }
                EventKind::Renewed { token, .. } => {
                    *judge.counts.entry("renewals").or_default() += 1;
                    if judge.open.get(&id) != Some(&token.get()) {
                        why = Some(format!("{id} renews a term that is not open"));
                    }
                }
                EventKind::Lost { token, .. } | EventKind::Released { token } => {
                    let lost = matches!(kind, EventKind::Lost { .. });
                    let what = if lost { "terms lost" } else { "terms released" };
                    *judge.counts.entry(what).or_default() += 1;
                    if judge.open.remove(&id) != Some(token.get()) {
                        why = Some(format!("{id} ends a term that is not open"));
                    }
                }
                EventKind::Alarm(_) => *judge.counts.entry("alarms").or_default() += 1,
                _ => {}
            }
        }
        if let Some(why) = why {
            self.fail(why);
        }
        if matches!(kind, EventKind::Elected { .. }) {
            self.check();
        }
    }

    fn remember(&self) {
        let now = self.store.snapshot(&self.scope).leader;
        let mut judge = self.judge.lock().unwrap();
        if judge.past.last().and_then(|entry| entry.revision) != now.revision {
            judge.past.push(now);
        }
    }
}

// ----------------------------------------------------------------- a history

/// How often what happens, drawn anew for each history (swarm testing).
#[derive(Debug)]
struct Profile {
    members: usize,
    ttl: u64,
    polls: bool,
    edits: bool,
    configs: bool,
    weights: [u32; 10],
    keeps: IdenticalWrites,
}

impl Profile {
    fn draw(rng: &mut Rng) -> (Self, Odds) {
        let weight = |rng: &mut Rng| [0, 1, 2, 4][rng.usize(0..4)];
        let edits = rng.u8(0..3) > 0;
        let profile = Self {
            members: rng.usize(3..=5),
            ttl: [15, 20, 30][rng.usize(0..3)],
            polls: rng.bool(),
            edits,
            configs: rng.bool(),
            weights: std::array::from_fn(|_| weight(rng)),
            keeps: if rng.bool() {
                IdenticalWrites::KeepRevision
            } else {
                IdenticalWrites::NewRevision
            },
        };
        let odds = Odds {
            lost: [0, 10, 30, 100][rng.usize(0..4)],
            unanswered: [0, 10, 30, 100][rng.usize(0..4)],
            slow: [0, 20, 60, 200][rng.usize(0..4)],
            refused: [0, 10, 50][rng.usize(0..3)],
            stale: [0, 0, 100][rng.usize(0..3)],
            ambush: if edits {
                [0, 40, 150][rng.usize(0..3)]
            } else {
                0
            },
        };
        (profile, odds)
    }

    fn timing(&self) -> LeaseTiming {
        LeaseTiming::new(s(self.ttl), s(self.ttl / 3), s(self.ttl / 4)).unwrap()
    }
}

struct History {
    world: Arc<World>,
    profile: Profile,
    rng: Rng,
    processes: Vec<Process>,
    hosts: Vec<Host>,
    later: Vec<(u64, Later)>,
}

/// What is to be undone, or done, at an instant.
enum Later {
    Heal(usize),
    Run(usize),
    Restart(usize),
    Quick(usize),
    Edit,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (profile, odds) = Profile::draw(&mut rng);
        let real = Real::new();
        let options = MemoryOptions::default()
            .with_seed(seed)
            .with_log_capacity(300)
            .with_identical_writes(profile.keeps);
        let store = MemoryStore::with_options(Arc::new(real.clock), options);
        let world = Arc::new(World {
            seed,
            real: real.clone(),
            store,
            scope: "attack".parse().unwrap(),
            calm: AtomicBool::new(false),
            odds: Mutex::new(odds),
            judge: Mutex::default(),
        });
        let hosts = (0..profile.members)
            .map(|_| Host::new(&real, &mut rng))
            .collect();
        let mut history = Self {
            world,
            profile,
            rng,
            processes: Vec::new(),
            hosts,
            later: Vec::new(),
        };
        for slot in 0..history.profile.members {
            history.start(slot);
        }
        history
    }

    /// A process of a member. Others of the same name may be running.
    fn start(&mut self, slot: usize) {
        let world = Arc::clone(&self.world);
        let id = self.processes.len();
        let host = self.hosts[slot].clone();
        let watch = world.store.handle(&world.scope);
        watch.set_latency(quick());
        let net = Arc::new(Net {
            id,
            rw: world.store.handle(&world.scope),
            watch: watch.clone(),
            world: Arc::clone(&world),
            cut: AtomicBool::new(false),
            rng: Mutex::new(Rng::with_seed(self.rng.u64(..))),
        });
        let timing = self.profile.timing();
        // Two slots share a name, in some histories.
        let name = format!(
            "m{}",
            if self.world.seed.is_multiple_of(4) {
                slot / 2
            } else {
                slot
            }
        );
        let (elector, driver) = Elector::builder(
            Arc::new(NetDcs(Arc::clone(&net))),
            name.parse().unwrap(),
            timing.clone(),
            Arc::new(host.clone()),
            Arc::new(SeededEntropy::new(self.rng.u64(..))),
        )
        .build();
        let gate = Arc::new(Gate::default());
        let gated = |inner: BoxFuture<'static, ()>| {
            tokio::spawn(Gated {
                gate: Arc::clone(&gate),
                inner,
            })
        };
        let chance = Rng::with_seed(self.rng.u64(..));
        let work = work(elector.clone(), host.clone(), Arc::clone(&world), chance);
        let tasks = vec![gated(Box::pin(driver.run())), gated(Box::pin(work))];
        let mut events = elector.events();
        let listener = Arc::clone(&world);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                listener.said(id, &event.kind);
            }
        });
        let mut judge = world.judge.lock().unwrap();
        judge.electors.push((name, elector.clone()));
        drop(judge);
        self.processes.push(Process {
            id,
            slot,
            elector,
            tasks,
            gate,
            host,
            net,
            watch,
            running: true,
            timing,
        });
    }

    fn some(&mut self) -> Option<usize> {
        let running: Vec<_> = self.processes.iter().filter(|p| p.running).collect();
        // Whoever leads is the better victim.
        let leader = running.iter().find(|process| process.elector.is_leader());
        if let (Some(leader), true) = (leader, self.rng.bool()) {
            return Some(leader.id);
        }
        let index = self.rng.usize(0..running.len().max(1));
        running.get(index).map(|process| process.id)
    }

    fn after(&mut self, millis: u64, later: Later) {
        let at = self.world.real.now() + millis * 1_000_000;
        self.later.push((at, later));
    }

    fn trouble(&mut self) {
        let Some(id) = self.some() else { return };
        let total: u32 = self.profile.weights.iter().sum();
        let mut pick = self.rng.u32(0..total.max(1));
        let what = self.profile.weights.iter().position(|weight| {
            let hit = pick < *weight;
            pick = pick.saturating_sub(*weight);
            hit
        });
        let world = Arc::clone(&self.world);
        world.log(|| format!("trouble {what:?} for {id}"));
        let short = self.rng.u64(100..20_000);
        let long = self.rng.u64(100..70_000);
        match what.unwrap_or(9) {
            0 => {
                world.count("crashes");
                self.crash(id);
                let slot = self.processes[id].slot;
                self.after(short, Later::Restart(slot));
            }
            1 => {
                world.count("pauses");
                self.processes[id].gate.set(true);
                self.after(long, Later::Run(id));
            }
            2 => {
                world.count("suspends");
                // The whole machine: every process on these clocks.
                let slot = self.processes[id].slot;
                self.processes[id].host.change(|ticks| ticks.asleep = true);
                let there = self.processes.iter().filter(|p| p.slot == slot);
                there.for_each(|process| process.gate.set(true));
                self.after(long, Later::Run(id));
            }
            3 => {
                world.count("cuts");
                self.cut(id, long);
            }
            4 => {
                world.count("slow watches");
                let way = Latency::fixed(Duration::from_millis(long / 2));
                self.processes[id].watch.set_latency(way);
                self.after(long, Later::Quick(id));
            }
            5 => {
                world.count("watches broken");
                if self.rng.bool() {
                    self.processes[id].watch.break_watch();
                } else {
                    self.processes[id].watch.break_watch_with_gap();
                }
            }
            6 => {
                world.count("clocks slewed");
                let slew = self.rng.i64(-83_000..=83_000);
                self.processes[id]
                    .host
                    .change(|ticks| ticks.slew_ppm = slew);
            }
            7 => {
                world.count("twins");
                // At most a few at a time.
                if self.processes.iter().filter(|p| p.running).count() < 7 {
                    let slot = self.processes[id].slot;
                    self.start(slot);
                }
            }
            8 if self.profile.configs => self.configure(id),
            _ if self.profile.edits => self.edit(),
            _ => self.request(id),
        }
    }

    fn cut(&mut self, id: usize, millis: u64) {
        self.processes[id].net.cut.store(true, SeqCst);
        self.processes[id].watch.cut_off();
        self.after(millis, Later::Heal(id));
    }

    fn crash(&mut self, id: usize) {
        let process = &mut self.processes[id];
        process.running = false;
        process.tasks.iter().for_each(JoinHandle::abort);
        process.gate.set(false);
        // Its handle is kept: what it believes must end by itself.
        self.world.judge.lock().unwrap().open.remove(&id);
    }

    fn configure(&mut self, id: usize) {
        self.world.count("ttl changes");
        let ttl = self.rng.u64(8..40);
        let text = format!(
            r#"{{"ttl":{ttl},"loop_wait":{},"retry_timeout":{}}}"#,
            ttl / 3,
            ttl / 4
        );
        let process = &mut self.processes[id];
        if let Ok(timing) = process.timing.with_config(&text.parse().unwrap()) {
            process.timing = timing.clone();
            // A driver that has ended needs no settings.
            let _ = process.elector.set_timing(timing);
        }
    }

    /// A request to hand over, as an operator makes it.
    fn request(&mut self, id: usize) {
        self.world.count("failover requests");
        let name = self.world.judge.lock().unwrap().electors[id].0.clone();
        let candidate = self.rng.bool().then(|| name.parse().unwrap());
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            let handle = world.store.handle(&world.scope);
            let expected = world.store.snapshot(&world.scope).failover.precondition();
            let change = Change::Failover(Some(Failover::switchover(None, candidate)));
            let _ = handle.write(&change, expected).await;
        });
    }

    /// A third party does what it likes to the leader record.
    fn edit(&mut self) {
        let world = Arc::clone(&self.world);
        world.remember();
        let (store, scope) = (&world.store, &world.scope);
        let past = world.judge.lock().unwrap().past.clone();
        let older = |rng: &mut Rng| {
            let near = past.len().min([3, 10, 1000][rng.usize(0..3)]);
            let index = past.len() - rng.usize(0..near.max(1)) - 1;
            past.get(index).and_then(|entry| entry.get().cloned())
        };
        world.count("hostile edits");
        match self.rng.u8(0..10) {
            0 => drop(store.delete_leader(scope)),
            1 => drop(store.edit_leader(scope, |record| record.holder = None)),
            2 | 3 if !past.is_empty() => {
                if let Some(older) = older(&mut self.rng) {
                    store.edit_leader(scope, |record| *record = older);
                }
            }
            4 => {
                let previous = store.snapshot(scope).leader.revision;
                let secret = Secret::from_bits(self.rng.u128(..));
                store.edit_leader(scope, |record| {
                    let time = record.renew_time;
                    record.holder = None;
                    record.released = previous
                        .zip(time)
                        .map(|(prev, time)| ReleaseMark::new(secret, prev, time));
                });
            }
            5 => {
                store.edit_leader(scope, |record| record.ttl = Some(s(1)));
            }
            6 | 9 => {
                // A term of the past with the mark that once released it, or
                // the mark alone.
                let marked = past
                    .iter()
                    .rposition(|entry| entry.get().is_some_and(|record| record.released.is_some()));
                let first = marked.map(|index| index.saturating_sub(self.rng.usize(0..2)));
                for index in first
                    .into_iter()
                    .flat_map(|first| first..=marked.unwrap_or(first))
                {
                    if let Some(older) = past[index].get().cloned() {
                        store.edit_leader(scope, |record| *record = older);
                    }
                }
            }
            7 => {
                let name: MemberName = "stranger".parse().unwrap();
                store.edit_leader(scope, |record| record.holder = Some(name));
            }
            _ => drop(store.bump_leader(scope)),
        }
        world.log(|| format!("edited: {:?}", store.snapshot(scope).leader.revision));
        world.remember();
    }

    fn ambush(&mut self, id: usize) {
        self.world.count("ambushes");
        let (soon, long) = (self.rng.u64(0..1000), self.rng.u64(5_000..70_000));
        self.after(soon, Later::Edit);
        self.cut(id, long);
        let others: Vec<_> = self
            .processes
            .iter()
            .filter(|p| p.running && p.id != id)
            .map(|p| p.id)
            .collect();
        for other in others {
            match self.rng.u8(0..3) {
                0 => {
                    let way = Latency::fixed(Duration::from_millis(self.rng.u64(0..40_000)));
                    self.processes[other].watch.set_latency(way);
                    self.after(40_000, Later::Quick(other));
                }
                1 => self.processes[other].watch.break_watch_with_gap(),
                _ => self.processes[other].watch.break_watch(),
            }
        }
    }

    fn catch_up(&mut self, all: bool) {
        let now = self.world.real.now();
        let later = std::mem::take(&mut self.later);
        for (at, what) in later {
            if at > now && !all {
                self.later.push((at, what));
                continue;
            }
            match what {
                Later::Heal(id) => {
                    self.processes[id].net.cut.store(false, SeqCst);
                    self.processes[id].watch.heal();
                }
                Later::Run(id) => {
                    let slot = self.processes[id].slot;
                    self.processes[id].host.change(|ticks| ticks.asleep = false);
                    let there = self.processes.iter().filter(|p| p.slot == slot);
                    there.for_each(|process| process.gate.set(false));
                }
                Later::Restart(slot) => self.start(slot),
                Later::Quick(id) => self.processes[id].watch.set_latency(quick()),
                Later::Edit if !all => self.edit(),
                Later::Edit => {}
            }
        }
    }

    async fn step(&mut self) {
        let millis = self.rng.u64(50..=200);
        self.world
            .real
            .clock
            .sleep(Duration::from_millis(millis))
            .await;
        if self.profile.polls {
            self.world.check();
        }
        self.world.remember();
    }

    fn has_failed(&self) -> bool {
        self.world.judge.lock().unwrap().failed.is_some()
    }

    async fn run(mut self) -> Arc<World> {
        while self.world.real.now() < PHASE * SECOND && !self.has_failed() {
            self.step().await;
            self.catch_up(false);
            let ambushes = std::mem::take(&mut self.world.judge.lock().unwrap().ambushes);
            for id in ambushes {
                self.ambush(id);
            }
            if self.rng.u32(0..1000) < 12 {
                self.trouble();
            }
        }
        self.calm().await;
        for process in &mut self.processes {
            process.tasks.iter().for_each(JoinHandle::abort);
        }
        self.world
    }

    /// All faults off: within the wait and a little more one leads, and stays.
    async fn calm(&mut self) {
        *self.world.odds.lock().unwrap() = Odds::default();
        self.catch_up(true);
        self.world.calm.store(true, SeqCst);
        // What is under way arrives, and what it changed is waited for.
        self.wait(s(41)).await;
        let bound = s(self.profile.ttl) * 103 / 100 + s(self.profile.ttl / 3) * 4;
        let since = self.world.real.now();
        while self.leading() != 1 && !self.has_failed() {
            self.step().await;
            if self.world.real.now() - since > u64::try_from(bound.as_nanos()).unwrap() {
                self.world
                    .fail("nobody leads although all is well".to_owned());
            }
        }
        let lost = |world: &World| {
            let judge = world.judge.lock().unwrap();
            judge.counts.get("terms lost").copied().unwrap_or(0)
        };
        let before = lost(&self.world);
        self.wait(s(100)).await;
        if lost(&self.world) != before {
            self.world
                .fail("a term was lost although all is well".to_owned());
        }
        if self.leading() != 1 {
            self.world
                .fail("the leader of calm days does not lead any more".to_owned());
        }
    }

    fn leading(&self) -> usize {
        self.processes
            .iter()
            .filter(|p| p.elector.is_leader())
            .count()
    }

    async fn wait(&mut self, time: Duration) {
        let end = self.world.real.now() + u64::try_from(time.as_nanos()).unwrap();
        while self.world.real.now() < end && !self.has_failed() {
            self.step().await;
        }
    }
}

fn quick() -> Latency {
    Latency::fixed(Duration::ZERO).with_jitter(Duration::from_millis(30))
}

/// What a user does: acquires, works for a while, gives up in one way or another.
async fn work(elector: Elector, host: Host, world: Arc<World>, mut rng: Rng) {
    loop {
        let Ok(lease) = elector.acquire().await else {
            return;
        };
        let long = if rng.u8(0..3) == 0 { 20 } else { 300 };
        let shift = host.sleep(Duration::from_millis(rng.u64(10..long * 1000)));
        {
            let ended = std::pin::pin!(lease.ended());
            if let Either::Right(((), ended)) = select(ended, shift).await
                && world.calm.load(SeqCst)
            {
                ended.await;
            }
        }
        match rng.u8(0..4) {
            0 => drop(lease),
            1 => lease.release().await,
            2 => {
                let _ = elector.step_down().await;
                drop(lease);
            }
            _ => {
                let kept = lease;
                host.sleep(Duration::from_millis(rng.u64(0..2_000))).await;
                drop(kept);
            }
        }
        host.sleep(Duration::from_millis(rng.u64(0..500))).await;
    }
}

// ------------------------------------------------------------------ the runs

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn history(seed: u64) -> Arc<World> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async move { History::new(seed).run().await })
}

#[test]
fn no_history_has_two_believers_and_every_one_ends_with_a_leader() {
    let from = number("DCS_ATTACK_FROM").unwrap_or(0);
    let seeds = match number("DCS_ATTACK_SEED") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("DCS_ATTACK_SEEDS").unwrap_or(30),
    };
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut failures = Vec::new();
    for seed in seeds {
        let world = history(seed);
        let judge = world.judge.lock().unwrap();
        for (what, count) in &judge.counts {
            *counts.entry(what).or_default() += count;
        }
        *counts.entry("histories").or_default() += 1;
        if let Some(why) = &judge.failed {
            for line in &judge.log {
                println!("{line}");
            }
            println!("DCS_ATTACK_SEED={seed}: {why}");
            failures.push(seed);
            if failures.len() as u64 >= number("DCS_ATTACK_FAILURES").unwrap_or(1) {
                break;
            }
        }
    }
    println!("{counts:#?}");
    assert!(
        failures.is_empty(),
        "failed with DCS_ATTACK_SEED={failures:?}"
    );
}
