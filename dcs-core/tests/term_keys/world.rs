//! Members of one scope over the store in memory, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::election::{Elector, Lease, LeaseTiming};
use dcs_core::{Clock, Config, Scope, Snapshot, TokioClock};
use dcs_memory::{MemoryOptions, MemoryStore, SeededEntropy};

use crate::process::Process;

pub(crate) const TTL: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) clock: Arc<TokioClock>,
    pub(crate) store: MemoryStore,
    pub(crate) scope: Scope,
}

pub(crate) struct Member {
    pub(crate) process: Arc<Process>,
    pub(crate) elector: Elector,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(TokioClock::new());
        let options = MemoryOptions::default().with_trace();
        let store = MemoryStore::with_options(Arc::<TokioClock>::clone(&clock), options);
        Self {
            clock,
            store,
            scope: "demo".parse().unwrap(),
        }
    }

    pub(crate) fn member(&self, name: &str) -> Member {
        let process = Arc::new(Process::new(self.store.handle(&self.scope)));
        let seconds = Duration::from_secs;
        let builder = Elector::builder(
            Arc::<Process>::clone(&process),
            name.parse().unwrap(),
            LeaseTiming::new(TTL, seconds(10), seconds(8)).unwrap(),
            Arc::<TokioClock>::clone(&self.clock),
            Arc::new(SeededEntropy::new(name.bytes().map(u64::from).sum())),
        );
        let (elector, driver) = builder.build();
        tokio::spawn(driver.run());
        Member { process, elector }
    }

    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    pub(crate) fn now(&self) -> Snapshot {
        self.store.snapshot(&self.scope)
    }

    /// The touches of this key that the store has applied.
    pub(crate) fn touches(&self, key: &str) -> usize {
        let trace = self.store.trace();
        let applied = |line: &&String| {
            let is_touch = line.contains(&format!(" touch {key} with token "))
                || line.contains(&format!(" create {key} with token "));
            let was_applied = line.contains(": committed ") || line.ends_with("but received");
            is_touch && was_applied
        };
        trace.iter().filter(applied).count()
    }
}

impl Member {
    pub(crate) async fn acquire(&self) -> Lease {
        self.elector.acquire().await.unwrap()
    }
}

pub(crate) fn config(text: &str) -> Config {
    text.parse().unwrap()
}
