//! Situations, and members of one scope over the store in memory.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::duties::Situation;
use dcs_core::election::{Elector, Lease, LeaseTiming};
use dcs_core::{
    Config, Entry, MemberName, MemberRecord, Revision, Scope, Snapshot, Timestamp, TokioClock,
};
use dcs_memory::{MemoryDcs, MemoryStore, SeededEntropy};
use serde_json::Map;

pub(crate) const LOOP_WAIT: Duration = Duration::from_secs(10);

pub(crate) fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

pub(crate) fn config(text: &str) -> Config {
    text.parse().unwrap()
}

/// 2026-01-02T03:04:00 and so many seconds.
pub(crate) fn at(seconds: u32) -> Timestamp {
    format!("2026-01-02T03:{:02}:{:02}Z", 4 + seconds / 60, seconds % 60)
        .parse()
        .unwrap()
}

/// A replica that runs.
pub(crate) fn replica(member: &str) -> MemberRecord {
    MemberRecord::new(name(member), Map::new())
        .with("state", "running")
        .with("role", "replica")
}

pub(crate) fn present<T>(value: T) -> Entry<T> {
    Entry::present(Revision::new(1).unwrap(), value)
}

/// What member `a` sees in minute 03:04.
pub(crate) struct Sight {
    pub(crate) me: MemberName,
    pub(crate) view: Snapshot,
    pub(crate) config: Config,
    pub(crate) now: Timestamp,
}

impl Sight {
    pub(crate) fn of(records: impl IntoIterator<Item = MemberRecord>) -> Self {
        let mut view = Snapshot::default();
        for record in records {
            view.members.insert(record.name().clone(), present(record));
        }
        Self {
            me: name("a"),
            view,
            config: Config::default(),
            now: at(30),
        }
    }

    pub(crate) fn with(mut self, settings: &str) -> Self {
        self.config = config(settings);
        self
    }

    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation::new(&self.me, &self.view, &self.config, self.now)
    }

    pub(crate) fn leading(&self) -> Situation<'_> {
        self.situation().leading(true)
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) store: MemoryStore,
    pub(crate) scope: Scope,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(TokioClock::new());
        let store = MemoryStore::new(Arc::<TokioClock>::clone(&clock));
        Self {
            clock,
            store,
            scope: "demo".parse().unwrap(),
        }
    }

    pub(crate) fn now(&self) -> Snapshot {
        self.store.snapshot(&self.scope)
    }

    pub(crate) fn elector(&self, member: &str) -> (Arc<MemoryDcs>, Elector) {
        let dcs = Arc::new(self.store.handle(&self.scope));
        let seconds = Duration::from_secs;
        let (elector, driver) = Elector::builder(
            Arc::<MemoryDcs>::clone(&dcs),
            name(member),
            LeaseTiming::new(seconds(30), LOOP_WAIT, seconds(8)).unwrap(),
            Arc::<TokioClock>::clone(&self.clock),
            Arc::new(SeededEntropy::new(member.bytes().map(u64::from).sum())),
        )
        .build();
        tokio::spawn(driver.run());
        (dcs, elector)
    }

    /// `a` leads.
    pub(crate) async fn led(&self) -> (Arc<MemoryDcs>, Elector, Lease) {
        let (dcs, elector) = self.elector("a");
        let lease = elector.acquire().await.unwrap();
        (dcs, elector, lease)
    }
}
