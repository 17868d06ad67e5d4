//! The lock that Patroni wrote before the one that stands there: it believes by
//! that one until the newer one is answered (rule P1).

use super::beside_patroni::{LEFT_ALONE, beside, patronis};
use super::rig::{Rig, bumped, rev, s};
use crate::election::machine::Command;
use crate::{Entry, Precondition};
use std::time::Duration;

/// `(60 s + 10 s) 1.01 / 0.99`.
const OF_THE_FORMER: Duration = Duration::from_millis(71_415);
const MS: Duration = Duration::from_millis(1);

/// A member that saw a lock of 60 s, and one second later one of 20 s.
fn lowered() -> Rig {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 60, 1));
    rig.pass(s(1));
    rig.watch(patronis(11, 20, 2), Some(10));
    rig
}

fn takes_after(rig: &mut Rig, wait: Duration, revision: u128) {
    rig.pass(wait - MS);
    assert!(rig.is_waiting(), "before its time");
    rig.pass(MS);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(revision)));
}

#[test]
fn a_lock_with_a_shorter_ttl_is_left_alone_for_as_long_as_the_one_before_it() {
    takes_after(&mut lowered(), OF_THE_FORMER - s(1), 11);
}

#[test]
fn the_driver_is_woken_when_the_lock_before_is_over() {
    assert_eq!(lowered().machine.next_wake(), Some(OF_THE_FORMER - s(1)));
}

#[test]
fn the_next_lock_says_that_the_one_before_was_answered() {
    let mut rig = lowered();
    rig.watch(patronis(12, 20, 3), Some(11));
    // (20 s + 10 s) 1.01 / 0.99.
    takes_after(&mut rig, Duration::from_millis(30_607), 12);
}

#[test]
fn a_lock_whose_revision_is_bumped_is_no_other_lock() {
    let mut rig = lowered();
    rig.watch(bumped(&patronis(11, 20, 2), 12), Some(11));
    takes_after(&mut rig, OF_THE_FORMER - s(1), 12);
}

#[test]
fn a_lock_that_was_wiped_or_deleted_leaves_the_one_before_it_in_force() {
    for is_deleted in [true, false] {
        let mut rig = lowered();
        if is_deleted {
            rig.watch(Entry::absent(), None);
            rig.commit(12);
        } else {
            let mut wiped = patronis(11, 20, 2).get().cloned().unwrap();
            wiped.holder = None;
            rig.watch(Entry::present(rev(12), wiped), Some(11));
        }
        takes_after(&mut rig, OF_THE_FORMER - s(1), 12);
    }
}

#[test]
fn a_member_of_ours_that_acquired_has_waited_for_every_lock_before() {
    let mut rig = lowered();
    let ours = Rig::leading("b").standing();
    rig.watch(bumped(&ours, 12), Some(11));
    rig.watch(patronis(13, 30, 4), Some(12));
    takes_after(&mut rig, LEFT_ALONE, 13);
}

#[test]
fn a_member_that_is_not_told_of_patroni_waits_by_its_own_rules_alone() {
    let mut rig = Rig::new("a");
    rig.begin(&patronis(10, 60, 1));
    rig.watch(patronis(11, 20, 2), Some(10));
    takes_after(&mut rig, s(30), 11);
}

#[test]
fn what_courtesy_adds_is_added_to_the_wait_for_the_lock_before_too() {
    let mut rig = lowered();
    rig.command(Command::Eligibility(
        crate::election::Eligibility::Priority(crate::election::Priority::LOWEST),
    ));
    takes_after(&mut rig, OF_THE_FORMER - s(1) + super::rig::HEARTBEAT, 11);
}
