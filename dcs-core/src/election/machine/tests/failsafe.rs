//! Rule F1, as the leader meets it that asks.

use std::time::Duration;

use super::rig::{HEARTBEAT, Rig, TTL, bumped, rev, s, strangers, vacant};
use crate::election::failsafe::{
    FailsafeAnswer, FailsafePoll, FailsafeRefusal, FailsafeRefused as Refused,
};
use crate::election::machine::{Command, FailsafeAsk, FailsafeSaid};
use crate::election::{EventKind, LeaseTiming};
use crate::{Failsafe, LeaderRecord, Value};

pub(super) fn timing() -> LeaseTiming {
    LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap()
}

pub(super) fn span() -> Duration {
    timing().holder_span()
}

/// A ttl of 20 s where it was 30 s.
fn shorter() -> LeaseTiming {
    let config = r#"{"ttl": 20, "loop_wait": 5, "retry_timeout": 5}"#;
    timing().with_config(&config.parse().unwrap()).unwrap()
}

pub(super) fn map(names: &[&str]) -> Failsafe {
    let url = |name: &&str| ((*name).to_owned(), format!("http://{name}"));
    Failsafe(names.iter().map(url).collect())
}

pub(super) fn names_from_now(rig: &mut Rig, names: &[&str]) {
    rig.command(Command::Failsafe(map(names)));
}

/// `a` leads since revision 11 and has named these at revision 12, just now.
pub(super) fn leading(names: &[&str]) -> Rig {
    let mut rig = Rig::leading("a");
    rig.machine.allow_failsafe();
    names_from_now(&mut rig, names);
    rig.pass(HEARTBEAT);
    rig.commit(12);
    rig.events();
    rig
}

/// The next renewal is sent, and what becomes of it is not known.
pub(super) fn renewal_is_lost(rig: &mut Rig) -> LeaderRecord {
    rig.pass(HEARTBEAT);
    let (record, _) = rig.lease_write();
    rig.unknown();
    record
}

pub(super) fn poll(rig: &mut Rig) -> Result<FailsafePoll, Refused> {
    match rig.asks(FailsafeAsk::Poll) {
        FailsafeSaid::Poll(result) => result,
        other => panic!("{other:?}"),
    }
}

pub(super) fn extend(
    rig: &mut Rig,
    poll: FailsafePoll,
    answers: Vec<FailsafeAnswer>,
) -> Result<(), Refused> {
    match rig.asks(FailsafeAsk::Extend(poll, answers)) {
        FailsafeSaid::Extend(result) => result,
        other => panic!("{other:?}"),
    }
}

pub(super) fn asked(poll: &FailsafePoll) -> Vec<&str> {
    poll.members().map(|(name, _)| name).collect()
}

fn says(poll: &FailsafePoll, name: &str, refused: Option<FailsafeRefusal>) -> FailsafeAnswer {
    FailsafeAnswer {
        member: name.parse().unwrap(),
        session: poll.request().session,
        poll: poll.request().poll,
        refused,
    }
}

pub(super) fn agrees(poll: &FailsafePoll, name: &str) -> FailsafeAnswer {
    says(poll, name, None)
}

pub(super) fn all_agree(rig: &mut Rig) -> Result<(), Refused> {
    let poll = poll(rig)?;
    let answers = asked(&poll)
        .iter()
        .map(|name| agrees(&poll, name))
        .collect();
    extend(rig, poll, answers)
}

pub(super) fn missing(name: &str, why: Option<FailsafeRefusal>) -> Result<(), Refused> {
    let missing = vec![(name.to_owned(), why)];
    Err(Refused::NotAll { missing })
}

#[test]
fn failsafe_mode_is_off_unless_it_was_switched_on() {
    let mut rig = Rig::leading("a");
    names_from_now(&mut rig, &["a", "b"]);
    rig.pass(HEARTBEAT);
    rig.commit(12);
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::Off);
}

#[test]
fn everyone_in_the_map_is_asked_but_the_leader_itself() {
    let mut rig = leading(&["a", "b", "c"]);
    let poll = poll(&mut rig).unwrap();
    let members: Vec<_> = poll.members().collect();
    assert_eq!(members, [("b", "http://b"), ("c", "http://c")]);
}

#[test]
fn the_request_names_the_process_its_member_and_its_last_acked_revision() {
    let mut rig = leading(&["a", "b"]);
    let standing = rig.standing();
    rig.watch(bumped(&standing, 13), Some(12));
    rig.shows_map_of(13, &["a", "b"]);
    let poll = poll(&mut rig).unwrap();
    let request = poll.request();
    let claim = standing.get().unwrap().valid_claim().unwrap();
    assert_eq!(request.session, claim.session);
    assert_eq!(request.revision, rev(12));
    assert_eq!(request.leader.as_str(), "a");
}

