//! What a store of one's own has become by a request.

use dcs_core::{Config, Entry, LeaderRecord, Revision, Snapshot};

use super::calls::Group;
use super::stood::Register;
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
        self.keeps(&before, &now);
        let Some(process) = writer else {
            return;
        };
        if is_new {
            self.lease_written(process, &before.leader, &now.leader);
        }
        self.values_written(process, &before, &now);
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
            let leases: Vec<_> = judge.calls.leases(&group).cloned().collect();
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

    /// Remembers every version of the other registers.
    fn keeps(&self, before: &Snapshot, now: &Snapshot) {
        let stood = &mut lock(&self.judge).stood;
        for register in Register::BESIDE_LEADER {
            let revision = register.revision(now);
            if let Some(revision) = revision.filter(|_| register.revision(before) != revision) {
                stood.take_in(register, revision, register.stands(now));
            }
        }
    }

    /// Several keys may share one register: all of them have its new revision
    /// then, and one was written.
    fn values_written(&self, process: usize, before: &Snapshot, now: &Snapshot) {
        let mut rest: Vec<_> = Register::BESIDE_LEADER.into_iter().collect();
        rest.retain(|register| register.revision(before) != register.revision(now));
        while let Some(first) = rest.first() {
            let revision = first.revision(now);
            let is_of_it = |register: &mut Register| register.revision(now) == revision;
            let of_it: Vec<_> = rest.extract_if(.., is_of_it).collect();
            self.register_written(process, &of_it, before, now);
        }
    }

    fn register_written(
        &self,
        process: usize,
        keys: &[Register],
        before: &Snapshot,
        now: &Snapshot,
    ) {
        let group = |register: &Register| Group {
            process,
            register: *register,
            expected: register.revision(before),
            attempt: None,
        };
        let made = |register: &&Register| {
            let (before, now) = (register.stands(before), register.stands(now));
            lock(&self.judge)
                .calls
                .makes(&group(register), &before, &now)
        };
        let written = keys.iter().find(made);
        for key in keys {
            let (was, is) = (key.stands(before), key.stands(now));
            if written != Some(key) && was.value != is.value {
                let what = format!("p{process} wrote no such {key:?} as {is:?}");
                lock(&self.judge).fail(self.now(), Invariant::TrueOutcomes, what);
            }
        }
        let Some(written) = written.or(keys.first()) else {
            return;
        };
        let group = group(written);
        self.committed(group, written.revision(now));
        if *written == Register::Config {
            self.counts_on(group, &before.config, &now.config);
        }
    }

    /// A config key is made from the one directly before it.
    fn counts_on(&self, group: Group, before: &Entry<Config>, now: &Entry<Config>) {
        let (old, new) = (before.get(), now.get());
        let is_touch = old == new && lock(&self.judge).calls.has_fence(&group);
        let counts = |config: Option<&Config>| config.and_then(counter);
        let (count, counted) = (counts(old), counts(new));
        if !is_touch && counted.is_some() && counted != count.unwrap_or(0).checked_add(1) {
            let process = group.process;
            let what = format!("p{process}: {counted:?} was written over {count:?}");
            lock(&self.judge).fail(self.now(), Invariant::NoLostUpdate, what);
        }
    }

    fn committed(&self, group: Group, revision: Option<Revision>) {
        let mut judge = lock(&self.judge);
        if let Err(why) = judge.calls.committed(group, revision) {
            let (process, register) = (group.process, group.register);
            let as_what = revision.map_or_else(|| "a removal".to_owned(), |it| it.to_string());
            let what = format!("p{process} wrote {register:?} as {as_what}: {why}");
            judge.fail(self.now(), Invariant::TrueOutcomes, what);
        }
    }
}

/// What the store was before anything was done to it.
pub(in crate::sim) fn nothing() -> (u64, Box<Snapshot>) {
    (u64::MAX, Box::default())
}
