use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Dcs, Entry, Error, FencingToken, Key, LeaderRecord, MemberName,
    MemberRecord, Outcome, Precondition, Scope, Snapshot, Stamp, WatchStream,
};

use crate::BACKEND;
use crate::link::{Latency, Link};
use crate::memory_store::Shared;
use crate::store::Registers;
use crate::watch::Watch;

/// One process's way to a [`MemoryStore`](crate::MemoryStore), with troubles of
/// its own. A clone is the same way.
///
/// Troubles count from the call that makes them. A request that is lost, or
/// that would take longer than the deadline, ends at the deadline: a write as
/// [`Outcome::Unknown`], a read as [`Error::Timeout`].
#[derive(Clone)]
pub struct MemoryDcs {
    shared: Arc<Shared>,
    scope: Scope,
    number: u64,
    link: Arc<Mutex<Link>>,
}

impl MemoryDcs {
    pub(crate) fn new(shared: Arc<Shared>, scope: Scope, number: u64, link: Link) -> Self {
        Self {
            shared,
            scope,
            number,
            link: Arc::new(Mutex::new(link)),
        }
    }

    /// Nothing gets through from now on: requests wait for their deadline,
    /// watches fall silent and say so with an error after each silence.
    pub fn cut_off(&self) {
        self.trouble("is cut off", |link| link.is_cut = true);
    }

    /// Everything gets through again, and no loss is left to come. Watches go
    /// on where they stopped, if the store still knows what came after.
    pub fn heal(&self) {
        self.trouble("is healed", Link::heal);
    }

    /// The next write does not reach the store.
    pub fn lose_next_request(&self) {
        self.trouble("will lose a request", Link::lose_next_request);
    }

    /// The next write is applied, and its answer does not come back.
    pub fn lose_next_answer(&self) {
        self.trouble("will lose an answer", Link::lose_next_answer);
    }

    /// How long each way takes from now on; nothing by default.
    pub fn set_latency(&self, latency: Latency) {
        self.trouble("has another latency", |link| link.set_latency(latency));
    }

    /// When a request without an answer ends, from now on.
    pub fn set_deadline(&self, deadline: Duration) {
        self.trouble("has another deadline", |link| link.deadline = deadline);
    }

    /// The connections of the watches break, and are resumed without loss.
    pub fn break_watch(&self) {
        self.trouble("breaks its watches", |link| link.breaks += 1);
    }

    /// The connections of the watches break, and where they stopped is no
    /// longer known: each begins anew with a `Reset`.
    pub fn break_watch_with_gap(&self) {
        self.trouble("breaks its watches with a gap", |link| link.gaps += 1);
    }

    pub(crate) fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        self.shared
            .note(|| format!("{} handle {}: {}", self.scope, self.number, line()));
    }

    pub(crate) fn no_answer(&self) -> Error {
        Error::Timeout {
            backend: BACKEND,
            after: self.link().deadline,
        }
    }

    fn trouble(&self, what: &str, change: impl FnOnce(&mut Link)) {
        change(&mut self.link());
        self.note(|| what.to_owned());
        self.shared.changed.notify_waiters();
    }

    async fn wait(&self, duration: Duration) {
        if !duration.is_zero() {
            self.shared.clock.sleep(duration).await;
        }
    }

    /// One request and its answer, or `None` where no answer came in time.
    async fn exchange<T>(
        &self,
        is_write: bool,
        what: impl Fn() -> String,
        run: impl FnOnce(&mut Registers, Stamp) -> T,
    ) -> Option<T> {
        let journey = self.link().journey(is_write);
        let lost = self.link().is_cut || journey.loses_request;
        if lost || journey.there >= journey.deadline {
            self.wait(journey.deadline).await;
            self.note(|| format!("{}: no answer, not received", what()));
            return None;
        }
        self.wait(journey.there).await;
        let left = journey.deadline.saturating_sub(journey.there);
        if self.link().is_cut {
            self.wait(left).await;
            self.note(|| format!("{}: no answer, not received", what()));
            return None;
        }
        let answer = {
            let at = self.shared.clock.now();
            run(&mut self.shared.lock().registers, at)
        };
        self.shared.changed.notify_waiters();
        if !journey.loses_answer && journey.back < left {
            self.wait(journey.back).await;
            if !self.link().is_cut {
                return Some(answer);
            }
            self.wait(left.saturating_sub(journey.back)).await;
        } else {
            self.wait(left).await;
        }
        self.note(|| format!("{}: no answer, but received", what()));
        None
    }

    async fn send(
        &self,
        what: impl Fn() -> String,
        run: impl FnOnce(&mut Registers, Stamp) -> Result<dcs_core::Committed, Error>,
    ) -> Outcome {
        let Some(result) = self.exchange(true, &what, run).await else {
            return Outcome::Unknown(self.no_answer());
        };
        match result {
            Ok(committed) => {
                self.note(|| format!("{}: committed {:?}", what(), committed.revision));
                Outcome::Committed(committed)
            }
            Err(error) => {
                self.note(|| format!("{}: not committed, {error}", what()));
                Outcome::NotCommitted(error)
            }
        }
    }

    async fn read<T>(&self, what: &str, run: impl FnOnce(&Snapshot) -> T) -> Result<T, Error> {
        let what = || what.to_owned();
        let answer = self
            .exchange(false, what, |registers, _| {
                run(&registers.keys(&self.scope).now)
            })
            .await;
        self.note(|| format!("{}: answered {}", what(), answer.is_some()));
        answer.ok_or_else(|| self.no_answer())
    }
}

#[async_trait]
impl Dcs for MemoryDcs {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.read("load", Snapshot::clone).await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        self.read("load leader", |now| now.leader.clone()).await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let what = || match expected.revision() {
            Some(revision) => format!("write {} on {revision:?}", change.key()),
            None => format!("create {}", change.key()),
        };
        self.send(what, |registers, at| {
            registers.write(&self.scope, change, expected, at)
        })
        .await
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        let what = || match expected.revision() {
            Some(revision) => format!("touch {key} with {token:?} on {revision:?}"),
            None => format!("create {key} with {token:?}"),
        };
        self.send(what, |registers, at| {
            registers.fence(&self.scope, (key, expected), token, at)
        })
        .await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        let what = || format!("put members/{}", record.name());
        self.send(what, |registers, at| {
            Ok(registers.put_member(&self.scope, record, at))
        })
        .await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        let what = || format!("delete members/{name}");
        self.send(what, |registers, at| {
            registers.delete_member(&self.scope, name, at)
        })
        .await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        Watch::open(self.clone(), silence)
    }
}

impl fmt::Display for MemoryDcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scope {} in memory, handle {}", self.scope, self.number)
    }
}

impl fmt::Debug for MemoryDcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDcs")
            .field("scope", &self.scope)
            .field("number", &self.number)
            .field("link", &*self.link())
            .finish_non_exhaustive()
    }
}
