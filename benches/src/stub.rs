use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Committed, Dcs, Entry, Error, FencingToken, Key, LeaderRecord,
    MemberName, MemberRecord, Outcome, Precondition, Revision, Scope, Snapshot, Value, WatchEvent,
    WatchStream,
};
use futures_util::{StreamExt, stream};

/// What is no store: it commits every write at once, under the next revision,
/// keeps nothing and shows nothing. What an elector costs over it is what the
/// elector itself costs.
#[derive(Debug)]
pub struct StubDcs {
    scope: Scope,
    writes: AtomicU64,
}

impl StubDcs {
    /// A stub for this scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            writes: AtomicU64::new(0),
        }
    }

    /// How many writes it has committed.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Relaxed)
    }

    fn commit(&self) -> Revision {
        let number = self.writes.fetch_add(1, Relaxed) + 1;
        Revision::new(number.into()).expect("a number that was just raised is not zero")
    }
}

#[async_trait]
impl Dcs for StubDcs {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot::default())
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        Ok(Entry::absent())
    }

    async fn write(&self, change: &Change, _: Precondition) -> Outcome {
        let revision = self.commit();
        Outcome::Committed(match change {
            Change::Leader(write) => {
                Committed::leader(revision, Value::Present(write.record.clone()))
            }
            _ => Committed::new(revision),
        })
    }

    async fn fence(&self, _: &Key, _: FencingToken, _: Precondition) -> Outcome {
        Outcome::Committed(Committed::new(self.commit()))
    }

    async fn put_member(&self, _: &MemberRecord) -> Outcome {
        Outcome::Committed(Committed::new(self.commit()))
    }

    async fn delete_member(&self, _: &MemberName) -> Outcome {
        Outcome::Committed(Committed::new(self.commit()))
    }

    /// An empty scope, and then nothing any more.
    fn watch(&self, _: Duration) -> WatchStream {
        let empty = WatchEvent::Reset(Box::default());
        stream::iter([Ok(empty)]).chain(stream::pending()).boxed()
    }
}

impl fmt::Display for StubDcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scope {} in a stub", self.scope)
    }
}
