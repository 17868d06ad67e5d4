//! A store of one's own, as a process calls it: what it asks for and what it is
//! told is kept for the judge.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Dcs, Entry, Error, FencingToken, Key, LeaderRecord, LeaderWrite,
    MemberName, MemberRecord, Outcome, Precondition, Scope, Snapshot, WatchStream,
};
use futures_util::StreamExt;

use super::calls::{Asked, Group};
use crate::sim::clock::{NodeClock, Ticks};
use crate::sim::executor::{Nanos, lock};
use crate::sim::judge::{Invariant, Judge};
use crate::sim::net::{answered, covers, describe, keeps_off, told};
use crate::sim::trace::Mark;
use crate::sim::world::World;
use crate::watch;

#[derive(Clone)]
pub(in crate::sim) struct Judged {
    world: Arc<World>,
    process: usize,
    inner: Arc<dyn Dcs>,
}

/// A lease write as it left.
#[derive(Clone)]
pub(in crate::sim) struct Lease {
    pub(in crate::sim) write: Box<LeaderWrite>,
    /// To where it carries its holder.
    pub(in crate::sim) covers: Option<Nanos>,
    /// For how long, from when it is applied, it keeps others off.
    pub(in crate::sim) keeps_off: Nanos,
    pub(in crate::sim) clock: NodeClock,
    pub(in crate::sim) sent: Ticks,
}

impl Judged {
    pub(in crate::sim) fn new(world: Arc<World>, process: usize, inner: Arc<dyn Dcs>) -> Self {
        Self {
            world,
            process,
            inner,
        }
    }

    fn asks(&self, asked: Option<&(Group, Asked)>) {
        if let Some((group, asked)) = asked {
            let calls = &mut lock(&self.world.judge).calls;
            calls.begins(*group, asked.clone());
        }
    }

    fn is_told(&self, asked: Option<(Group, Asked)>, outcome: &Outcome) {
        let Some((group, asked)) = asked else {
            return;
        };
        let mut judge = lock(&self.world.judge);
        let Judge { calls, stood, .. } = &mut *judge;
        if let Err(why) = calls.told(group, &asked, outcome, stood) {
            let (process, register) = (self.process, group.register);
            let what = format!("p{process} wrote {register:?}: {why}");
            judge.fail(self.world.now(), Invariant::TrueOutcomes, what);
        }
    }
}

impl Lease {
    /// This write, if it is one of the lease, as it leaves now.
    pub(in crate::sim) fn of(world: &World, process: usize, change: &Change) -> Option<Self> {
        let Change::Leader(write) = change else {
            return None;
        };
        let clock = world.clock_of(process);
        Some(Self {
            write: write.clone(),
            covers: covers(change).map(|span| world.now() + span),
            keeps_off: keeps_off(change),
            sent: clock.read(),
            clock,
        })
    }
}

#[async_trait]
impl Dcs for Judged {
    fn scope(&self) -> &Scope {
        &self.world.scope
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        let all = self.inner.load().await?;
        self.world.has_read(self.process, &all);
        Ok(all)
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        let entry = self.inner.load_leader().await?;
        self.world.has_read_leader(self.process, &entry);
        Ok(entry)
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let (world, process) = (&self.world, self.process);
        let number = world.next_request(process);
        world.note(|| format!("p{process} {}", describe(change, expected)));
        world.sends((process, number), change);
        let asked = Lease::of(world, process, change);
        let asked = asked.map_or_else(|| Asked::Value(change.clone()), Asked::Lease);
        let asked = Group::of_write(process, change, expected).map(|group| (group, asked));
        self.asks(asked.as_ref());
        let outcome = self.inner.write(change, expected).await;
        world.note(|| format!("p{process} write of {}: {}", change.key(), told(&outcome)));
        self.is_told(asked, &outcome);
        if matches!(change, Change::Leader(_)) {
            world.trace.mark(|| Mark::Answered {
                process,
                request: number,
                answer: answered(&outcome),
            });
        }
        outcome
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        let (world, process) = (&self.world, self.process);
        world.note(|| format!("p{process} touches {key} with {token:?}"));
        let group = Group::of_fence(process, key, expected);
        let asked = group.map(|group| (group, Asked::Fence(token)));
        self.asks(asked.as_ref());
        let outcome = self.inner.fence(key, token, expected).await;
        world.note(|| format!("p{process} touch of {key}: {}", told(&outcome)));
        self.is_told(asked, &outcome);
        outcome
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        self.inner.put_member(record).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        self.inner.delete_member(name).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        let (world, process) = (Arc::clone(&self.world), self.process);
        let show = |revision: Option<dcs_core::Revision>| {
            revision.map_or_else(|| "absent".to_owned(), |revision| revision.to_string())
        };
        let noted = self.inner.watch(silence).inspect(move |event| {
            if let Ok(event) = event {
                world.has_been_shown(process, event);
            }
            world.note(|| match event {
                Ok(event) => format!("p{process} watch {}", watch::describe(event, show)),
                Err(error) => format!("p{process} watch fails: {error}"),
            });
        });
        noted.boxed()
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, simulated, process {}", self.inner, self.process)
    }
}

impl fmt::Debug for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judged")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}
