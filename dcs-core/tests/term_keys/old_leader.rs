//! A leader that was stopped, and wakes up when another one has led.

use dcs_core::election::{Lease, TermError, TermKeys};
use dcs_core::{DcsExt, Entry, Key, Value};
use tokio::task::JoinHandle;

use crate::process::Point;
use crate::world::{Member, World, config};

type Late = JoinHandle<Result<Option<dcs_core::Revision>, TermError>>;

/// Leads, and is stopped in the middle of an edit of the config key.
async fn stopped(member: &Member, point: Point) -> (Lease, Late) {
    let lease = member.acquire().await;
    let late = stopped_in_term(member, lease.keys(), point).await;
    (lease, late)
}

async fn stopped_in_term(member: &Member, keys: TermKeys, point: Point) -> Late {
    member.process.stop_at(point);
    let edit = |_: Option<&_>| Some(config(r#"{"by":"old"}"#));
    let late = tokio::spawn(async move { keys.edit_config(edit).await });
    member.process.is_stopped().await;
    late
}

/// Leads after it, and writes.
async fn successor(member: &Member) -> Lease {
    let lease = member.acquire().await;
    let edit = |_: Option<&_>| Some(config(r#"{"by":"new"}"#));
    lease.keys().edit_config(edit).await.unwrap();
    lease
}

fn assert_superseded(
    result: &Result<Option<dcs_core::Revision>, TermError>,
    old: &Lease,
    new: &Lease,
) {
    let superseded = matches!(
        result,
        Err(TermError::Superseded { key: Key::Config, token, newest })
            if *token == old.token() && *newest == new.token()
    );
    assert!(superseded, "{result:?}");
}

fn assert_of_successor(world: &World, new: &Lease) {
    let stands = world.now().config;
    assert_eq!(stands.get(), Some(&config(r#"{"by":"new"}"#)));
    assert_eq!(stands.fence, Value::Present(new.token()));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_stopped_behind_every_check_is_refused_by_its_revision() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let (old, late) = stopped(&a, Point::BeforeWrite).await;
    let new = successor(&b).await;
    a.process.go_on();
    assert_superseded(&late.await.unwrap(), &old, &new);
    assert_of_successor(&world, &new);
}

#[tokio::test(start_paused = true)]
async fn a_touch_that_was_stopped_behind_every_check_is_refused_by_its_revision() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let (old, late) = stopped(&a, Point::BeforeTouch).await;
    let new = successor(&b).await;
    a.process.go_on();
    assert_superseded(&late.await.unwrap(), &old, &new);
    assert_of_successor(&world, &new);
}

/// The new leader fenced the key and wrote nothing: the touch alone refuses.
#[tokio::test(start_paused = true)]
async fn a_touch_alone_refuses_what_an_old_leader_has_under_way() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let seeded = r#"{"by":"nobody"}"#;
    b.process
        .edit_config(|_| Some(config(seeded)))
        .await
        .unwrap();
    let (old, late) = stopped(&a, Point::BeforeWrite).await;
    let new = b.acquire().await;
    new.keys().fence(Key::Config).await.unwrap();
    a.process.go_on();
    assert_superseded(&late.await.unwrap(), &old, &new);
    assert_eq!(world.now().config.get(), Some(&config(seeded)));
}

#[tokio::test(start_paused = true)]
async fn an_old_leader_that_reads_afresh_is_superseded() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let (old, late) = stopped(&a, Point::BeforeLoad).await;
    let new = successor(&b).await;
    a.process.go_on();
    assert_superseded(&late.await.unwrap(), &old, &new);
    assert_of_successor(&world, &new);
}

/// What it read says nothing of a successor: only the lease does, and only
/// because it is asked after the answer was received (rule H6).
#[tokio::test(start_paused = true)]
async fn an_old_leader_with_a_stale_read_finds_its_lease_over() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let (old, late) = stopped(&a, Point::AfterLoad).await;
    let new = successor(&b).await;
    a.process.go_on();
    let result = late.await.unwrap();
    let over = matches!(
        &result,
        Err(TermError::LeaseOver { token, .. }) if *token == old.token()
    );
    assert!(over, "{result:?}");
    assert_of_successor(&world, &new);
}

/// The same, with a key that the old leader had fenced itself: nothing is left
/// to be touched, and the write comes next.
#[tokio::test(start_paused = true)]
async fn an_old_leader_with_a_stale_read_of_its_own_fence_finds_its_lease_over() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let old = a.acquire().await;
    old.keys().fence(Key::Config).await.unwrap();
    let late = stopped_in_term(&a, old.keys(), Point::AfterLoad).await;
    let new = successor(&b).await;
    a.process.go_on();
    let result = late.await.unwrap();
    assert!(
        matches!(result, Err(TermError::LeaseOver { .. })),
        "{result:?}"
    );
    assert_of_successor(&world, &new);
}

/// Nobody fenced the key, so the store would take it.
#[tokio::test(start_paused = true)]
async fn an_old_leader_of_a_key_that_nobody_fenced_finds_its_lease_over() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let (_old, late) = stopped(&a, Point::AfterLoad).await;
    let _new = b.acquire().await;
    a.process.go_on();
    let result = late.await.unwrap();
    assert!(
        matches!(result, Err(TermError::LeaseOver { .. })),
        "{result:?}"
    );
    assert_eq!(world.now().config, Entry::absent());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_kept_after_its_end_writes_nothing() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let old = a.acquire().await;
    a.process.stop();
    let new = successor(&b).await;
    a.process.go_on();
    let result = old.keys().edit_config(|_| Some(config("{}"))).await;
    assert_superseded(&result, &old, &new);
    let result = old
        .keys()
        .edit_sync(|_| Some(dcs_core::SyncState::default()))
        .await;
    assert!(
        matches!(result, Err(TermError::LeaseOver { .. })),
        "{result:?}"
    );
}
