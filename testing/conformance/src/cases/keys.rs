//! G-KEY: a write touches its own key only.

use dcs_core::{Change, Entry, Outcome, Precondition, Slots, Status, Value};

use crate::World;
use crate::samples::{
    SHARED, change, config, failsafe, held, leader, leader_with, member, removal, revision, shown,
};
use crate::support::{commit, load};

pub(crate) async fn status_and_failsafe_travel_with_the_leader_write(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let mut expected = Precondition::Absent;
    for n in 1..=2 {
        let mut status = Status::at(n << 40);
        status.slots = Some(Slots::from_iter([("sample_1", n)]));
        status.retain_slots = Some(vec!["sample_2".to_owned()]);
        let write = leader_with(held(&name, n), Some(status.clone()), Some(failsafe(n)));
        let written = commit(dcs, write, expected).await;
        let read = load(world.dcs(1)).await;
        assert_eq!(read.leader, Entry::present(written, held(&name, n)));
        assert_eq!(read.status, Entry::present(written, status));
        assert_eq!(read.failsafe, Entry::present(written, failsafe(n)));
        expected = Precondition::Matches(written);
    }
}

pub(crate) async fn a_leader_write_leaves_status_and_failsafe_alone(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let write = leader_with(held(&name, 1), Some(Status::at(1)), Some(failsafe(1)));
    let first = commit(dcs, write, Precondition::Absent).await;
    let takeover = leader(&world.name(1), 2);
    commit(world.dcs(1), takeover, Precondition::Matches(first)).await;
    let read = load(dcs).await;
    assert_eq!(read.status.get(), Some(&Status::at(1)));
    assert_eq!(read.failsafe.get(), Some(&failsafe(1)));
}

pub(crate) async fn a_write_leaves_other_values_alone(world: World) {
    let dcs = world.dcs(0);
    for key in SHARED {
        commit(
            dcs,
            change(&key, 1),
            revision(&load(dcs).await, &key).into(),
        )
        .await;
    }
    let _ = dcs.put_member(&member(&world.name(0), 1)).await;
    for key in SHARED {
        for write in [Some(change(&key, 2)), removal(&key), Some(change(&key, 3))] {
            let Some(write) = write else { continue };
            let before = load(dcs).await;
            commit(dcs, write, revision(&before, &key).into()).await;
            let after = load(dcs).await;
            for other in SHARED.iter().filter(|other| **other != key) {
                let same = shown(&before, other) == shown(&after, other);
                assert!(same, "a write of {key} changed {other}: {after:?}");
            }
            assert_eq!(after.members, before.members, "a write of {key}");
        }
    }
}

pub(crate) async fn other_keys_leave_the_leader_revision_alone(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let standing = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    for n in 1..=2 {
        let expected = load(dcs).await.config.precondition();
        commit(dcs, Change::Config(Some(config(n))), expected).await;
        let _ = dcs.put_member(&member(&name, n)).await;
        let _ = world.dcs(1).put_member(&member(&world.name(1), n)).await;
    }
    let _ = dcs.delete_member(&name).await;
    let leader = load(world.dcs(1)).await.leader;
    assert_eq!(leader.revision, Some(standing));
}

pub(crate) async fn a_fresh_scope_is_empty(world: World) {
    for dcs in &world.handles {
        let read = load(dcs).await;
        assert!(read.is_empty(), "{read:?}");
        assert_eq!(read.malformed(), []);
        let valued = |entry: &Entry<_>| entry.value != Value::Absent;
        assert!(!read.members.values().any(valued), "{read:?}");
    }
}

pub(crate) async fn two_scopes_do_not_see_each_other(world: World, other: World) {
    assert_ne!(world.dcs(0).scope(), other.dcs(0).scope());
    let mut watch = other.watch(0);
    watch.reset().await;
    for key in SHARED {
        let dcs = world.dcs(0);
        commit(
            dcs,
            change(&key, 1),
            revision(&load(dcs).await, &key).into(),
        )
        .await;
    }
    let put = world.dcs(0).put_member(&member(&world.name(0), 1)).await;
    assert!(matches!(put, Outcome::Committed(_)), "{put:?}");
    let read = load(other.dcs(0)).await;
    assert!(read.is_empty(), "{read:?}");
    assert!(
        read.members.values().all(|entry| entry.get().is_none()),
        "{read:?}"
    );
    // What the watch says first is of its own scope.
    let own = leader(&other.name(0), 2);
    let written = commit(other.dcs(0), own, Precondition::Absent).await;
    assert_eq!(watch.sight().await.entry.revision, Some(written));
}
