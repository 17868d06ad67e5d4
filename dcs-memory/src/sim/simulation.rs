//! One history, from its seed to its verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dcs_core::election::{BesidePatroni, EventKind, LeaseTiming};
use futures_util::FutureExt;

use super::chance::chance;
use super::class::Class;
use super::clock::NodeClock;
use super::executor::{Nanos, Turn, lock};
use super::fault::Planned;
use super::judge::{Counts, Invariant, Violation};
use super::member::{Habits, member};
use super::net::nanos;
use super::node::Node;
use super::over::{Backend, Over, Setting};
use super::patroni::{self, patroni};
use super::rates::Rates;
use super::story::{Program, Story, member_name};
use super::swarm::Swarm;
use super::trace::Mark;
use super::world::World;

/// How long messages may still be under way when all faults are off.
const STRAYS: Nanos = 41_000_000_000;
/// For how long whoever leads then has to go on leading.
const STEADY: Nanos = 100_000_000_000;

/// A history to be run: a cluster of processes over one store, in virtual time,
/// with faults, all from one seed.
///
/// A history has three parts. In the first, [`length`](Self::length) long,
/// things go wrong, and what is promised at any time is checked after every
/// event. Then all faults end. In the last one someone has to lead within the
/// bound, and stay.
///
/// ```
/// use std::time::Duration;
/// use dcs_core::election::LeaseTiming;
/// use dcs_memory::sim::{Node, Simulation, Swarm};
///
/// // The program under test: every member runs it.
/// async fn member(node: Node) {
///     let seconds = Duration::from_secs;
///     let timing = LeaseTiming::new(seconds(15), seconds(5), seconds(4)).unwrap();
///     let elector = node.elector(timing);
///     while let Ok(lease) = elector.acquire().await {
///         let acting = node.acts();
///         lease.ended().await;
///         drop(acting);
///     }
/// }
///
/// let history = Simulation::new(7).faults(Swarm::Mixed).run(member);
/// assert!(history.verdict().is_ok(), "{history}");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a simulation does nothing until it is run"]
pub struct Simulation {
    pub(super) seed: u64,
    nodes: Option<usize>,
    pub(super) length: Duration,
    swarm: Swarm,
    pub(super) plan: Option<Vec<Planned>>,
    pub(super) is_traced: bool,
    pub(super) expects_leader: bool,
    checks_cover: bool,
    over: Option<Over>,
}

/// What became of a history.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct History {
    /// The seed that it came from.
    pub seed: u64,
    /// How many members it had.
    pub nodes: usize,
    /// Whether a third party wrote the leader record.
    pub is_hostile: bool,
    /// How much time passed in it.
    pub length: Duration,
    /// What was not as promised, if anything was.
    pub violation: Option<Violation>,
    /// Everything that went wrong, in order: a plan that gives the same history.
    /// What was planned and never came about is not among it.
    pub faults: Vec<Planned>,
    /// For each class of fault how often it was made, and how often that
    /// changed an outcome or an order: what counts as such is told of each
    /// [`Class`].
    pub hits: BTreeMap<Class, (u64, u64)>,
    /// What happened, in numbers.
    pub counts: Counts,
    /// What happened, a line each, if it was [asked for](Simulation::traced).
    pub trace: Vec<String>,
    pub(super) marks: Vec<(Nanos, Mark)>,
    /// What gave it.
    pub(super) simulation: Simulation,
}

