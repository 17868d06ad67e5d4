//! How long a holder believes, and by which clocks.

use std::time::Duration;

use super::super::rig::{HEARTBEAT, Rig, TTL, rev, s, vacant};
use super::{Pair, elected, shows, written};
use crate::Entry;
use crate::election::LeaseTiming;
use crate::election::machine::Command;
use crate::election::seeded::Bug;

fn span() -> Duration {
    LeaseTiming::new(TTL, HEARTBEAT, s(8))
        .unwrap()
        .holder_span()
}

/// `a` renews, `b` sees it at once, and `a` gets the answer after `delay`. Then
/// `b` waits to the end.
fn a_late_answer(delay: Duration) -> bool {
    let mut pair = Pair::new();
    pair.pass(HEARTBEAT);
    let renewed = written(&pair.a, 12);
    pair.b.watch(renewed, Some(11));
    pair.pass(delay);
    pair.a.commit(12);
    pair.pass(TTL - delay);
    pair.both_lead(13)
}

#[test]
fn a_deadline_counted_from_the_answer_lies_behind_the_wait_of_others() {
    shows(Bug::DeadlineAtAnswer, || a_late_answer(s(4)));
}

#[test]
fn the_timing_of_client_go_believes_for_too_long_after_a_slow_answer() {
    shows(Bug::ClientGoTiming, || a_late_answer(s(8)));
}

#[test]
fn the_timing_of_client_go_is_twelve_fifteenths_of_the_ttl() {
    shows(Bug::ClientGoTiming, || {
        let mut rig = Rig::leading("a");
        rig.pass(HEARTBEAT);
        rig.clock.advance(s(8));
        rig.commit(12);
        rig.left() == TTL * 12 / 15
    });
}

#[test]
fn without_a_margin_clocks_within_their_bound_make_two_leaders() {
    shows(Bug::NoDriftMargin, || {
        let mut pair = Pair::new();
        // The one clock runs 1 % slow and the other 1 % fast.
        pair.a.pass(Duration::from_millis(29_410));
        pair.b.pass(TTL);
        pair.both_lead(12)
    });
}

#[test]
fn an_acquire_of_unknown_outcome_that_counts_leads_beside_the_one_that_was_committed() {
    shows(Bug::TimeoutIsSuccess, || {
        let (mut a, mut b) = (Rig::new("a"), Rig::new("b"));
        for rig in [&mut a, &mut b] {
            rig.begin(&vacant(10));
            rig.pass(TTL);
        }
        a.unknown();
        elected(&mut b, 11) && a.leads()
    });
}

#[test]
fn a_renewal_of_unknown_outcome_that_counts_is_believed_in_although_nobody_saw_it() {
    shows(Bug::TimeoutIsSuccess, || {
        let mut pair = Pair::new();
        pair.pass(HEARTBEAT);
        pair.a.unknown();
        pair.pass(TTL - HEARTBEAT);
        pair.both_lead(12)
    });
}

#[test]
fn a_read_back_that_counts_from_its_receipt_believes_for_too_long() {
    shows(Bug::ReadBackFromReadTime, || {
        let mut pair = Pair::new();
        pair.pass(HEARTBEAT);
        let renewed = written(&pair.a, 12);
        pair.b.watch(renewed.clone(), Some(11));
        pair.pass(s(4));
        pair.a.unknown();
        pair.pass(s(1));
        pair.a.read_shows(renewed);
        pair.pass(TTL - s(5));
        pair.both_lead(13)
    });
}

#[test]
fn an_acquire_that_is_read_back_too_late_leads_all_the_same() {
    shows(Bug::ReadBackFromReadTime, || {
        let mut rig = Rig::new("a");
        rig.begin(&vacant(10));
        rig.pass(TTL);
        let acquired = written(&rig, 11);
        rig.unknown();
        rig.clock.advance(TTL);
        rig.read_shows(acquired);
        rig.leads()
    });
}

#[test]
fn an_older_attempt_that_is_read_back_counts_for_a_renewal_that_got_lost() {
    shows(Bug::AckOfAnotherAttempt, || {
        let mut pair = Pair::new();
        let before = pair.a.standing();
        pair.pass(HEARTBEAT);
        pair.a.unknown();
        pair.a.read_shows(before);
        pair.pass(TTL - HEARTBEAT);
        pair.both_lead(12)
    });
}

#[test]
fn an_older_attempt_that_is_read_back_counts_for_an_acquire_that_got_lost() {
    shows(Bug::AckOfAnotherAttempt, || {
        let mut pair = Pair::new();
        let before = pair.a.standing();
        pair.a.pass(span());
        assert_eq!(pair.a.lease_write().1.revision(), Some(rev(11)));
        pair.a.unknown();
        pair.a.read_shows(before);
        pair.b.pass(TTL);
        pair.both_lead(12)
    });
}

