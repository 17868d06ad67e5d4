//! A store that lies, for the judge to find.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Committed, Dcs, Entry, Error, FencingToken, Key, LeaderRecord,
    MemberName, MemberRecord, Outcome, Precondition, Revision, Scope, Snapshot, Update, Value,
    WatchEvent, WatchStream,
};
use futures_util::StreamExt;

/// So many writes, of which the first one is number 1001, take 170 seconds.
const AWHILE: u128 = 1_032;

/// What it lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Says of each lease write that it is committed, and keeps it to itself.
    Commits,
    /// The same, each process at revisions of its own.
    CommitsBackwards,
    /// Shows the first version again in place of each third one.
    ShowsOld,
    /// Answers no lease write any more after a while.
    FallsSilent,
}

pub(crate) struct Lying {
    store: Arc<dyn Dcs>,
    lie: Lie,
    /// The last revision that it made up.
    told: Arc<AtomicU64>,
}

impl Lying {
    pub(crate) fn new(store: Arc<dyn Dcs>, lie: Lie, told: Arc<AtomicU64>) -> Self {
        Self { store, lie, told }
    }
}

#[async_trait]
impl Dcs for Lying {
    fn scope(&self) -> &Scope {
        self.store.scope()
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.store.load().await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        self.store.load_leader().await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let told = u128::from(self.told.fetch_add(1, Relaxed)) + 1;
        if self.lie == Lie::FallsSilent && told > AWHILE {
            return pending().await;
        }
        let makes_up = matches!(self.lie, Lie::Commits | Lie::CommitsBackwards);
        let (Change::Leader(write), true) = (change, makes_up) else {
            return self.store.write(change, expected).await;
        };
        let revision = Revision::new(told).unwrap();
        Outcome::Committed(Committed::leader(
            revision,
            Value::Present(write.record.clone()),
        ))
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        self.store.fence(key, token, expected).await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        self.store.put_member(record).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        self.store.delete_member(name).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        let watch = self.store.watch(silence);
        if self.lie != Lie::ShowsOld {
            return watch;
        }
        let mut first = None;
        let mut shown = 0;
        watch
            .map(move |item| {
                let Ok(WatchEvent::Changed(Update::Leader(update))) = &item else {
                    return item;
                };
                let first = first.get_or_insert_with(|| {
                    let mut first = Box::<Snapshot>::default();
                    first.apply(Update::Leader(update.clone()));
                    first
                });
                shown += 1;
                match shown % 3 {
                    0 => Ok(WatchEvent::Reset(first.clone())),
                    _ => item,
                }
            })
            .boxed()
    }
}

impl fmt::Debug for Lying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lying")
            .field("lie", &self.lie)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Lying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a store that lies")
    }
}