#[test]
fn with_the_consent_of_all_the_leader_goes_on_from_the_instant_of_its_poll() {
    let mut rig = leading(&["a", "b", "c"]);
    renewal_is_lost(&mut rig);
    let poll = poll(&mut rig).unwrap();
    rig.clock.advance(s(3));
    let answers = vec![agrees(&poll, "b"), agrees(&poll, "c")];
    extend(&mut rig, poll, answers).unwrap();
    assert_eq!(rig.left(), span() - s(3));
}

#[test]
fn an_extension_is_told() {
    let mut rig = leading(&["a", "b"]);
    rig.clock.advance(s(5));
    all_agree(&mut rig).unwrap();
    let told =
        |event: &EventKind| matches!(event, EventKind::Extended { token, .. } if token.get() == 11);
    assert!(rig.events().iter().any(told));
}

#[test]
fn what_was_extended_is_lost_when_the_extension_ends() {
    let mut rig = leading(&["a", "b"]);
    rig.clock.advance(s(5));
    all_agree(&mut rig).unwrap();
    rig.pass(span());
    assert!(!rig.leads());
    let lost = |event: &EventKind| matches!(event, EventKind::Lost { .. });
    assert!(rig.events().iter().any(lost));
}

#[test]
fn one_that_is_silent_keeps_the_leader_from_going_on() {
    let mut rig = leading(&["a", "b", "c"]);
    rig.clock.advance(s(5));
    let left = rig.left();
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    assert_eq!(extend(&mut rig, poll, answers), missing("c", None));
    assert_eq!(rig.left(), left);
}

#[test]
fn one_that_refuses_keeps_the_leader_from_going_on() {
    let mut rig = leading(&["a", "b"]);
    let poll = poll(&mut rig).unwrap();
    let why = Some(FailsafeRefusal::Acquires);
    // Also one that has said both, in whatever order.
    let answers = vec![agrees(&poll, "b"), says(&poll, "b", why)];
    assert_eq!(extend(&mut rig, poll, answers), missing("b", why));
}

#[test]
fn an_answer_to_an_earlier_poll_does_not_count() {
    let mut rig = leading(&["a", "b"]);
    let earlier = poll(&mut rig).unwrap();
    let answers = vec![agrees(&earlier, "b")];
    rig.clock.advance(s(5));
    let poll = poll(&mut rig).unwrap();
    assert_eq!(extend(&mut rig, poll, answers), missing("b", None));
}

#[test]
fn an_answer_to_another_process_does_not_count() {
    let mut rig = leading(&["a", "b"]);
    let poll = poll(&mut rig).unwrap();
    let session = crate::Session::from_bits(7);
    let answers = vec![FailsafeAnswer {
        session,
        ..agrees(&poll, "b")
    }];
    assert_eq!(extend(&mut rig, poll, answers), missing("b", None));
}

#[test]
fn an_answer_of_another_member_does_not_count() {
    let mut rig = leading(&["a", "b"]);
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "c")];
    assert_eq!(extend(&mut rig, poll, answers), missing("b", None));
}

#[test]
fn a_term_whose_deadline_has_passed_is_not_extended() {
    let mut rig = leading(&["a", "b"]);
    rig.clock.advance(span() - s(1));
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    rig.clock.advance(s(1));
    let result = extend(&mut rig, poll, answers);
    assert_eq!(result, Err(Refused::NotLeading));
    assert!(!rig.leads());
}

#[test]
fn a_term_whose_deadline_passes_while_it_is_extended_is_lost() {
    let mut rig = leading(&["a", "b"]);
    rig.clock.advance(span() - s(5));
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    rig.clock.advance(s(2) + s(1) / 2);
    rig.clock.creep(s(1));
    let result = extend(&mut rig, poll, answers);
    rig.clock.creep(s(0));
    assert_eq!(result, Err(Refused::NotLeading));
    let lost = |event: &EventKind| matches!(event, EventKind::Lost { .. });
    assert!(rig.events().iter().any(lost));
}

#[test]
fn a_member_that_does_not_lead_has_nobody_to_ask() {
    let mut rig = Rig::new("a");
    rig.machine.allow_failsafe();
    rig.begin(&vacant(10));
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::NotLeading);
}

#[test]
fn a_poll_of_an_earlier_term_extends_nothing() {
    let mut rig = leading(&["a", "b"]);
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    rig.pass(span());
    rig.commit(13);
    assert!(rig.leads());
    assert_eq!(extend(&mut rig, poll, answers), Err(Refused::OtherTerm));
}

