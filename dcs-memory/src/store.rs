//! The registers: a state machine without I/O, without a clock of its own and
//! without chance. What a later simulator steps through is this file.

use std::collections::BTreeMap;

use dcs_core::{
    Change, Committed, Entry, Error, Failsafe, Key, LeaderRecord, LeaderUpdate, LeaderWrite,
    MemberName, MemberRecord, Precondition, Revision, Scope, Snapshot, Stamp, Status, Update,
    Value,
};

use crate::BACKEND;
use crate::log::Log;
use crate::options::{IdenticalWrites, MemoryOptions};

/// Every scope of one store, under one counter of revisions.
#[derive(Clone, Debug)]
pub(crate) struct Registers {
    last_revision: u128,
    log_capacity: usize,
    identical: IdenticalWrites,
    scopes: BTreeMap<Scope, Keys>,
}

/// The keys of one scope: what stands there, and how it came about. Each
/// commit is a list of updates, and what stands there is the sum of them, so
/// that readers and watchers cannot come to disagree.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) now: Snapshot,
    pub(crate) log: Log,
}

/// The three values of the leader register.
pub(crate) type LeaderRegister = (Value<LeaderRecord>, Value<Status>, Value<Failsafe>);

impl Registers {
    pub(crate) const fn new(options: &MemoryOptions) -> Self {
        Self {
            last_revision: 0,
            log_capacity: options.log_capacity,
            identical: options.identical_writes,
            scopes: BTreeMap::new(),
        }
    }

    pub(crate) fn keys(&mut self, scope: &Scope) -> &mut Keys {
        let capacity = self.log_capacity;
        self.scopes
            .entry(scope.clone())
            .or_insert_with(|| Keys::new(capacity))
    }

    /// One conditional write of one shared key.
    pub(crate) fn write(
        &mut self,
        scope: &Scope,
        change: &Change,
        expected: Precondition,
        at: Stamp,
    ) -> Result<Committed, Error> {
        let key = change.key();
        let found = self.keys(scope).revision_of(&key);
        if Precondition::from(found) != expected {
            return Err(Error::Conflict { key, found });
        }
        let revision = match found {
            Some(found) if self.changes_nothing(scope, change, found)? => found,
            _ => {
                let revision = self.next_revision();
                let updates = self.keys(scope).updates(change, revision)?;
                self.keys(scope).commit(updates, at);
                revision
            }
        };
        Ok(match change {
            Change::Leader(write) => {
                Committed::leader(revision, Value::Present(write.record.clone()))
            }
            _ => Committed::new(revision),
        })
    }

    pub(crate) fn put_member(
        &mut self,
        scope: &Scope,
        record: &MemberRecord,
        at: Stamp,
    ) -> Committed {
        let revision = self.next_revision();
        let entry = Entry::present(revision, record.clone());
        let update = Update::Member(record.name().clone(), entry);
        self.keys(scope).commit(vec![update], at);
        Committed::new(revision)
    }

    pub(crate) fn delete_member(
        &mut self,
        scope: &Scope,
        name: &MemberName,
        at: Stamp,
    ) -> Result<Committed, Error> {
        if !self.keys(scope).now.members.contains_key(name) {
            return Err(Error::Missing {
                what: Key::Member(name.clone()).to_string(),
                advice: "it was removed already, or the member never wrote it",
            });
        }
        let revision = self.next_revision();
        let update = Update::Member(name.clone(), Entry::absent());
        self.keys(scope).commit(vec![update], at);
        Ok(Committed::new(revision))
    }

    /// A third party deletes the leader register, whatever its revision.
    pub(crate) fn delete_leader(&mut self, scope: &Scope, at: Stamp) -> bool {
        let Some(found) = self.keys(scope).now.leader.revision else {
            return false;
        };
        // Spent, though nobody sees it: a store's counter goes on at a deletion.
        self.next_revision();
        let updates = vec![
            Update::Leader(LeaderUpdate::new(Entry::absent(), Some(found))),
            Update::Status(Entry::absent()),
            Update::Failsafe(Entry::absent()),
        ];
        self.keys(scope).commit(updates, at);
        true
    }

    /// A third party writes the whole leader register, whatever its revision.
    pub(crate) fn overwrite_leader(
        &mut self,
        scope: &Scope,
        value: LeaderRegister,
        at: Stamp,
    ) -> Revision {
        let revision = self.next_revision();
        let keys = self.keys(scope);
        let updates = keys.leader_updates(value, revision);
        keys.commit(updates, at);
        revision
    }

