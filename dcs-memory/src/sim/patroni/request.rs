//! One write of Patroni, with all its tries.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::{
    Change, Committed, Dcs, Entry, Error, Key, LeaderRecord, LeaderWrite, Outcome, Precondition,
    Revision, Status, Value,
};
use futures_util::future::{Either, select};

use super::beliefs::Writer;
use super::clock::{Instant, OwnClock};
use super::lock::Patch;
use super::settings::Settings;
use crate::sim::class::Class;
use crate::sim::executor::lock;
use crate::sim::net::SimDcs;
use crate::sim::node::Node;
use crate::sim::world::World;

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// Up to this much is added to each delay.
const JITTER: u64 = 800;
/// With less time than this left nothing is read back, and with half of it
/// nothing is written again.
const SECOND: Duration = Duration::from_secs(1);

/// What Patroni makes of the answers to its tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It stands, as this revision.
    Yes(Revision),
    /// It does not, and somebody else's does.
    No,
    /// Nobody knows: the time for it is over.
    Unknown,
}

/// What a write expects, and what for.
#[derive(Clone, Debug)]
pub(super) struct Write<'a> {
    pub(super) patch: &'a Patch,
    /// The record that it is made of; it stands there at `expected`.
    pub(super) found: LeaderRecord,
    pub(super) expected: Option<Revision>,
    pub(super) is_renewal: bool,
    /// It takes a lock that its clock, which ran ahead, takes for expired.
    pub(super) is_too_early: bool,
}

/// The operations of one actor on the leader object.
pub(super) struct Requests {
    node: Node,
    dcs: SimDcs,
    clock: OwnClock,
}

