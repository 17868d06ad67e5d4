//! What a store of one's own has become by a request.

use dcs_core::{Config, Entry, LeaderRecord, Revision, Snapshot};

use super::calls::{Group, Register};
use crate::sim::executor::lock;
use crate::sim::judge::Invariant;
use crate::sim::world::{World, counter};

impl World {
    /// Looks at the store after something was done to it: by a process, or by a
    /// third party.
    pub(in crate::sim) fn takes_in(&self, writer: Option<usize>) {
        let Some(over) = self.over() else {
            return;
        };
        let version = over.version();
        let (before, now) = {
            let mut known = lock(&self.known);
            if known.0 == version {
                return;
            }
            let now = over.snapshot();
            let before = std::mem::replace(&mut *known, (version, Box::new(now.clone())));
            (before.1, now)
        };
        let is_new = now.leader.revision != before.leader.revision;
        if is_new {
            if let Some(process) = writer {
                self.leaves_strangers_alone(process);
            }
            self.leader_changed(&now.leader, writer);
        }
        let Some(process) = writer else {
            return;
        };
        if is_new {
            self.lease_written(process, &before.leader, &now.leader);
        }
        self.config_written(process, &before.config, &now.config);
        let [failover, sync] = [Register::Failover, Register::Sync];
        self.written(
            process,
            failover,
            revisions(&before.failover, &now.failover),
        );
        self.written(process, sync, revisions(&before.sync, &now.sync));
    }

    fn lease_written(
        &self,
        process: usize,
        before: &Entry<LeaderRecord>,
        now: &Entry<LeaderRecord>,
    ) {
        let Some(record) = now.get() else {
            let what = format!("p{process} leaves no leader record behind: {:?}", now.value);
            return lock(&self.judge).fail(self.now(), Invariant::TrueOutcomes, what);
        };
        let held = record.holder.is_some();
        let claim = record.claim.as_ref().filter(|_| held);
        let group = Group {
            process,
            register: Register::Leader,
            expected: before.revision,
            attempt: claim.map(|claim| claim.attempt),
        };
        if held {
            lock(&self.judge).counts.writes += 1;
            lock(&self.ambushes).push(process);
        }
        self.committed(group, now.revision);
        let lease = {
            let mut judge = lock(&self.judge);
            let leases = judge.calls.leases(&group);
            let same = leases.iter().find(|lease| lease.write.record == *record);
            match (same, leases.last()) {
                (Some(same), _) => same.clone(),
                (None, None) => return,
                (None, Some(last)) => {
                    let wrote = &last.write.record;
                    let what = format!("p{process} wrote {wrote:?}, and there stands {record:?}");
                    return judge.fail(self.now(), Invariant::TrueOutcomes, what);
                }
            }
        };
        self.lease_applied(process, &lease, before.get());
    }

    /// A config key is made from the one directly before it.
    fn config_written(&self, process: usize, before: &Entry<Config>, now: &Entry<Config>) {
        let Some((expected, revision)) = revisions(before, now) else {
            return;
        };
        let group = Group {
            process,
            register: Register::Config,
            expected,
            attempt: None,
        };
        self.committed(group, Some(revision));
        let (old, new) = (before.get(), now.get());
        let is_touch = lock(&self.judge).calls.has_fence(&group) && old == new;
        let counts = |config: Option<&Config>| config.and_then(counter);
        let (count, counted) = (counts(old), counts(new));
        if !is_touch && counted.is_some() && counted != count.unwrap_or(0).checked_add(1) {
            let what = format!("{counted:?} was written over {count:?}");
            lock(&self.judge).fail(self.now(), Invariant::NoLostUpdate, what);
        }
    }

    fn written(
        &self,
        process: usize,
        register: Register,
        versions: Option<(Option<Revision>, Revision)>,
    ) {
        if let Some((expected, revision)) = versions {
            let group = Group {
                process,
                register,
                expected,
                attempt: None,
            };
            self.committed(group, Some(revision));
        }
    }

    fn committed(&self, group: Group, revision: Option<Revision>) {
        let Some(revision) = revision else {
            return;
        };
        let mut judge = lock(&self.judge);
        if let Err(why) = judge.calls.committed(group, revision) {
            let (process, register) = (group.process, group.register);
            let what = format!("p{process} wrote {register:?} as {revision}: {why}");
            judge.fail(self.now(), Invariant::TrueOutcomes, what);
        }
    }
}

/// The revisions before and after, if it was written.
fn revisions<T>(before: &Entry<T>, now: &Entry<T>) -> Option<(Option<Revision>, Revision)> {
    let revision = now.revision.filter(|_| now.revision != before.revision)?;
    Some((before.revision, revision))
}

/// What the store was before anything was done to it.
pub(in crate::sim) fn nothing() -> (u64, Box<Snapshot>) {
    (u64::MAX, Box::default())
}
