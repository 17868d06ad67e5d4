//! Lease writes that the store refuses, for other reasons than a conflict.

use dcs_faults::covers;

use super::failsafe::map;
use super::rig::{HEARTBEAT, Rig, TTL, s, vacant};
use crate::election::EventKind;
use crate::election::machine::Command;
use crate::{Change, Error, Key, LeaderWrite, Status};

fn too_large(key: Key) -> Error {
    Error::TooLarge {
        key,
        limit: 10,
        actual: 11,
    }
}

fn denied() -> Error {
    Error::PermissionDenied {
        what: "patching the leader key".to_owned(),
        advice: "grant the right",
        source: "403".into(),
    }
}

/// The lease write under way.
fn written(rig: &Rig) -> LeaderWrite {
    match rig.write().0 {
        Change::Leader(write) => (**write).clone(),
        other => panic!("no write of the leader key but {other:?}"),
    }
}

fn troubles(rig: &mut Rig) -> usize {
    let events = rig.events().into_iter();
    let troubles = events.filter(|event| matches!(event, EventKind::Trouble { .. }));
    troubles.count()
}

/// Leads, and a renewal with a status and a map is under way.
fn renewing() -> Rig {
    let mut rig = Rig::leading("a");
    rig.command(Command::Status(Status::at(7)));
    rig.command(Command::Failsafe(map(&["a", "b"])));
    rig.pass(HEARTBEAT);
    let write = written(&rig);
    assert!(write.status.is_some() && write.failsafe.is_some());
    rig
}

#[test]
fn a_status_that_is_too_large_is_left_out_of_the_next_renewal_which_follows_at_once() {
    let mut rig = renewing();
    rig.refused_by(too_large(Key::Status));
    let write = written(&rig);
    assert!(write.status.is_none() && write.failsafe.is_some());
    rig.commit(12);
    rig.pass(HEARTBEAT);
    assert_eq!(written(&rig).status, None);
    rig.commit(13);
    assert!(rig.leads());
    assert_eq!(troubles(&mut rig), 1);
}

#[test]
fn a_failsafe_map_that_is_too_large_is_left_out_of_the_next_renewal_which_follows_at_once() {
    let mut rig = renewing();
    rig.refused_by(too_large(Key::Failsafe));
    let write = written(&rig);
    assert!(write.status.is_some() && write.failsafe.is_none());
    rig.commit(12);
    assert!(rig.leads());
    assert_eq!(troubles(&mut rig), 1);
}

#[test]
fn a_status_that_is_set_after_one_was_too_large_is_written() {
    let mut rig = renewing();
    rig.refused_by(too_large(Key::Status));
    rig.commit(12);
    rig.command(Command::Status(Status::at(8)));
    rig.pass(HEARTBEAT);
    assert_eq!(written(&rig).status, Some(Status::at(8)));
}

#[test]
fn what_was_set_while_something_too_large_was_under_way_is_written() {
    let mut rig = renewing();
    rig.command(Command::Status(Status::at(8)));
    rig.command(Command::Failsafe(map(&["a"])));
    rig.refused_by(too_large(Key::Status));
    assert_eq!(written(&rig).status, Some(Status::at(8)));
    assert_eq!(written(&rig).failsafe, Some(map(&["a"])));
}

#[test]
fn where_the_lease_is_called_too_large_the_status_goes_first_and_then_the_map() {
    let mut rig = renewing();
    rig.refused_by(too_large(Key::Leader));
    assert!(written(&rig).status.is_none() && written(&rig).failsafe.is_some());
    rig.refused_by(too_large(Key::Leader));
    assert!(written(&rig).failsafe.is_none());
    rig.commit(12);
    assert!(rig.leads());
}

#[test]
fn a_lease_that_is_too_large_by_itself_is_tried_again_after_a_pause() {
    for key in [Key::Leader, Key::Status, Key::Failsafe] {
        let mut rig = Rig::leading("a");
        rig.pass(HEARTBEAT);
        rig.refused_by(too_large(key));
        assert!(rig.is_waiting());
        rig.pass(s(1));
        assert!(!rig.is_waiting());
    }
}

#[test]
fn a_status_that_is_too_large_keeps_nobody_from_leading() {
    let mut rig = Rig::new("a");
    rig.command(Command::Status(Status::at(7)));
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.refused_by(too_large(Key::Status));
    rig.commit(11);
    assert!(rig.leads());
}

#[test]
fn a_map_that_was_left_out_leaves_the_one_that_stands_in_play() {
    let mut rig = Rig::leading("a");
    rig.machine.allow_failsafe();
    rig.shows_map_of(11, &["a", "b"]);
    rig.command(Command::Failsafe(map(&["a", "c"])));
    rig.pass(HEARTBEAT);
    rig.refused_by(too_large(Key::Failsafe));
    rig.commit(12);
    let said = rig.asks(crate::election::machine::FailsafeAsk::Poll);
    assert!(format!("{said:?}").contains("\"b\""), "{said:?}");
    assert!(!format!("{said:?}").contains("\"c\""), "{said:?}");
}

#[test]
fn a_release_with_a_status_that_is_too_large_is_sent_again_without_it() {
    let mut rig = Rig::leading("a");
    rig.command(Command::Status(Status::at(7)));
    rig.command(Command::GiveUp);
    let refused = written(&rig);
    rig.refused_by(too_large(Key::Status));
    let again = written(&rig);
    assert_eq!((again.status, again.record), (None, refused.record));
}

#[test]
fn a_release_writes_the_last_status() {
    let mut rig = Rig::leading("a");
    rig.command(Command::Status(Status::at(7)));
    rig.command(Command::GiveUp);
    assert_eq!(written(&rig).status, Some(Status::at(7)));
}

#[test]
fn two_refusals_by_403_and_then_an_answer_cost_no_leadership() {
    let flap = covers(52);
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    for _ in 0..2 {
        rig.refused_by(denied());
        // In the same term: led anew is not kept.
        assert!(rig.leads());
        rig.pass(s(1));
    }
    assert!(rig.leads());
    rig.commit(12);
    rig.pass(TTL - HEARTBEAT);
    assert!(rig.leads());
    flap.hit();
}

#[test]
fn a_store_that_asks_for_an_hour_is_asked_again_as_soon_as_after_any_failure() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    let busy = |seconds| Error::Unavailable {
        backend: "the store",
        retry_after: Some(s(seconds)),
        source: "429".into(),
    };
    rig.refused_by(busy(3600));
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert!(!rig.is_waiting(), "within the budget");
    rig.commit(12);
    assert!(rig.leads());
}
