//! G-OUT: what is said of a write is a fact.

use dcs_core::{Outcome, Precondition, Revision, Value};

use crate::samples::{SHARED, change, held, leader, member, revision};
use crate::support::{LIMIT, commit, is_unknown, load, unknown};
use crate::{Fault, World};

pub(crate) async fn a_refused_write_changes_nothing(world: World) {
    let made_up = Precondition::Matches(Revision::new(1).expect("one is not zero"));
    for key in SHARED {
        let expected = revision(&load(world.dcs(0)).await, &key).into();
        let stale = commit(world.dcs(0), change(&key, 1), expected).await;
        commit(world.dcs(0), change(&key, 2), Precondition::Matches(stale)).await;
        for expected in [Precondition::Absent, Precondition::Matches(stale), made_up] {
            let before = load(world.dcs(0)).await;
            let outcome = world.dcs(1).write(&change(&key, 3), expected).await;
            if matches!(outcome, Outcome::NotCommitted(_)) {
                assert_eq!(
                    load(world.dcs(0)).await,
                    before,
                    "{key} expecting {expected:?}"
                );
            }
        }
    }
}

pub(crate) async fn a_lost_request_is_unknown_and_not_applied(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let first = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    world.controls.inject(0, Fault::LoseNextRequest).await;
    unknown(dcs, leader(&name, 2), Precondition::Matches(first)).await;
    for reader in &world.handles {
        let stands = load(reader).await.leader;
        assert_eq!(stands.revision, Some(first), "a lost request was applied");
        assert_eq!(stands.get(), Some(&held(&name, 1)));
    }
    // Nothing is left of it that could still be applied.
    commit(dcs, leader(&name, 3), Precondition::Matches(first)).await;
}

pub(crate) async fn a_lost_answer_is_unknown_and_applied(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let first = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    world.controls.inject(0, Fault::LoseNextAnswer).await;
    unknown(dcs, leader(&name, 2), Precondition::Matches(first)).await;
    for reader in &world.handles {
        let stands = load(reader).await.leader;
        assert!(stands.revision > Some(first), "it was applied");
        assert_eq!(stands.get(), Some(&held(&name, 2)), "its own claim stands");
    }
}

pub(crate) async fn a_lost_creation_is_unknown(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    world.controls.inject(0, Fault::LoseNextRequest).await;
    unknown(dcs, leader(&name, 1), Precondition::Absent).await;
    assert_eq!(load(world.dcs(1)).await.leader.revision, None);
    world.controls.inject(0, Fault::LoseNextAnswer).await;
    unknown(dcs, leader(&name, 2), Precondition::Absent).await;
    let stands = load(world.dcs(1)).await.leader;
    assert_eq!(stands.get(), Some(&held(&name, 2)));
}

pub(crate) async fn a_lost_write_of_a_member_key_is_unknown(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let state = async |reader| {
        let members = load(world.dcs(reader)).await.members;
        members.get(&name).and_then(|entry| entry.get().cloned())
    };
    world.controls.inject(0, Fault::LoseNextRequest).await;
    is_unknown(dcs.put_member(&member(&name, 1)).await, "a member key");
    assert_eq!(state(1).await, None);
    world.controls.inject(0, Fault::LoseNextAnswer).await;
    is_unknown(dcs.put_member(&member(&name, 2)).await, "a member key");
    assert_eq!(state(1).await, Some(member(&name, 2)));
}

pub(crate) async fn a_lost_removal_of_a_member_key_is_unknown(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let is_there = async || {
        let members = load(world.dcs(1)).await.members;
        members
            .get(&name)
            .is_some_and(|entry| entry.value != Value::Absent)
    };
    let put = dcs.put_member(&member(&name, 1)).await;
    assert!(matches!(put, Outcome::Committed(_)), "{put:?}");
    world.controls.inject(0, Fault::LoseNextRequest).await;
    is_unknown(dcs.delete_member(&name).await, "a member key");
    assert!(is_there().await);
    world.controls.inject(0, Fault::LoseNextAnswer).await;
    is_unknown(dcs.delete_member(&name).await, "a member key");
    assert!(!is_there().await);
}

pub(crate) async fn a_write_with_a_lost_answer_is_applied_once(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let first = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    let mut watch = world.watch(1);
    watch.reset().await;
    world.controls.inject(0, Fault::LoseNextAnswer).await;
    let _ = dcs
        .write(&leader(&name, 2), Precondition::Matches(first))
        .await;
    let found = load(world.dcs(1)).await.leader;
    let last = commit(
        world.dcs(1),
        leader(&world.name(1), 3),
        found.precondition(),
    )
    .await;
    for sight in watch.sights_up_to(last).await {
        let one_of = [Some(first), found.revision, Some(last)];
        assert!(
            one_of.contains(&sight.entry.revision),
            "one write, two versions: {sight:?}"
        );
    }
}

pub(crate) async fn a_cut_off_member_is_never_told_that_it_wrote(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let first = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    world.controls.inject(0, Fault::CutOff).await;
    let outcome = dcs
        .write(&leader(&name, 2), Precondition::Matches(first))
        .await;
    assert!(!matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    let standing = load(world.dcs(1)).await.leader;
    assert_eq!(standing.revision, Some(first), "nothing got through");
    world.controls.inject(0, Fault::Heal).await;
    world.until_healed(0).await;
    writes_again(&world).await;
}

/// After healing a first try may still meet a dead connection.
async fn writes_again(world: &World) {
    let clock = world.controls.clock();
    let since = clock.now();
    for n in 3.. {
        let expected = load(world.dcs(1)).await.leader.precondition();
        let outcome = world
            .dcs(0)
            .write(&leader(&world.name(0), n), expected)
            .await;
        if matches!(outcome, Outcome::Committed(_)) {
            return;
        }
        let waited = clock.now().challenger_elapsed_since(since);
        assert!(waited < LIMIT, "healed, but cannot write: {outcome:?}");
    }
}
