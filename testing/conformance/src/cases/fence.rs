//! G-FENCE: a touch stores a token and nothing else.

use std::sync::Arc;

use dcs_core::{
    Dcs, Error, FencingToken, Key, Outcome, Precondition, Revision, Snapshot, Value, WatchEvent,
};

use crate::samples::{SHARED, change, member, removal, revision, shown};
use crate::support::{commit, conflict, is_unknown, load};
use crate::{Fault, World};

pub(crate) async fn a_touch_leaves_every_value_as_it_was(world: World) {
    let dcs = world.dcs(0);
    for key in SHARED {
        let expected = revision(&load(dcs).await, &key).into();
        commit(dcs, change(&key, 1), expected).await;
    }
    let _ = dcs.put_member(&member(&world.name(0), 1)).await;
    for (n, key) in (1..).zip(fenced()) {
        let before = load(dcs).await;
        touch(dcs, key, token(n), revision(&before, key).into()).await;
        let after = load(world.dcs(1)).await;
        for other in &SHARED {
            let same = shown(&before, other) == shown(&after, other);
            assert!(same, "a touch of {key} changed {other}: {after:?}");
        }
        assert_eq!(after.leader, before.leader, "a touch of {key}");
        assert_eq!(after.members, before.members, "a touch of {key}");
    }
}

pub(crate) async fn a_touch_is_a_new_revision_of_its_key(world: World) {
    let dcs = world.dcs(0);
    for (n, key) in (1..).zip(fenced()) {
        let expected = revision(&load(dcs).await, key).into();
        let written = commit(dcs, change(key, 1), expected).await;
        let touched = touch(dcs, key, token(n), Precondition::Matches(written)).await;
        assert!(touched > written, "{key} went from {written} to {touched}");
        let shown = revision(&load(world.dcs(1)).await, key);
        assert_eq!(shown, Some(touched), "{key} after a touch");
    }
}

/// What fencing is for: what an old leader decided before the touch is void.
pub(crate) async fn a_write_from_before_a_touch_is_refused(world: World) {
    let (old, new) = (world.dcs(0), world.dcs(1));
    for (n, key) in (1..).zip(fenced()) {
        let expected = revision(&load(old).await, key).into();
        let read = commit(old, change(key, 1), expected).await;
        touch(new, key, token(n), Precondition::Matches(read)).await;
        conflict(old, change(key, 3), Precondition::Matches(read)).await;
    }
}

pub(crate) async fn a_touch_of_what_was_not_expected_is_refused(world: World) {
    let dcs = world.dcs(0);
    let mut written = None;
    for key in fenced() {
        let before = load(dcs).await;
        if let Some(other) = written.filter(|_| revision(&before, key).is_none()) {
            touch_conflicts(dcs, key, Precondition::Matches(other)).await;
            assert_eq!(load(dcs).await, before, "a refused touch created {key}");
        }
        let stale = commit(dcs, change(key, 1), revision(&before, key).into()).await;
        commit(dcs, change(key, 2), Precondition::Matches(stale)).await;
        let before = load(dcs).await;
        for expected in [Precondition::Absent, Precondition::Matches(stale)] {
            touch_conflicts(dcs, key, expected).await;
        }
        assert_eq!(load(dcs).await, before, "a refused touch changed something");
        written = Some(stale);
    }
}

pub(crate) async fn a_touch_of_an_absent_register_creates_it_without_a_value(world: World) {
    let dcs = world.dcs(0);
    for (n, key) in (1..).zip(fenced()) {
        let before = revision(&load(dcs).await, key);
        let touched = touch(dcs, key, token(n), before.into()).await;
        let after = load(world.dcs(1)).await;
        assert_eq!(revision(&after, key), Some(touched), "{key} was not there");
        assert_eq!(shown(&after, key), None, "{key} has a value: {after:?}");
        commit(dcs, change(key, 1), Precondition::Matches(touched)).await;
    }
}

pub(crate) async fn a_token_is_read_as_it_was_stored(world: World) {
    let (dcs, reader) = (world.dcs(0), world.dcs(1));
    let tokens = [1, 1 << 53, u128::MAX].map(|n| FencingToken::from_number(n).expect("not zero"));
    for key in fenced() {
        for token in tokens {
            let expected = revision(&load(reader).await, key).into();
            touch(dcs, key, token, expected).await;
            assert_eq!(fence(&load(reader).await, key), Value::Present(token));
        }
    }
}

pub(crate) async fn a_later_write_leaves_the_token_in_place(world: World) {
    let dcs = world.dcs(0);
    for (n, key) in (1..).zip(fenced()) {
        let token = token(n);
        let mut last = touch(dcs, key, token, revision(&load(dcs).await, key).into()).await;
        for write in [Some(change(key, 1)), removal(key), Some(change(key, 2))] {
            let Some(write) = write else { continue };
            last = commit(dcs, write, Precondition::Matches(last)).await;
            let stands = fence(&load(world.dcs(1)).await, key);
            assert_eq!(stands, Value::Present(token), "{key} after a write");
        }
    }
}

