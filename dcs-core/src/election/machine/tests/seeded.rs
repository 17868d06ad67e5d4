//! Each planted bug, in one short interleaving: with it the machine does what
//! its rule forbids, and without it the same steps do no harm.

mod absence;
mod belief;
mod challenger;
mod former_holder;
mod patroni;
mod release;
mod shown_ttl;

use std::time::Duration;

use super::rig::Rig;
use crate::election::seeded::{Bug, plant};
use crate::{Change, Entry, LeaderRecord};

/// Takes the bug out again, also where a test fails.
struct Planted;

impl Planted {
    fn new(bug: Bug) -> Self {
        plant(Some(bug));
        Self
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        plant(None);
    }
}

/// The wrong thing happens with the bug, and does not without it.
fn shows(bug: Bug, wrong: fn() -> bool) {
    shows_from(bug, || (), |()| wrong());
}

/// The same for a bug that does not let the first steps pass.
fn shows_from<T>(bug: Bug, start: fn() -> T, wrong: impl Fn(T) -> bool) {
    let (first, second) = (start(), start());
    assert!(
        !wrong(first),
        "{} shows where it is not planted",
        bug.name()
    );
    let _planted = Planted::new(bug);
    assert!(wrong(second), "{} does not show", bug.name());
}

/// `a` leads since revision 11, and `b` saw that version and nothing since.
struct Pair {
    a: Rig,
    b: Rig,
}

impl Pair {
    fn new() -> Self {
        let a = Rig::leading("a");
        let mut b = Rig::new("b");
        b.begin(&a.standing());
        Self { a, b }
    }

    fn pass(&mut self, time: Duration) {
        self.a.pass(time);
        self.b.pass(time);
    }

    /// `b` acquires what it waited for, while `a` believes.
    fn both_lead(&mut self, revision: u128) -> bool {
        elected(&mut self.b, revision) && self.a.leads()
    }
}

/// The version that the member has seen last.
/// What the member writes, as it will stand at `revision`.
fn written(rig: &Rig, revision: u128) -> Entry<LeaderRecord> {
    Entry::present(super::rig::rev(revision), rig.lease_write().0)
}

/// The same version with another record.
fn altered(entry: &Entry<LeaderRecord>, change: impl FnOnce(&mut LeaderRecord)) -> LeaderRecord {
    let mut record = entry.get().cloned().unwrap();
    change(&mut record);
    record
}

/// Whether a write is under way that makes the member the holder.
fn acquires(rig: &Rig) -> bool {
    let writes = !rig.is_waiting() && !rig.reads();
    writes && matches!(rig.write().0, Change::Leader(write) if write.record.holder.is_some())
}

/// Whether the member leads, once such a write of it is committed.
fn elected(rig: &mut Rig, revision: u128) -> bool {
    if !acquires(rig) {
        return false;
    }
    rig.commit(revision);
    rig.leads()
}
