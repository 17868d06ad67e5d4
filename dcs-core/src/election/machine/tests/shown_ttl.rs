//! The ttl that a record shows, by which Patroni goes (rule P3).

use super::rig::{Rig, s};
use crate::Clock;
use crate::election::LeaseTiming;
use crate::election::machine::Command;

/// Half of the ttl that the rig begins with.
fn shorter() -> LeaseTiming {
    let timing = LeaseTiming::new(s(15), s(5), s(4)).unwrap();
    let before = LeaseTiming::new(s(30), s(10), s(8)).unwrap();
    timing.with_static_of(&before).unwrap()
}

/// How long others leave the record alone by the ttl that it shows, on a clock
/// that is as fast as one may be.
fn left_alone(rig: &Rig) -> std::time::Duration {
    let (record, _) = rig.lease_write();
    record.ttl.unwrap() * 990 / 1010
}

#[test]
fn a_record_that_is_written_with_a_shorter_ttl_is_left_alone_for_as_long_as_is_believed() {
    let mut rig = Rig::leading("a");
    rig.pass(s(1));
    rig.command(Command::Timing(shorter()));
    assert!(left_alone(&rig) >= rig.left());
    let sent = rig.clock.now();
    let standing = rig.commit(12);
    let shown = standing.get().unwrap().ttl.unwrap();
    rig.clock.advance(shown * 990 / 1010);
    assert!(
        !rig.leads(),
        "{:?}",
        rig.clock.now().holder_elapsed_since(sent)
    );
}

#[test]
fn a_record_shows_its_own_ttl_again_once_no_older_write_carries_belief_further() {
    let mut rig = Rig::leading("a");
    rig.command(Command::Timing(shorter()));
    let mut shown = Vec::new();
    for revision in 12..17 {
        shown.push(rig.lease_write().0.ttl.unwrap());
        rig.commit(revision);
        rig.pass(s(5));
    }
    assert_eq!(shown, [30, 25, 20, 15, 15].map(s));
}

#[test]
fn the_claim_says_the_ttl_of_the_settings_whatever_the_record_shows() {
    let mut rig = Rig::leading("a");
    rig.pass(s(1));
    rig.command(Command::Timing(shorter()));
    let (record, _) = rig.lease_write();
    assert!(record.ttl.unwrap() > s(15));
    assert_eq!(record.claim.unwrap().ttl, s(15));
}
