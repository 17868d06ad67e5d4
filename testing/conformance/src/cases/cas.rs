//! G-CAS: the precondition decides.

use dcs_core::{Error, Outcome, Precondition};

use crate::World;
use crate::samples::{SHARED, change, leader, revision, shown};
use crate::support::{commit, conflict, load};

pub(crate) async fn a_key_is_written_on_the_revision_that_load_showed(world: World) {
    let dcs = world.dcs(0);
    for n in 1..=3 {
        for key in SHARED {
            let expected = revision(&load(dcs).await, &key).into();
            commit(dcs, change(&key, n), expected).await;
        }
    }
}

pub(crate) async fn a_creation_of_what_exists_is_refused(world: World) {
    for key in SHARED {
        let expected = revision(&load(world.dcs(0)).await, &key).into();
        commit(world.dcs(0), change(&key, 1), expected).await;
        conflict(world.dcs(1), change(&key, 2), Precondition::Absent).await;
    }
}

pub(crate) async fn a_stale_revision_is_refused(world: World) {
    let dcs = world.dcs(0);
    for key in SHARED {
        let expected = revision(&load(dcs).await, &key).into();
        let stale = commit(dcs, change(&key, 1), expected).await;
        commit(dcs, change(&key, 2), Precondition::Matches(stale)).await;
        conflict(world.dcs(1), change(&key, 3), Precondition::Matches(stale)).await;
    }
}

pub(crate) async fn a_revision_expected_of_an_absent_key_creates_nothing(world: World) {
    let dcs = world.dcs(0);
    let first = commit(dcs, leader(&world.name(0), 1), Precondition::Absent).await;
    for key in SHARED {
        // A backend may keep several keys in one register.
        if revision(&load(dcs).await, &key).is_none() {
            conflict(dcs, change(&key, 1), Precondition::Matches(first)).await;
            assert_eq!(shown(&load(dcs).await, &key), None, "{key} was created");
        }
    }
    world.controls.delete_leader().await;
    conflict(dcs, leader(&world.name(0), 2), Precondition::Matches(first)).await;
    let leader = load(dcs).await.leader;
    assert_eq!(
        leader.revision, None,
        "the leader register was created anew"
    );
}

pub(crate) async fn a_revision_from_before_a_deletion_is_refused(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let before = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    world.controls.delete_leader().await;
    let after = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    let late = leader(&world.name(1), 2);
    conflict(world.dcs(1), late, Precondition::Matches(before)).await;
    assert_eq!(load(dcs).await.leader.revision, Some(after));
}

pub(crate) async fn a_conflict_says_what_was_found(world: World) {
    let dcs = world.dcs(0);
    for key in SHARED {
        let expected = revision(&load(dcs).await, &key).into();
        let stands = commit(dcs, change(&key, 1), expected).await;
        // Whether it is one at all is for the cases above.
        let outcome = world
            .dcs(1)
            .write(&change(&key, 2), Precondition::Absent)
            .await;
        if let Outcome::NotCommitted(Error::Conflict { key: named, found }) = outcome {
            assert_eq!(named, key, "the conflict names another key");
            let is_right = found.is_none_or(|found| found == stands);
            assert!(
                is_right,
                "{key} stands at {stands:?}, and the conflict says {found:?}"
            );
        }
    }
}
