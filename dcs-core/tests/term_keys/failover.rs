//! Requests to hand over, which the leader consumes.

use dcs_core::{DcsExt, Failover, MemberName, Value};

use crate::process::Point;
use crate::world::World;

pub(crate) fn request(candidate: &str) -> Failover {
    let candidate: MemberName = candidate.parse().unwrap();
    Failover::switchover(None, Some(candidate))
}

#[tokio::test(start_paused = true)]
async fn a_request_is_consumed_although_the_touch_moves_it() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.request_failover(request("b")).await.unwrap();
    let consumed = lease.keys().consume_failover(&request("b")).await.unwrap();
    assert!(consumed);
    assert_eq!(world.now().failover.value, Value::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_replaced_is_not_consumed() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.request_failover(request("c")).await.unwrap();
    let consumed = lease.keys().consume_failover(&request("b")).await.unwrap();
    assert!(!consumed);
    assert_eq!(world.now().failover.get(), Some(&request("c")));
    assert_eq!(world.touches("failover"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_replaced_during_the_touch_is_not_consumed() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.request_failover(request("b")).await.unwrap();
    a.process.stop_at(Point::BeforeTouch);
    let keys = lease.keys();
    let consuming = tokio::spawn(async move { keys.consume_failover(&request("b")).await });
    a.process.is_stopped().await;
    let other = world.store.handle(&world.scope);
    other.request_failover(request("c")).await.unwrap();
    a.process.go_on();
    assert!(!consuming.await.unwrap().unwrap());
    assert_eq!(world.now().failover.get(), Some(&request("c")));
}
