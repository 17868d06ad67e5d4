//! What a record shows to those who go by its ttl.

use super::super::rig::{Rig, s};
use super::shows;
use crate::election::LeaseTiming;
use crate::election::machine::Command;
use crate::election::seeded::Bug;

/// The settings get a ttl that is half as long, and the leader is cut off once
/// it has written that.
fn believes_longer_than_its_record_shows() -> bool {
    let mut leader = Rig::leading("a");
    let timing = LeaseTiming::new(s(15), s(5), s(4)).unwrap();
    let before = LeaseTiming::new(s(30), s(10), s(8)).unwrap();
    let timing = timing.with_static_of(&before).unwrap();
    leader.command(Command::Timing(timing));
    let shown = leader.commit(12).get().unwrap().ttl.unwrap();
    leader.clock.advance(shown);
    leader.leads()
}

#[test]
fn a_shorter_ttl_is_shown_at_once() {
    shows(Bug::ShownTtlTooShort, believes_longer_than_its_record_shows);
}
