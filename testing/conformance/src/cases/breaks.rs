//! G-WATCH: what a watch says after its connection was gone.

use std::collections::BTreeSet;

use dcs_core::{Precondition, Revision};

use crate::samples::leader;
use crate::support::{Sight, commit, revisions};
use crate::{Fault, World};

pub(crate) async fn a_reset_follows_a_gap(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let first = commit(dcs, leader(&name, 1), Precondition::Absent).await;
    let mut watch = world.watch(1);
    watch.reset().await;
    world.controls.inject(1, Fault::BreakWatchWithGap).await;
    let second = commit(dcs, leader(&name, 2), Precondition::Matches(first)).await;
    let third = commit(dcs, leader(&name, 3), Precondition::Matches(second)).await;
    let mut sights = watch.sights_up_to(third).await;
    let fourth = commit(dcs, leader(&name, 4), Precondition::Matches(third)).await;
    sights.extend(watch.sights_up_to(fourth).await);
    let anew = sights.iter().position(|sight| sight.is_reset);
    let anew = anew.unwrap_or_else(|| panic!("no Reset after the gap: {sights:?}"));
    // From the Reset on nothing is missing, and nothing reaches behind it.
    let written = [first, second, third, fourth];
    for pair in sights[anew..].windows(2) {
        let (before, after) = (pair[0].entry.revision, pair[1].entry.revision);
        let place = |revision| written.iter().position(|r| Some(*r) == revision);
        assert_eq!(place(after), place(before).map(|p| p + 1), "{sights:?}");
        assert!(
            pair[1].previous.is_none_or(|p| Some(p) == before),
            "{sights:?}"
        );
    }
}

pub(crate) async fn a_clean_break_loses_nothing(world: World) {
    let (written, sights) = across(&world, Fault::BreakWatch).await;
    if sights.iter().any(|sight| sight.is_reset) {
        return; // It said that it may have lost some.
    }
    let seen: BTreeSet<_> = revisions(&sights).into_iter().collect();
    for revision in written {
        assert!(seen.contains(&revision), "{revision:?} is not in {seen:?}");
    }
}

pub(crate) async fn a_clean_break_repeats_nothing(world: World) {
    let (_, sights) = across(&world, Fault::BreakWatch).await;
    let updates: Vec<_> = sights
        .iter()
        .filter(|sight| !sight.is_reset)
        .cloned()
        .collect();
    let seen = revisions(&updates);
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "some twice: {seen:?}");
}

pub(crate) async fn a_cut_off_watch_catches_up_after_healing(world: World) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let mut last = commit(dcs, leader(&name, 0), Precondition::Absent).await;
    let mut watch = world.watch(1);
    watch.reset().await;
    world.controls.inject(1, Fault::CutOff).await;
    for n in 1..=3 {
        last = commit(dcs, leader(&name, n), Precondition::Matches(last)).await;
    }
    world.controls.inject(1, Fault::Heal).await;
    let sights = watch.sights_up_to(last).await;
    assert!(revisions(&sights).is_sorted(), "out of order: {sights:?}");
}

/// Two versions before a break of member 1's watch, and two after it.
async fn across(world: &World, fault: Fault) -> (Vec<Revision>, Vec<Sight>) {
    let (dcs, name) = (world.dcs(0), world.name(0));
    let mut last = commit(dcs, leader(&name, 0), Precondition::Absent).await;
    let mut watch = world.watch(1);
    watch.reset().await;
    let mut written = Vec::new();
    let mut sights = Vec::new();
    for n in 1..=4 {
        if n == 3 {
            sights.extend(watch.sights_up_to(last).await);
            world.controls.inject(1, fault).await;
        }
        last = commit(dcs, leader(&name, n), Precondition::Matches(last)).await;
        written.push(last);
    }
    sights.extend(watch.sights_up_to(last).await);
    (written, sights)
}
