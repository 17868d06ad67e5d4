//! A store that is away when a member starts.

use dcs_core::election::EventKind;
use futures_util::FutureExt;

use crate::support::{TTL, World, s, timing, told};

#[tokio::test(start_paused = true)]
async fn a_member_that_starts_while_the_store_is_away_waits_and_then_leads() {
    let world = World::new();
    let (dcs, elector, driver) = world.build("a", timing(), |builder| builder);
    dcs.cut_off();
    let driver = tokio::spawn(driver.run());
    let mut events = elector.events();
    let mut lease = Box::pin(elector.acquire());
    world.pass(TTL * 3).await;
    assert!(lease.as_mut().now_or_never().is_none() && !driver.is_finished());
    let trouble = |kind: &EventKind| matches!(kind, EventKind::Trouble { .. });
    assert!(told(&mut events).iter().any(trouble));
    dcs.heal();
    // Until it asks again, then the wait of a new scope.
    world.pass(TTL + s(20)).await;
    assert!(
        lease
            .now_or_never()
            .is_some_and(|lease| lease.unwrap().is_valid())
    );
}
