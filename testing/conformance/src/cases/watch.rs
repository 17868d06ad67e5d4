//! G-WATCH: every version of the leader register once, in order.

use std::collections::BTreeSet;

use dcs_core::{Precondition, Revision, Snapshot, WatchEvent};

use crate::World;
use crate::samples::{SHARED, change, failsafe, held, leader, leader_with, member};
use crate::support::{LIMIT, Sight, Watcher, commit, expect_next, load, revisions};

/// How many versions a watch has to follow.
const VERSIONS: u64 = 12;

pub(crate) async fn a_watch_begins_with_a_reset(world: World) {
    commit(
        world.dcs(0),
        leader(&world.name(0), 1),
        Precondition::Absent,
    )
    .await;
    let standing = load(world.dcs(0)).await;
    let Watcher { mut stream, clock } = world.watch(0);
    let first = expect_next(&mut stream, &*clock, LIMIT).await;
    match first {
        Some(Ok(WatchEvent::Reset(seen))) => assert_eq!(seen.leader, standing.leader),
        other => panic!("the first item is {other:?}"),
    }
}

pub(crate) async fn a_watch_misses_no_version_of_the_leader(world: World) {
    let (written, sights) = followed(&world).await;
    if sights.iter().any(|sight| sight.is_reset) {
        return; // It said that it may have missed some.
    }
    let seen: BTreeSet<_> = revisions(&sights).into_iter().collect();
    for (n, revision) in written.iter().enumerate() {
        assert!(
            seen.contains(revision),
            "write {n} at {revision:?} is not in {seen:?}"
        );
    }
}

pub(crate) async fn a_watch_repeats_no_version_of_the_leader(world: World) {
    let (_, sights) = followed(&world).await;
    let seen = revisions(&sights);
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "some twice: {seen:?}");
}

pub(crate) async fn a_watch_keeps_the_order_of_leader_versions(world: World) {
    let (_, sights) = followed(&world).await;
    let seen = revisions(&sights);
    assert!(seen.is_sorted(), "out of order: {seen:?}");
}

pub(crate) async fn previous_is_the_version_immediately_before(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let mut before = commit(dcs, leader(&name, 0), Precondition::Absent).await;
    let mut watch = world.watch(1);
    watch.reset().await;
    // The first update may come from the list that the watch began with.
    for n in 1..=4 {
        let written = commit(dcs, leader(&name, n), Precondition::Matches(before)).await;
        let sight = watch.sight().await;
        assert_eq!(sight.entry.revision, Some(written));
        let claims_nothing = sight.previous.is_none() && (n == 1 || sight.is_reset);
        assert!(
            claims_nothing || sight.previous == Some(before),
            "{written:?} replaced {before:?}, not {:?}",
            sight.previous
        );
        before = written;
    }
}

pub(crate) async fn previous_is_not_carried_across_a_deletion(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let first = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    let mut watch = world.watch(0);
    watch.reset().await;
    commit(dcs, leader(&name, 2), Precondition::Matches(first)).await;
    world.controls.delete_leader().await;
    let anew = commit(dcs, leader(&name, 3), Precondition::Absent).await;
    let sights = watch.sights_up_to(anew).await;
    let last = sights.last().expect("it was seen");
    assert_eq!(
        last.previous, None,
        "the key was absent in between: {sights:?}"
    );
}

pub(crate) async fn a_deletion_is_seen_as_an_absent_leader(world: World) {
    let dcs = world.dcs(0);
    commit(dcs, leader(&world.name(0), 1), Precondition::Absent).await;
    let mut watch = world.watch(0);
    watch.reset().await;
    world.controls.delete_leader().await;
    let sight = watch.sight().await;
    assert_eq!(sight.entry, dcs_core::Entry::absent());
}

pub(crate) async fn a_foreign_write_is_a_version_on_the_watch(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let mine = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    let mut watch = world.watch(0);
    watch.reset().await;
    world.controls.bump_leader().await;
    let bumped = watch.sight().await;
    assert!(bumped.entry.revision > Some(mine));
    assert_eq!(bumped.entry.get(), Some(&held(&name, 1)));
}

pub(crate) async fn a_snapshot_fed_by_a_watch_becomes_what_load_says(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let mut watch = world.watch(1);
    let mut fed = watch.reset().await;
    for n in 1..=2 {
        let values = (n == 1).then(|| (dcs_core::Status::at(n), failsafe(n)));
        let (status, map) = values.unzip();
        let write = leader_with(held(&name, n), status, map);
        let expected = load(dcs).await.leader.precondition();
        commit(dcs, write, expected).await;
        for key in &SHARED[1..] {
            let expected = crate::samples::revision(&load(dcs).await, key).into();
            commit(dcs, change(key, n), expected).await;
        }
        let _ = dcs.put_member(&member(&name, n)).await;
    }
    let read = load(dcs).await;
    watch
        .until(&format!("{read:#?}"), |event| {
            feed(&mut fed, event);
            (fed == read).then_some(())
        })
        .await;
}

fn feed(fed: &mut Snapshot, event: WatchEvent) {
    match event {
        WatchEvent::Reset(snapshot) => *fed = *snapshot,
        WatchEvent::Changed(update) => fed.apply(update),
        WatchEvent::Alive => {}
    }
}

/// Writes versions from two members while a third party watches: what was
/// written after the first `Reset`, and what was seen since then.
async fn followed(world: &World) -> (Vec<Revision>, Vec<Sight>) {
    let mut last = commit(
        world.dcs(0),
        leader(&world.name(0), 0),
        Precondition::Absent,
    )
    .await;
    let mut watch = world.watch(1);
    watch.reset().await;
    let mut written = Vec::new();
    for n in 1..=VERSIONS {
        let writer = usize::from(n % 2 == 1);
        let change = leader(&world.name(writer), n);
        last = commit(world.dcs(writer), change, Precondition::Matches(last)).await;
        written.push(last);
    }
    (written, watch.sights_up_to(last).await)
}