impl Simulation {
    /// A history from this seed: three to seven members, 600 seconds, nothing
    /// that goes wrong.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            nodes: None,
            length: Duration::from_secs(600),
            swarm: Swarm::Calm,
            plan: None,
            is_traced: false,
            expects_leader: true,
            checks_cover: true,
            over: None,
        }
    }

    /// The same with so many members instead of three to seven; at least one.
    pub const fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = Some(if nodes == 0 { 1 } else { nodes });
        self
    }

    /// The same, with the part in which things go wrong so long.
    pub const fn length(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// The same with faults by chance.
    pub const fn faults(mut self, swarm: Swarm) -> Self {
        self.swarm = swarm;
        self
    }

    /// The same with exactly these faults, and none by chance. What else is
    /// drawn (rates of clocks, delays) still comes from seed and swarm.
    pub fn plan(mut self, plan: Vec<Planned>) -> Self {
        self.plan = Some(plan);
        self
    }

    /// The same, keeping a line for every event: [`History::trace`], and what
    /// [`History::to_html`] draws.
    pub const fn traced(mut self) -> Self {
        self.is_traced = true;
        self
    }

    /// The same without a look at whether someone leads in the end.
    pub const fn without_liveness(mut self) -> Self {
        self.expects_leader = false;
        self
    }

    /// The same without the check that belief is covered by committed writes,
    /// which is a step of the proof and stronger than what is promised.
    pub const fn without_cover(mut self) -> Self {
        self.checks_cover = false;
        self
    }

    /// The same over a store of one's own instead of the one in memory: `makes`
    /// makes one for each history. Its requests are delayed, lost, repeated and
    /// refused as those to the store in memory are, and what is promised is
    /// judged by what stands in it. There is an example at [`Backend`].
    ///
    /// Not for [`Swarm::Patroni`], whose Patroni knows the store in memory alone:
    /// such a history ends at once, with a violation that says so.
    pub fn over(
        mut self,
        makes: impl Fn(Setting) -> Arc<dyn Backend> + Send + Sync + 'static,
    ) -> Self {
        self.over = Some(Over(Arc::new(makes)));
        self
    }

    /// Runs the program in every process of the cluster.
    pub fn run<F, Fut>(self, program: F) -> History
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.start(&boxed(program))
    }

    /// Runs the library's own members, who use an elector in every way there is.
    #[must_use]
    pub fn run_members(self) -> History {
        let members = self.members();
        self.start(&members)
    }

    /// What a run of histories by this swarm has to hit to count.
    #[must_use]
    pub fn expected_hits(swarm: Swarm) -> Vec<Class> {
        Rates::expected(swarm)
    }

    fn rates(&self) -> Rates {
        let mut rng = chance(self.seed, [u64::MAX, 1]);
        let drawn = rng.usize(3..=7);
        Rates::draw(self.swarm, self.nodes.unwrap_or(drawn), &mut rng)
    }

    pub(super) fn members(&self) -> Program {
        let rates = self.rates();
        let habits = habits(&rates, self.length);
        let Some(shared) = rates.patroni else {
            return Arc::new(move |node| member(node, habits.clone()));
        };
        let patronis = patroni::Habits {
            is_wall: shared.is_wall,
            until: nanos(self.length),
        };
        Arc::new(move |node| {
            if node.world().machine_of(node.process()) < shared.patronis {
                patroni(node, patronis.clone())
            } else {
                member(node, habits.clone())
            }
        })
    }

    pub(super) fn start(self, program: &Program) -> History {
        let rates = self.rates();
        let (nodes, is_hostile) = (rates.nodes, rates.is_hostile);
        let over = self.over.as_ref();
        let world = World::new(self.seed, rates, self.plan.as_deref(), self.is_traced, over);
        if over.is_some() && world.rates.patroni.is_some() {
            let what = "Swarm::Patroni is for the store in memory: choose another one";
            lock(&world.judge).fail(0, Invariant::Own, what.to_owned());
        }
        // What others agree to is no write.
        lock(&world.judge).checks_cover = self.checks_cover && !world.rates.failsafe;
        // Members that agree say more than a record that cannot be written.
        lock(&world.judge).checks_shown = !world.rates.failsafe;
        let story = Story::new(Arc::clone(&world), Arc::clone(program));
        let mut run = Run {
            world: Arc::clone(&world),
            story,
            believing: Vec::new(),
        };
        // Where T_CLAMP of some exceeds T_WAIT of others, these never acquire.
        let expects_leader = self.expects_leader && !world.rates.mixed_clamps;
        let mut all = || {
            run.story.begin(self.plan.as_deref());
            run.all(nanos(self.length), expects_leader);
        };
        match world.over() {
            Some(over) => over.within(&mut all),
            None => all(),
        }
        run.end();
        run.counts_slews();
        let (trace, marks) = world.trace.take();
        let mut judge = lock(&world.judge);
        History {
            seed: self.seed,
            nodes,
            is_hostile,
            length: Duration::from_nanos(world.now()),
            violation: judge.violation.take(),
            faults: std::mem::take(&mut *lock(&world.happened)),
            hits: std::mem::take(&mut judge.hits),
            counts: judge.counts,
            trace,
            marks,
            simulation: self,
        }
    }
}

