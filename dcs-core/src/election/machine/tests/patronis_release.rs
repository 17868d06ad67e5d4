//! Releases by Patroni, which leave no mark (rule P2).

use std::time::Duration;

use super::beside_patroni::{LEFT_ALONE, beside, patronis};
use super::rig::{HEARTBEAT, Rig, bumped, rev};
use crate::election::machine::{Command, ReleasePolicy};
use crate::election::{BesidePatroni, PatroniRelease};
use crate::{Entry, LeaderRecord, Precondition, ReleaseMark, Secret};

/// A member that takes what Patroni releases.
fn taker() -> Rig {
    let mut rig = beside("a");
    let takes = BesidePatroni::new().with_release(PatroniRelease::Take);
    rig.machine.beside = Some(takes);
    rig
}

/// What a lock becomes by `change`, at this revision.
fn after(
    lock: &Entry<LeaderRecord>,
    revision: u128,
    change: impl FnOnce(&mut LeaderRecord),
) -> Entry<LeaderRecord> {
    let mut record = lock.get().cloned().unwrap();
    change(&mut record);
    Entry::present(rev(revision), record)
}

fn released(lock: &Entry<LeaderRecord>, revision: u128) -> Entry<LeaderRecord> {
    after(lock, revision, |record| record.holder = None)
}

fn takes(rig: &Rig, revision: u128) -> bool {
    !rig.is_waiting() && rig.lease_write().1 == Precondition::Matches(rev(revision))
}

/// It is waited for, as a lock is.
fn waits(rig: &mut Rig) {
    assert!(rig.is_waiting());
    assert_eq!(rig.machine.next_wake(), Some(LEFT_ALONE));
}

#[test]
fn a_release_by_patroni_is_waited_for_by_default() {
    let mut rig = beside("a");
    let lock = patronis(10, 30, 1);
    rig.begin(&lock);
    rig.watch(released(&lock, 11), Some(10));
    waits(&mut rig);
}

#[test]
fn the_candidate_goes_first_where_it_waits_for_a_release_by_patroni_too() {
    for (candidate, longer) in [
        (None, Duration::ZERO),
        (Some("a"), Duration::ZERO),
        (Some("c"), HEARTBEAT),
    ] {
        let mut rig = beside("a");
        let lock = patronis(10, 30, 1);
        rig.begin(&lock);
        rig.candidate(candidate);
        // Who is dead is waited for no longer because somebody is asked for.
        assert_eq!(rig.machine.next_wake(), Some(LEFT_ALONE), "{candidate:?}");
        rig.watch(released(&lock, 11), Some(10));
        let wake = rig.machine.next_wake();
        assert_eq!(wake, Some(LEFT_ALONE + longer), "{candidate:?}");
    }
}

#[test]
fn a_release_by_patroni_is_taken_at_once_where_that_is_asked_for() {
    let mut rig = taker();
    let lock = patronis(10, 30, 1);
    rig.begin(&lock);
    rig.watch(released(&lock, 11), Some(10));
    assert!(takes(&rig, 11));
}

#[test]
fn a_release_by_patroni_is_taken_also_where_an_old_claim_and_mark_of_ours_are_left() {
    let mut leader = Rig::leading("b");
    leader.command(Command::GiveUp);
    let ours = leader.commit(12);
    let theirs = patronis(13, 30, 1).get().cloned().unwrap();
    let lock = after(&ours, 13, |record| {
        let (claim, mark) = (record.claim.take(), record.released.take());
        assert!(claim.is_some() && mark.is_some());
        *record = LeaderRecord {
            claim,
            released: mark,
            ..theirs
        };
    });
    let mut rig = taker();
    rig.begin(&ours);
    rig.watch(lock.clone(), Some(12));
    rig.watch(released(&lock, 14), Some(13));
    assert!(takes(&rig, 14));
}

