//! Rule F1: whose consent a leader needs.

use super::failsafe::{
    agrees, all_agree, asked, extend, leading, map, missing, names_from_now, poll, renewal_is_lost,
    span,
};
use super::rig::{HEARTBEAT, Rig, TTL, bumped, rev, s, vacant};
use crate::election::failsafe::FailsafeRefused as Refused;
use crate::{Entry, Value};

#[test]
fn whom_an_attempt_of_unknown_outcome_names_is_asked_too() {
    let mut rig = leading(&["a", "b"]);
    names_from_now(&mut rig, &["a", "c"]);
    renewal_is_lost(&mut rig);
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b", "c"]);
}

#[test]
fn whom_an_attempt_under_way_names_is_asked_too() {
    let mut rig = leading(&["a", "b"]);
    names_from_now(&mut rig, &["a", "c"]);
    rig.pass(HEARTBEAT);
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b", "c"]);
}

#[test]
fn whom_an_attempt_after_the_poll_names_has_to_agree_too() {
    let mut rig = leading(&["a", "b"]);
    let poll = poll(&mut rig).unwrap();
    let answers = vec![agrees(&poll, "b")];
    names_from_now(&mut rig, &["a", "c"]);
    renewal_is_lost(&mut rig);
    assert_eq!(extend(&mut rig, poll, answers), missing("c", None));
}

#[test]
fn whom_an_attempt_names_that_definitely_failed_is_not_asked() {
    let mut rig = leading(&["a", "b"]);
    names_from_now(&mut rig, &["a", "c"]);
    rig.pass(HEARTBEAT);
    rig.refused();
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b"]);
}

#[test]
fn an_attempt_of_unknown_outcome_is_not_forgotten_for_many_later_ones() {
    let mut rig = leading(&["a", "b"]);
    let standing = rig.standing();
    names_from_now(&mut rig, &["a", "c"]);
    renewal_is_lost(&mut rig);
    names_from_now(&mut rig, &["a", "b"]);
    for _ in 0..20 {
        rig.read_shows(standing.clone());
        rig.pass(s(1));
        rig.unknown();
        all_agree(&mut rig).unwrap();
    }
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b", "c"]);
}

#[test]
fn once_a_later_renewal_is_acked_earlier_attempts_do_not_count_any_more() {
    let mut rig = leading(&["a", "b"]);
    let standing = rig.standing();
    names_from_now(&mut rig, &["a", "c"]);
    renewal_is_lost(&mut rig);
    names_from_now(&mut rig, &["a", "b"]);
    rig.read_shows(standing);
    rig.pass(s(1));
    rig.commit(13);
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b"]);
}

#[test]
fn an_attempt_that_a_read_back_shows_is_the_last_acked_one() {
    let mut rig = leading(&["a", "b"]);
    names_from_now(&mut rig, &["a", "c"]);
    let record = renewal_is_lost(&mut rig);
    rig.read_shows(Entry::present(rev(13), record));
    let poll = poll(&mut rig).unwrap();
    assert_eq!(asked(&poll), ["c"]);
    assert_eq!(poll.request().revision, rev(13));
}

#[test]
fn an_attempt_that_empties_the_map_keeps_the_leader_from_going_on() {
    let mut rig = leading(&["a", "b"]);
    names_from_now(&mut rig, &[]);
    renewal_is_lost(&mut rig);
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::MapEmpty);
}

#[test]
fn an_acked_empty_map_keeps_the_leader_from_going_on() {
    let mut rig = leading(&[]);
    names_from_now(&mut rig, &["a", "b"]);
    renewal_is_lost(&mut rig);
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::MapEmpty);
}

#[test]
fn a_leader_that_set_no_map_asks_whom_the_map_names_that_it_found() {
    let mut rig = found_a_map();
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b"]);
    renewal_is_lost(&mut rig);
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b"]);
}

#[test]
fn a_record_without_any_map_keeps_the_leader_from_going_on() {
    let mut rig = Rig::leading("a");
    rig.machine.allow_failsafe();
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::MapEmpty);
}

#[test]
fn a_map_that_the_watch_has_yet_to_show_keeps_the_leader_from_going_on() {
    let mut rig = leading(&["a", "b"]);
    let bumped = bumped(&rig.standing(), 13);
    rig.watch_without_map(bumped, Some(12));
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::MapUnknown);
    rig.shows_map_of(13, &["a", "b"]);
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b"]);
}

#[test]
fn a_write_that_leaves_an_unknown_map_as_it_is_keeps_the_leader_from_going_on() {
    let mut rig = found_a_map();
    let bumped = bumped(&rig.standing(), 12);
    rig.watch_without_map(bumped, Some(11));
    rig.pass(HEARTBEAT);
    rig.commit(13);
    rig.shows_map_of(13, &["a", "b"]);
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::MapUnknown);
}

#[test]
fn a_map_that_cannot_be_read_keeps_the_leader_from_going_on() {
    let mut rig = leading(&["a", "b"]);
    rig.map = Value::Malformed("not an object".to_owned());
    let bumped = bumped(&rig.standing(), 13);
    rig.watch(bumped, Some(12));
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::MapUnknown);
}

#[test]
fn whom_a_third_party_has_added_is_asked_too() {
    let mut rig = leading(&["a", "b"]);
    rig.map = Value::Present(map(&["a", "b", "c"]));
    let bumped = bumped(&rig.standing(), 13);
    rig.watch(bumped, Some(12));
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b", "c"]);
}

#[test]
fn a_map_that_a_third_party_has_removed_keeps_the_leader_from_going_on() {
    let mut rig = leading(&["a", "b"]);
    let bumped = bumped(&rig.standing(), 13);
    rig.watch(bumped, Some(12));
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::MapEmpty);
}

#[test]
fn a_lost_renewal_that_the_watch_shows_does_not_keep_the_leader_from_going_on() {
    let mut rig = leading(&["a", "b"]);
    rig.pass(HEARTBEAT);
    let (record, _) = rig.lease_write();
    rig.watch_without_map(Entry::present(rev(13), record), Some(12));
    rig.shows_map_of(13, &["a", "b"]);
    rig.unknown();
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b"]);
}

#[test]
fn the_map_of_an_older_version_that_a_slow_watch_shows_is_left_aside() {
    let mut rig = leading(&["a", "b"]);
    rig.shows_map_of(11, &["a", "c"]);
    assert_eq!(asked(&poll(&mut rig).unwrap()), ["b"]);
}

#[test]
fn a_map_without_the_leader_itself_keeps_it_from_going_on() {
    let mut rig = leading(&["b", "c"]);
    assert_eq!(poll(&mut rig).unwrap_err(), Refused::NotNamed);
}

#[test]
fn a_leader_that_its_map_names_alone_asks_nobody() {
    let mut rig = leading(&["a"]);
    rig.clock.advance(s(5));
    assert_eq!(all_agree(&mut rig), Ok(()));
    assert_eq!(rig.left(), span());
}

/// `a` leads since revision 11, over a map that somebody else has left.
fn found_a_map() -> Rig {
    let mut rig = Rig::new("a");
    rig.machine.allow_failsafe();
    rig.map = Value::Present(map(&["a", "b"]));
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.commit(11);
    rig
}
