//! A scope that the config key pauses.

use super::rig::{HEARTBEAT, Rig, TTL, leader_and_follower, rev, strangers};
use crate::Precondition;
use crate::election::machine::Command;

fn config(pause: bool) -> Command {
    Command::Config(format!(r#"{{"pause":{pause}}}"#).parse().unwrap())
}

#[test]
fn in_a_paused_scope_nobody_acquires() {
    let mut rig = Rig::new("a");
    rig.command(config(true));
    rig.begin(&strangers(10));
    assert_eq!(rig.machine.next_wake(), None);
    rig.pass(TTL * 2);
    assert!(rig.is_waiting());
}

#[test]
fn when_the_config_key_ends_a_pause_what_was_waited_for_counts() {
    let mut rig = Rig::new("a");
    rig.command(config(true));
    rig.begin(&strangers(10));
    rig.pass(TTL);
    rig.command(config(false));
    assert_eq!(rig.lease_write().1, Precondition::Matches(rev(10)));
}

#[test]
fn a_member_that_goes_on_does_not_end_the_pause_of_its_scope() {
    let mut rig = Rig::new("a");
    rig.command(config(true));
    rig.begin(&strangers(10));
    rig.command(Command::Pause(true));
    rig.command(Command::Pause(false));
    rig.pass(TTL);
    assert!(rig.is_waiting());
}

#[test]
fn the_end_of_the_pause_of_a_scope_does_not_end_that_of_a_member() {
    let mut rig = Rig::new("a");
    rig.command(Command::Pause(true));
    rig.command(config(true));
    rig.command(config(false));
    rig.begin(&strangers(10));
    rig.pass(TTL);
    assert!(rig.is_waiting());
}

#[test]
fn a_leader_in_a_paused_scope_goes_on_renewing() {
    let mut rig = Rig::leading("a");
    rig.command(config(true));
    for revision in 12..20 {
        rig.pass(HEARTBEAT);
        rig.commit(revision);
    }
    assert!(rig.leads());
}

#[test]
fn the_candidate_of_a_request_takes_a_release_in_a_paused_scope() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.command(config(true));
    follower.candidate(Some("b"));
    leader.command(Command::GiveUp);
    follower.watch(leader.commit(12), Some(11));
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn the_successor_of_a_release_takes_it_in_a_paused_scope() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.command(config(true));
    leader.command(Command::GiveUpTo("b".parse().unwrap()));
    follower.watch(leader.commit(12), Some(11));
    assert_eq!(follower.lease_write().1, Precondition::Matches(rev(12)));
}

#[test]
fn who_is_not_named_leaves_a_release_in_a_paused_scope_alone() {
    for candidate in [None, Some("c")] {
        let (mut leader, mut follower) = leader_and_follower();
        follower.command(config(true));
        follower.candidate(candidate);
        leader.command(Command::GiveUpTo("c".parse().unwrap()));
        follower.watch(leader.commit(12), Some(11));
        follower.pass(TTL * 2);
        assert!(follower.is_waiting());
    }
}

#[test]
fn a_candidate_whom_its_user_paused_stays_paused() {
    let (mut leader, mut follower) = leader_and_follower();
    follower.command(Command::Pause(true));
    follower.candidate(Some("b"));
    leader.command(Command::GiveUp);
    follower.watch(leader.commit(12), Some(11));
    follower.pass(TTL * 2);
    assert!(follower.is_waiting());
}
