//! Bugs of the store that can be planted, in a build that has them: a store that
//! breaks what the election rests on.

#[cfg(dcs_seeded_bugs)]
pub(super) use planted::{expected, restores};
#[cfg(not(dcs_seeded_bugs))]
pub(super) use without::{expected, restores};

#[cfg(dcs_seeded_bugs)]
mod planted {
    use std::sync::Arc;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Duration;

    use dcs_core::election::seeded::{Bug, planted};
    use dcs_core::{Change, Precondition};

    use crate::sim::executor::lock;
    use crate::sim::story::Story;
    use crate::store::Keys;

    /// What a write is held to: an update of what is not there creates it, if
    /// that bug is planted.
    pub(in crate::sim) fn expected(
        keys: &Keys,
        change: &Change,
        expected: Precondition,
    ) -> Precondition {
        let is_gone = matches!(change, Change::Leader(_)) && keys.now.leader.revision.is_none();
        if is_gone && planted(Bug::PutCreates) {
            return Precondition::Absent;
        }
        expected
    }

    /// Now and then the store is restored from a copy, revisions and all, if
    /// that bug is planted.
    pub(in crate::sim) fn restores(story: &Arc<Story>) {
        if !planted(Bug::RevisionsReused) {
            return;
        }
        let (wait, age) = {
            let mut rng = lock(&story.rng);
            (rng.u64(20_000..200_000), rng.u64(1_000..40_000))
        };
        let story = Arc::clone(story);
        let world = Arc::clone(&story.world);
        world.executor.after(wait * 1_000_000, move || {
            let copy = lock(&story.world.registers).clone();
            let age = Duration::from_millis(age);
            story.later(age, move |story| {
                if story.is_healed.load(Relaxed) {
                    return;
                }
                story
                    .world
                    .note(|| "-- the store is restored from a copy".to_owned());
                story.world.third_party(|registers, _| *registers = copy);
                let count = lock(&story.world.processes).len();
                for process in 0..count {
                    story
                        .world
                        .with_link(process, |link| link.happened.gaps += 1);
                    story.world.wake_watchers(process);
                }
                restores(story);
            });
        });
    }
}

#[cfg(not(dcs_seeded_bugs))]
mod without {
    use std::sync::Arc;

    use dcs_core::{Change, Precondition};

    use crate::sim::story::Story;
    use crate::store::Keys;

    pub(in crate::sim) const fn expected(
        _: &Keys,
        _: &Change,
        expected: Precondition,
    ) -> Precondition {
        expected
    }

    pub(in crate::sim) const fn restores(_: &Arc<Story>) {}
}
