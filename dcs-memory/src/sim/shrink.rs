//! Finds a small list of faults that breaks the same invariant.

use std::fmt;
use std::time::Duration;

use super::fault::Planned;
use super::judge::{Invariant, Violation};
use super::node::Node;
use super::shrunk::{NotShrunk, Shrunk};
use super::simpler::{aimed_at, simpler, without_member};
use super::simulation::{History, Simulation, boxed};
use super::story::Program;

/// How many histories are run at most, if nobody says otherwise.
const REPLAYS: usize = 500;

/// Makes a history with a violation small. Begin with [`History::shrink`].
///
/// Faults are left out as long as the same invariant still breaks (delta
/// debugging); those that stay are made simpler: shorter, one way instead of
/// both, at round instants. Then members are left out and the history is made
/// shorter. The same history and program give the same result.
#[must_use = "nothing is shrunk until it is run"]
pub struct Shrink<'a> {
    history: &'a History,
    replays: usize,
    progress: Box<dyn FnMut(Progress) + 'a>,
    hint: Option<String>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many histories were run.
    pub replays: usize,
    /// How many may be run.
    pub limit: usize,
    /// How many faults the smallest list so far has.
    pub faults: usize,
}

impl History {
    /// Begins to find a small list of faults that breaks the same invariant.
    ///
    /// ```
    /// use std::time::Duration;
    /// use dcs_core::election::LeaseTiming;
    /// use dcs_memory::sim::{Node, Simulation, Swarm};
    ///
    /// async fn member(node: Node) {
    ///     let seconds = Duration::from_secs;
    ///     let timing = LeaseTiming::new(seconds(15), seconds(5), seconds(4)).unwrap();
    ///     let elector = node.elector(timing);
    ///     while let Ok(_lease) = elector.acquire().await {
    ///         let _acts = node.acts();
    ///         // A defect: the lease may be over long before.
    ///         node.sleep(seconds(60)).await;
    ///     }
    /// }
    ///
    /// let simulation = Simulation::new(1).faults(Swarm::Mixed).length(Duration::from_secs(120));
    /// let history = simulation.run(member);
    /// let shrunk = history.shrink().run(member).unwrap();
    /// assert!(shrunk.history.faults.len() <= 2, "{shrunk}");
    /// ```
    pub fn shrink(&self) -> Shrink<'_> {
        Shrink {
            history: self,
            replays: REPLAYS,
            progress: Box::new(|_| ()),
            hint: None,
        }
    }
}

impl<'a> Shrink<'a> {
    /// The same with so many histories run at most, instead of 500; at least one.
    pub const fn replays(mut self, limit: usize) -> Self {
        self.replays = if limit == 0 { 1 } else { limit };
        self
    }

    /// The same, telling after each history that was run how far it is.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Box::new(tell);
        self
    }

    /// The same with a text that says how this history is run again, for people.
    pub fn replay_by(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Shrinks a history of this program: the one that it came from.
    ///
    /// # Errors
    /// [`NotShrunk`] if nothing is broken in the history, or if it does not
    /// replay to the same violation at the same instant.
    pub fn run<F, Fut>(self, program: F) -> Result<Shrunk, NotShrunk>
    where
        F: Fn(Node) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.search(boxed(program))
    }

    /// Shrinks a history of [`Simulation::run_members`].
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_members(self) -> Result<Shrunk, NotShrunk> {
        let members = self.history.simulation.members();
        self.search(members)
    }

    fn search(self, program: Program) -> Result<Shrunk, NotShrunk> {
        let history = self.history;
        let seed = history.seed;
        let violation = history.violation.clone();
        let expected = violation.ok_or(NotShrunk::NoViolation { seed })?;
        let mut simulation = history.simulation.clone();
        simulation.is_traced = false;
        // What comes after a violation in the first part is not needed.
        simulation.expects_leader &= expected.at > simulation.length;
        let mut search = Search {
            program,
            simulation,
            invariant: expected.invariant,
            limit: self.replays,
            replays: 0,
            progress: self.progress,
            best: Case {
                plan: history.faults.clone(),
                nodes: history.nodes,
                length: history.simulation.length,
            },
            violation: expected.clone(),
        };
        let found = search.replay(&search.best.clone()).violation;
        if found.as_ref() != Some(&expected) {
            return Err(NotShrunk::NotReplayed {
                seed,
                expected,
                found,
            });
        }
        search.all();
        let mut simulation = search.best.of(&search.simulation);
        simulation.is_traced = history.simulation.is_traced;
        Ok(Shrunk {
            history: simulation.clone().start(&search.program),
            simulation,
            violation: search.violation,
            faults_before: history.faults.len(),
            replays: search.replays,
            is_smallest: search.replays < search.limit,
            hint: self.hint,
        })
    }
}

/// What is varied.
#[derive(Clone)]
struct Case {
    plan: Vec<Planned>,
    nodes: usize,
    length: Duration,
}

