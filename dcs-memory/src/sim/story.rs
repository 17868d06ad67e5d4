//! What happens to the processes of a history: starts, faults, and their ends.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::election::LeaseTiming;
use dcs_core::{Dcs, MemberName};
use fastrand::Rng;
use futures_util::future::BoxFuture;

use super::chance::chance;
use super::class::Class;
use super::clock::NodeClock;
use super::executor::{Nanos, lock};
use super::fault::{Fault, Planned};
use super::net::nanos;
use super::node::Node;
use super::rates::Odds;
use super::store_bugs::restores;
use super::trace::Mark;
use super::world::{Link, Process, World};

/// How far raw clocks run off at the most, in parts per million: the drift that
/// electors are told by default.
const DRIFT_PPM: i64 = 10_000;

/// So much longer it may take until someone leads, with all that the config key
/// says of ttl, `loop_wait` and `retry_timeout` in histories beside Patroni.
const LONGER_BESIDE_PATRONI: Duration = Duration::from_secs(90);

pub(super) type Program = Arc<dyn Fn(Node) -> BoxFuture<'static, ()> + Send + Sync>;

pub(super) struct Story {
    pub(super) world: Arc<World>,
    program: Program,
    pub(super) clocks: Vec<NodeClock>,
    pub(super) rng: Mutex<Rng>,
    pub(super) is_healed: AtomicBool,
    /// Nodes of killed processes, until another one starts.
    pub(super) restarts: Mutex<Vec<usize>>,
    /// Processes on machines that sleep, each with its node.
    pub(super) asleep: Mutex<Vec<(usize, usize)>>,
}

impl Story {
    pub(super) fn new(world: Arc<World>, program: Program) -> Arc<Self> {
        let mut rng = chance(world.seed, [u64::MAX, 0]);
        let clocks = (0..world.rates.nodes)
            .map(|_| {
                let extreme = world.rates.extreme_drift;
                let ppm = match rng.u8(0..3) {
                    0 if extreme => -DRIFT_PPM,
                    1 if extreme => DRIFT_PPM,
                    _ => rng.i64(-DRIFT_PPM..=DRIFT_PPM),
                };
                NodeClock::new(&world.executor, ppm, &mut rng)
            })
            .collect();
        Arc::new(Self {
            world,
            program,
            clocks,
            rng: Mutex::new(rng),
            is_healed: AtomicBool::new(false),
            restarts: Mutex::default(),
            asleep: Mutex::default(),
        })
    }

    /// Starts the members, and what goes wrong later: as planned, or by chance.
    pub(super) fn begin(self: &Arc<Self>, plan: Option<&[Planned]>) {
        if let Some(shared) = &self.world.rates.patroni {
            self.world.config_says(shared.said);
            let patronis = &mut lock(&self.world.judge).patronis;
            (patronis.takes, patronis.follows) = (shared.takes, shared.follows);
            patronis.told = shared.beside().retry_timeout();
        }
        for node in 0..self.world.rates.nodes {
            self.start(node);
        }
        let Some(plan) = plan else {
            self.next_trouble();
            restores(self);
            return;
        };
        for planned in plan {
            if matches!(planned.fault, Fault::Message { .. }) {
                continue;
            }
            let (story, fault) = (Arc::clone(self), planned.fault.clone());
            let at = nanos(planned.at);
            self.world.executor.first_at(at, move || {
                story.happens(fault);
                true
            });
        }
    }

    /// All faults off, at once.
    pub(super) fn heal(self: &Arc<Self>) {
        self.is_healed.store(true, Relaxed);
        let world = &self.world;
        world.note(|| "all faults off".to_owned());
        world.trace.mark(|| Mark::Healed);
        *lock(&world.odds) = Some(Odds::default());
        for clock in &self.clocks {
            clock.change(|ticks| ticks.is_asleep = false);
        }
        let count = lock(&world.processes).len();
        let mut woken = BTreeSet::new();
        for process in 0..count {
            if let Some(class) = self.ends_all_holds(process) {
                let node = lock(&world.processes)[process].node;
                // A machine is suspended once, however many processes are on it.
                if class != Class::Suspend || woken.insert(node) {
                    world.hit(class);
                }
            }
            world.with_link(process, |link| {
                link.cut_requests.clear();
                link.cut_answers.clear();
                link.late_answers.clear();
                link.late_watch.clear();
                link.happened.healings += 1;
                link.opened_at = world.now();
            });
            world.trace.mark(|| Mark::Cut { process, is: false });
            world.wake_watchers(process);
        }
        for node in std::mem::take(&mut *lock(&self.restarts)) {
            self.start(node);
        }
    }

