//! Rules Q1 to Q5 and H9, as a member meets them that does not lead.

use std::time::Duration;

use dcs_faults::covers;

use super::rig::{HEARTBEAT, Rig, TTL, bumped, leader_and_follower, rev, s, strangers, vacant};
use crate::election::machine::{Command, ReleasePolicy};
use crate::election::{Alarm, EventKind, LeaseTiming};
use crate::{
    Change, Claim, Clock, Entry, Failover, Initialize, LeaderRecord, Precondition, Timestamp, Value,
};

#[test]
fn a_version_is_left_alone_for_the_whole_wait() {
    let mut rig = Rig::new("a");
    rig.begin(&strangers(10));
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
    rig.pass(s(1));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(10)));
}

#[test]
fn a_version_that_appears_during_the_wait_restarts_it() {
    let mut rig = Rig::new("a");
    rig.begin(&strangers(10));
    rig.pass(TTL - s(1));
    rig.watch(strangers(11), Some(10));
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
}

#[test]
fn a_vacant_record_is_waited_for_like_any_other() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
}

#[test]
fn the_user_is_told_why_the_first_election_takes_time() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    assert!(
        rig.events()
            .contains(&EventKind::Waiting { remaining: TTL })
    );
}

#[test]
fn an_absent_key_is_created_vacant_and_not_led_at_once() {
    let mut rig = Rig::new("a");
    rig.begin(&Entry::absent());
    let (record, expected) = rig.lease_write();
    assert_eq!((record.holder, expected), (None, Precondition::Absent));
    rig.commit(1);
    assert!(!rig.leads() && rig.is_waiting());
    rig.pass(TTL);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(1)));
}

#[test]
fn own_name_in_a_record_is_no_right() {
    let mut rig = Rig::leading("a");
    let own = strangers(20)
        .value
        .present()
        .cloned()
        .map(|record| LeaderRecord {
            holder: Some("a".parse().unwrap()),
            ..record
        });
    rig.watch(Entry::present(rev(20), own.unwrap()), None);
    assert!(!rig.leads() && rig.is_waiting());
}

#[test]
fn belief_counts_from_before_the_request_was_sent() {
    let slow = covers(20);
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.clock.advance(s(9));
    rig.commit(11);
    assert_eq!(
        rig.left(),
        LeaseTiming::new(TTL, HEARTBEAT, s(8))
            .unwrap()
            .holder_span()
            - s(9)
    );
    slow.hit();
}

#[test]
fn an_ack_that_comes_after_its_own_deadline_opens_no_term() {
    let late = covers(21);
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.clock.advance(TTL);
    rig.commit(11);
    assert!(!rig.leads());
    late.hit();
}

#[test]
fn after_such_a_late_definite_ack_a_new_term_may_follow_at_once() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.clock.advance(TTL);
    rig.commit(11);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
    rig.commit(12);
    assert_eq!(rig.token().get(), 12);
}

#[test]
fn a_lost_race_is_read_back_and_waited_for() {
    let lost_race = covers(1);
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.conflict();
    rig.read_shows(strangers(11));
    assert!(!rig.leads() && rig.is_waiting());
    lost_race.hit();
}

#[test]
fn an_unknown_acquire_that_was_committed_counts_from_its_sending() {
    let answer_lost = covers(5);
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    let (record, _) = rig.lease_write();
    rig.clock.advance(s(4));
    rig.unknown();
    rig.clock.advance(s(1));
    rig.read_shows(Entry::present(rev(11), record));
    assert_eq!(rig.token().get(), 11);
    assert_eq!(
        rig.left(),
        LeaseTiming::new(TTL, HEARTBEAT, s(8))
            .unwrap()
            .holder_span()
            - s(5)
    );
    answer_lost.hit();
}

#[test]
fn an_unknown_acquire_that_was_not_committed_opens_no_term() {
    let request_lost = covers(6);
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.unknown();
    rig.read_shows(vacant(10));
    assert!(!rig.leads());
    request_lost.hit();
}

#[test]
fn a_committed_answer_with_another_record_is_not_believed() {
    let changed = covers(53);
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.committed_as(11, strangers(11).value.present().cloned().unwrap());
    assert!(!rig.leads() && rig.reads());
    assert!(
        rig.events()
            .contains(&EventKind::Alarm(Alarm::AlteredWrite))
    );
    changed.hit();
}

#[test]
fn a_committed_answer_with_the_expected_revision_is_not_believed() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.commit(10);
    assert!(!rig.leads() && rig.reads());
}

