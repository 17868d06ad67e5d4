//! Rules H1 to H9, as a holder meets them.

use dcs_faults::covers;

use super::rig::{HEARTBEAT, Rig, TTL, bumped, rev, s, strangers};
use crate::election::machine::Command;
use crate::election::{Alarm, EventKind, LeaseTiming, LossReason};
use crate::{Entry, FencingToken, LeaderRecord, Precondition};

fn span() -> std::time::Duration {
    LeaseTiming::new(TTL, HEARTBEAT, s(8))
        .unwrap()
        .holder_span()
}

fn lost(rig: &mut Rig) -> Option<LossReason> {
    rig.events().into_iter().find_map(|event| match event {
        EventKind::Lost { why, .. } => Some(why),
        _ => None,
    })
}

#[test]
fn a_renewal_is_due_a_heartbeat_after_the_last_one_was_sent() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT - s(1));
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
}

#[test]
fn every_renewal_is_a_new_record() {
    let mut rig = Rig::leading("a");
    let before = rig.standing().get().cloned().unwrap();
    rig.pass(HEARTBEAT);
    let renewal = rig.lease_write().0;
    assert!(renewal.renew_time > before.renew_time);
    assert_ne!(
        renewal.claim.unwrap().attempt,
        before.claim.unwrap().attempt
    );
}

#[test]
fn the_token_stands_in_the_claim_from_the_first_renewal_on() {
    let mut rig = Rig::leading("a");
    let token = |record: &LeaderRecord| record.valid_claim().unwrap().token;
    assert_eq!(token(rig.standing().get().unwrap()), None);
    for revision in [12, 13] {
        rig.pass(HEARTBEAT);
        let renewal = rig.lease_write().0;
        assert_eq!(token(&renewal), FencingToken::from_number(11));
        rig.commit(revision);
    }
}

#[test]
fn a_renewal_carries_belief_from_its_sending() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.clock.advance(s(3));
    rig.commit(12);
    assert_eq!(rig.left(), span() - s(3));
}

#[test]
fn the_token_stays_the_same_over_a_term() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.commit(12);
    let renewed = rig.events().into_iter().find_map(|event| match event {
        EventKind::Renewed { token, .. } => Some(token.get()),
        _ => None,
    });
    assert_eq!(renewed, Some(11));
}

#[test]
fn a_term_without_renewal_is_lost_at_its_deadline() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.pass(span());
    assert!(!rig.leads());
    assert_eq!(lost(&mut rig), Some(LossReason::Expired));
}

#[test]
fn a_late_ack_does_not_revive_a_term() {
    let late = covers(21);
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.clock.advance(span() - HEARTBEAT);
    rig.commit(12);
    assert!(!rig.leads());
    assert_eq!(lost(&mut rig), Some(LossReason::Expired));
    late.hit();
}

#[test]
fn a_late_definite_ack_lets_a_new_term_follow_with_a_new_token() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.clock.advance(span() - HEARTBEAT);
    rig.commit(12);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(12)));
    rig.commit(13);
    assert!(rig.leads());
    assert_eq!(rig.token().get(), 13);
}

#[test]
fn an_unknown_renewal_extends_nothing() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    let left = rig.left();
    rig.unknown();
    assert_eq!(rig.left(), left);
    assert!(rig.reads());
}

#[test]
fn an_unknown_renewal_that_was_committed_extends_from_its_sending() {
    let answer_lost = covers(5);
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    let (record, _) = rig.lease_write();
    rig.clock.advance(s(4));
    rig.unknown();
    rig.clock.advance(s(1));
    rig.read_shows(Entry::present(rev(12), record));
    assert_eq!(rig.left(), span() - s(5));
    answer_lost.hit();
}

#[test]
fn an_unknown_renewal_that_was_not_committed_is_followed_by_another_one() {
    let request_lost = covers(6);
    let mut rig = Rig::leading("a");
    let standing = rig.standing();
    rig.pass(HEARTBEAT);
    rig.unknown();
    rig.read_shows(standing);
    rig.pass(s(1));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
    request_lost.hit();
}

#[test]
fn an_earlier_unknown_renewal_that_lands_late_is_recognised() {
    let own = covers(2);
    let mut rig = Rig::leading("a");
    let standing = rig.standing();
    rig.pass(HEARTBEAT);
    let (first, _) = rig.lease_write();
    rig.unknown();
    rig.read_shows(standing);
    rig.pass(s(1));
    rig.conflict();
    rig.read_shows(Entry::present(rev(12), first));
    assert!(rig.leads());
    assert_eq!(rig.left(), span() - s(1));
    own.hit();
}

#[test]
fn after_a_renewal_of_unknown_outcome_was_read_back_the_next_one_comes_after_a_pause() {
    let mut rig = Rig::leading("a");
    let standing = rig.standing();
    rig.pass(HEARTBEAT);
    rig.unknown();
    rig.read_shows(standing);
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert!(!rig.is_waiting());
}

#[test]
fn a_renewal_of_unknown_outcome_that_only_the_watch_shows_lengthens_nothing() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    let (renewal, _) = rig.lease_write();
    rig.unknown();
    let left = rig.left();
    rig.watch(Entry::present(rev(12), renewal.clone()), Some(11));
    assert!(rig.leads());
    assert_eq!(rig.left(), left);
    rig.read_shows(Entry::present(rev(12), renewal));
    assert_eq!(rig.left(), span());
}

#[test]
fn after_a_conflict_with_a_stranger_the_term_is_over() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.conflict();
    assert!(rig.leads());
    rig.read_shows(strangers(12));
    assert!(!rig.leads());
    assert_eq!(lost(&mut rig), Some(LossReason::Replaced));
}