impl History {
    /// Whether all was as promised.
    ///
    /// # Errors
    /// The [`Violation`] that came first.
    pub fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, nodes) = (self.seed, self.nodes);
        writeln!(
            f,
            "seed {seed}, {nodes} members, {} terms",
            self.counts.terms
        )?;
        match &self.violation {
            Some(violation) => writeln!(f, "{violation}")?,
            None => writeln!(f, "all as promised")?,
        }
        if self.violation.is_some() {
            writeln!(f, "{} faults:", self.faults.len())?;
            for fault in &self.faults {
                writeln!(f, "{fault}")?;
            }
        }
        Ok(())
    }
}

pub(super) fn boxed<F, Fut>(program: F) -> Program
where
    F: Fn(Node) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |node| program(node).boxed())
}

fn habits(rates: &Rates, length: Duration) -> Habits {
    let seconds = |count: u64| Duration::from_secs(count);
    let (ttl, third) = (rates.ttl, rates.ttl / 3);
    let timing = LeaseTiming::new(seconds(ttl), seconds(third), seconds(ttl / rates.retries));
    // The work needs as long to stop, whatever the ttl is changed to.
    let stop_time = seconds(ttl) / 10;
    let timing = timing.and_then(|timing| timing.with_stop_time(stop_time));
    let timing = timing.unwrap_or_else(|error| unreachable!("{error}"));
    let longer = LeaseTiming::new(seconds(ttl * 2), seconds(third), seconds(third));
    let shared = rates.patroni.as_ref();
    Habits {
        timing: match shared {
            // All of them cap and wait alike, whatever ttl each of them has.
            Some(shared) => timing
                .with_max_ttl(seconds(shared.max_ttl))
                .unwrap_or_else(|error| unreachable!("{error}")),
            None => timing,
        },
        other_timing: longer.ok().filter(|_| rates.mixed_clamps),
        beside_patroni: match shared {
            Some(shared) => Some(shared.beside()),
            None => rates.beside_patroni.then(BesidePatroni::new),
        },
        follows_config: shared.is_some_and(|shared| shared.follows),
        failsafe: rates
            .failsafe
            .then(|| (0..rates.nodes).map(member_name).collect()),
        bootstraps: rates.bootstraps,
        shift: rates.shift,
        keeps: rates.keeps_leases,
        wishes_until: nanos(length),
        counts: !rates.bootstraps,
    }
}

/// A history while it runs.
struct Run {
    world: Arc<World>,
    story: Arc<Story>,
    /// Who was seen to believe, and in which term, for the picture.
    believing: Vec<(usize, Option<u128>)>,
}

impl Run {
    fn all(&mut self, length: Nanos, expects_leader: bool) {
        if !self.until(length, |_| false) {
            return;
        }
        self.story.heal();
        let calm = self.world.now() + STRAYS;
        if !self.until(calm, |_| false) || !expects_leader {
            return;
        }
        self.someone_leads("nobody leads although all is well");
        let lost = lock(&self.world.judge).counts.lost;
        if !self.until(self.world.now() + STEADY, |_| false) {
            return;
        }
        let judge = lock(&self.world.judge);
        let lost = judge.counts.lost > lost;
        drop(judge);
        if lost {
            self.fail("a term was lost although all is well");
        }
        self.someone_leads("whoever led in calm days was not followed");
    }

