//! Rule F1, as the members meet it that are asked, or that a map leaves out.

use std::time::Duration;

use super::failsafe::{leading, map, poll};
use super::rig::{HEARTBEAT, Rig, TTL, rev, s, strangers, vacant};
use crate::election::failsafe::{FailsafeRefusal as Refusal, FailsafeRequest};
use crate::election::machine::{Command, FailsafeAsk, FailsafeSaid};
use crate::election::{Alarm, EventKind, LeaseTiming};
use crate::{Entry, LeaderRecord, Precondition, Value};

/// A member that may answer.
fn member(name: &str) -> Rig {
    let mut rig = Rig::new(name);
    rig.machine.allow_failsafe();
    rig.map = Value::Present(map(&["a", "b"]));
    rig
}

/// What `a` asks, and its record.
fn asking() -> (FailsafeRequest, Entry<LeaderRecord>) {
    let mut leader = leading(&["a", "b"]);
    let request = poll(&mut leader).unwrap().request().clone();
    (request, leader.standing())
}

/// `b` has just seen the record of `a`, which asks it.
fn asked() -> (Rig, FailsafeRequest, Entry<LeaderRecord>) {
    let (request, record) = asking();
    let mut rig = member("b");
    rig.begin(&record);
    (rig, request, record)
}

fn changed(
    entry: &Entry<LeaderRecord>,
    revision: u128,
    change: impl FnOnce(&mut LeaderRecord),
) -> Entry<LeaderRecord> {
    let mut record = entry.get().cloned().unwrap();
    change(&mut record);
    Entry::present(rev(revision), record)
}

fn refusal(rig: &mut Rig, request: &FailsafeRequest) -> Option<Refusal> {
    match rig.asks(FailsafeAsk::Answer(request.clone())) {
        FailsafeSaid::Answer(answer) => answer.refused,
        other => panic!("{other:?}"),
    }
}

fn longer() -> LeaseTiming {
    let timing = LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap();
    timing.with_clamp_and_wait(TTL, TTL * 2).unwrap()
}

#[test]
fn a_member_that_saw_the_asking_process_lead_agrees() {
    let (mut rig, request, _) = asked();
    let FailsafeSaid::Answer(answer) = rig.asks(FailsafeAsk::Answer(request.clone())) else {
        panic!()
    };
    assert!(answer.is_accepted());
    assert_eq!(answer.member.as_str(), "b");
    assert_eq!(
        (answer.session, answer.poll),
        (request.session, request.poll)
    );
}

#[test]
fn a_member_without_failsafe_mode_does_not_agree() {
    let (request, record) = asking();
    let mut rig = Rig::new("b");
    rig.begin(&record);
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::Off));
}

#[test]
fn a_member_that_leads_does_not_agree() {
    let (request, _) = asking();
    let mut rig = leading(&["a"]);
    let other = FailsafeRequest {
        leader: "b".parse().unwrap(),
        ..request
    };
    assert_eq!(refusal(&mut rig, &other), Some(Refusal::Leads));
}

#[test]
fn a_member_with_the_name_of_the_leader_does_not_agree() {
    let (request, record) = asking();
    let mut twin = member("a");
    twin.begin(&record);
    assert_eq!(refusal(&mut twin, &request), Some(Refusal::OwnName));
}

#[test]
fn a_member_whose_acquiring_write_is_under_way_does_not_agree() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL);
    assert!(!rig.is_waiting());
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::Acquires));
}

#[test]
fn a_member_whose_acquiring_write_was_given_up_on_the_way_does_not_agree() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL);
    rig.command(Command::GiveUp);
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::Acquires));
}

#[test]
fn a_member_whose_acquiring_write_is_of_unknown_outcome_does_not_agree() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL);
    rig.unknown();
    rig.read_fails();
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::Acquires));
}

#[test]
fn a_member_that_gave_up_an_acquiring_write_of_unknown_outcome_does_not_agree() {
    let (mut rig, request, record) = asked();
    rig.pass(TTL);
    rig.unknown();
    rig.read_fails();
    rig.command(Command::GiveUp);
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::Acquires));
    rig.watch(changed(&record, 13, |_| ()), Some(12));
    assert_eq!(refusal(&mut rig, &request), None);
}

#[test]
fn a_member_that_gave_up_before_the_outcome_was_unknown_does_not_agree() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL);
    rig.command(Command::GiveUp);
    rig.unknown();
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::Acquires));
}

#[test]
fn a_member_whose_acquiring_write_failed_agrees() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL);
    rig.refused();
    assert_eq!(refusal(&mut rig, &request), None);
}

