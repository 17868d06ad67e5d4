//! What is made of an absent key.

use super::super::rig::{Rig, TTL, s, strangers};
use super::{Pair, Planted, acquires, elected, shows};
use crate::Entry;
use crate::election::machine::ReleasePolicy;
use crate::election::seeded::Bug;

#[test]
fn a_deleted_key_that_is_created_with_a_holder_has_two() {
    shows(Bug::CreateAndLead, || {
        let mut pair = Pair::new();
        pair.b.watch(Entry::absent(), None);
        pair.both_lead(13)
    });
}

#[test]
fn absence_that_was_waited_for_may_be_another_absence() {
    shows(Bug::CreateAndLeadAfterWait, || {
        let (mut a, mut b) = (Rig::new("a"), Rig::new("b"));
        a.begin(&Entry::absent());
        b.begin(&Entry::absent());
        a.pass(TTL - s(1));
        if !a.is_waiting() {
            return false;
        }
        a.pass(s(1));
        // Created, and deleted before `b` hears of it.
        assert!(elected(&mut a, 11));
        b.pass(TTL);
        elected(&mut b, 13) && a.leads()
    });
}

#[test]
fn a_process_that_begins_with_an_absent_key_leads_beside_the_holder_of_the_deleted_one() {
    shows(Bug::ColdStartCreates, || {
        let a = Rig::leading("a");
        let mut b = Rig::new("b");
        b.begin(&Entry::absent());
        elected(&mut b, 13) && a.leads()
    });
}

#[test]
fn a_cold_start_is_over_once_a_record_was_seen() {
    let _planted = Planted::new(Bug::ColdStartCreates);
    let mut pair = Pair::new();
    pair.b.watch(Entry::absent(), None);
    assert!(!acquires(&pair.b));
}

fn asserting() -> Rig {
    let mut rig = Rig::with("a", ReleasePolicy::Honor, true);
    rig.begin(&Entry::absent());
    rig
}

#[test]
fn an_assertion_that_was_used_leads_again_after_a_deletion() {
    shows(Bug::BootstrapAssertionReused, || {
        let mut a = asserting();
        a.initialize_created(1);
        a.commit(2);
        a.pass(TTL);
        a.conflict();
        a.read_shows(strangers(3));
        let leader = Rig::leading("b");
        a.watch(Entry::absent(), None);
        elected(&mut a, 5) && leader.leads()
    });
}

#[test]
fn an_assertion_that_was_refused_is_gone_by_all_the_same() {
    shows(Bug::BootstrapAssertionReused, || {
        let mut rig = asserting();
        rig.conflict();
        rig.pass(s(2));
        acquires(&rig)
    });
}

#[test]
fn an_assertion_outlives_what_was_seen() {
    shows(Bug::BootstrapAssertionReused, || {
        let mut rig = asserting();
        rig.initialize_created(1);
        rig.refused();
        rig.scope_seen(2);
        rig.pass(s(2));
        acquires(&rig)
    });
}
