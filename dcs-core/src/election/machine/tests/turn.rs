//! What adds waiting: a pause, eligibility, a successor, the others.

use std::time::Duration;

use super::rig::{HEARTBEAT, Rig, TTL, leader_and_follower, rev, s, strangers, vacant};
use crate::election::machine::Command;
use crate::election::{Eligibility, EventKind, Priority};
use crate::{Entry, LeaderRecord, MemberName, Precondition, Secret, Session};
use proptest::prelude::*;

fn priority(level: u8) -> Command {
    Command::Eligibility(Eligibility::Priority(Priority::new(level).unwrap()))
}

fn never() -> Command {
    Command::Eligibility(Eligibility::Never)
}

fn name(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn released(rig: &mut Rig) -> bool {
    let released = |event: &EventKind| matches!(event, EventKind::Released { .. });
    rig.events().iter().any(released)
}

fn successor(record: &LeaderRecord) -> Option<&str> {
    let mark = record.valid_release().unwrap();
    mark.successor.as_ref().map(MemberName::as_str)
}

#[test]
fn a_paused_member_acquires_nothing_and_plans_nothing() {
    let mut rig = Rig::new("a");
    rig.command(Command::Pause(true));
    rig.begin(&strangers(10));
    assert_eq!(rig.machine.next_wake(), None);
    rig.pass(TTL * 2);
    assert!(rig.is_waiting());
}

#[test]
fn a_paused_member_creates_no_record() {
    let mut rig = Rig::new("a");
    rig.command(Command::Pause(true));
    rig.begin(&Entry::absent());
    assert!(rig.is_waiting());
}

#[test]
fn a_paused_member_takes_no_release() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.command(Command::Pause(true));
    leader.command(Command::GiveUp);
    follower.watch(leader.commit(12), Some(11));
    assert!(follower.is_waiting());
}

#[test]
fn what_was_waited_for_in_a_pause_counts_when_it_ends() {
    let mut rig = Rig::new("a");
    rig.command(Command::Pause(true));
    rig.begin(&strangers(10));
    rig.pass(TTL);
    rig.command(Command::Pause(false));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(10)));
}

#[test]
fn a_paused_leader_goes_on_renewing() {
    let mut rig = Rig::leading("a");
    rig.command(Command::Pause(true));
    for revision in 12..20 {
        rig.pass(HEARTBEAT);
        rig.commit(revision);
    }
    assert!(rig.leads());
}

#[test]
fn a_member_that_is_not_eligible_never_acquires() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.command(never());
    leader.command(Command::GiveUp);
    follower.watch(leader.commit(12), Some(11));
    assert!(follower.is_waiting());
    follower.pass(TTL * 3);
    assert!(follower.is_waiting());
    assert_eq!(follower.machine.next_wake(), None);
}

#[test]
fn a_member_that_becomes_eligible_acquires_what_it_has_waited_for() {
    let mut rig = Rig::new("a");
    rig.command(never());
    rig.begin(&strangers(10));
    rig.pass(TTL);
    rig.command(priority(10));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(10)));
}

#[test]
fn a_leader_that_becomes_ineligible_gives_the_term_up_and_takes_no_other() {
    let mut rig = Rig::leading("a");
    rig.command(never());
    assert!(released(&mut rig) && !rig.leads());
    assert!(!rig.machine.has_given_up());
    let released = rig.commit(12);
    assert!(rig.machine.has_given_up());
    rig.begin(&released);
    rig.pass(TTL * 2);
    assert!(rig.is_waiting());
}

#[test]
fn a_term_that_opens_after_its_member_became_ineligible_is_given_up() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.command(never());
    rig.commit(11);
    assert!(released(&mut rig) && !rig.leads());
    assert_eq!(rig.lease_write().0.holder, None);
}

#[test]
fn each_level_below_the_highest_waits_a_tenth_of_the_heartbeat_longer() {
    for level in [0, 3, 10] {
        let mut rig = Rig::new("a");
        rig.command(priority(level));
        rig.begin(&strangers(10));
        let longer = HEARTBEAT * u32::from(10 - level) / 10;
        assert_eq!(rig.machine.next_wake(), Some(TTL + longer));
        rig.pass(TTL + longer - Duration::from_millis(1));
        assert!(rig.is_waiting());
        rig.pass(Duration::from_millis(1));
        assert_eq!(rig.lease_write().1, Precondition::Matches(rev(10)));
    }
}

#[test]
fn a_release_is_left_to_members_of_a_higher_priority_first() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.command(priority(5));
    leader.command(Command::GiveUp);
    follower.watch(leader.commit(12), Some(11));
    assert_eq!(follower.machine.next_wake(), Some(HEARTBEAT / 2));
    follower.pass(HEARTBEAT / 2);
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_low_priority_takes_no_time_where_nobody_else_could_come() {
    let mut rig = Rig::new("a");
    rig.command(priority(0));
    rig.begin(&vacant(10));
    rig.pass(TTL + HEARTBEAT);
    rig.clock.advance(TTL);
    rig.commit(11);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
}

