//! Members over a store in memory, in virtual time.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod scene;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use dcs_core::election::{Driver, Elector, ElectorBuilder, EventKind, Events, Lease, LeaseTiming};
use dcs_core::{Clock, Dcs, MemberName, MemberRecord, Scope, Stamp, TokioClock};
use dcs_memory::{MemoryDcs, MemoryStore, SeededEntropy};
use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Either, select};
use serde_json::Map;
use tokio::task::JoinHandle;

pub(crate) const TTL: Duration = Duration::from_secs(30);
pub(crate) const LOOP_WAIT: Duration = Duration::from_secs(10);
pub(crate) const RETRY: Duration = Duration::from_secs(8);

pub(crate) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn timing() -> LeaseTiming {
    LeaseTiming::new(TTL, LOOP_WAIT, RETRY).unwrap()
}

/// The runtime's virtual clock, which can be moved on while nothing yields, as
/// if the thread were blocked.
#[derive(Debug)]
pub(crate) struct BlockableClock {
    inner: TokioClock,
    blocked: AtomicU64,
    reads: AtomicU64,
}

impl BlockableClock {
    pub(crate) fn block_for(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap();
        self.blocked.fetch_add(nanos, SeqCst);
    }

    /// How often the clock was read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(SeqCst)
    }

    fn blocked(&self) -> Duration {
        Duration::from_nanos(self.blocked.load(SeqCst))
    }
}

impl Clock for BlockableClock {
    fn now(&self) -> Stamp {
        self.reads.fetch_add(1, SeqCst);
        let origin = Stamp::from_single(Duration::ZERO);
        let ran = self.inner.now().holder_elapsed_since(origin);
        Stamp::from_single(ran + self.blocked())
    }

    fn wall(&self) -> SystemTime {
        self.inner.wall() + self.blocked()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.sleep(duration)
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<BlockableClock>,
    pub(crate) store: MemoryStore,
    pub(crate) scope: Scope,
    start: Stamp,
}

pub(crate) struct Member {
    pub(crate) dcs: Arc<MemoryDcs>,
    pub(crate) elector: Elector,
    pub(crate) driver: JoinHandle<()>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(BlockableClock {
            inner: TokioClock::new(),
            blocked: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        });
        let store = MemoryStore::new(Arc::<BlockableClock>::clone(&clock));
        Self {
            start: clock.now(),
            clock,
            store,
            scope: "demo".parse().unwrap(),
        }
    }

    /// `a` leads and holds its lease, and `b` has seen it and would lead.
    pub(crate) async fn led_by_a(&self) -> (Member, Lease, Member) {
        let (a, b) = (self.member("a"), self.member("b"));
        let lease = a.elector.acquire().await.unwrap();
        b.elector.contend().unwrap();
        self.pass(s(1)).await;
        (a, lease, b)
    }

    pub(crate) fn member(&self, name: &str) -> Member {
        self.join(name, timing(), |builder| builder)
    }

    pub(crate) fn join(
        &self,
        name: &str,
        timing: LeaseTiming,
        as_asked: impl FnOnce(ElectorBuilder) -> ElectorBuilder,
    ) -> Member {
        let (dcs, elector, driver) = self.build(name, timing, as_asked);
        Member {
            dcs,
            elector,
            driver: tokio::spawn(driver.run()),
        }
    }

    pub(crate) fn build(
        &self,
        name: &str,
        timing: LeaseTiming,
        as_asked: impl FnOnce(ElectorBuilder) -> ElectorBuilder,
    ) -> (Arc<MemoryDcs>, Elector, Driver) {
        let dcs = Arc::new(self.store.handle(&self.scope));
        let me: MemberName = name.parse().unwrap();
        // It says that it is there: alone it has nobody to keep a distance to.
        let record = MemberRecord::new(me.clone(), Map::new());
        let put = dcs.put_member(&record).now_or_never();
        assert!(put.is_some_and(|outcome| outcome.into_result().is_ok()));
        let seed = name.bytes().map(u64::from).sum();
        let builder = Elector::builder(
            Arc::<MemoryDcs>::clone(&dcs),
            me,
            timing,
            Arc::<BlockableClock>::clone(&self.clock),
            Arc::new(SeededEntropy::new(seed)),
        );
        let (elector, driver) = as_asked(builder).build();
        (dcs, elector, driver)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.now().holder_elapsed_since(self.start)
    }

    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    pub(crate) fn holder(&self) -> Option<String> {
        let snapshot = self.store.snapshot(&self.scope);
        snapshot.holder().map(ToString::to_string)
    }
}

impl Member {
    /// As SIGKILL does: no release, nothing said.
    pub(crate) fn crash(&self) {
        self.driver.abort();
    }
}

/// What has been told since the last look.
pub(crate) fn told(events: &mut Events) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    while let Some(Some(event)) = events.next().now_or_never() {
        kinds.push(event.kind);
    }
    kinds
}

/// Runs a future for so long, and leaves it where it then is, as if its thread
/// were blocked there.
pub(crate) async fn run_for<F: Future + Unpin>(world: &World, future: &mut F, time: Duration) {
    let limit = world.clock.sleep(time);
    assert!(
        matches!(select(future, limit).await, Either::Right(_)),
        "it ended before its time"
    );
}