#[test]
fn a_late_answer_opens_a_term_again_that_was_over() {
    shows(Bug::LateAckRevivesTerm, || {
        let mut rig = Rig::leading("a");
        let term = rig.belief.newest_term();
        rig.pass(HEARTBEAT);
        rig.clock.advance(span() - HEARTBEAT);
        assert!(!rig.leads());
        rig.commit(12);
        rig.leads() && rig.belief.newest_term() == term
    });
}

#[test]
fn the_own_name_in_an_old_record_makes_a_leader() {
    shows(Bug::OwnNameLeads, || {
        let mut pair = Pair::new();
        let old = pair.a.standing();
        pair.pass(TTL);
        let mut restarted = Rig::twin("a");
        restarted.begin(&old);
        elected(&mut pair.b, 12) && restarted.leads()
    });
}

#[test]
fn the_own_name_in_a_record_that_is_seen_again_carries_belief() {
    shows(Bug::OwnNameLeads, || {
        let mut pair = Pair::new();
        pair.pass(HEARTBEAT);
        let seen_again = pair.a.standing();
        pair.a.watch(seen_again, None);
        pair.pass(TTL - HEARTBEAT);
        pair.both_lead(12)
    });
}

#[test]
fn a_slewed_boottime_alone_believes_for_too_long() {
    shows(Bug::SlewedClock, || {
        let rig = Rig::leading("a");
        rig.clock.advance_apart(s(27), span());
        rig.leads()
    });
}

#[test]
fn a_short_suspend_is_counted_by_neither_clock_where_boottime_is_slewed_back() {
    shows(Bug::ShortSuspendMissed, || {
        let nap = Duration::from_millis(40);
        let rig = Rig::leading("a");
        rig.clock.advance_apart(s(27), span().saturating_sub(nap));
        rig.clock.suspend(nap);
        rig.leads()
    });
}

#[test]
fn a_clock_that_is_slewed_forth_and_back_hides_in_a_difference_of_maxima() {
    shows(Bug::DifferenceOfMaxima, || {
        let mut rig = Rig::new("a");
        rig.clock.advance_apart(s(103), s(100));
        rig.begin(&vacant(10));
        rig.pass(TTL);
        rig.commit(11);
        rig.clock.advance_apart(s(27), span());
        rig.leads()
    });
}

#[test]
fn a_clock_that_is_slewed_back_and_forth_hides_in_a_difference_of_maxima_too() {
    shows(Bug::DifferenceOfMaxima, || {
        let mut rig = Rig::new("a");
        rig.clock.advance_apart(s(97), s(100));
        rig.begin(&vacant(10));
        rig.pass(TTL);
        rig.commit(11);
        rig.clock.advance_apart(span(), s(27));
        rig.leads()
    });
}

#[test]
fn a_difference_of_minima_ends_the_wait_too_early() {
    shows(Bug::DifferenceOfMaxima, || {
        let mut rig = Rig::new("a");
        rig.clock.advance_apart(s(100), s(97));
        rig.begin(&vacant(10));
        rig.clock.advance_apart(s(27), TTL);
        rig.pass(s(0));
        elected(&mut rig, 11)
    });
}

#[test]
fn a_suspend_that_is_not_counted_ends_nothing() {
    shows(Bug::SuspendNotCounted, || {
        let mut pair = Pair::new();
        pair.a.clock.suspend(TTL);
        pair.b.pass(TTL);
        pair.both_lead(12)
    });
}

#[test]
fn a_belief_without_end_outlives_an_outage() {
    shows(Bug::NeverDemotes, || {
        let mut pair = Pair::new();
        pair.pass(TTL * 100);
        pair.both_lead(12)
    });
}

#[test]
fn a_count_of_transitions_repeats_where_the_record_was_deleted() {
    shows(Bug::TransitionsAsToken, || {
        let mut rig = Rig::new("a");
        rig.begin(&vacant(10));
        rig.pass(TTL);
        rig.commit(11);
        let first = rig.token();
        rig.watch(Entry::absent(), None);
        rig.commit(13);
        rig.pass(TTL);
        rig.commit(14);
        rig.token() <= first
    });
}

#[test]
fn a_term_that_is_closed_with_the_answer_is_believed_in_while_its_release_is_seen() {
    shows(Bug::BelievesWhileReleasing, || {
        let mut pair = Pair::new();
        pair.a.command(Command::GiveUp);
        let released = written(&pair.a, 12);
        pair.b.watch(released, Some(11));
        let both = pair.both_lead(13);
        pair.a.commit(12);
        assert!(!pair.a.leads());
        both
    });
}