    /// A third party puts something unreadable under a key. The keys of the
    /// leader register are reached through [`Self::overwrite_leader`].
    pub(crate) fn spoil(&mut self, scope: &Scope, key: &Key, why: &str, at: Stamp) {
        fn spoilt<T>(revision: Revision, why: &str) -> Entry<T> {
            let value = Value::Malformed(why.to_owned());
            Entry {
                revision: Some(revision),
                value,
            }
        }
        let revision = self.next_revision();
        let update = match key {
            Key::Config => Update::Config(spoilt(revision, why)),
            Key::Initialize => Update::Initialize(spoilt(revision, why)),
            Key::History => Update::History(spoilt(revision, why)),
            Key::Failover => Update::Failover(spoilt(revision, why)),
            Key::Sync => Update::Sync(spoilt(revision, why)),
            Key::Member(name) => Update::Member(name.clone(), spoilt(revision, why)),
            _ => return,
        };
        self.keys(scope).commit(vec![update], at);
    }

    fn changes_nothing(
        &mut self,
        scope: &Scope,
        change: &Change,
        found: Revision,
    ) -> Result<bool, Error> {
        if self.identical == IdenticalWrites::NewRevision {
            return Ok(false);
        }
        let keys = self.keys(scope);
        let mut after = keys.now.clone();
        for update in keys.updates(change, found)? {
            after.apply(update);
        }
        Ok(after == keys.now)
    }

    fn next_revision(&mut self) -> Revision {
        self.last_revision = self.last_revision.saturating_add(1);
        Revision::new(self.last_revision).expect("a counter that was just raised is not zero")
    }
}

impl Keys {
    fn new(log_capacity: usize) -> Self {
        Self {
            now: Snapshot::default(),
            log: Log::new(log_capacity),
        }
    }

    pub(crate) fn leader_register(&self) -> LeaderRegister {
        (
            self.now.leader.value.clone(),
            self.now.status.value.clone(),
            self.now.failsafe.value.clone(),
        )
    }

    fn revision_of(&self, key: &Key) -> Option<Revision> {
        match key {
            Key::Leader | Key::Status | Key::Failsafe => self.now.leader.revision,
            Key::Config => self.now.config.revision,
            Key::Initialize => self.now.initialize.revision,
            Key::History => self.now.history.revision,
            Key::Failover => self.now.failover.revision,
            Key::Sync => self.now.sync.revision,
            Key::Member(name) => self.now.members.get(name)?.revision,
            _ => None,
        }
    }

    fn updates(&self, change: &Change, revision: Revision) -> Result<Vec<Update>, Error> {
        let one = match change {
            Change::Leader(write) => return Ok(self.leader_write(write, revision)),
            Change::Config(value) => Update::Config(entry(revision, value.as_ref())),
            Change::Initialize(value) => Update::Initialize(entry(revision, value.as_ref())),
            Change::History(value) => Update::History(entry(revision, value.as_ref())),
            Change::Failover(value) => Update::Failover(entry(revision, value.as_ref())),
            Change::Sync(value) => Update::Sync(entry(revision, value.as_ref())),
            _ => {
                return Err(Error::Refused {
                    backend: BACKEND,
                    key: change.key(),
                    why: "this version of the store does not know the key".to_owned(),
                });
            }
        };
        Ok(vec![one])
    }

    fn leader_write(&self, write: &LeaderWrite, revision: Revision) -> Vec<Update> {
        let (_, mut status, mut failsafe) = self.leader_register();
        if let Some(new) = &write.status {
            status = Value::Present(new.clone());
        }
        if let Some(new) = &write.failsafe {
            failsafe = Value::Present(new.clone());
        }
        let record = Value::Present(write.record.clone());
        self.leader_updates((record, status, failsafe), revision)
    }

    /// All three, also where only one value changed: they stand in one
    /// register, so the revision of all three did.
    fn leader_updates(&self, value: LeaderRegister, revision: Revision) -> Vec<Update> {
        fn at<T>(revision: Revision, value: Value<T>) -> Entry<T> {
            Entry {
                revision: Some(revision),
                value,
            }
        }
        let previous = self.now.leader.revision;
        vec![
            Update::Leader(LeaderUpdate::new(at(revision, value.0), previous)),
            Update::Status(at(revision, value.1)),
            Update::Failsafe(at(revision, value.2)),
        ]
    }

    fn commit(&mut self, updates: Vec<Update>, at: Stamp) {
        for update in updates {
            self.now.apply(update.clone());
            self.log.push(at, update);
        }
    }
}

/// A removed value leaves its register behind, as an annotation does that is
/// removed from an object.
fn entry<T: Clone>(revision: Revision, value: Option<&T>) -> Entry<T> {
    Entry {
        revision: Some(revision),
        value: value.cloned().map_or(Value::Absent, Value::Present),
    }
}