#[test]
fn a_released_term_is_taken_over_at_once() {
    let (mut leader, mut follower) = leader_and_follower();
    leader.command(Command::GiveUp);
    let released = leader.commit(12);
    follower.watch(released, Some(11));
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_released_term_is_waited_for_where_releases_are_ignored() {
    let (mut leader, _) = leader_and_follower();
    let mut follower = Rig::with("b", ReleasePolicy::Ignore, false);
    follower.begin(&leader.standing());
    leader.command(Command::GiveUp);
    let released = leader.commit(12);
    follower.watch(released, Some(11));
    assert!(follower.is_waiting());
}

#[test]
fn a_release_for_another_candidate_is_left_to_that_one() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.candidate(Some("c"));
    leader.command(Command::GiveUp);
    let released = leader.commit(12);
    follower.watch(released, Some(11));
    assert!(follower.is_waiting());
    follower.pass(TTL);
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_release_before_the_switchover_is_due_is_taken_over_at_once() {
    let (mut leader, mut follower) = leader_and_follower();
    let request = Failover::switchover(None, Some("c".parse().unwrap()));
    let tomorrow = "2026-01-02T00:00:00+00:00".parse().unwrap();
    follower.requested(&request.not_before(tomorrow));
    leader.command(Command::GiveUp);
    let released = leader.commit(12);
    follower.watch(released, Some(11));
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_wake_up_is_not_lost_between_the_decision_and_the_sleep() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL - Duration::from_micros(1));
    rig.clock.advance(Duration::from_micros(1));
    assert!(rig.machine.next_wake().is_some());
}

#[test]
fn a_member_that_gave_up_is_not_elected_by_an_attempt_that_is_found_later() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    let (record, _) = rig.lease_write();
    rig.unknown();
    rig.command(Command::GiveUp);
    rig.read_shows(Entry::present(rev(11), record));
    assert!(!rig.leads() && rig.machine.is_idle());
}

#[test]
fn an_unknown_acquire_of_a_member_that_gave_up_is_not_read_back() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.command(Command::GiveUp);
    rig.unknown();
    rig.pass(s(2));
    assert!(rig.is_waiting() && rig.machine.is_idle());
}

#[test]
fn a_conflict_that_reading_does_not_explain_is_not_repeated_without_a_pause() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    for _ in 0..10 {
        rig.conflict();
        rig.read_shows(vacant(10));
        assert!(rig.is_waiting());
        rig.pass(s(2));
    }
}

#[test]
fn a_short_ttl_in_the_record_shortens_no_wait() {
    let mut rig = Rig::new("a");
    let mut record = strangers(10).value.present().cloned().unwrap();
    record.ttl = Some(s(1));
    rig.begin(&Entry::present(rev(10), record));
    rig.pass(TTL - s(1));
    assert!(rig.is_waiting());
}

#[test]
fn an_unknown_acquire_that_is_found_too_late_gives_no_right_to_a_new_term() {
    let late_commit = covers(7);
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    let (record, _) = rig.lease_write();
    rig.unknown();
    rig.clock.advance(TTL);
    rig.read_shows(Entry::present(rev(11), record));
    assert!(!rig.leads() && rig.is_waiting());
    late_commit.hit();
}

#[test]
fn a_release_for_this_candidate_is_taken_over_at_once() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.candidate(Some("b"));
    leader.command(Command::GiveUp);
    let released = leader.commit(12);
    follower.watch(released, Some(11));
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn a_member_with_a_longer_clamp_than_our_wait_is_not_replaced() {
    let mut rig = Rig::new("a");
    rig.begin(&claimed_with_clamp(s(60)));
    rig.pass(s(60));
    assert!(rig.is_waiting());
    let alarmed =
        |event: &EventKind| matches!(event, EventKind::Alarm(Alarm::ClampAboveWait { .. }));
    assert!(rig.events().iter().any(alarmed));
}

#[test]
fn a_third_party_that_keeps_everyone_waiting_is_reported_once() {
    let mut rig = Rig::new("a");
    rig.begin(&strangers(10));
    let mut alarms = 0;
    for revision in 11..20 {
        rig.pass(TTL / 3);
        rig.watch(strangers(revision), Some(revision - 1));
        let blocked =
            |event: &EventKind| matches!(event, EventKind::Alarm(Alarm::FailoverBlocked { .. }));
        alarms += rig.events().into_iter().filter(blocked).count();
    }
    assert_eq!(alarms, 1);
}