#[test]
fn a_foreign_bump_extends_nothing_and_is_renewed_upon() {
    let mut rig = Rig::leading("a");
    let standing = rig.standing();
    rig.pass(HEARTBEAT);
    rig.conflict();
    let left = rig.left();
    rig.read_shows(bumped(&standing, 12));
    assert_eq!(rig.left(), left);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_foreign_bump_seen_by_the_watch_is_renewed_upon_without_a_conflict() {
    let mut rig = Rig::leading("a");
    let standing = rig.standing();
    rig.watch(bumped(&standing, 12), Some(11));
    assert!(rig.leads());
    rig.pass(HEARTBEAT);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_deleted_record_ends_the_term_at_once() {
    let mut rig = Rig::leading("a");
    rig.watch(Entry::absent(), None);
    assert!(!rig.leads());
    assert_eq!(lost(&mut rig), Some(LossReason::Deleted));
}

#[test]
fn a_record_rolled_back_to_an_earlier_renewal_ends_the_term() {
    let mut rig = Rig::leading("a");
    let earlier = rig.standing();
    rig.pass(HEARTBEAT);
    rig.commit(12);
    rig.watch(bumped(&earlier, 13), Some(12));
    assert!(!rig.leads());
}

#[test]
fn the_own_renewal_seen_before_its_answer_ends_nothing() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    let (record, _) = rig.lease_write();
    rig.watch(Entry::present(rev(12), record), Some(11));
    assert!(rig.leads());
    rig.commit(12);
    assert_eq!(rig.left(), span());
}

#[test]
fn a_stranger_seen_before_the_answer_to_the_acquire_ends_the_term_with_the_answer() {
    let mut rig = Rig::new("a");
    rig.begin(&super::rig::vacant(10));
    rig.pass(TTL);
    rig.watch(strangers(12), None);
    rig.commit(11);
    assert!(!rig.leads());
}

#[test]
fn an_old_version_of_a_slow_watch_ends_nothing() {
    let mut rig = Rig::leading("a");
    rig.watch(strangers(9), Some(8));
    assert!(rig.leads());
}

#[test]
fn a_store_that_went_back_ends_the_term() {
    let restored = covers(70);
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.conflict();
    rig.read_shows(strangers(5));
    assert!(!rig.leads());
    restored.hit();
}

#[test]
fn a_renewal_that_was_refused_is_tried_again_within_the_term() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.refused();
    rig.pass(s(1));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
    assert!(rig.leads());
}

#[test]
fn nothing_is_renewed_once_the_term_is_over() {
    let mut rig = Rig::leading("a");
    rig.clock.advance(span());
    rig.pass(s(0));
    assert!(!rig.leads());
    // What follows expects the acked revision, in a new term (rule H9).
    let (record, _) = rig.lease_write();
    let standing = rig.standing();
    let hash = |record: &LeaderRecord| record.claim.as_ref().unwrap().release_hash;
    assert_ne!(hash(&record), hash(standing.get().unwrap()));
}

#[test]
fn a_suspend_ends_the_term_although_its_deadline_lies_ahead() {
    let rig = Rig::leading("a");
    rig.clock.suspend(s(1));
    assert!(!rig.leads());
}

#[test]
fn a_record_that_was_deleted_is_not_revived_by_the_late_ack_of_an_older_version() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    let (record, _) = rig.lease_write();
    rig.watch(Entry::present(rev(12), record), Some(11));
    rig.watch(Entry::absent(), Some(12));
    assert!(!rig.leads());
    rig.commit(12);
    assert_eq!(rig.lease_write().1, Precondition::Absent);
}

#[test]
fn a_read_that_fails_is_repeated() {
    let mut rig = Rig::leading("a");
    rig.pass(HEARTBEAT);
    rig.conflict();
    rig.read_fails();
    rig.pass(s(2));
    assert!(rig.reads());
}

#[test]
fn a_shorter_ttl_is_written_at_once_and_shortens_belief_with_the_renewals() {
    let mut rig = Rig::leading("a");
    let before = rig.left();
    let timing = LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap();
    let config = r#"{"ttl": 20, "loop_wait": 5, "retry_timeout": 5}"#;
    let timing = timing.with_config(&config.parse().unwrap()).unwrap();
    rig.command(Command::Timing(timing.clone()));
    rig.commit(12);
    assert_eq!(rig.left(), before, "what was acknowledged holds");
    for revision in [13, 14] {
        rig.pass(s(5));
        rig.commit(revision);
    }
    assert_eq!(rig.left(), timing.holder_span());
    assert_eq!(rig.machine.next_wake(), Some(s(5)));
}

#[test]
fn the_status_travels_with_the_renewal() {
    let mut rig = Rig::leading("a");
    rig.command(Command::Status(crate::Status::at(42)));
    rig.pass(HEARTBEAT);
    let crate::Change::Leader(write) = rig.write().0 else {
        panic!()
    };
    assert_eq!(write.status, Some(crate::Status::at(42)));
}

#[test]
fn an_ack_of_a_store_that_went_back_is_nothing_to_build_on() {
    let mut rig = Rig::leading("a");
    let own = rig.standing();
    rig.watch(strangers(12), Some(11));
    rig.pass(TTL);
    rig.conflict();
    // Restored from a copy: the acked revision stands there again.
    rig.read_shows(own);
    assert!(
        rig.events()
            .contains(&EventKind::Alarm(Alarm::StoreWentBack))
    );
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
}
