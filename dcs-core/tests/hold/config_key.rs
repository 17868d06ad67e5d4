//! Members that follow the config key.

use dcs_core::election::{BesidePatroni, ElectorBuilder, EventKind, Events};
use dcs_core::{Change, Config, Dcs, DcsExt, Key};
use futures_util::FutureExt;

use crate::support::{Member, TTL, World, ms, s, timing, told};

async fn writes(world: &World, member: &Member, config: &str) {
    let config: Config = config.parse().unwrap();
    let written = member.dcs.edit_config(|_| Some(config.clone())).await;
    assert!(written.is_ok(), "{written:?}");
    // The watch shows it.
    world.pass(ms(10)).await;
}

fn renewals(events: &mut Events) -> usize {
    let kinds = told(events).into_iter();
    let renewed = kinds.filter(|kind| matches!(kind, EventKind::Renewed { .. }));
    renewed.count()
}

#[tokio::test(start_paused = true)]
async fn a_config_key_that_is_removed_or_unreadable_leaves_the_last_settings_in_force() {
    for is_removed in [true, false] {
        let world = World::new();
        let a = world.join("a", timing(), ElectorBuilder::follow_config);
        let _lease = a.elector.acquire().await.unwrap();
        writes(&world, &a, r#"{"loop_wait": 2, "pause": true}"#).await;
        if is_removed {
            let now = world.store.snapshot(&world.scope).config.precondition();
            let gone = a.dcs.write(&Change::Config(None), now).await;
            assert!(gone.into_result().is_ok());
        } else {
            world.store.spoil(&world.scope, &Key::Config, "no object");
        }
        // The heartbeat under way is as long as before.
        world.pass(s(11)).await;
        let mut events = a.elector.events();
        world.pass(s(20)).await;
        assert_eq!(renewals(&mut events), 10);
        assert!(a.elector.is_scope_paused());
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_of_a_paused_scope_leads_once_the_pause_is_over() {
    let world = World::new();
    let a = world.join("a", timing(), ElectorBuilder::follow_config);
    writes(&world, &a, r#"{"pause": true}"#).await;
    a.elector.contend().unwrap();
    a.elector.resume().unwrap();
    world.pass(TTL * 3).await;
    assert!(a.elector.is_scope_paused() && !a.elector.is_paused());
    assert!(!a.elector.is_leader());
    writes(&world, &a, r#"{"pause": false}"#).await;
    world.pass(TTL + s(1)).await;
    assert!(a.elector.is_leader() && !a.elector.is_scope_paused());
}

#[tokio::test(start_paused = true)]
async fn a_pause_in_a_config_key_that_is_not_followed_changes_nothing() {
    let world = World::new();
    let a = world.member("a");
    writes(&world, &a, r#"{"pause": true}"#).await;
    a.elector.contend().unwrap();
    world.pass(TTL + s(1)).await;
    assert!(a.elector.is_leader() && !a.elector.is_scope_paused());
}

#[tokio::test(start_paused = true)]
async fn beside_patroni_a_config_key_below_its_minimums_is_raised_and_this_is_told() {
    let world = World::new();
    let a = world.join("a", timing(), |builder| {
        let beside = BesidePatroni::new();
        builder.follow_config().beside_patroni(beside)
    });
    let mut events = a.elector.events();
    writes(
        &world,
        &a,
        r#"{"ttl": 5, "loop_wait": 2, "retry_timeout": 1}"#,
    )
    .await;
    let kinds = format!("{:?}", told(&mut events));
    assert!(
        kinds.contains(r#"setting: "ttl", asked: 5s, used: 20s"#),
        "{kinds}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_patroni_a_config_key_below_its_minimums_counts_as_it_is() {
    let world = World::new();
    let a = world.join("a", timing(), ElectorBuilder::follow_config);
    let mut events = a.elector.events();
    writes(
        &world,
        &a,
        r#"{"ttl": 5, "loop_wait": 2, "retry_timeout": 1}"#,
    )
    .await;
    let adjusted = |kind: &EventKind| matches!(kind, EventKind::Adjusted(_));
    assert!(!told(&mut events).iter().any(adjusted));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_begins_anew_without_a_config_key_ends_no_pause() {
    let world = World::new();
    let a = world.join("a", timing(), ElectorBuilder::follow_config);
    writes(&world, &a, r#"{"pause": true}"#).await;
    let now = world.store.snapshot(&world.scope).config.precondition();
    let gone = a.dcs.write(&Change::Config(None), now).now_or_never();
    assert!(gone.is_some_and(|outcome| outcome.into_result().is_ok()));
    a.dcs.break_watch_with_gap();
    world.pass(s(1)).await;
    assert!(a.elector.is_scope_paused());
}

#[tokio::test(start_paused = true)]
async fn a_config_key_that_is_seen_again_as_it_was_is_told_of_once() {
    let world = World::new();
    let a = world.join("a", timing(), |builder| {
        let beside = BesidePatroni::new();
        builder.follow_config().beside_patroni(beside)
    });
    writes(&world, &a, r#"{"ttl": 5}"#).await;
    let mut events = a.elector.events();
    for _ in 0..3 {
        a.dcs.break_watch_with_gap();
        world.pass(s(1)).await;
    }
    let adjusted = |kind: &EventKind| matches!(kind, EventKind::Adjusted(_));
    assert!(!told(&mut events).iter().any(adjusted));
}

#[tokio::test(start_paused = true)]
async fn a_config_key_that_would_be_unsafe_is_told_and_the_own_settings_are_in_force() {
    let world = World::new();
    let a = world.join("a", timing(), ElectorBuilder::follow_config);
    let _lease = a.elector.acquire().await.unwrap();
    writes(&world, &a, r#"{"loop_wait": 2}"#).await;
    let mut events = a.elector.events();
    writes(&world, &a, r#"{"loop_wait": 2, "ttl": 100000}"#).await;
    let kinds = format!("{:?}", told(&mut events));
    assert!(
        kinds.contains("taking the settings of the config key"),
        "{kinds}"
    );
    // The heartbeat under way is as long as before.
    world.pass(s(11)).await;
    told(&mut events);
    world.pass(s(40)).await;
    assert_eq!(renewals(&mut events), 4);
}