#[test]
fn a_patroni_that_renews_is_no_third_party() {
    let mut rig = Rig::new("a");
    rig.begin(&strangers(10));
    for revision in 11..20 {
        rig.pass(TTL / 3);
        let mut record = strangers(revision).value.present().cloned().unwrap();
        record.renew_time = Some(Timestamp::from_system_time(rig.clock.wall()));
        rig.watch(Entry::present(rev(revision), record), Some(revision - 1));
    }
    assert!(
        !rig.events()
            .iter()
            .any(|event| matches!(event, EventKind::Alarm(_)))
    );
}

#[test]
fn a_leader_that_renews_is_no_third_party() {
    let (mut leader, mut follower) = leader_and_follower();
    for revision in 12..20 {
        leader.pass(HEARTBEAT);
        follower.pass(HEARTBEAT);
        let renewed = leader.commit(revision);
        follower.watch(renewed, Some(revision - 1));
    }
    assert!(
        !follower
            .events()
            .iter()
            .any(|event| matches!(event, EventKind::Alarm(_)))
    );
}

#[test]
fn a_malformed_record_is_reported_and_replaced_after_the_wait() {
    let mut rig = Rig::new("a");
    let why = "ttl is \"x\"".to_owned();
    rig.begin(&Entry {
        revision: Some(rev(10)),
        value: Value::Malformed(why.clone()),
        ..Entry::absent()
    });
    assert!(
        rig.events()
            .contains(&EventKind::Alarm(Alarm::MalformedLeader { why }))
    );
    rig.pass(TTL);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(10)));
}

#[test]
fn an_asserted_first_bootstrap_creates_initialize_and_leads_in_one_write() {
    let mut rig = Rig::with("a", ReleasePolicy::Honor, true);
    rig.begin(&Entry::absent());
    let initialize = Change::Initialize(Some(Initialize::InProgress));
    assert_eq!(rig.write(), (&initialize, Precondition::Absent));
    rig.initialize_created(1);
    let (record, expected) = rig.lease_write();
    assert_eq!(
        (record.holder.is_some(), expected),
        (true, Precondition::Absent)
    );
    rig.commit(2);
    assert!(rig.leads());
}

#[test]
fn the_watch_may_show_the_own_initialize_key_before_its_answer_comes() {
    let mut rig = Rig::with("a", ReleasePolicy::Honor, true);
    rig.begin(&Entry::absent());
    rig.scope_seen(1);
    rig.initialize_created(1);
    assert!(rig.lease_write().0.holder.is_some());
}

#[test]
fn a_first_bootstrap_is_void_once_anything_of_the_scope_was_seen() {
    let mut rig = Rig::with("a", ReleasePolicy::Honor, true);
    rig.begin(&Entry::absent());
    rig.initialize_created(1);
    rig.refused();
    rig.scope_seen(2);
    rig.pass(s(2));
    assert_eq!(rig.lease_write().0.holder, None);
}

#[test]
fn a_first_bootstrap_is_void_after_a_conflict() {
    let mut rig = Rig::with("a", ReleasePolicy::Honor, true);
    rig.begin(&Entry::absent());
    rig.conflict();
    rig.pass(s(2));
    assert_eq!(rig.lease_write().0.holder, None);
}

#[test]
fn a_first_bootstrap_covers_one_write() {
    let mut rig = Rig::with("a", ReleasePolicy::Honor, true);
    rig.begin(&Entry::absent());
    rig.initialize_created(1);
    rig.unknown();
    rig.read_shows(Entry::absent());
    rig.pass(s(2));
    assert_eq!(rig.lease_write().0.holder, None);
}

#[test]
fn transitions_count_from_zero_and_by_changes_of_holder() {
    let (mut leader, mut follower) = leader_and_follower();
    leader.command(Command::GiveUp);
    let first = leader.lease_write().0.transitions;
    let released = leader.commit(12);
    follower.watch(released, Some(11));
    assert_eq!(
        (first, follower.lease_write().0.transitions),
        (Some(0), Some(1))
    );
}

#[test]
fn failed_attempts_are_spaced_out() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    rig.refused();
    assert!(rig.is_waiting());
    rig.pass(s(2));
    assert!(!rig.is_waiting());
}

#[test]
fn a_member_that_does_not_contend_stays_out() {
    let mut rig = Rig::new("a");
    rig.command(Command::GiveUp);
    rig.begin(&vacant(10));
    rig.pass(TTL * 2);
    assert!(rig.is_waiting() && rig.machine.is_idle());
}

fn claimed_with_clamp(clamp: Duration) -> Entry<LeaderRecord> {
    let leader = Rig::leading("c");
    let mut record = leader.standing().get().cloned().unwrap();
    record.claim = record.claim.map(|claim| Claim { clamp, ..claim });
    bumped(&Entry::present(rev(1), record), 11)
}
