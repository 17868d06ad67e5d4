//! An attack on failsafe mode: members that ask each other over a bad network,
//! lose the store, are restarted, and change whom the map names. Nobody but
//! the members writes, since failsafe mode trusts what stands in the record.
//!
//! `DCS_FAILSAFE_SEED=7` runs one history, `DCS_FAILSAFE_SEEDS=1000` that many.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::election::{Elector, FailsafeAnswer, FailsafeRequest, LeaseTiming};
use dcs_core::{Clock, Entropy, Failsafe, Revision, Scope, TokioClock};
use dcs_memory::{Latency, MemoryDcs, MemoryStore, SeededEntropy};
use futures_util::future::{Either, join_all, select};
use tokio::task::JoinHandle;

const TTL: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(100);
const TICKS: u32 = 6_000;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What happened, over all histories: an attack in which nothing did is none.
type Counts = BTreeMap<&'static str, u64>;

#[derive(Debug)]
struct Chance(SeededEntropy);

impl Chance {
    fn below(&self, end: u64) -> u64 {
        u64::try_from(self.0.bits() % u128::from(end)).unwrap()
    }

    /// Once in `times`.
    fn hits(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn millis(&self, end: u64) -> Duration {
        Duration::from_millis(self.below(end))
    }
}

/// What all processes of one history share.
#[derive(Debug)]
struct World {
    clock: Arc<TokioClock>,
    store: MemoryStore,
    scope: Scope,
    chance: Chance,
    /// Who answers for which name by now.
    reached: Mutex<BTreeMap<String, Elector>>,
    /// Who cannot be asked, though running.
    silent: Mutex<BTreeSet<&'static str>>,
    counts: Mutex<Counts>,
}

/// One run of a member.
struct Process {
    dcs: Arc<MemoryDcs>,
    elector: Elector,
    tasks: [JoinHandle<()>; 2],
}

impl World {
    fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    fn revision(&self) -> Option<Revision> {
        self.store.snapshot(&self.scope).leader.revision
    }

    fn start(self: &Arc<Self>, name: &str) -> Process {
        let dcs = Arc::new(self.store.handle(&self.scope));
        let seconds = Duration::from_secs;
        let builder = Elector::builder(
            Arc::<MemoryDcs>::clone(&dcs),
            name.parse().unwrap(),
            LeaseTiming::new(TTL, seconds(10), seconds(8)).unwrap(),
            Arc::<TokioClock>::clone(&self.clock),
            Arc::new(SeededEntropy::new(self.chance.below(u64::MAX))),
        );
        let (elector, driver) = builder.failsafe().build();
        elector.contend().unwrap();
        let reached = (name.to_owned(), elector.clone());
        self.reached.lock().unwrap().extend([reached]);
        let polls = Arc::clone(self).polls(elector.clone());
        let tasks = [tokio::spawn(driver.run()), tokio::spawn(polls)];
        Process {
            dcs,
            elector,
            tasks,
        }
    }

    async fn polls(self: Arc<Self>, elector: Elector) {
        loop {
            let pause = Duration::from_secs(2) + self.chance.millis(4_000);
            self.clock.sleep(pause).await;
            let Ok(poll) = elector.failsafe_poll().await else {
                continue;
            };
            let asked = poll
                .members()
                .map(|(name, _)| Arc::clone(&self).asks(name.to_owned(), poll.request().clone()));
            let answers = join_all(asked.collect::<Vec<_>>()).await;
            let answers = answers.into_iter().flatten().collect();
            match elector.failsafe_extend(poll, answers).await {
                Ok(()) => self.count("polls that all agreed to"),
                Err(_) => self.count("polls that not all agreed to"),
            }
        }
    }

    /// Asks over a network that is slow at times: then the request arrives when
    /// nobody waits for the answer any more.
    async fn asks(
        self: Arc<Self>,
        name: String,
        request: FailsafeRequest,
    ) -> Option<FailsafeAnswer> {
        let way = self
            .chance
            .millis(if self.chance.hits(8) { 40_000 } else { 200 });
        let back = self
            .chance
            .millis(if self.chance.hits(20) { 9_000 } else { 200 });
        let world = Arc::clone(&self);
        let answer = tokio::spawn(async move {
            world.clock.sleep(way).await;
            if world.silent.lock().unwrap().contains(&*name) {
                return None;
            }
            let elector = world.reached.lock().unwrap().get(&name).cloned()?;
            let answer = elector.failsafe_answer(&request).await;
            world.clock.sleep(back).await;
            Some(answer)
        });
        match select(answer, self.clock.sleep(Duration::from_secs(5))).await {
            Either::Left((answer, _)) => answer.unwrap(),
            Either::Right(_) => None,
        }
    }
}

impl Process {
    /// As SIGKILL does. What it has sent may still arrive.
    fn kill(self) {
        for task in self.tasks {
            task.abort();
        }
    }
}

struct History {
    world: Arc<World>,
    processes: BTreeMap<&'static str, Process>,
}

impl History {
    fn new(seed: u64) -> Self {
        let clock = Arc::new(TokioClock::new());
        let store = MemoryStore::new(Arc::<TokioClock>::clone(&clock));
        let world = Arc::new(World {
            clock,
            store,
            scope: "demo".parse().unwrap(),
            chance: Chance(SeededEntropy::new(seed)),
            reached: Mutex::default(),
            silent: Mutex::default(),
            counts: Mutex::default(),
        });
        let start = |name: &&'static str| (*name, world.start(name));
        let processes = NAMES.iter().map(start).collect();
        Self { world, processes }
    }

