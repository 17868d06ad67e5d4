//! A handle that notes how long each of its attempts took.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Clock, Dcs, Entry, Error, FencingToken, Key, LeaderRecord, MemberName,
    MemberRecord, Outcome, Precondition, Scope, Snapshot, Stamp, SystemClock, WatchStream,
};
use tokio::sync::watch;

use super::support::wait::now_ms;

/// One write of the leader key, or one read of it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) is_write: bool,
    /// On the host's wall clock.
    pub(crate) sent_ms: i64,
    pub(crate) took: Duration,
    pub(crate) ended: Ended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Answered,
    Failed(String),
    /// Its caller gave it up.
    Dropped,
}

/// Passes everything on.
#[derive(Debug)]
pub(crate) struct Timed {
    inner: Arc<dyn Dcs>,
    attempts: Mutex<Vec<Attempt>>,
    /// How many writes of the leader key have begun.
    begun: watch::Sender<usize>,
    clock: SystemClock,
}

/// An attempt under way, noted when this is dropped.
struct Pending<'a> {
    timed: &'a Timed,
    since: Stamp,
    attempt: Attempt,
}

impl Timed {
    pub(crate) fn new(inner: Arc<dyn Dcs>) -> Self {
        Self {
            inner,
            attempts: Mutex::default(),
            begun: watch::Sender::new(0),
            clock: SystemClock::new(),
        }
    }

    /// Those that have ended, in that order.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// Those of them that were sent at this instant or later.
    pub(crate) fn attempts_since(&self, from_ms: i64) -> Vec<Attempt> {
        let mut attempts = self.attempts();
        attempts.retain(|attempt| attempt.sent_ms >= from_ms);
        attempts
    }

    /// Waits until the next write of the leader key begins.
    pub(crate) async fn write_begins(&self) {
        let mut begun = self.begun.subscribe();
        begun.changed().await.unwrap();
    }

    fn begin(&self, is_write: bool) -> Pending<'_> {
        if is_write {
            self.begun.send_modify(|begun| *begun += 1);
        }
        Pending {
            timed: self,
            since: self.clock.now(),
            attempt: Attempt {
                is_write,
                sent_ms: now_ms(),
                took: Duration::ZERO,
                ended: Ended::Dropped,
            },
        }
    }
}

impl Pending<'_> {
    fn ended(mut self, error: Option<&Error>) {
        self.attempt.ended = match error {
            None => Ended::Answered,
            Some(error) => Ended::Failed(causes(error)),
        };
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let now = self.timed.clock.now();
        self.attempt.took = now.holder_elapsed_since(self.since);
        let mut attempts = self.timed.attempts.lock().unwrap();
        attempts.push(self.attempt.clone());
    }
}

#[async_trait]
impl Dcs for Timed {
    fn scope(&self) -> &Scope {
        self.inner.scope()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.inner.load().await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        let pending = self.begin(false);
        let read = self.inner.load_leader().await;
        pending.ended(read.as_ref().err());
        read
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        if change.key() != Key::Leader {
            return self.inner.write(change, expected).await;
        }
        let pending = self.begin(true);
        let outcome = self.inner.write(change, expected).await;
        pending.ended(match &outcome {
            Outcome::Committed(_) => None,
            Outcome::NotCommitted(error) | Outcome::Unknown(error) => Some(error),
        });
        outcome
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        self.inner.fence(key, token, expected).await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        self.inner.put_member(record).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        self.inner.delete_member(name).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        self.inner.watch(silence)
    }
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// An error with its causes.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
