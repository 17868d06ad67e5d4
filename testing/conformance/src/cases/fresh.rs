//! G-FRESH: a read sees what was acknowledged before it.

use dcs_core::{Entry, Precondition};

use crate::samples::{SHARED, change, failsafe, held, leader, leader_with, member, shown};
use crate::support::{commit, load};
use crate::{Fault, World};

pub(crate) async fn load_sees_what_others_were_acknowledged(world: World) {
    let count = world.handles.len();
    for n in 1..=6 {
        let (writer, reader) = (world.dcs(n % count), world.dcs((n + 1) % count));
        let version = u64::try_from(n).expect("a few rounds");
        for key in SHARED {
            let before = load(reader).await;
            let expected = crate::samples::revision(&before, &key).into();
            commit(writer, change(&key, version), expected).await;
            let after = load(reader).await;
            assert_ne!(
                shown(&before, &key),
                shown(&after, &key),
                "{key} of write {n}"
            );
        }
        let record = member(&world.name(n % count), version);
        let put = writer.put_member(&record).await;
        let members = load(reader).await.members;
        let seen = members.get(record.name()).and_then(Entry::get);
        assert_eq!(seen, Some(&record), "after {put:?}");
    }
}

pub(crate) async fn load_leader_sees_what_others_were_acknowledged(world: World) {
    let mut expected = Precondition::Absent;
    for n in 0..12 {
        let writer = n % world.handles.len();
        let version = u64::try_from(n).expect("a few rounds");
        let record = leader(&world.name(writer), version);
        let written = commit(world.dcs(writer), record, expected).await;
        for reader in &world.handles {
            let seen = reader.load_leader().await.expect("no fault was injected");
            assert_eq!(seen.revision, Some(written), "{reader} after write {n}");
        }
        expected = Precondition::Matches(written);
    }
}

pub(crate) async fn load_leader_says_what_load_says(world: World) {
    agree(&world, 0).await;
    let record = held(&world.name(0), 1);
    let status = Some(dcs_core::Status::at(1));
    let change = leader_with(record, status, Some(failsafe(1)));
    commit(world.dcs(0), change, Precondition::Absent).await;
    agree(&world, 1).await;
    world.controls.delete_leader().await;
    agree(&world, 2).await;
}

pub(crate) async fn a_read_of_a_cut_off_member_fails(world: World) {
    let dcs = world.dcs(0);
    commit(dcs, leader(&world.name(0), 1), Precondition::Absent).await;
    load(dcs).await;
    world.controls.inject(0, Fault::CutOff).await;
    let whole = dcs.load().await;
    assert!(whole.is_err(), "nothing can be read: {whole:?}");
    let leader = dcs.load_leader().await;
    assert!(leader.is_err(), "nothing can be read: {leader:?}");
    world.controls.inject(0, Fault::Heal).await;
    world.until_healed(0).await;
}

pub(crate) async fn a_deletion_by_a_third_party_is_seen_at_once(world: World) {
    let dcs = world.dcs(0);
    let record = held(&world.name(0), 1);
    let status = Some(dcs_core::Status::at(1));
    let change = leader_with(record, status, Some(failsafe(1)));
    commit(dcs, change, Precondition::Absent).await;
    world.controls.delete_leader().await;
    let seen = load(dcs).await;
    assert_eq!(seen.leader, Entry::absent());
    assert_eq!(seen.status, Entry::absent());
    assert_eq!(seen.failsafe, Entry::absent());
}

async fn agree(world: &World, member: usize) {
    let dcs = world.dcs(member);
    let alone = dcs.load_leader().await.expect("no fault was injected");
    assert_eq!(alone, load(dcs).await.leader);
}
