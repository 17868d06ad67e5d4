//! A handle with one flaw.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Dcs, Entry, Error, FencingToken, Key, LeaderRecord, MemberName,
    MemberRecord, Outcome, Precondition, Scope, Snapshot, Value, WatchStream,
};
use dcs_memory::MemoryDcs;

use crate::flaws::Flaw;
use crate::ground::Ground;
use crate::reads::misread;
use crate::watching::flawed;
use crate::writes::{committed, conflict};

#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) inner: MemoryDcs,
    pub(crate) ground: Ground,
    remembered: Mutex<Option<Snapshot>>,
    remembered_leader: Mutex<Option<Entry<LeaderRecord>>>,
}

impl Broken {
    pub(crate) fn new(inner: MemoryDcs, ground: Ground) -> Self {
        Self {
            inner,
            ground,
            remembered: Mutex::default(),
            remembered_leader: Mutex::default(),
        }
    }
}

#[async_trait]
impl Dcs for Broken {
    fn scope(&self) -> &Scope {
        self.inner.scope()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        let read = self.inner.load().await;
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(read) => {
                let before = remembered.replace(read.clone()).unwrap_or_default();
                Ok(misread(&self.ground, &before, read))
            }
            Err(error) if self.ground.flaw == Flaw::ReadsFromMemoryWhileCutOff => {
                remembered.clone().ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        let mut read = self.inner.load_leader().await?;
        let mut remembered = self
            .remembered_leader
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match self.ground.flaw {
            Flaw::LoadsAStaleLeader => Ok(remembered.get_or_insert(read).clone()),
            Flaw::LoadsAnotherLeader => {
                if let Value::Present(record) = &mut read.value {
                    record.claim = None;
                }
                Ok(read)
            }
            _ => Ok(read),
        }
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let change = self.altered(change);
        let relaxed = self.relaxed(&change.key(), expected);
        let loses = self.ground.flaw == Flaw::LosesAnIncrement;
        if loses && matches!(change, Change::Config(_)) && self.ground.count() == 40 {
            return committed(9_000);
        }
        let said = self.inner.write(&change, relaxed).await;
        self.misreported(&change, expected, said).await
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        self.touch(key, token, expected).await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        let mut record = record.clone();
        if self.ground.flaw == Flaw::MergesMembers {
            let now = self.ground.now();
            let old = now.members.get(record.name()).and_then(Entry::get);
            for (field, value) in old.iter().flat_map(|old| old.data()) {
                if !record.data().contains_key(field) {
                    record = record.with(field, value.clone());
                }
            }
        }
        if self.ground.flaw == Flaw::DropsUnknownMemberFields {
            let mut data = record.data().clone();
            data.remove("of_my_own");
            record = MemberRecord::new(record.name().clone(), data);
        }
        let said = self.inner.put_member(&record).await;
        match (self.ground.flaw, said) {
            (Flaw::SaysCommittedOnALostMemberWrite, Outcome::Unknown(_)) => committed(9_000),
            (Flaw::MovesTheLeaderWithMembers, said) => {
                self.ground.memory.store.bump_leader(self.scope());
                said
            }
            (_, said) => said,
        }
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        let others = self.ground.now().members;
        let said = self.inner.delete_member(name).await;
        match (self.ground.flaw, said) {
            (Flaw::RemovesAllMembers, said) => {
                for other in others.keys().filter(|other| *other != name) {
                    let _ = self.inner.delete_member(other).await;
                }
                said
            }
            (Flaw::BringsAMemberBack, Outcome::Committed(done)) => {
                let old = others.get(name).and_then(Entry::get);
                if let Some(old) = old.filter(|_| self.ground.count() == 2) {
                    let _ = self.inner.put_member(old).await;
                }
                Outcome::Committed(done)
            }
            (Flaw::RemovesAbsentMembers, Outcome::NotCommitted(_)) => committed(9_000),
            (Flaw::SaysMissingOnALostMemberRemoval, Outcome::Unknown(_)) => {
                Outcome::NotCommitted(conflict())
            }
            (_, said) => said,
        }
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        flawed(self.inner.watch(silence), self.ground.clone())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {:?}", self.inner, self.ground.flaw)
    }
}
