//! G-CAS: many writers at once.

use std::sync::Arc;

use dcs_core::{Change, Dcs, Initialize, Outcome, Precondition, Revision};
use futures::future::join_all;

use crate::World;
use crate::samples::{config, held, leader, leader_with, vacant};
use crate::support::{commit, load};

/// How many writers compete, spread over all handles.
const WRITERS: u64 = 64;

pub(crate) async fn one_of_many_creations_wins(world: World) {
    let changes = competing(&world, 0);
    one_winner(&world, changes, Precondition::Absent).await;
}

pub(crate) async fn one_writer_wins_each_revision(world: World) {
    let vacant = leader_with(vacant(), None, None);
    let mut last = commit(world.dcs(0), vacant, Precondition::Absent).await;
    for round in 0..4 {
        let changes = competing(&world, round * WRITERS);
        let expected = Precondition::Matches(last);
        let (winner, revision) = one_winner(&world, changes, expected).await;
        let n = round * WRITERS + winner;
        let stands = load(world.dcs(0)).await.leader;
        assert_eq!(stands.revision, Some(revision));
        let written = held(&world.name(member(&world, winner)), n);
        assert_eq!(stands.get(), Some(&written), "the winner's record stands");
        last = revision;
    }
}

pub(crate) async fn a_chain_of_increments_loses_none(world: World) {
    const EACH: u64 = 8;
    let members = u64::try_from(world.handles.len()).expect("a few members");
    join_all(world.handles.iter().map(|dcs| async move {
        for _ in 0..EACH {
            increment(dcs).await;
        }
    }))
    .await;
    assert_eq!(counter(world.dcs(0)).await.0, members * EACH);
}

pub(crate) async fn initialize_has_one_winner(world: World) {
    let change = || Change::Initialize(Some(Initialize::InProgress));
    let changes = (0..WRITERS).map(|_| change()).collect();
    one_winner(&world, changes, Precondition::Absent).await;
    let stands = load(world.dcs(0)).await.initialize;
    assert_eq!(stands.get(), Some(&Initialize::InProgress));
}

fn competing(world: &World, first: u64) -> Vec<Change> {
    (0..WRITERS)
        .map(|writer| leader(&world.name(member(world, writer)), first + writer))
        .collect()
}

fn member(world: &World, writer: u64) -> usize {
    usize::try_from(writer).expect("a few writers") % world.handles.len()
}

/// Writes all at once: exactly one is committed, and every other one is told
/// that it lost.
async fn one_winner(
    world: &World,
    changes: Vec<Change>,
    expected: Precondition,
) -> (u64, Revision) {
    let writes = changes.iter().zip(0..).map(|(change, writer)| async move {
        let dcs = world.dcs(member(world, writer));
        (writer, dcs.write(change, expected).await)
    });
    let mut winners = Vec::new();
    for (writer, outcome) in join_all(writes).await {
        match outcome {
            Outcome::Committed(committed) => winners.push((writer, committed.revision)),
            Outcome::NotCommitted(error) if error.is_conflict() => {}
            other => panic!("writer {writer} neither won nor lost: {other:?}"),
        }
    }
    match winners[..] {
        [winner] => winner,
        _ => panic!("one writer wins {expected:?}, but these did: {winners:?}"),
    }
}

async fn increment(dcs: &Arc<dyn Dcs>) {
    loop {
        let (count, expected) = counter(dcs).await;
        let change = Change::Config(Some(config(count + 1)));
        match dcs.write(&change, expected).await {
            Outcome::Committed(_) => return,
            Outcome::NotCommitted(error) if error.is_conflict() => {}
            other => panic!("an increment neither won nor lost: {other:?}"),
        }
    }
}

async fn counter(dcs: &Arc<dyn Dcs>) -> (u64, Precondition) {
    let entry = load(dcs).await.config;
    let count = entry
        .get()
        .and_then(|config| config.settings().get("counter")?.as_u64());
    (count.unwrap_or(0), entry.precondition())
}
