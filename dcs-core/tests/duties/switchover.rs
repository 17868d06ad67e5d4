//! What becomes of one request.

use std::time::Duration;

use dcs_core::duties::{Decision, Why, decide};
use dcs_core::{Failover, SyncState, Value};

use crate::world::{Sight, at, name, present, replica};

fn from_a_to(candidate: &str) -> Failover {
    Failover::switchover(Some(name("a")), Some(name(candidate)))
}

fn hand_over(to: &str) -> Decision {
    Decision::HandOver(Some(name(to)))
}

fn three() -> Sight {
    Sight::of(["a", "b", "c"].map(replica))
}

#[test]
fn a_request_for_a_member_that_runs_is_obeyed() {
    assert_eq!(decide(&from_a_to("b"), &three().leading()), hand_over("b"));
}

#[test]
fn a_request_for_anyone_is_obeyed_if_anyone_runs() {
    let anyone = Failover::switchover(Some(name("a")), None);
    let decision = decide(&anyone, &three().leading());
    assert_eq!(decision, Decision::HandOver(None));
    let alone = Sight::of([replica("a")]);
    let decision = decide(&anyone, &alone.leading());
    assert_eq!(decision, Decision::Clear(Why::NobodyToFollow));
}

#[test]
fn a_follower_decides_nothing() {
    let decision = decide(&from_a_to("b"), &three().situation());
    assert_eq!(decision, Decision::Nothing);
}

#[test]
fn a_request_that_asks_for_nothing_is_none() {
    let decision = decide(&Failover::default(), &three().leading());
    assert_eq!(decision, Decision::Nothing);
}

#[test]
fn a_request_of_another_leader_is_cleared() {
    let request = Failover::switchover(Some(name("c")), Some(name("b")));
    let decision = decide(&request, &three().leading());
    assert_eq!(decision, Decision::Clear(Why::OtherLeader));
}

#[test]
fn a_request_for_the_leader_itself_is_cleared() {
    let decision = decide(&from_a_to("a"), &three().leading());
    assert_eq!(decision, Decision::Clear(Why::CandidateLeads));
}

#[test]
fn a_candidate_that_cannot_lead_is_not_handed_over_to() {
    let stopped = replica("b").with("state", "stopped");
    let never = replica("b").with("tags", serde_json::json!({"nofailover": true}));
    for candidate in [stopped, never] {
        let sight = Sight::of([replica("a"), candidate.clone(), replica("c")]);
        let decision = decide(&from_a_to("b"), &sight.leading());
        assert_eq!(
            decision,
            Decision::Clear(Why::NobodyToFollow),
            "{candidate:?}"
        );
    }
    let absent = decide(&from_a_to("d"), &three().leading());
    assert_eq!(absent, Decision::Clear(Why::NobodyToFollow));
}

#[test]
fn a_request_waits_until_it_is_due_and_says_how_long() {
    let mut sight = three();
    let request = from_a_to("b").not_before(at(45));
    let decision = decide(&request, &sight.leading());
    let Decision::NotYet(wait) = decision else {
        panic!("{decision:?}");
    };
    let fifteen = Duration::from_secs(15);
    assert!(wait >= fifteen && wait <= fifteen + Duration::from_millis(1));
    sight.now = at(45);
    assert_eq!(decide(&request, &sight.leading()), hand_over("b"));
}

#[test]
fn a_request_is_stale_after_one_and_a_half_loop_wait() {
    let mut sight = three();
    let request = from_a_to("b").not_before(at(0));
    sight.now = at(15);
    assert_eq!(decide(&request, &sight.leading()), hand_over("b"));
    sight.now = "2026-01-02T03:04:15.001Z".parse().unwrap();
    let decision = decide(&request, &sight.leading());
    assert_eq!(decision, Decision::Clear(Why::Stale));
    let longer = sight.leading().with_loop_wait(Duration::from_secs(20));
    assert_eq!(decide(&request, &longer), hand_over("b"));
}

#[test]
fn while_paused_only_a_named_candidate_is_handed_over_to() {
    let sight = three().with(r#"{"pause":true}"#);
    assert_eq!(decide(&from_a_to("b"), &sight.leading()), hand_over("b"));
    let anyone = Failover::switchover(Some(name("a")), None);
    let decision = decide(&anyone, &sight.leading());
    assert_eq!(decision, Decision::Clear(Why::PausedWithoutCandidate));
}

#[test]
fn in_synchronous_mode_only_a_standby_is_handed_over_to_unless_forced() {
    let mut sight = three().with(r#"{"synchronous_mode":"on"}"#);
    sight.view.sync = present(SyncState::new("a", vec!["B".to_owned()], 0));
    assert_eq!(decide(&from_a_to("b"), &sight.leading()), hand_over("b"));
    let decision = decide(&from_a_to("c"), &sight.leading());
    assert_eq!(decision, Decision::Clear(Why::NobodyToFollow));
    let forced = Failover::switchover(None, Some(name("c")));
    assert_eq!(decide(&forced, &sight.leading()), hand_over("c"));
}

#[test]
fn a_sync_key_that_cannot_be_read_makes_nobody_synchronous() {
    let mut sight = three().with(r#"{"synchronous_mode":"on"}"#);
    sight.view.sync.value = Value::Malformed("rubbish".to_owned());
    let decision = decide(&from_a_to("b"), &sight.leading());
    assert_eq!(decision, Decision::Clear(Why::NobodyToFollow));
    sight.view.sync.value = Value::Absent;
    assert_eq!(decide(&from_a_to("b"), &sight.leading()), hand_over("b"));
}

/// The config key may say anything that is a positive number.
#[test]
fn a_loop_wait_without_bound_overflows_nothing() {
    let mut sight = three().with(r#"{"loop_wait": 1.8e19}"#);
    let request = from_a_to("b").not_before(at(0));
    sight.now = at(15);
    assert_eq!(decide(&request, &sight.leading()), hand_over("b"));
}