impl Requests {
    pub(super) fn new(node: &Node, clock: OwnClock) -> Self {
        Self {
            dcs: SimDcs::new(Arc::clone(node.world()), node.process()),
            node: node.clone(),
            clock,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.read(self.node.world().now())
    }

    /// Takes or renews the lock, with all tries within `retry_timeout` of
    /// `began`. A conflict may be with a try of its own whose answer was lost:
    /// the object is read back, and a renewal goes on where it still shows the
    /// own name.
    pub(super) async fn write(
        &self,
        mut write: Write<'_>,
        began: Instant,
        settings: Settings,
    ) -> Written {
        let limit = settings.retry_timeout;
        loop {
            match self.tries(&write, began, settings).await {
                Some(Ok(revision)) => return Written::Yes(revision),
                Some(Err(())) => {}
                None => return Written::Unknown,
            }
            if write.expected.is_none() || self.left(began, limit) < SECOND {
                return Written::No;
            }
            let Some(entry) = self.read_back(began, limit).await else {
                return Written::Unknown;
            };
            let (Some(revision), Some(record)) = (entry.revision, entry.get()) else {
                return Written::No;
            };
            if Some(revision) == write.expected {
                return Written::No;
            }
            if write.patch.is_in(record) {
                self.node.world().counts(Class::PatroniFindsItsWrite);
                return Written::Yes(revision);
            }
            let is_mine = record.holder.as_ref() == Some(self.node.name());
            if !write.is_renewal || !is_mine || self.left(began, limit) < SECOND / 2 {
                return Written::No;
            }
            (write.expected, write.found) = (Some(revision), record.clone());
        }
    }

    /// Gives the lock up: one try.
    pub(super) async fn release(&self, write: Write<'_>, limit: Duration) -> Written {
        let sent = self.send(&write, limit);
        match self.within(limit, sent).await {
            Some(Outcome::Committed(committed)) => Written::Yes(committed.revision),
            Some(Outcome::NotCommitted(_)) => Written::No,
            _ => Written::Unknown,
        }
    }

    /// Writes the position beside whatever stands there, by no revision.
    pub(super) async fn write_position(&self, optime: u64, limit: Duration) {
        let process = self.node.process();
        let run = move |world: &World| world.position_moves(process, optime);
        let sent = self
            .dcs
            .by_other_rules("writes its position".to_owned(), None, run);
        self.within(limit, sent).await;
    }

    /// All tries of one PATCH. `Some(Err(()))` is a conflict, `None` the end of
    /// the time.
    async fn tries(
        &self,
        write: &Write<'_>,
        began: Instant,
        settings: Settings,
    ) -> Option<Result<Revision, ()>> {
        let mut delay = FIRST_DELAY;
        loop {
            let left = self.left(began, settings.retry_timeout);
            let limit = Settings::one_try(left)?;
            match self
                .within(limit, self.send(write, settings.retry_timeout))
                .await
            {
                Some(Outcome::Committed(committed)) => return Some(Ok(committed.revision)),
                Some(Outcome::NotCommitted(Error::Conflict { .. })) => return Some(Err(())),
                _ => {}
            }
            let wait = delay + Duration::from_millis(self.node.below(JITTER));
            if wait >= self.left(began, settings.retry_timeout) {
                return None;
            }
            self.node.sleep(wait).await;
            delay = (delay * 2).min(LONGEST_DELAY);
        }
    }

    async fn read_back(&self, began: Instant, limit: Duration) -> Option<Entry<LeaderRecord>> {
        let left = Settings::one_try(self.left(began, limit))?;
        self.within(left, self.dcs.load_leader()).await?.ok()
    }

    async fn send(&self, write: &Write<'_>, retry_timeout: Duration) -> Outcome {
        let process = self.node.process();
        let mut change = LeaderWrite::from(write.patch.record(&write.found));
        change.status = write.patch.status(None);
        let what = match &change.record.holder {
            Some(holder) => format!("writes leader {holder} as Patroni"),
            None => "writes leader nobody as Patroni".to_owned(),
        };
        let change = Change::Leader(Box::new(change));
        let (expected, is_too_early) = (write.expected, write.is_too_early);
        let run = move |world: &World| {
            let before = world.leader().revision;
            let result = world.patroni_writes((process, retry_timeout), &change, expected.into());
            if is_too_early && world.leader().revision != before {
                lock(&world.judge).patronis.took_too_early();
            }
            result
        };
        self.dcs
            .by_other_rules(what, Some(expected.into()), run)
            .await
    }

    fn left(&self, began: Instant, limit: Duration) -> Duration {
        limit.saturating_sub(self.now().since(began))
    }

    /// What is there when the process looks counts, however late that is: a
    /// socket gives what has arrived, and then looks at the time.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let work = std::pin::pin!(work);
        match select(work, self.node.clock().sleep(limit)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }
}

impl World {
    /// One write of Patroni, at the store.
    fn patroni_writes(
        &self,
        (process, retry_timeout): (usize, Duration),
        change: &Change,
        expected: Precondition,
    ) -> Result<Committed, Error> {
        let replaced = self.leader();
        let found = lock(&self.judge).patronis.last_writer();
        let result = self.apply(process, change, expected);
        if self.leader().revision != replaced.revision {
            let writer = Writer::Patroni(process, retry_timeout);
            lock(&self.judge).patronis.wrote_last(writer);
            self.counts_what_patroni_took(&replaced, found, change);
        }
        result
    }

    /// What a write of Patroni replaced.
    fn counts_what_patroni_took(
        &self,
        replaced: &Entry<LeaderRecord>,
        found: Option<Writer>,
        change: &Change,
    ) {
        let Change::Leader(write) = change else {
            return;
        };
        let before = replaced.get().and_then(|record| record.holder.as_ref());
        if write.record.holder.is_none() || before == write.record.holder.as_ref() {
            return;
        }
        let is_ours = matches!(found, Some(Writer::Ours(_)));
        match before {
            Some(_) if is_ours => self.counts(Class::PatroniTakesFromOurs),
            None if is_ours => self.counts(Class::PatroniTakesReleased),
            _ => {}
        }
    }

    /// A write of the position alone: it moves the version, whoever holds.
    fn position_moves(&self, process: usize, optime: u64) -> Result<Committed, Error> {
        let revision = self.third_party(|registers, at| {
            let keys = registers.keys(&self.scope);
            keys.now.leader.revision?;
            let (record, _, failsafe) = keys.leader_register();
            let status = Value::Present(Status::at(optime));
            Some(registers.overwrite_leader(&self.scope, (record, status, failsafe), at))
        });
        let revision = revision.ok_or_else(|| Error::Missing {
            what: Key::Leader.to_string(),
            advice: "nobody holds the lock",
        })?;
        self.counts(Class::PatroniPosition);
        let writer = Writer::Patroni(process, Duration::ZERO);
        lock(&self.judge).patronis.wrote_last(writer);
        Ok(Committed::new(revision))
    }
}
