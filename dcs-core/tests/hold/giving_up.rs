//! A term that is being given up: what waits for what, and who is told.

use dcs_core::election::{Eligibility, LeaseTiming, OneTerm};
use dcs_memory::Latency;
use futures_util::FutureExt;
use futures_util::future::pending;

use super::support::{LOOP_WAIT, Member, TTL, World, ms, run_for, s, timing};

/// From now on answers take this long, and a renewal has just been sent.
async fn renewal_under_way(world: &World, member: &Member) {
    member.dcs.set_latency(Latency::fixed(ms(300)));
    world.pass(LOOP_WAIT + ms(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_term_that_is_being_given_up_is_handed_to_nobody() {
    let world = World::new();
    let a = world.member("a");
    let lost = a.elector.acquire().await.unwrap();
    assert!(world.store.delete_leader(&world.scope));
    lost.ended().await;
    world.pass(TTL * 2).await;
    assert!(a.elector.is_leader(), "nobody has taken the next term");
    renewal_under_way(&world, &a).await;
    drop(lost);
    world.pass(ms(1)).await;
    assert_eq!(world.holder().as_deref(), Some("a"), "not yet released");
    let mut next = Box::pin(a.elector.acquire());
    assert!((&mut next).now_or_never().is_none());
    let next = next.await.unwrap();
    world.pass(LOOP_WAIT).await;
    assert!(next.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_over_as_soon_as_its_term_is_given_up() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.elector.acquire().await.unwrap();
    renewal_under_way(&world, &a).await;
    let mut stepping_down = Box::pin(a.elector.step_down());
    run_for(&world, &mut stepping_down, ms(1)).await;
    assert_eq!(world.holder().as_deref(), Some("a"), "not yet released");
    assert!(!lease.is_valid() && !a.elector.is_leader());
    assert!(lease.ended().now_or_never().is_some());
    stepping_down.await.unwrap();
    assert_eq!(world.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_becomes_ineligible_does_not_lead_for_one_more_renewal() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.elector.acquire().await.unwrap();
    renewal_under_way(&world, &a).await;
    a.elector.set_eligibility(Eligibility::Never).unwrap();
    world.pass(ms(1)).await;
    assert_eq!(world.holder().as_deref(), Some("a"), "not yet released");
    assert!(!lease.is_valid() && !a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn work_is_stopped_as_soon_as_its_term_is_given_up_and_told_that_it_was() {
    let world = World::new();
    let a = world.member("a");
    let mut one = Box::pin(a.elector.lead_one_term(|_| pending::<()>()));
    run_for(&world, &mut one, TTL * 2).await;
    a.dcs.set_latency(Latency::fixed(ms(300)));
    run_for(&world, &mut one, LOOP_WAIT + ms(1)).await;
    let mut stepping_down = Box::pin(a.elector.step_down());
    run_for(&world, &mut stepping_down, ms(1)).await;
    assert_eq!(world.holder().as_deref(), Some("a"), "not yet released");
    let ended = one.now_or_never().unwrap().unwrap();
    assert!(
        matches!(ended, OneTerm::Lost { why: None, .. }),
        "{ended:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_until_the_lease_is_dropped() {
    let world = World::new();
    let (a, lease, b) = world.led_by_a().await;
    let elector = a.elector.clone();
    let stepping_down = tokio::spawn(async move { elector.step_down().await });
    lease.ended().await;
    world.pass(timing().stop_time() - ms(10)).await;
    assert!(!lease.is_valid() && !b.elector.is_leader());
    drop(lease);
    world.pass(ms(5)).await;
    assert!(b.elector.is_leader());
    stepping_down.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_no_longer_than_the_stop_time() {
    let world = World::new();
    let (a, lease, b) = world.led_by_a().await;
    let asked_at = world.elapsed();
    a.elector.step_down().await.unwrap();
    assert_eq!(world.elapsed() - asked_at, timing().stop_time());
    world.pass(ms(5)).await;
    assert!(!lease.is_valid() && b.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_the_lease_before_the_driver_hears_of_a_step_down_has_the_time_to_stop() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    a.elector.contend().unwrap();
    world.pass(TTL * 2).await;
    b.elector.contend().unwrap();
    world.pass(s(1)).await;
    let mut stepping_down = Box::pin(a.elector.step_down());
    assert!((&mut stepping_down).now_or_never().is_none());
    let lease = a.elector.acquire().await.unwrap();
    assert!(lease.is_valid(), "nobody was told yet");
    // An effect begins here, and takes less than the stop time.
    world.pass(timing().stop_time() - ms(10)).await;
    assert!(!lease.is_valid() && !b.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_release_that_waited_for_a_lease_is_tried_again() {
    let world = World::new();
    let timing = LeaseTiming::new(s(60), s(10), s(5)).unwrap();
    let join = |name| world.join(name, timing.clone(), |builder| builder);
    let (a, b) = (join("a"), join("b"));
    let lease = a.elector.acquire().await.unwrap();
    b.elector.contend().unwrap();
    world.pass(s(1)).await;
    let elector = a.elector.clone();
    let stepping_down = tokio::spawn(async move { elector.step_down().await });
    lease.ended().await;
    world.pass(timing.stop_time() - ms(100)).await;
    a.dcs.cut_off();
    world.pass(s(1)).await;
    a.dcs.heal();
    stepping_down.await.unwrap().unwrap();
    world.pass(ms(5)).await;
    assert!(b.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn lead_goes_on_contending_after_a_step_down_without_a_term() {
    let world = World::new();
    let a = world.member("a");
    let mut lead = Box::pin(a.elector.lead(|_| pending::<()>()));
    run_for(&world, &mut lead, s(1)).await;
    a.elector.step_down().await.unwrap();
    run_for(&world, &mut lead, TTL * 2).await;
    assert!(a.elector.is_leader());
}