#[test]
fn a_member_that_has_seen_nothing_does_not_agree() {
    let (request, _) = asking();
    let refused = refusal(&mut member("b"), &request);
    assert_eq!(refused, Some(Refusal::SawNothing));
}

#[test]
fn a_member_that_saw_the_key_absent_does_not_agree() {
    let (mut rig, request, _) = asked();
    rig.watch(Entry::absent(), None);
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::SawAbsence));
}

#[test]
fn a_member_that_saw_a_vacant_record_does_not_agree() {
    let (mut rig, request, _) = asked();
    rig.watch(vacant(13), Some(12));
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::SawVacancy));
}

#[test]
fn a_member_that_saw_the_leader_release_does_not_agree() {
    let mut leader = leading(&["a", "b"]);
    let request = poll(&mut leader).unwrap().request().clone();
    leader.command(Command::GiveUp);
    let released = leader.commit(13);
    let mut rig = member("b");
    rig.begin(&released);
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::SawVacancy));
}

#[test]
fn a_member_that_saw_another_process_of_that_name_does_not_agree() {
    let (mut rig, request, record) = asked();
    let twins = changed(&record, 13, |record| {
        record.claim.as_mut().unwrap().session = crate::Session::from_bits(7);
    });
    rig.watch(twins, Some(12));
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::SawAnother));
}

#[test]
fn a_member_that_saw_the_process_under_another_name_does_not_agree() {
    let (mut rig, request, _) = asked();
    let renamed = FailsafeRequest {
        leader: "c".parse().unwrap(),
        ..request
    };
    assert_eq!(refusal(&mut rig, &renamed), Some(Refusal::SawAnother));
}

#[test]
fn a_member_that_saw_a_claim_that_does_not_count_does_not_agree() {
    let (mut rig, request, record) = asked();
    let patronis = changed(&record, 13, |record| record.renew_time = None);
    rig.watch(patronis, Some(12));
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::SawNoClaim));
}

#[test]
fn a_member_that_saw_a_record_that_cannot_be_read_does_not_agree() {
    let (mut rig, request, _) = asked();
    let unreadable = Entry {
        revision: Some(rev(13)),
        value: Value::Malformed("ttl".to_owned()),
        ..Entry::absent()
    };
    rig.watch(unreadable, Some(12));
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::SawNoClaim));
}

#[test]
fn a_member_that_waits_for_less_than_the_leader_may_believe_does_not_agree() {
    let (request, record) = asking();
    let long = changed(&record, 12, |record| {
        record.claim.as_mut().unwrap().clamp = TTL * 2;
    });
    let mut rig = member("b");
    rig.begin(&long);
    assert_eq!(refusal(&mut rig, &request), Some(Refusal::ClampAboveWait));
}

#[test]
fn a_member_that_agreed_acquires_nothing_for_the_whole_wait_from_then() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL - s(1));
    assert_eq!(refusal(&mut rig, &request), None);
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_member_that_refused_has_promised_nothing() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL - s(1));
    let other = FailsafeRequest {
        leader: "c".parse().unwrap(),
        ..request
    };
    assert!(refusal(&mut rig, &other).is_some());
    rig.pass(s(1));
    assert!(!rig.is_waiting());
}

#[test]
fn a_member_that_agreed_wakes_up_when_its_promise_ends() {
    let (mut rig, request, _) = asked();
    rig.pass(TTL - s(1));
    assert_eq!(refusal(&mut rig, &request), None);
    rig.pass(s(1));
    assert_eq!(rig.machine.next_wake(), Some(TTL - s(1)));
}

#[test]
fn a_member_that_agreed_again_waits_from_then() {
    let (mut rig, request, _) = asked();
    for _ in 0..4 {
        rig.pass(TTL - s(1));
        assert!(rig.is_waiting());
        assert_eq!(refusal(&mut rig, &request), None);
    }
}

#[test]
fn a_promise_holds_on_a_version_that_a_holder_released() {
    let mut leader = leading(&["a", "b"]);
    let request = poll(&mut leader).unwrap().request().clone();
    let mut rig = member("b");
    rig.begin(&leader.standing());
    assert_eq!(refusal(&mut rig, &request), None);
    leader.command(Command::GiveUp);
    let released = leader.commit(13);
    rig.watch(released, Some(12));
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(13)));
}

#[test]
fn a_promise_holds_on_a_version_that_a_new_term_could_build_on() {
    let (mut rig, request, _) = asked();
    assert_eq!(refusal(&mut rig, &request), None);
    rig.machine.acked = Some(rev(12));
    rig.pass(s(1));
    assert!(rig.is_waiting());
}

