//! What a program under simulation gets to know of the world.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dcs_core::election::{Elector, ElectorBuilder, LeaseTiming};
use dcs_core::{Clock, Dcs, Entropy, FencingToken, MemberName};

use super::chance::mix;
use super::executor::lock;
use super::judge::Invariant;
use super::net::SimDcs;
use super::over::{Judged, Wire};
use super::world::World;
use crate::SeededEntropy;

/// One process of a simulated cluster, as the program in it sees it: its name,
/// its clock, its store, its chance. A clone is the same process.
///
/// All time and chance that the program uses have to come from here.
#[derive(Clone)]
pub struct Node {
    world: Arc<World>,
    process: usize,
    name: MemberName,
    entropy: Arc<dyn Entropy>,
}

/// A process does what only one process may do, until this is dropped.
#[derive(Debug)]
#[must_use = "the process acts until this is dropped"]
pub struct Acting {
    node: Node,
    id: u64,
}

impl Node {
    pub(super) fn new(world: Arc<World>, process: usize, name: MemberName) -> Self {
        let seed = mix(world.seed ^ mix(process as u64 + 1));
        Self {
            world,
            process,
            name,
            entropy: Arc::new(SeededEntropy::new(seed)),
        }
    }

    pub(super) const fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The name of the member. After a restart another process has it.
    #[must_use]
    pub const fn name(&self) -> &MemberName {
        &self.name
    }

    /// The number of the process in this history, from 0.
    #[must_use]
    pub const fn process(&self) -> usize {
        self.process
    }

    /// The store as this process reaches it.
    #[must_use]
    pub fn dcs(&self) -> Arc<dyn Dcs> {
        let world = &self.world;
        let Some(over) = world.over() else {
            return Arc::new(SimDcs::new(Arc::clone(world), self.process));
        };
        if let Some(dcs) = world.dcs_of(self.process) {
            return dcs;
        }
        let inner = over.open(Wire::of(self.clone()));
        let dcs = Judged::new(Arc::clone(world), self.process, inner);
        let dcs: Arc<dyn Dcs> = Arc::new(dcs);
        world.set_dcs(self.process, Some(Arc::clone(&dcs)));
        dcs
    }

    /// The clock of the machine that the process runs on.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.world.clock_of(self.process))
    }

    /// The chance of this process.
    #[must_use]
    pub fn entropy(&self) -> Arc<dyn Entropy> {
        Arc::clone(&self.entropy)
    }

    /// A number below `end`, by chance; 0 where `end` is 0.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        let drawn = u64::try_from(self.entropy.bits() >> 64).unwrap_or_default();
        drawn.checked_rem(end).unwrap_or_default()
    }

    /// Waits for so long by the clock of this machine.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn sleep(&self, duration: Duration) {
        self.clock().sleep(duration).await;
    }

    /// Runs `future` beside the program, in the same process.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.world.executor.spawn(self.process, Box::pin(future));
    }

    /// The beginning of an elector of this process: [`Node::run`] is its end.
    pub fn builder(&self, timing: LeaseTiming) -> ElectorBuilder {
        self.world.set_timing(self.process, timing.clone());
        let (name, clock) = (self.name.clone(), self.clock());
        Elector::builder(self.dcs(), name, timing, clock, self.entropy())
    }

    /// Runs the driver of an elector in this process and hands the elector to
    /// the judge: all that is promised of it is checked after every event.
    #[must_use = "an elector that is dropped gives up"]
    pub fn run(&self, builder: ElectorBuilder) -> Elector {
        let (elector, driver) = builder.build();
        lock(&self.world.judge).judge(self.process, self.name.to_string(), elector.clone());
        self.spawn(driver.run());
        elector
    }

    /// An elector of this process, running.
    #[must_use = "an elector that is dropped gives up"]
    pub fn elector(&self, timing: LeaseTiming) -> Elector {
        self.run(self.builder(timing))
    }

    /// Says that this process does, until the guard is dropped, what no two
    /// processes may do at once. The judge holds it to that, except where the
    /// process was stopped in the middle: no program can know that it was.
    pub fn acts(&self) -> Acting {
        let is_stopped = self.world.is_held(self.process);
        let id = lock(&self.world.judge).acts(self.world.now(), self.process, is_stopped);
        self.world
            .note(|| format!("p{} begins act {id}", self.process));
        let node = self.clone();
        Acting { node, id }
    }

    /// Says that something that the program promises does not hold.
    pub fn fail(&self, what: impl Into<String>) {
        let what = format!("p{} ({}) {}", self.process, self.name, what.into());
        lock(&self.world.judge).fail(self.world.now(), Invariant::Own, what);
    }

    /// Adds a line to the trace of the history.
    pub fn note(&self, line: impl fmt::Display) {
        self.world
            .note(|| format!("p{} notes: {line}", self.process));
    }
}

impl Acting {
    /// The end of the act: it reaches a resource that checks tokens. Returns
    /// whether the resource accepted it.
    #[must_use]
    pub fn reaches_resource(self, token: FencingToken) -> bool {
        let node = self.node.clone();
        node.world
            .note(|| format!("p{} ends act {} by {token}", node.process, self.id));
        let mut judge = lock(&node.world.judge);
        let was_stopped = judge.ends_act(self.id);
        judge.effect(node.world.now(), node.process, token.get(), was_stopped)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        if let Ok(mut judge) = self.node.world.judge.try_lock() {
            judge.ends_act(self.id);
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("process", &self.process)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
