//! A scope in which Patroni may lead, too: what it wrote is left alone for as
//! long as it may believe.

use std::time::Duration;

use super::rig::{HEARTBEAT, Rig, TTL, bumped, rev, s, vacant};
use crate::election::machine::Command;
use crate::election::{Alarm, BesidePatroni, EventKind};
use crate::{Entry, LeaderRecord, Precondition};

/// `(30 s + 10 s) 1.01 / 0.99`, rounded up to the millisecond.
pub(super) const LEFT_ALONE: Duration = Duration::from_millis(40_809);
const MS: Duration = Duration::from_millis(1);

/// A member that expects Patroni in its scope.
pub(super) fn beside(name: &str) -> Rig {
    let mut rig = Rig::new(name);
    rig.machine.beside = Some(BesidePatroni::new());
    rig
}

/// A lock as Patroni writes it, for the `n`th time.
pub(super) fn patronis(revision: u128, ttl: u64, n: u32) -> Entry<LeaderRecord> {
    let instant = |n: u32| format!("2026-01-02T03:04:{n:02}+00:00").parse().unwrap();
    let record = LeaderRecord {
        holder: Some("pg1".parse().unwrap()),
        ttl: Some(s(ttl)),
        acquire_time: Some(instant(0)),
        renew_time: Some(instant(n)),
        transitions: Some(3),
        ..LeaderRecord::default()
    };
    Entry::present(rev(revision), record)
}

/// It acquires what stands at `revision` after `wait`, and not before.
fn takes_after(rig: &mut Rig, wait: Duration, revision: u128) {
    assert_eq!(rig.machine.next_wake(), Some(wait));
    rig.pass(wait - MS);
    assert!(rig.is_waiting(), "before its time");
    rig.pass(MS);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(revision)));
}

fn alarms(rig: &mut Rig) -> Vec<Alarm> {
    let events = rig.events().into_iter();
    let alarms = events.filter_map(|event| match event {
        EventKind::Alarm(alarm) => Some(alarm),
        _ => None,
    });
    alarms.collect()
}

#[test]
fn a_lock_of_patroni_is_left_alone_for_as_long_as_it_may_believe() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 30, 1));
    takes_after(&mut rig, LEFT_ALONE, 10);
}

#[test]
fn a_renewal_by_patroni_begins_the_wait_anew() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 30, 1));
    rig.pass(LEFT_ALONE - MS);
    rig.watch(patronis(11, 30, 2), Some(10));
    takes_after(&mut rig, LEFT_ALONE, 11);
}

#[test]
fn a_renewal_by_a_shorter_ttl_is_left_alone_for_the_longer_one_also_if_it_is_bumped() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 30, 1));
    rig.watch(patronis(11, 20, 2), Some(10));
    rig.watch(patronis(12, 20, 2), Some(11));
    takes_after(&mut rig, LEFT_ALONE, 12);
}

#[test]
fn the_second_renewal_by_a_shorter_ttl_is_left_alone_for_that_one() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 60, 1));
    rig.watch(patronis(11, 30, 2), Some(10));
    rig.watch(patronis(12, 30, 3), Some(11));
    takes_after(&mut rig, LEFT_ALONE, 12);
}

#[test]
fn a_claim_that_survived_a_renewal_by_patroni_makes_the_lock_no_other_one() {
    let mut record = Rig::leading("b").standing().get().cloned().unwrap();
    record.renew_time = patronis(1, 30, 1).get().unwrap().renew_time;
    let mut rig = beside("a");
    rig.begin(&Entry::present(rev(12), record));
    takes_after(&mut rig, LEFT_ALONE, 12);
}

#[test]
fn a_member_of_the_same_rules_is_left_alone_for_no_longer_than_before() {
    let leader = Rig::leading("b");
    let mut rig = beside("a");
    rig.begin(&leader.standing());
    takes_after(&mut rig, TTL, 11);
}

#[test]
fn a_lock_of_patroni_that_was_deleted_is_waited_for_by_its_own_ttl() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 60, 1));
    rig.watch(Entry::absent(), None);
    rig.commit(12);
    // (60 s + 10 s) 1.01 / 0.99.
    takes_after(&mut rig, Duration::from_millis(71_415), 12);
}

#[test]
fn a_ttl_of_patroni_does_not_count_any_more_once_another_one_has_held_the_key() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 60, 1));
    rig.watch(Rig::leading("b").standing(), Some(10));
    rig.watch(Entry::absent(), None);
    rig.commit(13);
    takes_after(&mut rig, LEFT_ALONE, 13);
}

#[test]
fn a_lock_that_cannot_be_read_is_left_alone_as_one_of_patroni() {
    let mut rig = beside("a");
    let spoiled = Entry {
        value: crate::Value::Malformed("no name".to_owned()),
        ..vacant(10)
    };
    rig.begin(&spoiled);
    takes_after(&mut rig, LEFT_ALONE, 10);
}

#[test]
fn a_release_with_a_valid_mark_counts_at_once_beside_patroni_too() {
    let mut leader = Rig::leading("b");
    let mut rig = beside("a");
    rig.begin(&leader.standing());
    leader.command(Command::GiveUp);
    rig.watch(leader.commit(12), Some(11));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn the_own_acknowledged_write_is_built_upon_at_once_beside_patroni_too() {
    let mut rig = beside("a");
    rig.begin(&vacant(10));
    rig.pass(LEFT_ALONE);
    rig.clock.advance(TTL);
    rig.commit(11);
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(11)));
}

#[test]
fn what_patroni_adds_is_added_to_whatever_else_is_waited() {
    let mut rig = beside("a");
    rig.command(Command::Eligibility(
        crate::election::Eligibility::Priority(crate::election::Priority::LOWEST),
    ));
    rig.begin(&patronis(10, 30, 1));
    takes_after(&mut rig, LEFT_ALONE + HEARTBEAT, 10);
}

#[test]
fn a_longer_retry_timeout_in_the_config_key_counts_for_what_is_being_waited_for() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 30, 1));
    let config = r#"{"ttl": 60, "retry_timeout": 20}"#.parse().unwrap();
    rig.command(Command::Config(config));
    // (30 s + 20 s) 1.01 / 0.99.
    takes_after(&mut rig, Duration::from_millis(51_011), 10);
}

#[test]
fn a_ttl_of_patroni_above_the_own_wait_is_told_once_for_each_holder_and_ttl() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 60, 1));
    rig.watch(patronis(11, 60, 2), Some(10));
    let told = Alarm::PatroniTtlAboveWait {
        holder: "pg1".parse().unwrap(),
        ttl: s(60),
        wait: TTL,
    };
    assert_eq!(alarms(&mut rig), [told]);
    rig.watch(patronis(12, 90, 3), Some(11));
    assert_eq!(alarms(&mut rig).len(), 1);
}

#[test]
fn a_ttl_of_patroni_within_the_own_wait_and_one_of_ours_are_not_told() {
    let mut rig = beside("a");
    rig.begin(&patronis(10, 30, 1));
    let ours = bumped(&Rig::leading("b").standing(), 12);
    rig.watch(ours, Some(10));
    assert_eq!(alarms(&mut rig), []);
}