pub(crate) async fn a_watch_sees_a_touch(world: World) {
    let dcs = world.dcs(0);
    let mut watch = world.watch(1);
    let mut fed = watch.reset().await;
    for (n, key) in (1..).zip(fenced()) {
        let token = token(n);
        let touched = touch(dcs, key, token, revision(&load(dcs).await, key).into()).await;
        let seen = watch
            .until(&format!("the touch of {key}"), |event| {
                match event {
                    WatchEvent::Reset(snapshot) => fed = *snapshot,
                    WatchEvent::Changed(update) => fed.apply(update),
                    WatchEvent::Alive => {}
                }
                (revision(&fed, key) == Some(touched)).then(|| fence(&fed, key))
            })
            .await;
        assert_eq!(seen, Value::Present(token), "{key} on the watch");
    }
}

pub(crate) async fn the_leader_register_and_members_have_no_fence(world: World) {
    let dcs = world.dcs(0);
    let name = world.name(0);
    commit(dcs, crate::samples::leader(&name, 1), Precondition::Absent).await;
    let _ = dcs.put_member(&member(&name, 1)).await;
    let before = load(dcs).await;
    let owned = before.members.get(&name).and_then(|entry| entry.revision);
    for (key, stands) in [
        (Key::Leader, before.leader.revision),
        (Key::Status, before.leader.revision),
        (Key::Failsafe, before.leader.revision),
        (Key::Member(name), owned),
    ] {
        for expected in [Precondition::from(stands), Precondition::Absent] {
            let outcome = dcs.fence(&key, token(1), expected).await;
            let refused = matches!(&outcome, Outcome::NotCommitted(Error::Refused { .. }));
            assert!(refused, "a touch of {key} is never right: {outcome:?}");
        }
    }
    assert_eq!(load(dcs).await, before, "a refused touch changed something");
}

pub(crate) async fn a_touch_without_an_answer_is_unknown(world: World) {
    let (dcs, reader) = (world.dcs(0), world.dcs(1));
    for (n, key) in (1..).zip(fenced()) {
        let (lost, applied) = (token(2 * n), token(2 * n + 1));
        let before = load(reader).await;
        let expected = revision(&before, key).into();
        world.controls.inject(0, Fault::LoseNextRequest).await;
        is_unknown(dcs.fence(key, lost, expected).await, "a fence");
        assert_eq!(load(reader).await, before, "{key}: the touch was lost");
        world.controls.inject(0, Fault::LoseNextAnswer).await;
        is_unknown(dcs.fence(key, applied, expected).await, "a fence");
        let stands = fence(&load(reader).await, key);
        assert_eq!(stands, Value::Present(applied), "{key}");
    }
}

/// The keys whose registers have a fence: all but the leader's.
fn fenced() -> &'static [Key] {
    &SHARED[1..]
}

/// The `n`th of some tokens. A register that holds several keys is touched for
/// each of them, and a touch with the token that stands there changes nothing.
fn token(n: u128) -> FencingToken {
    FencingToken::from_number(0xfe_0000 + n).expect("it is not zero")
}

/// The fence of the register that a shared key stands in.
fn fence(snapshot: &Snapshot, key: &Key) -> Value<FencingToken> {
    match key {
        Key::Config => snapshot.config.fence.clone(),
        Key::Initialize => snapshot.initialize.fence.clone(),
        Key::History => snapshot.history.fence.clone(),
        Key::Failover => snapshot.failover.fence.clone(),
        Key::Sync => snapshot.sync.fence.clone(),
        _ => panic!("{key} has no fence"),
    }
}

/// Touches where nothing stands in the way.
async fn touch(
    dcs: &Arc<dyn Dcs>,
    key: &Key,
    token: FencingToken,
    expected: Precondition,
) -> Revision {
    match dcs.fence(key, token, expected).await {
        Outcome::Committed(committed) => committed.revision,
        other => panic!("a touch of {key} expecting {expected:?} was not committed: {other:?}"),
    }
}

/// Touches where someone else was first.
async fn touch_conflicts(dcs: &Arc<dyn Dcs>, key: &Key, expected: Precondition) {
    let outcome = dcs.fence(key, token(9), expected).await;
    let is_right = matches!(
        &outcome,
        Outcome::NotCommitted(Error::Conflict { key: named, .. }) if named == key
    );
    assert!(
        is_right,
        "a touch of {key} expecting {expected:?} was no conflict: {outcome:?}"
    );
}