#[test]
fn a_promise_lasts_for_a_wait_that_is_raised_meanwhile() {
    let (mut rig, request, _) = asked();
    assert_eq!(refusal(&mut rig, &request), None);
    rig.command(Command::Timing(longer()));
    rig.machine.acked = Some(rev(12));
    rig.pass(TTL * 2 - s(1));
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert!(!rig.is_waiting());
}

#[test]
fn a_promise_is_not_shortened_by_a_wait_that_is_lowered_meanwhile() {
    let (mut rig, request, _) = asked();
    rig.command(Command::Timing(longer()));
    assert_eq!(refusal(&mut rig, &request), None);
    rig.command(Command::Timing(
        LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap(),
    ));
    // Nor by the next promise, which is for the shorter wait.
    assert_eq!(refusal(&mut rig, &request), None);
    rig.pass(TTL * 2 - s(1));
    assert!(rig.is_waiting());
}

#[test]
fn a_member_that_the_map_does_not_name_does_not_acquire_and_says_so_once() {
    let mut rig = unnamed();
    rig.pass(TTL);
    rig.pass(TTL);
    assert!(rig.is_waiting());
    let revision = rev(10);
    let alarm = EventKind::Alarm(Alarm::NotInFailsafeMap { revision });
    let alarms = rig.events();
    assert_eq!(alarms.iter().filter(|event| **event == alarm).count(), 1);
}

#[test]
fn a_map_binds_also_members_without_failsafe_mode() {
    let mut rig = Rig::new("c");
    rig.map = Value::Present(map(&["a", "b"]));
    rig.begin(&strangers(10));
    rig.pass(TTL);
    assert!(rig.is_waiting());
}

#[test]
fn a_member_that_the_map_names_acquires() {
    let mut rig = member("b");
    rig.begin(&strangers(10));
    rig.pass(TTL);
    assert!(!rig.is_waiting());
}

#[test]
fn a_map_that_cannot_be_read_names_nobody() {
    let mut rig = Rig::new("b");
    rig.map = Value::Malformed("not an object".to_owned());
    rig.begin(&strangers(10));
    rig.pass(TTL);
    assert!(rig.is_waiting());
}

#[test]
fn an_empty_map_leaves_nobody_out() {
    let mut rig = Rig::new("c");
    rig.map = Value::Present(map(&[]));
    rig.begin(&strangers(10));
    rig.pass(TTL);
    assert!(!rig.is_waiting());
}

#[test]
fn a_map_that_is_gone_leaves_nobody_out_any_more() {
    let mut rig = unnamed();
    rig.map = Value::Absent;
    rig.watch(strangers(11), Some(10));
    rig.pass(TTL);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
}

#[test]
fn the_map_of_an_older_version_says_nothing_of_a_newer_one() {
    let mut rig = member("b");
    rig.begin(&strangers(10));
    rig.watch_without_map(strangers(11), Some(10));
    // A slow watch may still show the older one.
    rig.shows_map(Some(rev(10)));
    rig.pass(TTL);
    assert!(rig.is_waiting());
    rig.shows_map(Some(rev(11)));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
}

#[test]
fn a_released_version_is_taken_over_once_its_map_was_seen() {
    let mut leader = leading(&["a", "b"]);
    let mut rig = member("b");
    rig.begin(&leader.standing());
    leader.command(Command::GiveUp);
    let released = leader.commit(13);
    rig.watch_without_map(released, Some(12));
    assert!(rig.is_waiting());
    rig.shows_map(Some(rev(13)));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(13)));
}

#[test]
fn a_released_version_is_left_alone_by_a_member_that_its_map_does_not_name() {
    let mut leader = leading(&["a", "b"]);
    let mut rig = member("c");
    rig.begin(&leader.standing());
    leader.command(Command::GiveUp);
    let released = leader.commit(13);
    rig.watch(released, Some(12));
    rig.pass(TTL * 2);
    assert!(rig.is_waiting());
}

#[test]
fn a_leader_that_its_own_map_does_not_name_begins_no_new_term() {
    let mut rig = leading(&["b"]);
    rig.pass(TTL);
    assert!(!rig.leads() && rig.is_waiting());
}

#[test]
fn a_leader_whose_renewal_was_acked_begins_a_new_term_without_waiting_for_the_watch() {
    let mut rig = leading(&["a", "b"]);
    rig.clock.advance(Duration::from_secs(40));
    rig.pass(s(0));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(12)));
}

/// `c`, which the map at revision 10 does not name.
fn unnamed() -> Rig {
    let mut rig = member("c");
    rig.begin(&strangers(10));
    rig
}
