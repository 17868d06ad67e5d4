use std::sync::Arc;

use dcs_core::{Change, Dcs, LeaderRecord, Outcome, Precondition, Value};
use dcs_memory::{MemoryDcs, MemoryStore};
use futures_util::FutureExt;

use crate::{ManualClock, Member, scope};

/// A key of a store in memory, and what is written there again and again.
#[derive(Debug)]
pub struct Register {
    dcs: MemoryDcs,
    change: Change,
    expected: Precondition,
}

impl Register {
    /// The key that `change` writes, absent as yet, in the scope of the benches.
    #[must_use]
    pub fn new(store: &MemoryStore, change: Change) -> Self {
        Self {
            dcs: store.handle(&scope()),
            change,
            expected: Precondition::Absent,
        }
    }

    /// Writes on the revision of the write before.
    ///
    /// # Panics
    /// If the write is not committed, or not at once.
    pub fn write(&mut self) {
        match self.outcome(self.expected) {
            Outcome::Committed(committed) => {
                self.expected = Precondition::Matches(committed.revision);
            }
            other => panic!("nobody else writes, and yet: {other:?}"),
        }
    }

    /// Writes as if the key were absent, which it is not.
    ///
    /// # Panics
    /// If that is anything but refused, or not at once.
    pub fn write_refused(&self) {
        let outcome = self.outcome(Precondition::Absent);
        assert!(outcome.is_conflict(), "the key is there: {outcome:?}");
    }

    fn outcome(&self, expected: Precondition) -> Outcome {
        let write = self.dcs.write(&self.change, expected);
        write.now_or_never().expect("memory answers at once")
    }
}

/// The leader record as an elector writes it.
///
/// # Panics
/// Never: a member leads a store of its own.
#[must_use]
pub fn leader_record() -> LeaderRecord {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new(clock.clone());
    let mut member = Member::new(Arc::new(store.handle(&scope())), clock);
    let _lease = member.lead();
    match store.snapshot(&scope()).leader.value {
        Value::Present(record) => record,
        other => panic!("a member leads, and yet: {other:?}"),
    }
}
