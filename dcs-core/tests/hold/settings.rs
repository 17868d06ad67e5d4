//! Settings that change while a member leads.

use dcs_core::election::LeaseTiming;
use futures_util::FutureExt;

use super::support::{TTL, World, ms, s};

fn shorter() -> LeaseTiming {
    LeaseTiming::new(s(6), s(2), s(1)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_shorter_ttl_leaves_the_wait_of_challengers_as_it_is() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.elector.acquire().await.unwrap();
    let b = world.member("b");
    b.elector.contend().unwrap();
    world.pass(s(1)).await;
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
    let a = world.member("a");
    let _lease = a.elector.acquire().await.unwrap();
    let b = world.member("b");
    b.elector.contend().unwrap();
    world.pass(s(1)).await;
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
    world.pass(ms(1)).await;
    assert!(
        lease.ended().now_or_never().is_none(),
        "told to stop with {:?} left",
        lease.remaining()
    );
}
