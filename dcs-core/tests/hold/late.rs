//! Work under `lead` whose task runs late: it is stopped before it goes on.

use std::future::pending;
use std::sync::{Arc, Mutex};

use dcs_core::election::Led;
use futures_util::FutureExt;
use tokio::sync::Notify;

use super::support::{Member, TTL, World, ms, run_for, s, timing};

/// `a` led from the beginning and is cut off: so long before belief ends.
async fn until_left(world: &World, a: &Member, left: std::time::Duration) {
    a.dcs.cut_off();
    let end = TTL + timing().holder_span();
    while world.elapsed() < end - left {
        world.pass(ms(100)).await;
    }
    assert!(a.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn work_does_not_go_on_once_another_member_leads() {
    let world = World::new();
    let a = world.member("a");
    let (go, steps) = (Arc::new(Notify::new()), Mutex::new(0));
    let mut lead = Box::pin(a.elector.lead(|_| async {
        go.notified().await;
        *steps.lock().unwrap() += 1;
        pending::<()>().await;
    }));
    run_for(&world, &mut lead, TTL * 2).await;
    let b = world.member("b");
    b.elector.contend().unwrap();
    a.dcs.cut_off();
    // The task of a does not run: as by SIGSTOP.
    world.pass(TTL * 3).await;
    assert!(b.elector.is_leader());
    go.notify_one();
    let ended = (&mut lead).now_or_never();
    assert!(matches!(ended, Some(Ok(Led::Overran { .. }))), "{ended:?}");
    assert_eq!(*steps.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn work_that_is_woken_within_the_stop_time_does_not_go_on() {
    let world = World::new();
    let a = world.member("a");
    let go = Arc::new(Notify::new());
    let mut lead = Box::pin(a.elector.lead(|_| {
        let (go, clock) = (Arc::clone(&go), Arc::clone(&world.clock));
        async move {
            go.notified().await;
            // A step that is shorter than the stop time.
            clock.block_for(s(2));
            pending::<()>().await;
        }
    }));
    run_for(&world, &mut lead, TTL + s(1)).await;
    until_left(&world, &a, s(1)).await;
    go.notify_one();
    let ended = (&mut lead).now_or_never();
    assert!(!matches!(ended, Some(Ok(Led::Overran { .. }))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn work_is_not_begun_within_the_stop_time() {
    let world = World::new();
    let a = world.member("a");
    a.elector.contend().unwrap();
    world.pass(TTL + s(1)).await;
    until_left(&world, &a, s(1)).await;
    let begun = Mutex::new(0);
    let mut lead = Box::pin(a.elector.lead(|_| {
        *begun.lock().unwrap() += 1;
        pending::<()>()
    }));
    assert!((&mut lead).now_or_never().is_none());
    assert_eq!(*begun.lock().unwrap(), 0);
}
