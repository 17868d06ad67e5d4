//! Members beside a Patroni that writes by its own rules, over the store in
//! memory in virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use dcs_core::election::{BesidePatroni, ElectorBuilder, LeaseTiming, PatroniRelease};
use dcs_core::{Clock, Timestamp};
use support::{Member, World, ms, s};

/// `(30 s + 10 s) 1.01 / 0.99`.
const LEFT_ALONE: Duration = Duration::from_millis(40_809);

/// Settings of a member whose T_WAIT is half of Patroni's ttl.
fn short() -> LeaseTiming {
    LeaseTiming::new(s(15), s(5), s(4)).unwrap()
}

fn beside(builder: ElectorBuilder) -> ElectorBuilder {
    builder.beside_patroni(BesidePatroni::new())
}

/// A member that contends where a Patroni holds the key.
async fn contender(
    world: &World,
    as_asked: impl FnOnce(ElectorBuilder) -> ElectorBuilder,
) -> Member {
    renews(world);
    let member = world.join("a", short(), as_asked);
    member.elector.contend().unwrap();
    world.pass(ms(10)).await;
    member
}

/// Patroni takes the lock or renews it, with a ttl of 30 s.
fn renews(world: &World) {
    let now = Timestamp::from_system_time(world.clock.wall());
    world.store.edit_leader(&world.scope, |record| {
        record.holder = Some("pg1".parse().unwrap());
        record.ttl = Some(s(30));
        record.acquire_time = record.acquire_time.or(Some(now));
        record.renew_time = Some(now);
        record.transitions = record.transitions.or(Some(0));
    });
}

#[tokio::test(start_paused = true)]
async fn a_patroni_whose_renewals_come_late_but_within_its_ttl_keeps_its_lock() {
    let world = World::new();
    let member = contender(&world, beside).await;
    for late in [10, 19, 29, 30, 38] {
        world.pass(s(late)).await;
        assert_eq!(world.holder().as_deref(), Some("pg1"), "after {late} s");
        renews(&world);
    }
    assert!(!member.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_dead_patroni_is_followed_once_it_cannot_believe_any_more() {
    let world = World::new();
    let member = contender(&world, beside).await;
    world.pass(LEFT_ALONE.saturating_sub(ms(50))).await;
    assert!(!member.elector.is_leader());
    world.pass(s(1)).await;
    assert!(member.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn without_being_told_of_patroni_a_member_waits_for_its_own_kind_alone() {
    let world = World::new();
    let member = contender(&world, |builder| builder).await;
    world.pass(s(16)).await;
    assert!(member.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_crash_among_members_of_the_same_rules_takes_no_longer_beside_patroni() {
    let world = World::new();
    let (a, b) = (
        world.join("a", short(), beside),
        world.join("b", short(), beside),
    );
    let _lease = a.elector.acquire().await.unwrap();
    b.elector.contend().unwrap();
    world.pass(s(1)).await;
    a.crash();
    world.pass(s(16)).await;
    assert!(b.elector.is_leader());
}

#[tokio::test(start_paused = true)]
async fn a_release_by_patroni_is_taken_at_once_by_who_asked_for_that() {
    for (release, takes) in [(PatroniRelease::Wait, false), (PatroniRelease::Take, true)] {
        let world = World::new();
        let beside = BesidePatroni::new().with_release(release);
        let member = contender(&world, |builder| builder.beside_patroni(beside)).await;
        world
            .store
            .edit_leader(&world.scope, |record| record.holder = None);
        world.pass(s(1)).await;
        assert_eq!(member.elector.is_leader(), takes);
    }
}
