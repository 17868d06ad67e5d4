//! How long a challenger leaves a version alone, and what it takes.

use std::time::Duration;

use super::super::beside_patroni::{beside, patronis};
use super::super::rig::{HEARTBEAT, Rig, TTL, bumped, rev, s, strangers, vacant};
use super::{Pair, acquires, altered, elected, shows, shows_from, written};
use crate::election::LeaseTiming;
use crate::election::machine::Command;
use crate::election::seeded::Bug;
use crate::{Entry, LeaderRecord};

/// `b` sees what a third party made of the record of `a`, waits for so long,
/// and leads beside `a`.
fn edit(bug: Bug, change: fn(&mut LeaderRecord), wait: Duration) {
    shows_from(bug, Pair::new, |mut pair| {
        let record = altered(&pair.a.standing(), change);
        pair.b.watch(Entry::present(rev(12), record), Some(11));
        pair.pass(wait);
        pair.both_lead(13)
    });
}

#[test]
fn a_write_that_is_repeated_on_whatever_was_found_replaces_a_leader() {
    shows(Bug::AcquireWithoutPrecondition, || {
        let (mut a, mut b) = (Rig::new("a"), Rig::new("b"));
        for rig in [&mut a, &mut b] {
            rig.begin(&vacant(10));
            rig.pass(TTL);
        }
        a.commit(11);
        b.conflict_with(Some(11));
        elected(&mut b, 12) && a.leads()
    });
}

#[test]
fn a_wall_clock_that_is_ahead_takes_over_at_once() {
    shows(Bug::WallClockExpiry, || {
        let a = Rig::leading("a");
        let mut b = Rig::new("b");
        b.clock.advance(TTL * 3);
        b.begin(&a.standing());
        elected(&mut b, 12) && a.leads()
    });
}

#[test]
fn a_wall_clock_that_is_ahead_by_less_than_the_ttl_takes_over_that_much_earlier() {
    shows(Bug::WallClockExpiry, || {
        let a = Rig::leading("a");
        let mut b = Rig::new("b");
        b.clock.advance(TTL + HEARTBEAT);
        b.begin(&a.standing());
        assert!(!acquires(&b));
        b.machine.next_wake() == Some(TTL - HEARTBEAT)
    });
}

#[test]
fn a_wait_that_begins_with_the_request_misses_what_was_written_meanwhile() {
    shows(Bug::FirstSightAtRequest, || {
        let mut pair = Pair::new();
        for revision in [12, 13] {
            pair.pass(HEARTBEAT);
            pair.a.commit(revision);
        }
        // After 30 s: `b`, whose watch is broken, asks what stands there.
        pair.b.pass(HEARTBEAT);
        pair.b.conflict();
        assert!(pair.b.reads());
        // After 32 s `a` renews, and after 33 s `b` is told.
        pair.a.pass(HEARTBEAT + s(2));
        let renewed = pair.a.commit(14);
        pair.b.clock.advance(s(3));
        pair.b.read_shows(renewed);
        pair.b.shows_map(Some(rev(14)));
        // After 60 s.
        pair.a.pass(TTL - s(2));
        pair.b.pass(TTL - s(3));
        pair.both_lead(15)
    });
}

#[test]
fn a_version_with_the_content_of_an_old_one_does_not_restart_the_wait() {
    shows(Bug::ContentNotRevision, || {
        let mut pair = Pair::new();
        let first = pair.a.standing();
        pair.pass(HEARTBEAT);
        pair.a.commit(12);
        pair.pass(s(2));
        pair.b.begin(&bumped(&first, 13));
        pair.pass(TTL - HEARTBEAT - s(2));
        pair.both_lead(14)
    });
}

#[test]
fn the_own_name_in_a_restored_record_is_renewed_upon() {
    shows(Bug::OwnNameRenews, || {
        let leader = Rig::leading("b");
        let old = Rig::leading("a").standing();
        let mut former = Rig::twin("a");
        former.begin(&bumped(&old, 12));
        elected(&mut former, 13) && leader.leads()
    });
}

#[test]
fn two_processes_of_one_name_take_each_others_writes_for_their_own() {
    shows(Bug::OneIdentity, || {
        let (mut one, mut other) = (Rig::leading("a"), Rig::twin("a"));
        other.begin(&one.standing());
        if !acquires(&other) {
            return false;
        }
        one.watch(written(&other, 12), Some(11));
        elected(&mut other, 12) && one.leads()
    });
}

