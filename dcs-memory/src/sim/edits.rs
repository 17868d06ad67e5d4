//! Third parties write what they like.

use std::time::Duration;

use dcs_core::{Change, Failover, MemberName, Precondition, ReleaseMark, Secret, Timestamp, Value};

use super::chance::mix;
use super::class::Class;
use super::edit::Edit;
use super::executor::lock;
use super::judge::Invariant;
use super::story::Story;

/// A holder who is no member of the simulation.
pub(super) const STRANGER: &str = "m99";

impl Story {
    pub(super) fn ask_for_handover(&self, candidate: Option<MemberName>) {
        let world = &self.world;
        let request = Failover::switchover(None, candidate);
        if let Some(over) = world.over() {
            let revision = || world.with_now(|now| now.failover.revision);
            let before = revision();
            over.overwrite_failover(&request);
            world.takes_in(None);
            if revision() == before {
                self.is_kept_out("overwrite_failover(..): a new revision");
            }
            return;
        }
        let change = Change::Failover(Some(request));
        world.third_party(|registers, at| {
            let now = registers.keys(&world.scope).now.failover.precondition();
            let expected: Precondition = now;
            // It expects what it has just read, so nothing can be in its way.
            let _ = registers.write(&world.scope, &change, expected, at);
        });
    }

    /// A third party writes the leader register, whatever its revision.
    pub(super) fn edit(&self, edit: &Edit) {
        let world = &self.world;
        let now = world.leader();
        if let Edit::Delete = edit {
            if self.delete() {
                world.hit(Class::Delete);
            }
            return;
        }
        let Some(revision) = now.revision else {
            // Only an old version can be written where nothing stands.
            if let Edit::RollBack { versions } = edit {
                self.write_old(*versions);
            }
            return;
        };
        let mut record = now.get().cloned().unwrap_or_default();
        match edit {
            Edit::RollBack { versions } => return self.write_old(*versions),
            Edit::ReplayRelease | Edit::ReplayMark => {
                return self.replay(matches!(edit, Edit::ReplayRelease));
            }
            Edit::Wipe => record.holder = None,
            Edit::ForgeRelease => {
                let bits = u128::from(mix(world.seed ^ world.now()));
                let mark = |time| ReleaseMark::new(Secret::from_bits(bits), revision, time);
                record.holder = None;
                record.released = record.renew_time.map(mark);
            }
            Edit::Ttl { seconds } => record.ttl = Some(Duration::from_secs(*seconds)),
            Edit::Stranger => record.holder = Some(stranger()),
            Edit::Renew => {
                let wall = dcs_core::Clock::wall(&self.clocks[0]);
                record.renew_time = Some(Timestamp::from_system_time(wall));
            }
            Edit::Bump | Edit::Delete => {}
        }
        self.overwrite(record);
        world.hit(edit.class());
    }

    /// Whether there was something to delete.
    fn delete(&self) -> bool {
        let world = &self.world;
        let Some(over) = world.over() else {
            return world.third_party(|registers, at| registers.delete_leader(&world.scope, at));
        };
        let is_there = world.leader().revision.is_some();
        over.overwrite_leader(None);
        world.takes_in(None);
        if world.leader().get().is_some() {
            self.is_kept_out("overwrite_leader(None): no record");
        }
        is_there
    }

    /// A store that does not take what third parties write has no such faults.
    fn is_kept_out(&self, what: &str) {
        let what = format!("the Backend does not show, after {what}");
        lock(&self.world.judge).fail(self.world.now(), Invariant::Own, what);
    }

    fn overwrite(&self, record: dcs_core::LeaderRecord) {
        let world = &self.world;
        if let Some(over) = world.over() {
            let before = world.leader().revision;
            over.overwrite_leader(Some(&record));
            world.takes_in(None);
            let now = world.leader();
            if now.revision == before || now.get() != Some(&record) {
                self.is_kept_out("overwrite_leader(Some(..)): the record, and a new revision");
            }
            return;
        }
        world.third_party(|registers, at| {
            let mut value = registers.keys(&world.scope).leader_register();
            value.0 = Value::Present(record);
            registers.overwrite_leader(&world.scope, value, at);
        });
    }

    fn write_old(&self, versions: usize) {
        let old = lock(&self.world.judge).version_before(versions);
        if let Some(record) = old.and_then(|old| old.get().cloned()) {
            self.overwrite(record);
            self.world.hit(Class::RollBack);
        }
    }

    /// The last release, or the term that it ended and then the release.
    fn replay(&self, with_term: bool) {
        let (term, release) = {
            let judge = lock(&self.world.judge);
            let is_release = |entry: &&dcs_core::Entry<_>| entry.get().is_some_and(is_released);
            let Some(index) = judge.past.iter().rposition(|entry| is_release(&entry)) else {
                return;
            };
            let before = index.checked_sub(1).filter(|_| with_term);
            let record = |index: usize| judge.past[index].get().cloned();
            (before.and_then(record), record(index))
        };
        if let Some(term) = term {
            self.overwrite(term);
        }
        if let Some(release) = release {
            self.overwrite(release);
            self.world.hit(if with_term {
                Class::ReplayedRelease
            } else {
                Class::ReplayedMark
            });
        }
    }
}

#[expect(clippy::expect_used, reason = "a constant that is a valid name")]
fn stranger() -> MemberName {
    STRANGER.parse().expect("a valid name")
}

fn is_released(record: &dcs_core::LeaderRecord) -> bool {
    record.released.is_some()
}
