//! What a store is, in the plainest words: numbers that grow, and what was
//! written last.

use std::collections::BTreeMap;

use dcs_core::{
    Change, Entry, Failsafe, Key, LeaderRecord, MemberName, MemberRecord, Precondition, Revision,
    Snapshot, Status, Value,
};
use dcs_memory::operation::{Operation, operations};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

pub(crate) const PROCESSES: usize = 2;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Asks {
        process: usize,
        operation: Operation,
        loses: Loses,
    },
    /// A process takes all that its watch has to show.
    Looks {
        process: usize,
    },
    Breaks {
        process: usize,
        with_gap: bool,
    },
    DeletesLeader,
    BumpsLeader,
}

/// What gets lost of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loses {
    Nothing,
    Request,
    Answer,
}

/// How a write has to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Committed(Revision),
    Conflict(Option<Revision>),
    Missing,
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    keeps: bool,
    newest: u128,
    registers: BTreeMap<Key, Register>,
    members: BTreeMap<MemberName, (Revision, MemberRecord)>,
    status: Option<Status>,
    failsafe: Option<Failsafe>,
    /// Of the last step: what a write of it expected, and how it has to end.
    pub(crate) expected: Option<Precondition>,
    pub(crate) ends: Option<Ends>,
}

#[derive(Clone, Debug, Default)]
struct Register {
    /// All that it ever had.
    versions: Vec<Revision>,
    now: Option<(Revision, Change)>,
}

/// A model of a store that keeps the revision of identical writes, or does not.
#[derive(Debug)]
pub(crate) struct Reference<const KEEPS: bool>;

impl<const KEEPS: bool> ReferenceStateMachine for Reference<KEEPS> {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        let model = Model {
            keeps: KEEPS,
            ..Model::default()
        };
        Just(model).boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Step> {
        let process = 0..PROCESSES;
        let loses = prop_oneof![
            8 => Just(Loses::Nothing),
            1 => Just(Loses::Request),
            1 => Just(Loses::Answer),
        ];
        prop_oneof![
            20 => (process.clone(), operations(2), loses).prop_map(
                |(process, operation, loses)| Step::Asks { process, operation, loses }
            ),
            3 => process.clone().prop_map(|process| Step::Looks { process }),
            2 => (process, any::<bool>())
                .prop_map(|(process, with_gap)| Step::Breaks { process, with_gap }),
            1 => Just(Step::DeletesLeader),
            1 => Just(Step::BumpsLeader),
        ]
        .boxed()
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        (model.expected, model.ends) = (None, None);
        match step {
            Step::Asks {
                operation, loses, ..
            } => model.asks(operation, *loses),
            Step::DeletesLeader => model.deletes_leader(),
            Step::BumpsLeader => model.bumps_leader(),
            Step::Looks { .. } | Step::Breaks { .. } => {}
        }
        model
    }
}

impl Model {
    fn asks(&mut self, operation: &Operation, loses: Loses) {
        let mut after = self.clone();
        let Some(ends) = after.ends(operation) else {
            return;
        };
        if loses == Loses::Request {
            self.expected = after.expected;
        } else {
            *self = after;
        }
        self.ends = Some(match loses {
            Loses::Nothing => ends,
            _ => Ends::Unknown,
        });
    }

    fn ends(&mut self, operation: &Operation) -> Option<Ends> {
        if let Some(record) = operation.member() {
            let revision = self.next();
            let name = record.name().clone();
            self.members.insert(name, (revision, record));
            return Some(Ends::Committed(revision));
        }
        if let Operation::DeleteMember { name } = operation {
            let Some(_) = self.members.remove(name) else {
                return Some(Ends::Missing);
            };
            return Some(Ends::Committed(self.next()));
        }
        let change = operation.change()?;
        let register = self.registers.entry(change.key()).or_default();
        let expected = operation.precondition(&register.versions)?;
        self.expected = Some(expected);
        let found = register.now.as_ref().map(|(revision, _)| *revision);
        if Precondition::from(found) != expected {
            return Some(Ends::Conflict(found));
        }
        let is_same = self.is_same(&change);
        match found.filter(|_| self.keeps && is_same) {
            Some(found) => Some(Ends::Committed(found)),
            None => Some(Ends::Committed(self.writes(change))),
        }
    }

    fn writes(&mut self, change: Change) -> Revision {
        let revision = self.next();
        if let Change::Leader(write) = &change {
            self.status = write.status.clone().or(self.status.take());
            self.failsafe = write.failsafe.clone().or(self.failsafe.take());
        }
        let register = self.registers.entry(change.key()).or_default();
        register.versions.push(revision);
        register.now = Some((revision, change));
        revision
    }

    /// Whether a change would leave everything as it is.
    fn is_same(&self, change: &Change) -> bool {
        let register = self.registers.get(&change.key());
        let now = register.and_then(|register| register.now.as_ref());
        match (now, change) {
            (Some((_, Change::Leader(old))), Change::Leader(new)) => {
                old.record == new.record
                    && (new.status.is_none() || new.status == self.status)
                    && (new.failsafe.is_none() || new.failsafe == self.failsafe)
            }
            (Some((_, old)), new) => old == new,
            (None, _) => false,
        }
    }

    fn deletes_leader(&mut self) {
        let register = self.registers.entry(Key::Leader).or_default();
        if register.now.take().is_some() {
            self.next();
            (self.status, self.failsafe) = (None, None);
        }
    }

    fn bumps_leader(&mut self) {
        let register = self.registers.entry(Key::Leader).or_default();
        if let Some((_, change)) = register.now.clone() {
            self.writes(change);
        }
    }

    fn next(&mut self) -> Revision {
        self.newest += 1;
        Revision::new(self.newest).unwrap()
    }

    /// All that a reader has to see.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut all = Snapshot::default();
        let registers = self.registers.values();
        for (revision, change) in registers.filter_map(|register| register.now.as_ref()) {
            let at = Some(*revision);
            match change.clone() {
                Change::Leader(write) => {
                    all.leader = entry::<LeaderRecord>(at, Some(write.record));
                    all.status = entry(at, self.status.clone());
                    all.failsafe = entry(at, self.failsafe.clone());
                }
                Change::Config(value) => all.config = entry(at, value),
                Change::Initialize(value) => all.initialize = entry(at, value),
                Change::History(value) => all.history = entry(at, value),
                Change::Failover(value) => all.failover = entry(at, value),
                Change::Sync(value) => all.sync = entry(at, value),
                _ => {}
            }
        }
        for (name, (revision, record)) in &self.members {
            let entry = Entry::present(*revision, record.clone());
            all.members.insert(name.clone(), entry);
        }
        all
    }
}

fn entry<T>(revision: Option<Revision>, value: Option<T>) -> Entry<T> {
    Entry {
        revision,
        value: value.map_or(Value::Absent, Value::Present),
        ..Entry::absent()
    }
}