    pub(super) fn start(self: &Arc<Self>, node: usize) -> usize {
        let world = &self.world;
        let process = world.executor.process();
        let shared = world.rates.shares_names;
        let name = member_name(if shared { node / 2 } else { node });
        world.trace.mark(|| Mark::Start {
            process,
            name: name.to_string(),
        });
        world.note(|| format!("p{process} starts as {name}"));
        lock(&world.processes).push(Process {
            node,
            name: name.clone(),
            clock: self.clocks[node].clone(),
            is_alive: true,
            holds: Vec::new(),
            timing: None,
            inbox: None,
            dcs: None,
            link: Link::default(),
        });
        let program = (self.program)(Node::new(Arc::clone(world), process, name));
        world.executor.spawn(process, program);
        if self.clocks[node].read().is_asleep {
            // It starts when its machine wakes up.
            self.falls_asleep(node, process);
        }
        process
    }

    pub(super) fn running(&self) -> Vec<usize> {
        let processes = lock(&self.world.processes);
        let all = processes.iter().enumerate();
        all.filter(|(_, process)| process.is_alive)
            .map(|(number, _)| number)
            .collect()
    }

    /// A fault a moment later, and not within the turn of a process: what else
    /// happens at this instant comes before it, also in a replay.
    pub(super) fn happens_next(self: &Arc<Self>, fault: Fault) {
        let story = Arc::clone(self);
        self.in_trouble(1, move || {
            story.happens(fault);
            true
        });
    }

    /// Runs `call` after so long, before all else, unless all was healed. It
    /// says whether anything happened.
    pub(super) fn in_trouble(
        self: &Arc<Self>,
        wait: Nanos,
        call: impl FnOnce() -> bool + Send + 'static,
    ) {
        let story = Arc::clone(self);
        let at = self.world.now() + wait;
        self.world
            .executor
            .first_at(at, move || !story.is_healed.load(Relaxed) && call());
    }
}

impl World {
    pub(super) fn dcs_of(&self, process: usize) -> Option<Arc<dyn Dcs>> {
        lock(&self.processes)[process].dcs.clone()
    }

    pub(super) fn set_dcs(&self, process: usize, dcs: Option<Arc<dyn Dcs>>) {
        let before = std::mem::replace(&mut lock(&self.processes)[process].dcs, dcs);
        // Outside the lock: what is dropped may look at the world.
        drop(before);
    }

    pub(super) fn set_timing(&self, process: usize, timing: LeaseTiming) {
        lock(&self.processes)[process].timing = Some(timing);
    }

    /// The number of the machine that a process runs on.
    pub(super) fn machine_of(&self, process: usize) -> usize {
        lock(&self.processes)[process].node
    }

    pub(super) fn is_held(&self, process: usize) -> bool {
        !lock(&self.processes)[process].holds.is_empty()
    }

    /// The longest that anyone may take until someone leads, when all is well.
    pub(super) fn liveness_bound(&self) -> Option<Nanos> {
        let processes = lock(&self.processes);
        let timings = processes.iter().filter(|process| process.is_alive);
        let bounds = timings.filter_map(|process| {
            let timing = process.timing.as_ref()?;
            let wait = timing.challenger_wait();
            let wait = wait.max(self.patroni_believes_for(wait)) * 103 / 100;
            let bound = wait + timing.loop_wait() * 2 + timing.retry_timeout();
            // Patroni may have held it by a ttl and a retry_timeout of its own.
            let beside = self.rates.patroni.as_ref();
            let bound = bound + beside.map_or(Duration::ZERO, |_| LONGER_BESIDE_PATRONI);
            Some(nanos(bound + Duration::from_secs(2)))
        });
        bounds.max()
    }
}

#[expect(clippy::expect_used, reason = "a letter and digits are a valid name")]
pub(super) fn member_name(number: usize) -> MemberName {
    format!("m{number}").parse().expect("a valid name")
}
