//! G-VALUE: the leader record.

use dcs_core::{Outcome, Precondition, Revision, Value};

use crate::World;
use crate::samples::{held, leader, leader_with, released, vacant};
use crate::support::{commit, load};

pub(crate) async fn a_claim_comes_back_as_it_was_written(world: World) {
    let mut expected = Precondition::Absent;
    for n in [0, 7, u64::from(u32::MAX)] {
        let record = held(&world.name(0), n);
        let change = leader_with(record.clone(), None, None);
        let written = commit(world.dcs(0), change, expected).await;
        for reader in &world.handles {
            assert_eq!(load(reader).await.leader.get(), Some(&record));
        }
        expected = Precondition::Matches(written);
    }
}

pub(crate) async fn a_release_mark_comes_back_as_it_was_written(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let term = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    let largest = Revision::new(u128::MAX).expect("not zero");
    let mut expected = term;
    for prev in [term, largest] {
        let record = released(&name, 1, prev);
        let change = leader_with(record.clone(), None, None);
        expected = commit(dcs, change, Precondition::Matches(expected)).await;
        let stands = load(world.dcs(1)).await.leader;
        assert_eq!(stands.get(), Some(&record));
        let seen = stands.get().expect("it was just compared");
        assert_eq!(seen.valid_release(), record.released.as_ref());
        assert_eq!(seen.valid_claim(), record.claim.as_ref());
    }
}

pub(crate) async fn a_vacant_record_has_a_revision_and_no_holder(world: World) {
    let create = leader_with(vacant(), None, None);
    let created = commit(world.dcs(0), create, Precondition::Absent).await;
    let stands = load(world.dcs(1)).await;
    assert_eq!(stands.leader.revision, Some(created));
    assert_eq!(stands.holder(), None);
    assert!(
        !matches!(stands.leader.value, Value::Malformed(_)),
        "{stands:?}"
    );
    let taken = leader(&world.name(1), 1);
    commit(world.dcs(1), taken, Precondition::Matches(created)).await;
}

pub(crate) async fn a_takeover_replaces_the_whole_record(world: World) {
    let (old, new) = (world.name(0), world.name(1));
    let term = commit(world.dcs(0), leader(&old, 1), Precondition::Absent).await;
    let release = leader_with(released(&old, 1, term), None, None);
    let free = commit(world.dcs(0), release, Precondition::Matches(term)).await;
    let mut record = held(&new, 2);
    record.acquire_time = None;
    let takeover = leader_with(record.clone(), None, None);
    let taken = commit(world.dcs(1), takeover, Precondition::Matches(free)).await;
    let stands = load(world.dcs(0)).await.leader;
    assert_eq!(stands.revision, Some(taken));
    assert_eq!(
        stands.get(),
        Some(&record),
        "something of the old record is left"
    );
}

pub(crate) async fn a_commit_returns_the_record_that_stands(world: World) {
    let dcs = world.dcs(0);
    let change = leader(&world.name(0), 1);
    match dcs.write(&change, Precondition::Absent).await {
        Outcome::Committed(committed) => {
            let stands = load(dcs).await.leader;
            assert_eq!(Some(stands.value), committed.leader);
        }
        other => panic!("not committed: {other:?}"),
    }
}
