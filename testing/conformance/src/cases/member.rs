//! The keys of members: one writer each.

use std::sync::Arc;

use dcs_core::{
    Dcs, Entry, Error, MemberName, MemberRecord, Outcome, Snapshot, Update, Value, WatchEvent,
};
use serde_json::json;

use crate::World;
use crate::samples::member;
use crate::support::load;

pub(crate) async fn a_member_key_comes_back_as_it_was_written(world: World) {
    let record = member(&world.name(0), 1)
        .with("conn_url", "postgres://192.0.2.1:5432/postgres")
        .with("tags", json!({"nofailover": true}))
        .with("of_my_own", json!([1, null, "😀"]));
    put(world.dcs(0), &record).await;
    for reader in &world.handles {
        assert_eq!(
            shown(&load(reader).await, record.name()),
            Some(record.clone())
        );
    }
}

pub(crate) async fn a_member_key_is_replaced_as_a_whole(world: World) {
    let name = world.name(0);
    put(world.dcs(0), &member(&name, 1).with("role", "primary")).await;
    put(world.dcs(0), &member(&name, 2)).await;
    assert_eq!(
        shown(&load(world.dcs(1)).await, &name),
        Some(member(&name, 2))
    );
}

pub(crate) async fn a_deleted_member_key_is_gone(world: World) {
    let name = world.name(0);
    for n in 1..=2 {
        put(world.dcs(0), &member(&name, n)).await;
        delete(world.dcs(0), &name).await;
        assert_eq!(shown(&load(world.dcs(1)).await, &name), None);
    }
}

pub(crate) async fn deleting_an_absent_member_key_is_missing(world: World) {
    match world.dcs(0).delete_member(&world.name(0)).await {
        Outcome::NotCommitted(Error::Missing { .. }) => {}
        other => panic!("not there, but: {other:?}"),
    }
}

pub(crate) async fn a_member_key_does_not_touch_anothers(world: World) {
    let records: Vec<_> = world.members.iter().map(|name| member(name, 1)).collect();
    for (dcs, record) in world.handles.iter().zip(&records) {
        put(dcs, record).await;
    }
    put(world.dcs(0), &member(&world.name(0), 2)).await;
    delete(world.dcs(1), &world.name(1)).await;
    let read = load(world.dcs(2)).await;
    assert_eq!(
        shown(&read, &world.name(0)),
        Some(member(&world.name(0), 2))
    );
    assert_eq!(shown(&read, &world.name(1)), None);
    assert_eq!(shown(&read, &world.name(2)), Some(records[2].clone()));
}

pub(crate) async fn a_watch_sees_members_come_and_go(world: World) {
    let name = world.name(0);
    let mut watch = world.watch(1);
    watch.reset().await;
    for n in 1..=2 {
        put(world.dcs(0), &member(&name, n)).await;
        let wanted = Value::Present(member(&name, n));
        watch
            .until(&format!("{wanted:?}"), |event| {
                (value_in(event, &name)? == wanted).then_some(())
            })
            .await;
    }
    delete(world.dcs(0), &name).await;
    watch
        .until("the removal", |event| {
            (value_in(event, &name)? == Value::Absent).then_some(())
        })
        .await;
}

/// What an item says of a member, if it says anything.
fn value_in(event: WatchEvent, name: &MemberName) -> Option<Value<MemberRecord>> {
    match event {
        WatchEvent::Reset(snapshot) if snapshot.members_unknown => None,
        WatchEvent::Reset(snapshot) => {
            let entry = snapshot.members.get(name).cloned();
            Some(entry.unwrap_or_else(Entry::absent).value)
        }
        WatchEvent::Changed(Update::Member(of, entry)) if of == *name => Some(entry.value),
        _ => None,
    }
}

fn shown(snapshot: &Snapshot, name: &MemberName) -> Option<MemberRecord> {
    snapshot.members.get(name)?.get().cloned()
}

async fn put(dcs: &Arc<dyn Dcs>, record: &MemberRecord) {
    let outcome = dcs.put_member(record).await;
    assert!(
        matches!(outcome, Outcome::Committed(_)),
        "{record:?}: {outcome:?}"
    );
}

async fn delete(dcs: &Arc<dyn Dcs>, name: &MemberName) {
    let outcome = dcs.delete_member(name).await;
    assert!(
        matches!(outcome, Outcome::Committed(_)),
        "{name}: {outcome:?}"
    );
}