#[test]
fn a_wiped_holder_is_taken_for_a_release() {
    edit(Bug::WipeIsRelease, |record| record.holder = None, s(0));
}

#[test]
fn a_vacant_record_that_is_waited_for_less_may_be_a_wiped_one() {
    edit(Bug::VacantWaitsLess, |record| record.holder = None, TTL / 4);
}

#[test]
fn a_ttl_that_somebody_lowered_is_believed() {
    edit(Bug::TtlInRecord, |record| record.ttl = Some(s(5)), s(5));
}

#[test]
fn a_wait_by_the_config_in_force_forgets_a_longer_ttl_that_was_deleted() {
    shows(Bug::LcFromContent, || {
        let mut pair = Pair::new();
        let timing = LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap();
        let config = r#"{"ttl": 20, "loop_wait": 5, "retry_timeout": 5}"#;
        let lowered = timing.with_config(&config.parse().unwrap()).unwrap();
        pair.b.command(Command::Timing(lowered));
        pair.b.watch(Entry::absent(), None);
        pair.b.commit(13);
        pair.pass(s(20));
        pair.both_lead(14)
    });
}

#[test]
fn a_wait_by_the_newest_claim_trusts_a_claim_that_was_restored() {
    shows(Bug::LcFromContent, || {
        let mut pair = Pair::new();
        let old = altered(&pair.a.standing(), |record| {
            let claim = record.claim.as_mut().unwrap();
            claim.ttl = s(15);
        });
        pair.b.watch(Entry::present(rev(12), old), Some(11));
        pair.pass(s(15));
        pair.both_lead(13)
    });
}

#[test]
fn a_wait_cut_to_whole_seconds_ends_before_the_span_of_the_holder() {
    shows(Bug::TtlTruncated, || {
        let mut pair = Pair::new();
        pair.pass(s(25));
        pair.both_lead(12)
    });
}

#[test]
fn a_wait_that_follows_a_shorter_ttl_ends_before_the_span_of_the_holder() {
    shows(Bug::WaitFollowsTtl, || {
        let before = LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap();
        let shorter = LeaseTiming::new(TTL / 5, s(2), s(1)).unwrap();
        let mut pair = Pair::new();
        let timing = shorter.with_static_of(&before).unwrap();
        pair.b.command(Command::Timing(timing));
        // What a third party leaves there carries no T_CLAMP to be wary of.
        pair.b.watch(vacant(12), Some(11));
        pair.pass(TTL / 2);
        pair.both_lead(13)
    });
}

/// A member whose T_CLAMP and ttl are twice the usual ones.
fn long() -> Rig {
    let mut rig = Rig::new("a");
    let timing = LeaseTiming::new(TTL * 2, HEARTBEAT, s(8)).unwrap();
    rig.command(Command::Timing(timing));
    rig.begin(&vacant(10));
    rig.pass(TTL * 2);
    rig.commit(11);
    assert!(rig.leads());
    rig
}

#[test]
fn a_holder_with_a_longer_clamp_than_the_own_wait_is_replaced_while_it_believes() {
    shows(Bug::ClampAboveWait, || {
        let mut a = long();
        let mut b = Rig::new("b");
        b.begin(&a.standing());
        a.pass(TTL);
        b.pass(TTL);
        elected(&mut b, 12) && a.leads()
    });
}

#[test]
fn settings_with_a_wait_below_the_clamp_are_accepted() {
    shows(Bug::ClampAboveWait, || {
        let timing = LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap();
        timing.with_clamp_and_wait(TTL * 2, TTL).is_ok()
    });
}

#[test]
fn a_lock_of_patroni_is_taken_after_the_wait_for_members_of_the_same_rules() {
    shows(Bug::PatroniWaitIgnored, || {
        let mut rig = beside("b");
        rig.begin(&patronis(11, 30, 1));
        rig.pass(TTL);
        acquires(&rig)
    });
}

#[test]
fn a_holder_that_is_removed_by_force_believes_beside_the_next_one() {
    shows(Bug::ForceRelease, || {
        let (mut a, mut b) = (Rig::new("a"), Rig::new("b"));
        for rig in [&mut a, &mut b] {
            rig.begin(&strangers(10));
            rig.pass(TTL);
        }
        if acquires(&a) {
            return false;
        }
        // Both remove the holder that expired; `b` comes second and removes `a`.
        a.commit(11);
        assert!(elected(&mut a, 12));
        b.conflict();
        b.read_shows(a.standing());
        b.commit(13);
        elected(&mut b, 14) && a.leads()
    });
}
