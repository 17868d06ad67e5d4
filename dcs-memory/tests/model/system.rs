//! The store as two processes use it, held against the model after each step.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Dcs, Error, Outcome, Scope, Snapshot, TokioClock, Update, WatchEvent, WatchStream};
use dcs_memory::operation::Operation;
use dcs_memory::{IdenticalWrites, MemoryDcs, MemoryOptions, MemoryStore};
use futures_util::{FutureExt, StreamExt};
use proptest_state_machine::StateMachineTest;
use tokio::runtime::Runtime;

use crate::reference::{Ends, Loses, Model, PROCESSES, Reference, Step};

/// Small, so that a watch that is not looked at falls behind.
const LOG_CAPACITY: usize = 12;
/// Longer than any test: nothing is re-opened for silence.
const SILENCE: Duration = Duration::from_secs(1_000_000);

/// A store that keeps the revision of identical writes, or does not.
pub(crate) struct Tested<const KEEPS: bool>;

pub(crate) struct System {
    processes: Vec<Process>,
    store: MemoryStore,
    scope: Scope,
    runtime: Runtime,
}

struct Process {
    dcs: MemoryDcs,
    watch: WatchStream,
    /// What the watch has shown, all together, since it last began anew.
    shown: Option<Snapshot>,
}

impl<const KEEPS: bool> StateMachineTest for Tested<KEEPS> {
    type SystemUnderTest = System;
    type Reference = Reference<KEEPS>;

    fn init_test(_: &Model) -> System {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let clock = runtime.block_on(async { Arc::new(TokioClock::new()) });
        let identical = if KEEPS {
            IdenticalWrites::KeepRevision
        } else {
            IdenticalWrites::NewRevision
        };
        let options = MemoryOptions::default()
            .with_log_capacity(LOG_CAPACITY)
            .with_identical_writes(identical);
        let store = MemoryStore::with_options(clock, options);
        let scope: Scope = "demo".parse().unwrap();
        let processes = (0..PROCESSES).map(|_| Process::new(store.handle(&scope)));
        System {
            processes: processes.collect(),
            store,
            scope,
            runtime,
        }
    }

    fn apply(mut system: System, model: &Model, step: Step) -> System {
        match step {
            Step::Asks {
                process,
                operation,
                loses,
            } => system.asks(model, process, &operation, loses),
            Step::Looks { process } => system.looks(model, process),
            Step::Breaks { process, with_gap } => {
                let process = &mut system.processes[process];
                if with_gap {
                    process.dcs.break_watch_with_gap();
                    process.shown = None;
                } else {
                    process.dcs.break_watch();
                }
            }
            Step::DeletesLeader => drop(system.store.delete_leader(&system.scope)),
            Step::BumpsLeader => drop(system.store.bump_leader(&system.scope)),
        }
        system
    }

    fn check_invariants(system: &System, model: &Model) {
        assert_eq!(system.store.snapshot(&system.scope), model.snapshot());
    }

    fn teardown(mut system: System, model: Model) {
        for process in 0..PROCESSES {
            system.looks(&model, process);
        }
    }
}

impl System {
    fn asks(&mut self, model: &Model, process: usize, operation: &Operation, loses: Loses) {
        let process = &mut self.processes[process];
        if model.ends.is_some() {
            match loses {
                Loses::Nothing => {}
                Loses::Request => process.dcs.lose_next_request(),
                Loses::Answer => process.dcs.lose_next_answer(),
            }
        }
        let outcome = self.runtime.block_on(process.asks(model, operation));
        assert_eq!(outcome.map(ends), model.ends);
    }

    /// Takes what a watch shows: together it has to be what stands there.
    fn looks(&mut self, model: &Model, process: usize) {
        let process = &mut self.processes[process];
        self.runtime.block_on(async {
            while let Some(item) = process.watch.next().now_or_never() {
                process.takes(item.unwrap().unwrap());
            }
        });
        assert_eq!(process.shown, Some(model.snapshot()));
    }
}

impl Process {
    fn new(dcs: MemoryDcs) -> Self {
        Self {
            watch: dcs.watch(SILENCE),
            dcs,
            shown: None,
        }
    }

    /// How a write ended; reads are held against the model here.
    async fn asks(&mut self, model: &Model, operation: &Operation) -> Option<Outcome> {
        if let (Some(change), Some(expected)) = (operation.change(), model.expected) {
            return Some(self.dcs.write(&change, expected).await);
        }
        if let Some(record) = operation.member() {
            return Some(self.dcs.put_member(&record).await);
        }
        match operation {
            Operation::DeleteMember { name } => return Some(self.dcs.delete_member(name).await),
            Operation::Load => assert_eq!(self.dcs.load().await.unwrap(), model.snapshot()),
            Operation::LoadLeader => {
                let leader = self.dcs.load_leader().await.unwrap();
                assert_eq!(leader, model.snapshot().leader);
            }
            _ => (self.watch, self.shown) = (self.dcs.watch(SILENCE), None),
        }
        None
    }

    fn takes(&mut self, event: WatchEvent) {
        let update = match event {
            WatchEvent::Reset(snapshot) => return self.shown = Some(*snapshot),
            WatchEvent::Alive => panic!("silent for {SILENCE:?}"),
            WatchEvent::Changed(update) => update,
        };
        let shown = self.shown.as_mut().expect("a watch begins with a reset");
        if let Update::Leader(update) = &update {
            assert_eq!(
                update.previous, shown.leader.revision,
                "a version is left out"
            );
        }
        shown.apply(update);
    }
}

fn ends(outcome: Outcome) -> Ends {
    match outcome {
        Outcome::Committed(committed) => Ends::Committed(committed.revision),
        Outcome::NotCommitted(Error::Conflict { found, .. }) => Ends::Conflict(found),
        Outcome::NotCommitted(Error::Missing { .. }) => Ends::Missing,
        Outcome::NotCommitted(error) => panic!("{error}"),
        Outcome::Unknown(_) => Ends::Unknown,
    }
}