#[test]
fn a_release_names_who_is_to_follow() {
    let mut rig = Rig::leading("a");
    rig.command(Command::Successor(Some(name("c"))));
    rig.command(Command::GiveUp);
    assert_eq!(successor(&rig.lease_write().0), Some("c"));
}

#[test]
fn a_successor_that_is_named_for_one_term_goes_before_the_one_for_all() {
    let mut rig = Rig::leading("a");
    rig.command(Command::Successor(Some(name("c"))));
    rig.command(Command::GiveUpTo(name("d")));
    assert_eq!(successor(&rig.lease_write().0), Some("d"));
}

#[test]
fn a_successor_that_is_named_for_one_term_is_not_named_again_in_the_next() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUpTo(name("d")));
    rig.commit(12);
    rig.command(Command::Contend);
    rig.begin(&strangers(13));
    rig.pass(TTL);
    rig.commit(14);
    rig.command(Command::GiveUp);
    assert_eq!(successor(&rig.lease_write().0), None);
}

#[test]
fn the_named_successor_takes_over_at_once_whatever_its_priority() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.members(50);
    follower.command(priority(0));
    leader.command(Command::GiveUpTo(name("b")));
    follower.watch(leader.commit(12), Some(11));
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn others_leave_the_release_to_the_successor_for_one_heartbeat_and_then_take_it() {
    let (mut leader, mut follower) = leader_and_follower();
    leader.command(Command::GiveUpTo(name("c")));
    follower.watch(leader.commit(12), Some(11));
    assert_eq!(follower.machine.next_wake(), Some(HEARTBEAT));
    follower.pass(HEARTBEAT - Duration::from_millis(1));
    assert!(follower.is_waiting());
    follower.pass(Duration::from_millis(1));
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn the_former_leader_leaves_its_release_to_the_successor_too() {
    let mut rig = Rig::leading("a");
    let held = rig.standing();
    rig.begin(&held);
    rig.command(Command::GiveUpTo(name("c")));
    rig.command(Command::Contend);
    let released = rig.commit(12);
    rig.watch(released, Some(11));
    assert!(rig.is_waiting());
    assert_eq!(rig.machine.next_wake(), Some(HEARTBEAT));
}

#[test]
fn being_named_makes_a_mark_with_another_secret_no_release() {
    let (mut leader, mut follower) = leader_and_follower();
    leader.command(Command::GiveUpTo(name("b")));
    let mut record = leader.commit(12).get().cloned().unwrap();
    record.released.as_mut().unwrap().secret = Secret::from_bits(1);
    follower.watch(Entry::present(rev(12), record), Some(11));
    follower.pass(TTL - s(1));
    assert!(follower.is_waiting());
}

#[test]
fn the_candidate_of_an_operator_goes_before_the_successor_that_the_leader_named() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.candidate(Some("d"));
    leader.command(Command::GiveUpTo(name("b")));
    follower.watch(leader.commit(12), Some(11));
    follower.pass(TTL - s(1));
    assert!(follower.is_waiting());
}

#[test]
fn a_new_version_restarts_what_is_waited_longer() {
    let mut rig = Rig::new("a");
    rig.command(priority(0));
    rig.begin(&strangers(10));
    rig.pass(TTL + s(1));
    rig.watch(strangers(11), Some(10));
    assert_eq!(rig.machine.next_wake(), Some(TTL + HEARTBEAT));
}

#[test]
fn of_two_members_each_waits_well_below_a_tenth_of_a_second_longer() {
    for session in 0..1_000 {
        let mut rig = waiting_member(session, 2);
        rig.pass(TTL + Duration::from_millis(40));
        assert!(!rig.is_waiting());
    }
}

#[test]
fn a_release_among_few_is_taken_at_once_and_among_many_within_twenty_milliseconds() {
    for (members, window) in [(8, 0), (9, 20), (1_000, 20)] {
        let (mut leader, mut follower) = leader_and_follower();
        follower.members(members);
        leader.command(Command::GiveUp);
        follower.watch(leader.commit(12), Some(11));
        assert_eq!(follower.is_waiting(), window > 0);
        follower.pass(Duration::from_millis(window));
        assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
    }
}

#[test]
fn a_member_that_knows_of_nobody_takes_as_long_as_among_many() {
    let waits = |members| {
        let rig = waiting_member(7, members);
        rig.machine.next_wake().unwrap()
    };
    assert_eq!(waits(0), waits(50));
}

proptest! {
    #[test]
    fn nothing_shortens_the_wait_or_adds_more_than_a_heartbeat_and_a_second(
        session: u128, members: usize, level in 0_u8..=10,
    ) {
        let mut rig = waiting_member(session, members);
        rig.command(priority(level));
        let wait = rig.machine.next_wake().unwrap();
        prop_assert!(wait >= TTL && wait <= TTL + HEARTBEAT + s(1), "{:?}", wait);
    }
}

/// A member of another session, which has just seen a stranger's record.
fn waiting_member(session: u128, members: usize) -> Rig {
    let mut rig = Rig::new("a");
    rig.machine.session = Session::from_bits(session);
    rig.members(members);
    rig.begin(&strangers(10));
    rig
}
