//! Settings that change while a member leads.

use std::future::pending;

use dcs_core::election::LeaseTiming;
use dcs_memory::Latency;
use futures_util::FutureExt;

use super::support::{TTL, World, ms, run_for, s, timing};

fn shorter() -> LeaseTiming {
    LeaseTiming::new(s(6), s(2), s(1)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_shorter_ttl_leaves_the_wait_of_challengers_as_it_is() {
    let world = World::new();
    let (a, lease, b) = world.led_by_a().await;
    a.elector.set_timing(shorter()).unwrap();
    b.elector.set_timing(shorter()).unwrap();
    a.dcs.cut_off();
    world.pass(ms(10)).await;
    assert!(world.store.delete_leader(&world.scope));
    while lease.is_valid() {
        world.pass(ms(100)).await;
        assert!(!(lease.is_valid() && b.elector.is_leader()), "two lead");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_shorter_ttl_and_a_crash_another_member_leads() {
    let world = World::new();
    let (a, _lease, b) = world.led_by_a().await;
    b.elector.set_timing(shorter()).unwrap();
    a.crash();
    world.pass(TTL * 2).await;
    assert!(b.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_longer_ttl_leaves_the_leader_leading() {
    let world = World::new();
    let short = shorter().with_max_ttl(s(60)).unwrap();
    let long = LeaseTiming::new(s(60), s(10), s(8)).unwrap();
    let a = world.join("a", short, |builder| builder);
    let lease = a.elector.acquire().await.unwrap();
    world.pass(s(20)).await;
    a.elector.set_timing(long).unwrap();
    for _ in 0..100 {
        world.pass(ms(250)).await;
        let left = lease.remaining();
        assert!(lease.ended().now_or_never().is_none(), "{left:?} left");
    }
}

#[tokio::test(start_paused = true)]
async fn a_longer_stop_time_counts_in_an_open_term_once_it_was_renewed() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.elector.acquire().await.unwrap();
    let longer = timing().with_stop_time(s(15)).unwrap();
    a.elector.set_timing(longer).unwrap();
    world.pass(TTL * 2).await;
    a.dcs.cut_off();
    lease.ended().await;
    let left = lease.remaining().unwrap_or_default();
    assert!(left >= s(14), "told to stop with {left:?} left");
}

#[tokio::test(start_paused = true)]
async fn a_longer_ttl_leaves_a_term_that_is_about_to_open() {
    let long = LeaseTiming::new(s(60), s(10), s(8)).unwrap();
    // The acquiring write is under way in some of these instants.
    for millis in (60_000..62_000).step_by(100) {
        let world = World::new();
        let short = shorter().with_max_ttl(s(60)).unwrap();
        let a = world.join("a", short, |builder| builder);
        a.dcs.set_latency(Latency::fixed(ms(150)));
        let mut lead = Box::pin(a.elector.lead_one_term(|_| pending::<()>()));
        run_for(&world, &mut lead, ms(millis)).await;
        a.elector.set_timing(long.clone()).unwrap();
        run_for(&world, &mut lead, s(10)).await;
    }
}