    /// Whether nobody ever led beside somebody else.
    async fn run(mut self) -> (bool, Counts) {
        let mut safe = true;
        for _ in 0..TICKS {
            self.world.clock.sleep(TICK).await;
            let leaders = self.leaders();
            safe &= leaders.len() <= 1;
            if leaders.is_empty() {
                self.world.count("ticks without a leader");
            }
            if self.world.chance.hits(60) {
                self.trouble(leaders.first().copied());
            }
        }
        for process in std::mem::take(&mut self.processes).into_values() {
            process.kill();
        }
        let counts = self.world.counts.lock().unwrap().clone();
        (safe, counts)
    }

    fn leaders(&self) -> Vec<&'static str> {
        let leads = |(name, process): (&&'static str, &Process)| {
            process.elector.is_leader().then_some(*name)
        };
        self.processes.iter().filter_map(leads).collect()
    }

    fn trouble(&mut self, leader: Option<&'static str>) {
        let world = Arc::clone(&self.world);
        let one = NAMES[usize::try_from(world.chance.below(4)).unwrap()];
        let process = &self.processes[one];
        match world.chance.below(12) {
            0 => process.dcs.cut_off(),
            1 => process.dcs.heal(),
            2 => process.dcs.break_watch_with_gap(),
            3 => {
                world.count("restarts");
                self.processes.remove(one).unwrap().kill();
                self.processes.insert(one, world.start(one));
            }
            4 => self.everyone(MemoryDcs::cut_off),
            5 => self.everyone(MemoryDcs::heal),
            6 => process.dcs.lose_next_request(),
            7 => {
                let silent = self.world.silent.lock().unwrap().insert(one);
                if !silent {
                    self.world.silent.lock().unwrap().remove(one);
                }
            }
            8 => {
                if let Some(leader) = leader {
                    self.leader_is_cut_off(leader);
                }
            }
            _ => {
                if let Some(leader) = leader {
                    self.leader_changes_the_map(leader);
                }
            }
        }
    }

    fn everyone(&self, what: fn(&MemoryDcs)) {
        for process in self.processes.values() {
            what(&process.dcs);
        }
    }

    /// The others reach the store, and each other.
    fn leader_is_cut_off(&self, leader: &'static str) {
        self.world.count("leaders cut off");
        self.everyone(MemoryDcs::heal);
        self.processes[leader].dcs.cut_off();
        self.heals_later(leader);
    }

    /// Names others. Often the renewal that says so is applied, and then nothing
    /// is heard of the store any more, neither the answer nor the watch.
    fn leader_changes_the_map(&self, leader: &'static str) {
        let chance = &self.world.chance;
        let named = |name: &&&str| **name == leader || chance.hits(2);
        let map = NAMES.iter().filter(named);
        let map = map
            .map(|name| ((*name).to_owned(), String::new()))
            .collect();
        let process = &self.processes[leader];
        process.elector.set_failsafe(Failsafe(map)).unwrap();
        if chance.hits(2) {
            return;
        }
        self.world.count("ambushes");
        self.everyone(MemoryDcs::heal);
        let (world, dcs) = (Arc::clone(&self.world), Arc::clone(&process.dcs));
        let mut slow = Latency::default();
        slow.back = TICK * 2;
        dcs.set_latency(slow);
        dcs.lose_next_answer();
        tokio::spawn(async move {
            let before = world.revision();
            while world.revision() == before {
                world.clock.sleep(TICK).await;
            }
            dcs.cut_off();
            dcs.set_latency(Latency::default());
        });
        self.heals_later(leader);
    }

    fn heals_later(&self, leader: &'static str) {
        let (world, dcs) = (
            Arc::clone(&self.world),
            Arc::clone(&self.processes[leader].dcs),
        );
        let later = TTL + self.world.chance.millis(60_000);
        tokio::spawn(async move {
            world.clock.sleep(later).await;
            dcs.heal();
        });
    }
}

fn history(seed: u64) -> (bool, Counts) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async move { History::new(seed).run().await })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_history_has_two_leaders_and_many_leaders_go_on_without_the_store() {
    let seeds = match number("DCS_FAILSAFE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("DCS_FAILSAFE_SEEDS").unwrap_or(40),
    };
    let mut counts = Counts::new();
    for seed in seeds {
        let (safe, counted) = history(seed);
        assert!(safe, "two lead at once with DCS_FAILSAFE_SEED={seed}");
        for (what, count) in counted {
            *counts.entry(what).or_default() += count;
        }
    }
    println!("{counts:#?}");
    for what in [
        "polls that all agreed to",
        "polls that not all agreed to",
        "ambushes",
        "restarts",
    ] {
        assert!(counts.contains_key(what), "none of the {what}");
    }
}
