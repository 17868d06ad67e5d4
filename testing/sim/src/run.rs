//! One history after the other, on all processors.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use dcs_memory::sim::{History, Simulation, Swarm, history_seed};
use serde::{Deserialize, Serialize};

use crate::args::{Args, Backend};
use crate::caught::caught;
use crate::kubernetes;
use crate::totals::Totals;

/// Which histories: the same range of the same run is the same histories.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) seed: u64,
    pub(crate) swarm: Swarm,
    pub(crate) backend: Backend,
    pub(crate) range: Range<u64>,
    pub(crate) threads: NonZeroUsize,
    /// Stop at the first violation.
    pub(crate) stops: bool,
    /// Judge by what is promised alone, and not by the steps of its proof.
    pub(crate) only_promises: bool,
}

/// A history with a violation, or one that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) seed: u64,
    pub(crate) what: String,
    pub(crate) invariant: String,
    /// The history, or the program that simulates it, panicked: nothing can be
    /// said of what was promised, and it would panic again.
    pub(crate) panicked: bool,
}

impl Batch {
    /// These histories of the run that the arguments ask for.
    pub(crate) fn of(args: &Args, range: Range<u64>, stops: bool) -> Self {
        Self {
            seed: args.seed.0,
            swarm: args.swarm(),
            backend: args.backend(),
            range,
            threads: args.threads(),
            stops,
            only_promises: args.only_promises(),
        }
    }

    /// Runs them. `done` is told of each history. What was found comes by its
    /// place in the run; with [`stops`](Self::stops) nothing before the first
    /// one was left out.
    pub(crate) fn run(&self, done: impl Fn() + Sync) -> (Totals, BTreeMap<u64, Found>) {
        let next = AtomicU64::new(self.range.start);
        let end = AtomicU64::new(self.range.end);
        let all = Mutex::new((Totals::default(), BTreeMap::new()));
        thread::scope(|scope| {
            for _ in 0..self.threads.get() {
                scope.spawn(|| {
                    let mut totals = Totals::default();
                    loop {
                        let index = next.fetch_add(1, Relaxed);
                        if index >= end.load(Relaxed) {
                            break;
                        }
                        let found = self.one(index, &mut totals);
                        done();
                        if let Some(found) = found {
                            if self.stops {
                                end.fetch_min(index, Relaxed);
                            }
                            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                            all.1.insert(index, found);
                        }
                    }
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.0.add(&totals);
                });
            }
        });
        all.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn one(&self, index: u64, totals: &mut Totals) -> Option<Found> {
        let seed = history_seed(self.seed, index);
        let (one, found) = judged(seed, || self.simulation(seed).run_members());
        totals.add(&one);
        found
    }

    pub(crate) fn simulation(&self, seed: u64) -> Simulation {
        let simulation = Simulation::new(seed).faults(self.swarm);
        let simulation = match self.backend.mode() {
            Some(mode) => simulation.over(kubernetes::makes(mode)),
            None => simulation,
        };
        if self.only_promises {
            simulation.without_cover()
        } else {
            simulation
        }
    }
}

impl Found {
    pub(crate) fn panic(seed: u64, why: &str) -> Self {
        Self {
            seed,
            what: format!("panicked: {why}"),
            invariant: "no panic".to_owned(),
            panicked: true,
        }
    }

    fn violation(history: &History) -> Option<Self> {
        let violation = history.violation.as_ref()?;
        Some(Self {
            seed: history.seed,
            what: violation.to_string(),
            invariant: violation.invariant.name().to_owned(),
            panicked: false,
        })
    }
}

fn judged(seed: u64, run: impl FnOnce() -> History) -> (Totals, Option<Found>) {
    match caught(run) {
        Ok(history) => (Totals::of(&history), Found::violation(&history)),
        Err(why) => (Totals::panicked(), Some(Found::panic(seed, &why))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_panics_is_counted_and_named_by_its_seed() {
        let (totals, found) = judged(9, || panic!("out of bounds"));
        assert_eq!((totals.histories, totals.violations), (1, 1));
        assert_eq!(found, Some(Found::panic(9, "out of bounds")));
    }
}
