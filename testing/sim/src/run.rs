//! One history after the other, on all processors.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use dcs_memory::sim::{History, Simulation, Swarm, history_seed};

use crate::totals::Totals;

/// Which histories: the same range of the same run is the same histories.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) seed: u64,
    pub(crate) swarm: Swarm,
    pub(crate) range: Range<u64>,
    pub(crate) threads: NonZeroUsize,
    /// Stop at the first violation.
    pub(crate) stops: bool,
    /// Judge by what is promised alone, and not by the steps of its proof.
    pub(crate) only_promises: bool,
}

/// A history with a violation.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) seed: u64,
    pub(crate) what: String,
    pub(crate) invariant: String,
}

impl Batch {
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
        let history = catch_unwind(AssertUnwindSafe(|| self.simulation(seed).run_members()));
        let Ok(history) = history else {
            totals.add(&Totals::panicked());
            return Some(Found {
                seed,
                what: "panicked".to_owned(),
                invariant: "no panic".to_owned(),
            });
        };
        totals.add(&Totals::of(&history));
        found(&history)
    }

    pub(crate) fn simulation(&self, seed: u64) -> Simulation {
        let simulation = Simulation::new(seed).faults(self.swarm);
        if self.only_promises {
            simulation.without_cover()
        } else {
            simulation
        }
    }
}

fn found(history: &History) -> Option<Found> {
    let violation = history.violation.as_ref()?;
    Some(Found {
        seed: history.seed,
        what: violation.to_string(),
        invariant: violation.invariant.name().to_owned(),
    })
}
