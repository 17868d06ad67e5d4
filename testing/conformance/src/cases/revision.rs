//! G-REV: revisions grow and are not used again.

use dcs_core::Precondition;

use crate::World;
use crate::samples::{SHARED, change, held, leader, revision};
use crate::support::{commit, conflict, load};

pub(crate) async fn revisions_grow_with_every_write(world: World) {
    for key in SHARED {
        let mut last = revision(&load(world.dcs(0)).await, &key);
        for n in 0..10 {
            let writer = world.dcs(usize::from(n % 2 == 1));
            let next = commit(writer, change(&key, n), last.into()).await;
            assert!(last < Some(next), "{key} went from {last:?} to {next:?}");
            last = Some(next);
        }
    }
}

pub(crate) async fn revisions_grow_across_deletions(world: World) {
    let mut last = None;
    for n in 0..4 {
        let writer = usize::from(n % 2 == 1);
        let change = leader(&world.name(writer), n);
        let created = commit(world.dcs(writer), change, Precondition::Absent).await;
        assert!(
            last < Some(created),
            "created at {created:?} after {last:?}"
        );
        last = Some(created);
        world.controls.delete_leader().await;
    }
}

pub(crate) async fn a_commit_and_load_agree_on_the_revision(world: World) {
    for key in SHARED {
        for n in 1..=2 {
            let expected = revision(&load(world.dcs(1)).await, &key).into();
            let committed = commit(world.dcs(0), change(&key, n), expected).await;
            let shown = revision(&load(world.dcs(1)).await, &key);
            assert_eq!(shown, Some(committed), "{key}");
        }
    }
}

pub(crate) async fn a_foreign_write_changes_the_revision_and_keeps_the_record(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let mine = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    world.controls.bump_leader().await;
    let bumped = load(dcs).await.leader;
    assert!(
        bumped.revision > Some(mine),
        "{:?} after {mine:?}",
        bumped.revision
    );
    assert_eq!(bumped.get(), Some(&held(&name, 1)));
    conflict(dcs, leader(&name, 2), Precondition::Matches(mine)).await;
    commit(dcs, leader(&name, 2), bumped.precondition()).await;
}
