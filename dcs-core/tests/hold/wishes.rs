//! Pauses, eligibility, priorities and successors, among several members.

use std::time::Duration;

use dcs_core::MemberName;
use dcs_core::election::{Eligibility, EventKind, Priority};
use futures_util::FutureExt;

use crate::support::{LOOP_WAIT, Member, TTL, World, ms, s, timing, told};

fn name(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn priority(level: u8) -> Eligibility {
    Eligibility::Priority(Priority::new(level).unwrap())
}

/// `a` leads, and the others have seen it.
async fn led_by_a(world: &World, others: [&str; 2]) -> (Member, [Member; 2]) {
    let (a, others) = (world.member("a"), others.map(|name| world.member(name)));
    std::mem::forget(a.elector.acquire().await.unwrap());
    for other in &others {
        other.elector.contend().unwrap();
    }
    world.pass(s(1)).await;
    (a, others)
}

/// Waits until one of them leads, and returns how long that took.
async fn until_led(world: &World, members: &[Member]) -> Duration {
    let since = world.elapsed();
    while !members.iter().any(|member| member.elector.is_leader()) {
        world.pass(ms(1)).await;
    }
    world.elapsed() - since
}

#[tokio::test(start_paused = true)]
async fn a_paused_member_leads_only_once_it_goes_on() {
    let world = World::new();
    let a = world.member("a");
    a.elector.pause().unwrap();
    a.elector.contend().unwrap();
    world.pass(TTL * 3).await;
    assert!(a.elector.is_paused() && !a.elector.is_leader());
    a.elector.resume().unwrap();
    world.pass(TTL + s(1)).await;
    assert!(!a.elector.is_paused() && a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_paused_leader_keeps_its_term_and_takes_no_other_one() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.elector.acquire().await.unwrap();
    a.elector.pause().unwrap();
    world.pass(TTL * 3).await;
    assert!(lease.is_valid());
    world.store.delete_leader(&world.scope);
    world.pass(TTL * 3).await;
    assert!(!a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_pause_keeps_nobody_else_from_leading() {
    let world = World::new();
    let (a, [b, c]) = led_by_a(&world, ["b", "c"]).await;
    b.elector.pause().unwrap();
    a.crash();
    world.pass(TTL + s(1)).await;
    assert!(c.elector.is_leader() && !b.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn pausing_fails_once_the_driver_is_gone() {
    let world = World::new();
    let a = world.member("a");
    a.crash();
    world.pass(ms(1)).await;
    assert!(a.elector.pause().is_err() && !a.elector.is_paused());
}

#[tokio::test(start_paused = true)]
async fn a_member_that_was_built_ineligible_never_leads() {
    let world = World::new();
    let a = world.join("a", timing(), |builder| {
        builder.eligibility(Eligibility::Never)
    });
    a.elector.contend().unwrap();
    world.pass(TTL * 3).await;
    assert!(!a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_becomes_ineligible_hands_over() {
    let world = World::new();
    let (a, others) = led_by_a(&world, ["b", "c"]).await;
    let mut events = a.elector.events();
    a.elector.set_eligibility(Eligibility::Never).unwrap();
    // Whoever holds its lease has the time to stop.
    world.pass(timing().stop_time()).await;
    assert!(until_led(&world, &others).await < ms(100));
    let released = |kind: &EventKind| matches!(kind, EventKind::Released { .. });
    assert!(told(&mut events).iter().any(released));
}

#[tokio::test(start_paused = true)]
async fn of_two_followers_the_one_of_a_higher_priority_leads_after_a_crash() {
    let world = World::new();
    let (a, [b, c]) = led_by_a(&world, ["b", "c"]).await;
    b.elector.set_eligibility(priority(9)).unwrap();
    a.crash();
    world.pass(TTL + LOOP_WAIT).await;
    assert!(c.elector.is_leader() && !b.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_dead_member_of_a_higher_priority_costs_one_heartbeat_at_most() {
    let world = World::new();
    let (a, others) = led_by_a(&world, ["b", "c"]).await;
    others[0].elector.set_eligibility(priority(0)).unwrap();
    others[1].crash();
    a.crash();
    let took = until_led(&world, &others[..1]).await;
    assert!(took > TTL && took < TTL + LOOP_WAIT + ms(100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_released_to_a_member_is_taken_by_it_at_once() {
    for successor in ["b", "c"] {
        let world = World::new();
        let (a, b, c) = (world.member("a"), world.member("b"), world.member("c"));
        let lease = a.elector.acquire().await.unwrap();
        for member in [&a, &b, &c] {
            member.elector.contend().unwrap();
        }
        world.pass(s(1)).await;
        lease.release_to(name(successor)).await;
        a.elector.contend().unwrap();
        world.pass(ms(100)).await;
        assert_eq!(world.holder().as_deref(), Some(successor));
    }
}

#[tokio::test(start_paused = true)]
async fn the_successor_that_was_set_follows_each_release() {
    let world = World::new();
    let (a, [_b, c]) = led_by_a(&world, ["b", "c"]).await;
    for round in 0..3 {
        a.elector.set_successor(Some(name("c"))).unwrap();
        a.elector.step_down().await.unwrap();
        world.pass(ms(100)).await;
        assert!(c.elector.is_leader(), "in round {round}");
        a.elector.contend().unwrap();
        c.elector.set_successor(Some(name("a"))).unwrap();
        c.elector.step_down().await.unwrap();
        c.elector.contend().unwrap();
        world.pass(ms(100)).await;
        assert!(a.elector.is_leader(), "in round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_successor_costs_one_heartbeat() {
    let world = World::new();
    let (a, others) = led_by_a(&world, ["b", "c"]).await;
    a.elector.set_successor(Some(name("c"))).unwrap();
    others[1].crash();
    a.elector.step_down().await.unwrap();
    let took = until_led(&world, &others[..1]).await;
    assert!(took.abs_diff(LOOP_WAIT) < ms(100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_release_names_the_successor_also_if_nobody_waits_for_its_end() {
    let world = World::new();
    let (_a, lease, b) = world.led_by_a().await;
    assert!(lease.release_to(name("x")).now_or_never().is_none());
    world.pass(LOOP_WAIT - ms(100)).await;
    assert!(!b.elector.is_leader());
    world.pass(ms(200)).await;
    assert!(b.elector.is_leader());
}