    /// Someone leads within the bound.
    fn someone_leads(&mut self, or_else: &str) {
        let Some(bound) = self.world.liveness_bound() else {
            return;
        };
        let leads = |world: &World| lock(&world.judge).leaders(world.now()).len() == 1;
        let went_to_end = !leads(&self.world) && self.until(self.world.now() + bound, leads);
        if went_to_end && !leads(&self.world) {
            self.fail(or_else);
        }
    }

    fn fail(&self, what: &str) {
        let now = self.world.now();
        lock(&self.world.judge).fail(now, Invariant::Liveness, what.to_owned());
    }

    /// Runs to an instant, or until `stops` says so. Whether it went to the end
    /// without a violation.
    fn until(&mut self, end: Nanos, stops: impl Fn(&World) -> bool) -> bool {
        let executor = self.world.executor.clone();
        let over = self.world.over().cloned();
        let settle = || {
            if let Some(over) = &over {
                over.settle();
            }
        };
        executor.run(end, settle, |turn| {
            self.look(turn);
            let world = &self.world;
            lock(&world.judge).violation.is_none() && !stops(world)
        })
    }

    fn look(&mut self, turn: Turn) {
        let now = self.world.now();
        match turn {
            Turn::Polled(process) => {
                let told = lock(&self.world.judge).polled(now, process);
                for kind in told {
                    self.world.note(|| format!("p{process} says {kind:?}"));
                    if matches!(kind, EventKind::Elected { .. }) {
                        self.world.elected();
                    }
                    self.mark_end(process, &kind);
                }
                self.story.ambush();
            }
            Turn::Called => {}
            Turn::Spins(process) => {
                let what = format!("p{process} spins");
                lock(&self.world.judge).fail(now, Invariant::TimeGoesOn, what);
            }
        }
        if self.world.trace.is_kept() {
            self.mark_belief();
        }
    }

    fn mark_belief(&mut self) {
        let believing = {
            let judge = lock(&self.world.judge);
            let mut believing = judge.believes();
            let theirs = judge.patronis.believers(self.world.now());
            believing.extend(theirs.map(|process| (process, None)));
            believing
        };
        let before = std::mem::replace(&mut self.believing, believing);
        // Ends first: what begins at the same instant comes after them.
        for believer in &before {
            if !self.believing.contains(believer) {
                self.mark(*believer, false);
            }
        }
        for believer in &self.believing {
            if !before.contains(believer) {
                self.mark(*believer, true);
            }
        }
    }

    fn mark(&self, (process, token): (usize, Option<u128>), is: bool) {
        self.world
            .trace
            .mark(|| Mark::Belief { process, token, is });
        let word = if is {
            "believes"
        } else {
            "does not believe any more"
        };
        self.world.note(|| format!("p{process} {word}"));
    }

    fn mark_end(&self, process: usize, kind: &EventKind) {
        let (token, loss) = match kind {
            EventKind::Lost { token, why } => (token, Some(why)),
            EventKind::Released { token } => (token, None),
            _ => return,
        };
        self.world.trace.mark(|| Mark::TermEnded {
            process,
            token: token.get(),
            how: match loss {
                Some(why) => format!("lost, {why:?}").to_lowercase(),
                None => "released".to_owned(),
            },
        });
    }

    fn counts_slews(&self) {
        let clocks = self.story.clocks.iter();
        let felt: u64 = clocks.map(NodeClock::slews_felt).sum();
        if felt > 0 {
            let mut judge = lock(&self.world.judge);
            judge.hits.entry(Class::Slew).or_default().1 += felt;
        }
    }

    fn end(&self) {
        let violation = lock(&self.world.judge).violation.clone();
        if let Some(violation) = violation {
            self.world.note(|| format!("VIOLATION: {violation}"));
        }
        self.world.executor.clear();
        // What waits there, and each elector, holds on to the world.
        for process in lock(&self.world.processes).iter_mut() {
            process.inbox = None;
        }
        let count = lock(&self.world.processes).len();
        for process in 0..count {
            self.world.set_dcs(process, None);
        }
        if let Some(over) = self.world.over() {
            over.end();
        }
        let electors = lock(&self.world.judge).lets_go();
        drop(electors);
    }
}