#[test]
fn a_version_that_changed_more_than_its_holder_is_no_release() {
    let changes: [fn(&mut LeaderRecord); 4] = [
        |record| record.ttl = None,
        |record| record.acquire_time = None,
        |record| record.renew_time = patronis(1, 30, 9).get().unwrap().renew_time,
        |record| record.transitions = Some(4),
    ];
    for change in changes {
        let mut rig = taker();
        let lock = patronis(10, 30, 1);
        rig.begin(&lock);
        let other = after(&released(&lock, 11), 11, change);
        rig.watch(other, Some(10));
        waits(&mut rig);
    }
}

#[test]
fn a_release_by_patroni_after_a_gap_is_waited_for() {
    let mut rig = taker();
    let lock = patronis(10, 30, 1);
    rig.begin(&lock);
    rig.begin(&released(&lock, 11));
    waits(&mut rig);
}

#[test]
fn a_release_by_patroni_that_the_watch_does_not_vouch_for_is_waited_for() {
    for previous in [None, Some(9)] {
        let mut rig = taker();
        let lock = patronis(10, 30, 1);
        rig.begin(&lock);
        rig.watch(released(&lock, 11), previous);
        waits(&mut rig);
    }
}

#[test]
fn a_release_by_patroni_over_a_deletion_is_waited_for() {
    let mut rig = taker();
    let lock = patronis(10, 30, 1);
    rig.begin(&lock);
    rig.watch(Entry::absent(), None);
    rig.conflict();
    rig.read_shows(released(&lock, 12));
    rig.watch(released(&lock, 12), Some(10));
    waits(&mut rig);
}

#[test]
fn a_release_by_patroni_after_a_gap_that_showed_no_lock_is_waited_for() {
    let mut rig = taker();
    let lock = patronis(10, 30, 1);
    rig.begin(&lock);
    rig.begin(&released(&lock, 11));
    rig.watch(released(&lock, 12), Some(10));
    waits(&mut rig);
}

#[test]
fn a_version_without_holder_that_stays_without_one_is_no_release() {
    let mut rig = taker();
    let lock = released(&patronis(10, 30, 1), 10);
    rig.begin(&lock);
    rig.watch(bumped(&lock, 11), Some(10));
    waits(&mut rig);
}

#[test]
fn a_mark_that_somebody_put_into_a_lock_of_patroni_makes_no_release_of_it() {
    let mut rig = taker();
    let lock = after(&patronis(10, 30, 1), 10, |record| {
        let renew_time = record.renew_time.unwrap();
        record.released = Some(ReleaseMark::new(Secret::from_bits(1), rev(10), renew_time));
    });
    rig.begin(&lock);
    rig.watch(released(&lock, 11), Some(10));
    waits(&mut rig);
}

#[test]
fn a_member_of_ours_that_was_wiped_has_released_nothing() {
    let mut rig = taker();
    let ours = Rig::leading("b").standing();
    rig.begin(&ours);
    rig.watch(released(&ours, 12), Some(11));
    waits(&mut rig);
}

#[test]
fn a_member_of_ours_that_was_renewed_by_others_and_then_wiped_has_released_nothing() {
    let mut rig = taker();
    let ours = Rig::leading("b").standing();
    rig.begin(&ours);
    let renewed = after(&ours, 12, |record| {
        record.renew_time = patronis(1, 30, 1).get().unwrap().renew_time;
    });
    rig.watch(renewed.clone(), Some(11));
    rig.watch(released(&renewed, 13), Some(12));
    waits(&mut rig);
}

#[test]
fn where_no_release_counts_that_of_patroni_does_not_either() {
    let mut rig = Rig::with("a", ReleasePolicy::Ignore, false);
    rig.machine.beside = taker().machine.beside;
    let lock = patronis(10, 30, 1);
    rig.begin(&lock);
    rig.watch(released(&lock, 11), Some(10));
    waits(&mut rig);
}

#[test]
fn a_release_by_patroni_is_left_to_the_candidate_of_a_request() {
    let mut rig = taker();
    let lock = patronis(10, 30, 1);
    rig.begin(&lock);
    rig.candidate(Some("pg2"));
    rig.watch(released(&lock, 11), Some(10));
    waits(&mut rig);
}
