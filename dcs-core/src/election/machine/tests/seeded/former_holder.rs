//! What a holder takes for its own write, and what it does after its term.

use super::super::rig::{HEARTBEAT, Rig, TTL, bumped, rev};
use super::{Pair, acquires, altered, elected, shows};
use crate::Entry;
use crate::election::seeded::Bug;

#[test]
fn a_renewal_of_the_same_bytes_is_believed_in_and_seen_by_nobody() {
    shows(Bug::IdenticalRenewals, || {
        let mut pair = Pair::new();
        let before = pair.a.standing().get().cloned();
        pair.pass(HEARTBEAT);
        let same = before == Some(pair.a.lease_write().0);
        // As Kubernetes answers it: success, and no new revision.
        pair.a.commit(11);
        pair.pass(TTL - HEARTBEAT);
        same && pair.both_lead(12)
    });
}

#[test]
fn a_claim_that_a_patroni_left_in_place_keeps_a_term_open() {
    shows(Bug::ClaimSurvivesPatroni, || {
        let mut rig = Rig::leading("a");
        let record = altered(&rig.standing(), |record| {
            record.holder = Some("patroni".parse().unwrap());
            let later = record.renew_time.unwrap().after(record.renew_time);
            record.renew_time = Some(later);
        });
        rig.watch(Entry::present(rev(12), record), Some(11));
        rig.pass(HEARTBEAT);
        rig.leads() && rig.lease_write().1.revision() == Some(rev(12))
    });
}

#[test]
fn a_right_that_was_tested_before_the_sight_renews_upon_a_restored_record() {
    shows(Bug::RightTestedBeforeSight, || {
        let mut pair = Pair::new();
        let own = pair.a.standing();
        pair.pass(HEARTBEAT);
        pair.a.conflict();
        assert!(pair.a.reads() && pair.a.leads());
        pair.pass(TTL - HEARTBEAT);
        assert!(elected(&mut pair.b, 12));
        pair.a.read_shows(bumped(&own, 13));
        elected(&mut pair.a, 14) && pair.b.leads()
    });
}

#[test]
fn a_new_term_on_a_revision_that_was_only_seen_replaces_a_successor() {
    shows(Bug::FreshTermOnCachedRevision, || {
        let mut pair = Pair::new();
        let own = pair.a.standing();
        pair.pass(TTL);
        assert!(elected(&mut pair.b, 12) && acquires(&pair.a));
        pair.a.conflict();
        pair.a.read_shows(pair.b.standing());
        pair.a.watch(bumped(&own, 13), Some(12));
        elected(&mut pair.a, 14) && pair.b.leads()
    });
}
