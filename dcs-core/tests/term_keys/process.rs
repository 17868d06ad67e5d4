//! A process that can be stopped at any point, as SIGSTOP does.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Dcs, Entry, Error, FencingToken, Key, LeaderRecord, MemberName,
    MemberRecord, Outcome, Precondition, Scope, Snapshot, Value, WatchStream,
};
use dcs_memory::MemoryDcs;
use tokio::sync::watch;

/// Where a process is to be stopped, the next time that it comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// It wants to read and has not asked yet: what it will read is fresh.
    BeforeLoad,
    /// The store has answered, the process does not know yet: a stale read.
    AfterLoad,
    /// It is past every check, and the touch is not on its way yet.
    BeforeTouch,
    /// The touch was applied, the process does not know yet.
    AfterTouch,
    /// It is past every check, and the write is not on its way yet.
    BeforeWrite,
}

/// The way of one process to the store. While the process is stopped nothing
/// goes out and no answer comes in.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) dcs: MemoryDcs,
    stopped: watch::Sender<bool>,
    point: Mutex<Option<Point>>,
    /// What is said of every touch, none of which is sent.
    touches_end_as: Mutex<Option<fn() -> Outcome>>,
    /// What is read as the fence of the config key, whatever it is.
    fence_reads_as: Mutex<Option<Value<FencingToken>>>,
}

impl Process {
    pub(crate) fn new(dcs: MemoryDcs) -> Self {
        Self {
            dcs,
            stopped: watch::Sender::new(false),
            point: Mutex::default(),
            touches_end_as: Mutex::default(),
            fence_reads_as: Mutex::default(),
        }
    }

    pub(crate) fn touches_end_as(&self, outcome: fn() -> Outcome) {
        *locked(&self.touches_end_as) = Some(outcome);
    }

    pub(crate) fn fence_reads_as(&self, fence: Value<FencingToken>) {
        *locked(&self.fence_reads_as) = Some(fence);
    }

    pub(crate) fn stop_at(&self, point: Point) {
        *locked(&self.point) = Some(point);
    }

    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    pub(crate) fn go_on(&self) {
        self.stopped.send_replace(false);
    }

    /// Waits until it was stopped where it was to be.
    pub(crate) async fn is_stopped(&self) {
        let mut stopped = self.stopped.subscribe();
        stopped
            .wait_for(|stopped| *stopped)
            .await
            .expect("the sender is here");
    }

    async fn passes(&self, point: Option<Point>) {
        if point.is_some() {
            let mut at = locked(&self.point);
            if *at == point {
                *at = None;
                self.stop();
            }
        }
        let mut stopped = self.stopped.subscribe();
        stopped
            .wait_for(|stopped| !*stopped)
            .await
            .expect("the sender is here");
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Dcs for Process {
    fn scope(&self) -> &Scope {
        self.dcs.scope()
    }

    fn capabilities(&self) -> Capabilities {
        self.dcs.capabilities()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.passes(Some(Point::BeforeLoad)).await;
        let mut read = self.dcs.load().await;
        self.passes(Some(Point::AfterLoad)).await;
        let fence = locked(&self.fence_reads_as).clone();
        if let (Ok(read), Some(fence)) = (&mut read, fence) {
            read.config.fence = fence;
        }
        read
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        self.passes(None).await;
        let read = self.dcs.load_leader().await;
        self.passes(None).await;
        read
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let is_lease = matches!(change, Change::Leader(_));
        self.passes((!is_lease).then_some(Point::BeforeWrite)).await;
        let outcome = self.dcs.write(change, expected).await;
        self.passes(None).await;
        outcome
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        self.passes(Some(Point::BeforeTouch)).await;
        let said = *locked(&self.touches_end_as);
        if let Some(said) = said {
            return said();
        }
        let outcome = self.dcs.fence(key, token, expected).await;
        self.passes(Some(Point::AfterTouch)).await;
        outcome
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

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a process on {}", self.dcs)
    }
}
