//! A store in memory in which config, initialize and history share one
//! register, as they do on Kubernetes, and in which others write at given points.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Dcs, Entry, Error, FencingToken, History, Key, LeaderRecord, MemberName,
    MemberRecord, Outcome, Precondition, Revision, Scope, Snapshot, Value, WatchStream,
};
use dcs_memory::MemoryDcs;

/// What happens right before a write or a touch arrives.
pub(crate) enum Before {
    /// Someone else writes.
    Write(Change),
    /// Another leader touches.
    Touch(Key, FencingToken),
    /// Something happens outside the store.
    Do(Box<dyn FnOnce() + Send>),
}

pub(crate) struct OneRegister {
    pub(crate) dcs: MemoryDcs,
    before: Mutex<VecDeque<Before>>,
    limit: Mutex<Option<usize>>,
    writes: AtomicUsize,
}

impl OneRegister {
    pub(crate) fn new(dcs: MemoryDcs) -> Self {
        Self {
            dcs,
            before: Mutex::default(),
            limit: Mutex::default(),
            writes: AtomicUsize::new(0),
        }
    }

    /// One of these happens before each of the next writes and touches.
    pub(crate) fn before(&self, happens: impl IntoIterator<Item = Before>) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        before.extend(happens);
    }

    /// A history of more bytes is too large from now on.
    pub(crate) fn limit_history(&self, bytes: usize) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// The writes and touches of other keys than the leader's so far.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(SeqCst)
    }

    pub(crate) async fn now(&self) -> Snapshot {
        self.load().await.unwrap()
    }

    async fn all(&self) -> Result<Snapshot, Error> {
        let mut all = self.dcs.load().await?;
        let revisions = [
            all.config.revision,
            all.initialize.revision,
            all.history.revision,
        ];
        let fences = [&all.config.fence, &all.initialize.fence, &all.history.fence];
        let newest = revisions.into_iter().max().flatten();
        let fence = fences.into_iter().filter_map(Value::present).max().copied();
        shared(&mut all.config, newest, fence);
        shared(&mut all.initialize, newest, fence);
        shared(&mut all.history, newest, fence);
        Ok(all)
    }

    /// Where the key's own register in memory stands, if the shared one is as expected.
    async fn own(&self, key: &Key, expected: Precondition) -> Result<Precondition, Outcome> {
        self.writes.fetch_add(1, SeqCst);
        let next = self
            .before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        match next {
            Some(Before::Write(change)) => {
                let on = precondition(&self.dcs.load().await.unwrap(), &change.key());
                self.dcs.write(&change, on).await.into_result().unwrap();
            }
            Some(Before::Touch(key, token)) => {
                let on = precondition(&self.dcs.load().await.unwrap(), &key);
                self.dcs.fence(&key, token, on).await.into_result().unwrap();
            }
            Some(Before::Do(happens)) => happens(),
            None => {}
        }
        let shared = precondition(&self.all().await.unwrap(), key);
        if shared != expected {
            let (key, found) = (key.clone(), shared.revision());
            return Err(Outcome::NotCommitted(Error::Conflict { key, found }));
        }
        Ok(precondition(&self.dcs.load().await.unwrap(), key))
    }
}

fn precondition(all: &Snapshot, key: &Key) -> Precondition {
    match key {
        Key::Config => all.config.precondition(),
        Key::Initialize => all.initialize.precondition(),
        Key::History => all.history.precondition(),
        Key::Failover => all.failover.precondition(),
        Key::Sync => all.sync.precondition(),
        other => panic!("{other} is not written here"),
    }
}

fn shared<T>(entry: &mut Entry<T>, revision: Option<Revision>, fence: Option<FencingToken>) {
    entry.revision = revision;
    entry.fence = fence.map_or(Value::Absent, Value::Present);
}

#[async_trait]
impl Dcs for OneRegister {
    fn scope(&self) -> &Scope {
        self.dcs.scope()
    }

    fn capabilities(&self) -> Capabilities {
        self.dcs.capabilities()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        let all = self.all().await;
        // Whoever else reads does so before this one writes.
        tokio::task::yield_now().await;
        all
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        self.dcs.load_leader().await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        if matches!(change, Change::Leader(_)) {
            return self.dcs.write(change, expected).await;
        }
        let own = match self.own(&change.key(), expected).await {
            Ok(own) => own,
            Err(outcome) => return outcome,
        };
        let limit = *self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Change::History(Some(history)), Some(limit)) = (change, limit)
            && history.size() > limit
        {
            let (key, actual) = (Key::History, history.size());
            return Outcome::NotCommitted(Error::TooLarge { key, limit, actual });
        }
        self.dcs.write(change, own).await
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        match self.own(key, expected).await {
            Ok(own) => self.dcs.fence(key, token, own).await,
            Err(outcome) => outcome,
        }
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        self.dcs.put_member(record).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        self.dcs.delete_member(name).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        self.dcs.watch(silence)
    }
}

/// What someone else writes into the shared register.
pub(crate) fn history(n: u64) -> Before {
    Before::Write(Change::History(Some(History(vec![n.into()]))))
}

impl fmt::Debug for OneRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneRegister").finish_non_exhaustive()
    }
}

impl fmt::Display for OneRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, three keys in one register", self.dcs)
    }
}