#[test]
fn a_poll_of_another_elector_extends_nothing() {
    let mut rig = leading(&["a"]);
    let mut other = Rig::new("b");
    other.machine.allow_failsafe();
    names_from_now(&mut other, &["b"]);
    other.begin(&vacant(10));
    other.pass(TTL);
    other.commit(11);
    let foreign = poll(&mut other).unwrap();
    let result = extend(&mut rig, foreign, Vec::new());
    assert_eq!(result, Err(Refused::OtherTerm));
}

#[test]
fn a_leader_that_gives_up_does_not_go_on() {
    let mut rig = leading(&["a"]);
    rig.pass(HEARTBEAT);
    rig.command(Command::GiveUp);
    assert!(rig.leads());
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::GivingUp);
}

#[test]
fn an_extension_never_shortens_what_a_renewal_has_brought() {
    let mut rig = leading(&["a", "b"]);
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    rig.pass(HEARTBEAT);
    rig.commit(13);
    extend(&mut rig, poll, answers).unwrap();
    assert_eq!(rig.left(), span());
}

#[test]
fn the_shortest_ttl_of_the_attempts_in_play_counts() {
    let mut rig = leading(&["a", "b"]);
    rig.command(Command::Timing(shorter()));
    renewal_is_lost(&mut rig);
    rig.command(Command::Timing(timing()));
    rig.clock.advance(s(15));
    all_agree(&mut rig).unwrap();
    assert_eq!(rig.left(), shorter().holder_span());
}

#[test]
fn a_ttl_that_was_lowered_and_not_written_yet_counts() {
    let mut rig = leading(&["a", "b"]);
    rig.clock.advance(s(20));
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    rig.command(Command::Timing(shorter()));
    extend(&mut rig, poll, answers).unwrap();
    assert_eq!(rig.left(), shorter().holder_span());
}

#[test]
fn a_ttl_that_was_raised_after_the_poll_does_not_count() {
    let mut rig = leading(&["a", "b"]);
    rig.pass(s(15));
    // No attempt with the lowered ttl is made in the pause that follows.
    rig.refused();
    rig.command(Command::Timing(shorter()));
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    rig.command(Command::Timing(timing()));
    extend(&mut rig, poll, answers).unwrap();
    assert_eq!(rig.left(), shorter().holder_span());
}

#[test]
fn after_a_conflict_nobody_is_asked_until_the_own_record_was_read_back() {
    let mut rig = leading(&["a", "b"]);
    let standing = rig.standing();
    rig.pass(HEARTBEAT);
    rig.conflict();
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::Conflict);
    rig.read_shows(standing);
    assert!(poll(&mut rig).is_ok());
}

#[test]
fn after_a_conflict_nothing_is_extended_by_a_poll_from_before() {
    let mut rig = leading(&["a", "b"]);
    rig.pass(HEARTBEAT);
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    rig.conflict();
    assert_eq!(extend(&mut rig, poll, answers), Err(Refused::Conflict));
}

#[test]
fn after_a_conflict_the_watch_is_not_enough() {
    let mut rig = leading(&["a", "b"]);
    rig.map = Value::Present(map(&["a", "b"]));
    let bumped = bumped(&rig.standing(), 13);
    rig.pass(HEARTBEAT);
    rig.conflict();
    rig.watch(bumped.clone(), Some(12));
    rig.read_fails();
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::Conflict);
    rig.pass(s(2));
    rig.read_shows(bumped);
    assert!(poll(&mut rig).is_ok());
}

#[test]
fn after_a_conflict_a_read_back_that_is_stale_is_not_enough() {
    let mut rig = leading(&["a", "b"]);
    rig.map = Value::Present(map(&["a", "b"]));
    let standing = rig.standing();
    rig.pass(HEARTBEAT);
    rig.conflict();
    rig.watch(bumped(&standing, 13), Some(12));
    rig.read_shows(standing);
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::Conflict);
}

#[test]
fn after_a_conflict_a_bump_that_is_read_back_is_enough_once_its_map_was_seen() {
    let mut rig = leading(&["a", "b"]);
    let bumped = bumped(&rig.standing(), 13);
    rig.pass(HEARTBEAT);
    rig.conflict();
    rig.read_shows(bumped);
    rig.shows_map_of(13, &["a", "b"]);
    assert!(poll(&mut rig).is_ok());
}

#[test]
fn after_a_conflict_with_a_stranger_nobody_is_asked() {
    let mut rig = leading(&["a", "b"]);
    rig.pass(HEARTBEAT);
    rig.conflict();
    rig.read_shows(strangers(13));
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::NotLeading);
}
