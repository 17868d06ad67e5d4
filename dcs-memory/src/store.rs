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
        if !self.scopes.contains_key(scope) {
            let keys = Keys::new(self.log_capacity);
            self.scopes.insert(scope.clone(), keys);
        }
        self.scopes.get_mut(scope).expect("it was just put there")
    }

    /// One conditional write of one shared key.
    pub(crate) fn write(
        &mut self,
        scope: &Scope,
        change: &Change,
        expected: Precondition,
        at: Stamp,
    ) -> Result<Committed, Error> {
        let updates = |keys: &Keys, revision| keys.updates(change, revision);
        let revision = self.write_if(scope, (&change.key(), expected), at, updates)?;
        Ok(match change {
            Change::Leader(write) => {
                Committed::leader(revision, Value::Present(write.record.clone()))
            }
            _ => Committed::new(revision),
        })
    }

    /// What `updates` says a write makes of a key, if it stands as expected.
    pub(crate) fn write_if(
        &mut self,
        scope: &Scope,
        (key, expected): (&Key, Precondition),
        at: Stamp,
        updates: impl Fn(&Keys, Revision) -> Result<Vec<Update>, Error>,
    ) -> Result<Revision, Error> {
        let keep = self.identical == IdenticalWrites::KeepRevision;
        let keys = self.keys(scope);
        let found = keys.revision_of(key);
        if Precondition::from(found) != expected {
            let key = key.clone();
            return Err(Error::Conflict { key, found });
        }
        if let Some(found) = found.filter(|_| keep)
            && keys.has_all(updates(keys, found)?)
        {
            return Ok(found);
        }
        let revision = self.next_revision();
        let updates = updates(self.keys(scope), revision)?;
        self.keys(scope).commit(updates, at);
        Ok(revision)
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
        fn spoilt<T>(old: &Entry<T>, revision: Revision, why: &str) -> Entry<T> {
            Entry {
                revision: Some(revision),
                value: Value::Malformed(why.to_owned()),
                fence: old.fence.clone(),
            }
        }
        let revision = self.next_revision();
        let now = &self.keys(scope).now;
        let update = match key {
            Key::Config => Update::Config(spoilt(&now.config, revision, why)),
            Key::Initialize => Update::Initialize(spoilt(&now.initialize, revision, why)),
            Key::History => Update::History(spoilt(&now.history, revision, why)),
            Key::Failover => Update::Failover(spoilt(&now.failover, revision, why)),
            Key::Sync => Update::Sync(spoilt(&now.sync, revision, why)),
            Key::Member(name) => {
                let spoilt = spoilt(&Entry::absent(), revision, why);
                Update::Member(name.clone(), spoilt)
            }
            _ => return,
        };
        self.keys(scope).commit(vec![update], at);
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

    /// Whether what stands there is what these updates would make of it.
    fn has_all(&self, updates: Vec<Update>) -> bool {
        let mut after = self.now.clone();
        for update in updates {
            after.apply(update);
        }
        after == self.now
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
        let now = &self.now;
        let one = match change {
            Change::Leader(write) => return Ok(self.leader_write(write, revision)),
            Change::Config(value) => Update::Config(entry(&now.config, revision, value.as_ref())),
            Change::Initialize(value) => {
                Update::Initialize(entry(&now.initialize, revision, value.as_ref()))
            }
            Change::History(value) => {
                Update::History(entry(&now.history, revision, value.as_ref()))
            }
            Change::Failover(value) => {
                Update::Failover(entry(&now.failover, revision, value.as_ref()))
            }
            Change::Sync(value) => Update::Sync(entry(&now.sync, revision, value.as_ref())),
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
                fence: Value::Absent,
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
/// removed from an object, and the fence with it.
fn entry<T: Clone>(old: &Entry<T>, revision: Revision, value: Option<&T>) -> Entry<T> {
    Entry {
        revision: Some(revision),
        value: value.cloned().map_or(Value::Absent, Value::Present),
        fence: old.fence.clone(),
    }
}