impl Case {
    fn of(&self, simulation: &Simulation) -> Simulation {
        let simulation = simulation.clone();
        simulation
            .plan(self.plan.clone())
            .nodes(self.nodes)
            .length(self.length)
    }
}

struct Search<'a> {
    program: Program,
    simulation: Simulation,
    invariant: Invariant,
    limit: usize,
    replays: usize,
    progress: Box<dyn FnMut(Progress) + 'a>,
    /// The smallest that breaks the invariant, and how it does.
    best: Case,
    violation: Violation,
}

impl Search<'_> {
    fn all(&mut self) {
        self.try_plan(Vec::new());
        self.shorten();
        loop {
            self.leave_out();
            // While faults are still large, fewer members break it, too.
            let is_smaller = self.leave_members_out();
            let is_simpler = self.simplify();
            // What is simpler now may not be needed any more.
            if !is_simpler && !is_smaller {
                break;
            }
        }
        self.shorten();
    }

    /// Leaves faults out, in ever smaller pieces (Zeller and Hildebrandt, 2002).
    fn leave_out(&mut self) {
        let mut pieces = 2;
        while !self.best.plan.is_empty() {
            let count = self.best.plan.len();
            let size = count.div_ceil(pieces);
            let left_one_out = (0..count).step_by(size).any(|start| {
                let mut plan = self.best.plan.clone();
                plan.drain(start..count.min(start + size));
                self.try_plan(plan)
            });
            if left_one_out {
                pieces = pieces.saturating_sub(1).max(2);
            } else if size == 1 || self.is_spent() {
                return;
            } else {
                pieces *= 2;
            }
        }
    }

    /// Makes each fault as simple as it gets. Whether anything was.
    fn simplify(&mut self) -> bool {
        let mut is_simpler = false;
        let mut index = 0;
        while let Some(fault) = self.best.plan.get(index) {
            let made = simpler(fault).into_iter().any(|simpler| {
                let mut plan = self.best.plan.clone();
                plan[index] = simpler;
                self.try_plan(plan)
            });
            is_simpler |= made;
            // A simpler one may get simpler still.
            index += usize::from(!made);
        }
        is_simpler
    }

    /// Leaves members out, the ones that faults are aimed at too. Whether any
    /// was left out.
    fn leave_members_out(&mut self) -> bool {
        let before = self.best.nodes;
        self.aim_in_smaller();
        let mut gone = self.best.nodes;
        while let Some(member) = gone.checked_sub(1).filter(|_| self.best.nodes > 1) {
            gone = member;
            let plan = without_member(&self.best.plan, member);
            self.attempt_with(self.best.nodes - 1, plan);
        }
        self.best.nodes < before
    }

    /// Among fewer members another one leads: if all faults are aimed at one
    /// process, they are aimed at another one.
    fn aim_in_smaller(&mut self) {
        let plan = self.best.plan.clone();
        let mut aims = plan.iter().filter_map(|planned| planned.fault.process());
        let first = aims.next();
        if aims.any(|aim| Some(aim) != first) {
            return;
        }
        for nodes in 1..self.best.nodes {
            if (0..nodes).any(|aim| self.attempt_with(nodes, aimed_at(&plan, aim))) {
                return;
            }
        }
    }

    fn attempt_with(&mut self, nodes: usize, plan: Vec<Planned>) -> bool {
        let case = Case {
            plan,
            nodes,
            ..self.best
        };
        self.attempt(&case)
    }

    /// Ends it soon after the violation; one at the end comes earlier then.
    fn shorten(&mut self) {
        let seconds = |span: Duration| Duration::from_secs(span.as_secs() + 1);
        let ends = [
            self.best.plan.last().map(|last| seconds(last.at)),
            Some(seconds(self.violation.at)),
        ];
        for length in ends.into_iter().flatten() {
            if length < self.best.length {
                let case = Case {
                    length,
                    ..self.best.clone()
                };
                self.attempt(&case);
            }
        }
    }

    fn try_plan(&mut self, plan: Vec<Planned>) -> bool {
        let case = Case {
            plan,
            ..self.best.clone()
        };
        self.attempt(&case)
    }

    /// Takes a case that breaks the invariant as the best so far.
    fn attempt(&mut self, case: &Case) -> bool {
        if self.is_spent() {
            return false;
        }
        let history = self.replay(case);
        let violation = history.violation;
        let Some(violation) = violation.filter(|found| found.invariant == self.invariant) else {
            return false;
        };
        self.violation = violation;
        // What did not come about is not needed.
        self.best = Case {
            plan: history.faults,
            ..*case
        };
        true
    }

    fn replay(&mut self, case: &Case) -> History {
        let history = case.of(&self.simulation).start(&self.program);
        self.replays += 1;
        (self.progress)(Progress {
            replays: self.replays,
            limit: self.limit,
            faults: self.best.plan.len(),
        });
        history
    }

    const fn is_spent(&self) -> bool {
        self.replays >= self.limit
    }
}

impl fmt::Debug for Shrink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shrink")
            .field("seed", &self.history.seed)
            .field("replays", &self.replays)
            .finish_non_exhaustive()
    }
}
