//! The harness of the store in memory.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use dcs_conformance::{Controls, Fault, Harness, World};
use dcs_core::{Clock, Dcs, Scope, TokioClock};
use dcs_memory::{Latency, MemoryDcs, MemoryStore};
use futures::future::BoxFuture;

/// One store, on which every opened scope is another one.
#[derive(Debug, Default)]
pub(crate) struct MemoryHarness {
    latency: Latency,
    store: OnceLock<MemoryStore>,
    opened: AtomicU32,
}

/// What a case does to the store behind its handles' backs.
#[derive(Clone, Debug)]
pub(crate) struct MemoryControls {
    pub(crate) store: MemoryStore,
    pub(crate) scope: Scope,
    pub(crate) handles: Vec<MemoryDcs>,
    pub(crate) clock: TokioClock,
}

impl MemoryHarness {
    /// Requests take time, and no two take the same.
    pub(crate) fn with_latency() -> Self {
        let latency = Latency::fixed(Duration::from_millis(1));
        Self {
            latency: latency.with_jitter(Duration::from_millis(5)),
            ..Self::default()
        }
    }

    /// A fresh scope, not yet as a world.
    pub(crate) fn controls(&self, members: usize) -> MemoryControls {
        let clock = TokioClock::new();
        let store = self.store.get_or_init(|| MemoryStore::new(Arc::new(clock)));
        let opened = &self.opened;
        let number = opened.fetch_add(1, Ordering::Relaxed);
        let scope: Scope = format!("demo-{number}").parse().unwrap();
        let handles: Vec<_> = (0..members).map(|_| store.handle(&scope)).collect();
        for handle in &handles {
            handle.set_latency(self.latency);
        }
        MemoryControls {
            store: store.clone(),
            scope,
            handles,
            clock,
        }
    }
}

#[async_trait]
impl Harness for MemoryHarness {
    fn block_on(&self, case: BoxFuture<'static, ()>) {
        paused_runtime().block_on(case);
    }

    async fn open(&self, members: usize) -> World {
        let controls = self.controls(members);
        let handles = controls.handles.iter().cloned();
        World {
            handles: handles.map(|h| Arc::new(h) as Arc<dyn Dcs>).collect(),
            members: names(members),
            controls: Box::new(controls),
        }
    }
}

#[async_trait]
impl Controls for MemoryControls {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock)
    }

    async fn inject(&self, member: usize, fault: Fault) {
        let handle = &self.handles[member];
        match fault {
            Fault::LoseNextRequest => handle.lose_next_request(),
            Fault::LoseNextAnswer => handle.lose_next_answer(),
            Fault::CutOff => handle.cut_off(),
            Fault::Heal => handle.heal(),
            Fault::BreakWatch => handle.break_watch(),
            Fault::BreakWatchWithGap => handle.break_watch_with_gap(),
            other => panic!("the harness does not know {other:?}"),
        }
    }

    async fn delete_leader(&self) {
        self.store.delete_leader(&self.scope);
    }

    async fn bump_leader(&self) {
        self.store.bump_leader(&self.scope);
    }
}

pub(crate) fn names(members: usize) -> Vec<dcs_core::MemberName> {
    (0..members)
        .map(|n| format!("member-{n}").parse().unwrap())
        .collect()
}

pub(crate) fn paused_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}
