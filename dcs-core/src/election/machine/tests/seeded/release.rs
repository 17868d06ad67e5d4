//! Releases that should not be written, and marks that should not be honoured.

use super::super::rig::{HEARTBEAT, Rig, TTL, bumped, rev, s, vacant};
use super::{Pair, acquires, elected, shows, written};
use crate::Entry;
use crate::LeaderRecord;
use crate::election::machine::Command;
use crate::election::seeded::Bug;

/// A record of `a`, and how `a` released it: at the revisions 11 and 12.
fn held_and_released() -> (Entry<LeaderRecord>, Entry<LeaderRecord>) {
    let mut a = Rig::leading("a");
    let held = a.standing();
    a.command(Command::GiveUp);
    (held, a.commit(12))
}

/// Whether a third member takes what was released, having seen both versions.
fn honoured(before: &Entry<LeaderRecord>, released: Entry<LeaderRecord>) -> bool {
    let previous = before.revision.unwrap().get();
    let next = released.revision.unwrap().get() + 1;
    let mut third = Rig::new("c");
    third.begin(before);
    third.watch(released, Some(previous));
    elected(&mut third, next)
}

/// Whether a write without holder is under way that expects `revision`.
fn releases(rig: &Rig, revision: u128) -> bool {
    if rig.is_waiting() || rig.reads() || acquires(rig) {
        return false;
    }
    let (record, expected) = rig.lease_write();
    record.released.is_some() && expected.revision() == Some(rev(revision))
}

#[test]
fn a_restored_record_is_released_by_its_former_holder() {
    shows(Bug::ReleaseWithoutH6, || {
        let mut pair = Pair::new();
        let own = pair.a.standing();
        pair.pass(HEARTBEAT);
        pair.a.command(Command::GiveUp);
        pair.pass(TTL - HEARTBEAT);
        assert!(elected(&mut pair.b, 12) && !pair.a.leads());
        pair.a.unknown();
        let restored = bumped(&own, 13);
        pair.a.read_shows(restored.clone());
        pair.pass(s(1));
        releases(&pair.a, 13) && honoured(&restored, pair.a.commit(14)) && pair.b.leads()
    });
}

#[test]
fn a_former_holder_that_gives_up_later_releases_what_it_reads() {
    shows(Bug::ReleaseWithoutH6, || {
        let mut pair = Pair::new();
        let own = pair.a.standing();
        pair.pass(TTL);
        assert!(elected(&mut pair.b, 12));
        if pair.a.reads() {
            pair.a.read_shows(pair.b.standing());
        }
        let restored = bumped(&own, 13);
        pair.a.watch(restored.clone(), Some(12));
        pair.a.command(Command::GiveUp);
        if !pair.a.is_waiting() && !pair.a.reads() {
            pair.a.conflict();
        }
        if !pair.a.reads() {
            return false;
        }
        pair.a.read_shows(restored.clone());
        releases(&pair.a, 13) && honoured(&restored, pair.a.commit(14)) && pair.b.leads()
    });
}

#[test]
fn a_successor_is_wiped_by_who_lost_to_it() {
    shows(Bug::ReleaseWipesSuccessor, || {
        let mut pair = Pair::new();
        pair.pass(TTL);
        assert!(elected(&mut pair.b, 12));
        if !pair.a.reads() {
            return false;
        }
        let successor = pair.b.standing();
        pair.a.read_shows(successor.clone());
        releases(&pair.a, 12) && honoured(&successor, pair.a.commit(13)) && pair.b.leads()
    });
}

#[test]
fn a_mark_that_need_not_name_its_version_can_be_replayed() {
    shows(Bug::ReleaseMarkReplayed, || {
        let (held, released) = held_and_released();
        honoured(&bumped(&held, 20), bumped(&released, 21))
    });
}

#[test]
fn a_mark_that_counts_over_a_gap_frees_what_is_held() {
    shows(Bug::ReleaseMarkAfterGap, || {
        let (held, released) = held_and_released();
        let mut third = Rig::new("c");
        third.begin(&held);
        third.begin(&bumped(&released, 14));
        elected(&mut third, 15)
    });
}

#[test]
fn a_mark_that_counts_over_a_deletion_frees_what_is_held() {
    shows(Bug::ReleaseMarkAfterGap, || {
        let (held, released) = held_and_released();
        let mut third = Rig::new("c");
        third.begin(&held);
        third.watch(Entry::absent(), Some(11));
        third.conflict();
        third.read_shows(bumped(&released, 14));
        third.watch(bumped(&released, 14), None);
        elected(&mut third, 15)
    });
}

#[test]
fn a_release_that_follows_its_record_to_another_revision_frees_a_successor() {
    shows(Bug::ReleaseRetriedOnNewerRevision, || {
        let mut pair = Pair::new();
        let own = pair.a.standing();
        pair.a.command(Command::GiveUp);
        pair.b.watch(written(&pair.a, 12), Some(11));
        assert!(elected(&mut pair.b, 13));
        pair.a.unknown();
        pair.a.pass(s(1));
        pair.a.conflict();
        if !pair.a.reads() {
            return false;
        }
        let restored = bumped(&own, 14);
        pair.a.read_shows(restored.clone());
        releases(&pair.a, 14) && honoured(&restored, pair.a.commit(15)) && pair.b.leads()
    });
}

#[test]
fn a_release_that_finds_a_stranger_is_left_also_with_the_bug() {
    let _planted = super::Planted::new(Bug::ReleaseRetriedOnNewerRevision);
    let mut pair = Pair::new();
    pair.a.command(Command::GiveUp);
    pair.a.conflict();
    pair.a.read_shows(super::super::rig::strangers(12));
    assert!(pair.a.is_waiting() && pair.a.machine.is_idle());
}

#[test]
fn a_restored_attempt_from_before_a_release_opens_a_term() {
    shows(Bug::AttemptRevivedAfterRelease, || {
        let mut pair = Pair::new();
        let own = pair.a.standing();
        pair.a.command(Command::GiveUp);
        let released = pair.a.commit(12);
        pair.b.watch(released, Some(11));
        assert!(elected(&mut pair.b, 13));
        pair.a.watch(bumped(&own, 14), Some(13));
        if !pair.a.reads() {
            return false;
        }
        pair.a.command(Command::Contend);
        pair.a.read_shows(bumped(&own, 14));
        pair.a.leads() && pair.b.leads()
    });
}

#[test]
fn an_attempt_from_before_giving_up_opens_a_term() {
    shows(Bug::AttemptRevivedAfterRelease, || {
        let mut rig = Rig::new("a");
        rig.begin(&vacant(10));
        rig.pass(TTL);
        let acquired = written(&rig, 11);
        rig.unknown();
        rig.command(Command::GiveUp);
        rig.command(Command::Contend);
        rig.read_shows(acquired);
        rig.leads()
    });
}

#[test]
fn an_attempt_that_was_under_way_when_given_up_opens_a_term() {
    shows(Bug::AttemptRevivedAfterRelease, || {
        let mut rig = Rig::new("a");
        rig.begin(&vacant(10));
        rig.pass(TTL);
        let acquired = written(&rig, 11);
        rig.command(Command::GiveUp);
        rig.unknown();
        if !rig.reads() {
            return false;
        }
        rig.command(Command::Contend);
        rig.read_shows(acquired);
        rig.leads()
    });
}

#[test]
fn an_ack_from_before_a_release_still_counts() {
    shows(Bug::AttemptRevivedAfterRelease, || {
        let mut rig = Rig::leading("a");
        rig.command(Command::GiveUp);
        rig.conflict();
        rig.command(Command::Contend);
        acquires(&rig)
    });
}
