//! Rule H7, release.

use std::time::Duration;

use super::rig::{HEARTBEAT, Rig, TTL, rev, s, strangers};
use crate::Precondition;
use crate::election::EventKind;
use crate::election::machine::Command;

fn released(rig: &mut Rig) -> bool {
    rig.events()
        .iter()
        .any(|event| matches!(event, EventKind::Released { .. }))
}

#[test]
fn a_term_is_closed_before_its_release_is_sent() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUp);
    assert!(!rig.leads() && released(&mut rig));
    let (record, expected) = rig.lease_write();
    assert_eq!(
        (record.holder.clone(), expected),
        (None, Precondition::Matches(rev(11)))
    );
    assert_eq!(record.valid_release().unwrap().prev, rev(11));
}

#[test]
fn a_release_waits_for_the_renewal_under_way() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.command(Command::GiveUp);
    assert!(rig.leads());
    rig.commit(12);
    assert!(!rig.leads());
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_term_that_was_given_up_is_released_also_if_the_user_contends_again() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.command(Command::GiveUp);
    rig.command(Command::Contend);
    rig.commit(12);
    assert!(!rig.leads() && released(&mut rig));
}

#[test]
fn a_release_of_unknown_outcome_is_sent_again_unchanged() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUp);
    let first = rig.lease_write();
    rig.unknown();
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert_eq!(rig.lease_write(), first);
}

#[test]
fn a_release_that_was_tried_in_vain_is_followed_by_what_is_due() {
    let mut rig = Rig::leading("a");
    rig.pass(s(27));
    rig.refused();
    rig.command(Command::GiveUp);
    rig.pass(s(1));
    rig.command(Command::Contend);
    // Each try of the release is answered by nobody; what comes then is no release.
    while rig.is_waiting() || rig.lease_write().0.holder.is_none() {
        if rig.is_waiting() {
            assert!(rig.machine.next_wake().is_some());
        } else {
            rig.unknown();
        }
        rig.pass(s(1));
    }
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
}

#[test]
fn a_pause_that_ends_between_the_decision_and_the_sleep_is_not_slept_through() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUp);
    rig.unknown();
    let left = rig.machine.next_wake().unwrap();
    rig.pass(left - Duration::from_nanos(1));
    rig.clock.advance(Duration::from_nanos(1));
    assert!(rig.machine.next_wake().is_some());
}

#[test]
fn a_step_down_that_the_store_does_not_answer_does_not_go_on_leading() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.command(Command::GiveUp);
    rig.unknown();
    for _ in 0..4 {
        if rig.reads() {
            rig.read_fails();
        }
        rig.pass(s(1));
    }
    assert!(!rig.leads());
}

#[test]
fn a_release_that_meets_a_stranger_is_left_to_the_ttl() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUp);
    rig.conflict();
    assert!(rig.is_waiting() && rig.machine.is_idle());
}

#[test]
fn a_release_is_not_tried_for_ever() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUp);
    for _ in 0..20 {
        rig.refused();
        rig.pass(s(1));
        if rig.is_waiting() {
            break;
        }
    }
    assert!(rig.machine.is_idle());
}

#[test]
fn a_member_that_released_waits_like_anyone_unless_it_saw_its_own_mark() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUp);
    rig.commit(12);
    rig.command(Command::Contend);
    rig.begin(&strangers(13));
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
}

#[test]
fn an_ack_from_before_a_release_is_nothing_to_build_on() {
    let mut rig = Rig::leading("a");
    rig.command(Command::GiveUp);
    // Refused, although nothing has changed as far as this member saw.
    rig.conflict();
    rig.command(Command::Contend);
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
}

#[test]
fn a_release_while_acquiring_gives_up_what_the_answer_brings() {
    let mut rig = Rig::new("a");
    rig.begin(&super::rig::vacant(10));
    rig.pass(TTL);
    rig.command(Command::GiveUp);
    assert!(!rig.machine.is_idle());
    rig.commit(11);
    assert!(released(&mut rig));
    rig.commit(12);
    assert!(rig.machine.is_idle());
}
