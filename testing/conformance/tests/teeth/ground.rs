//! A world on a broken backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use dcs_conformance::{Controls, Fault, Harness, World};
use dcs_core::{Clock, Dcs, Key, Revision, Snapshot};
use futures::future::BoxFuture;

use crate::broken::Broken;
use crate::flaws::Flaw;
use crate::support::{MemoryControls, MemoryHarness, names, paused_runtime};

#[derive(Debug)]
pub(crate) struct BrokenHarness {
    flaw: Flaw,
    memory: MemoryHarness,
}

/// What all handles of one broken scope share.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) flaw: Flaw,
    pub(crate) memory: MemoryControls,
    pub(crate) is_cut: Arc<AtomicBool>,
    pub(crate) was_cut: Arc<AtomicBool>,
    pub(crate) has_broken: Arc<AtomicBool>,
    pub(crate) was_deleted: Arc<AtomicBool>,
    pub(crate) was_bumped: Arc<AtomicBool>,
    counted: Arc<AtomicU64>,
}

impl BrokenHarness {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            memory: MemoryHarness::default(),
        }
    }
}

impl Ground {
    /// How often this was called on this scope, this call included.
    pub(crate) fn count(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn now(&self) -> Snapshot {
        self.memory.store.snapshot(&self.memory.scope)
    }

    pub(crate) fn revision_of(&self, key: &Key) -> Option<Revision> {
        let now = self.now();
        match key {
            Key::Leader => now.leader.revision,
            Key::Config => now.config.revision,
            Key::Initialize => now.initialize.revision,
            Key::History => now.history.revision,
            Key::Failover => now.failover.revision,
            _ => now.sync.revision,
        }
    }
}

#[async_trait]
impl Harness for BrokenHarness {
    fn block_on(&self, case: BoxFuture<'static, ()>) {
        paused_runtime().block_on(case);
    }

    async fn open(&self, members: usize) -> World {
        let ground = Ground {
            flaw: self.flaw,
            memory: self.memory.controls(members),
            is_cut: Arc::default(),
            was_cut: Arc::default(),
            has_broken: Arc::default(),
            was_deleted: Arc::default(),
            was_bumped: Arc::default(),
            counted: Arc::default(),
        };
        let handles = ground.memory.handles.iter().cloned();
        World {
            handles: handles
                .map(|inner| Arc::new(Broken::new(inner, ground.clone())) as Arc<dyn Dcs>)
                .collect(),
            members: names(members),
            controls: Box::new(ground),
        }
    }
}

#[async_trait]
impl Controls for Ground {
    fn clock(&self) -> Arc<dyn Clock> {
        self.memory.clock()
    }

    async fn inject(&self, member: usize, fault: Fault) {
        match fault {
            Fault::CutOff => {
                self.is_cut.store(true, Ordering::Relaxed);
                self.was_cut.store(true, Ordering::Relaxed);
            }
            Fault::Heal => self.is_cut.store(false, Ordering::Relaxed),
            Fault::BreakWatch => self.has_broken.store(true, Ordering::Relaxed),
            _ => {}
        }
        self.memory.inject(member, fault).await;
    }

    async fn delete_leader(&self) {
        self.was_deleted.store(true, Ordering::Relaxed);
        self.memory.delete_leader().await;
    }

    async fn bump_leader(&self) {
        self.was_bumped.store(true, Ordering::Relaxed);
        self.memory.bump_leader().await;
    }
}
