//! G-VALUE: the other shared values.

use dcs_core::{
    Change, Config, Entry, Failover, History, Initialize, SyncState, Update, WatchEvent,
};
use serde_json::json;

use crate::World;
use crate::samples::{SHARED, change, failover, is_cleared, removal, revision, shown};
use crate::support::{commit, load};

pub(crate) async fn each_shared_value_comes_back_as_it_was_written(world: World) {
    for written in samples() {
        let key = written.key();
        let expected = revision(&load(world.dcs(0)).await, &key).into();
        commit(world.dcs(0), written.clone(), expected).await;
        let read = load(world.dcs(1)).await;
        let read = match key {
            dcs_core::Key::Initialize => Change::Initialize(read.initialize.get().cloned()),
            dcs_core::Key::History => Change::History(read.history.get().cloned()),
            dcs_core::Key::Failover => Change::Failover(read.failover.get().cloned()),
            _ => Change::Sync(read.sync.get().cloned()),
        };
        assert_eq!(read, written);
    }
}

pub(crate) async fn a_config_keeps_unknown_fields_and_their_order(world: World) {
    let text = r#"{"zebra":[1,2.5,null,{"b":1,"a":2}],"ttl":30,"ünïcode":"\u0001 \" \\ 😀","big":18446744073709551615,"apple":true,"empty":{}}"#;
    let config: Config = text.parse().expect("a sample is good JSON");
    let expected = load(world.dcs(0)).await.config.precondition();
    commit(world.dcs(0), Change::Config(Some(config.clone())), expected).await;
    let read = load(world.dcs(1)).await.config;
    let read = read.get().expect("it was written");
    assert_eq!(read.to_string(), config.to_string());
}

pub(crate) async fn a_removed_value_is_absent_and_can_be_written_again(world: World) {
    let dcs = world.dcs(0);
    for key in SHARED {
        let Some(removal) = removal(&key) else {
            continue;
        };
        for n in 1..=2 {
            let expected = revision(&load(dcs).await, &key).into();
            commit(dcs, change(&key, n), expected).await;
            let expected = revision(&load(dcs).await, &key).into();
            commit(dcs, removal.clone(), expected).await;
            assert_eq!(shown(&load(dcs).await, &key), None, "{key} was removed");
        }
    }
}

pub(crate) async fn a_failover_request_is_seen_and_cleared(world: World) {
    let dcs = world.dcs(0);
    let mut watch = world.watch(1);
    watch.reset().await;
    let request = failover(1);
    let expected = load(dcs).await.failover.precondition();
    let asked = commit(dcs, Change::Failover(Some(request.clone())), expected).await;
    let seen = watch.until("the request to fail over", failover_of).await;
    assert_eq!(seen.revision, Some(asked));
    let candidate = seen.get().and_then(|seen| seen.candidate.clone());
    assert_eq!(candidate, request.candidate);
    commit(dcs, Change::Failover(None), seen.precondition()).await;
    let cleared = watch.until("its clearing", failover_of).await;
    assert!(
        cleared.get().is_none() || is_cleared(&cleared),
        "{cleared:?}"
    );
}

fn failover_of(event: WatchEvent) -> Option<Entry<Failover>> {
    match event {
        WatchEvent::Reset(snapshot) => Some(snapshot.failover),
        WatchEvent::Changed(Update::Failover(entry)) => Some(entry),
        _ => None,
    }
}

fn samples() -> Vec<Change> {
    let lines = vec![
        json!([1, 25_623_960, "no recovery target specified"]),
        json!([
            2,
            25_624_128,
            "no recovery target specified",
            "2026-01-02T03:04:05+00:00",
            "sample-1"
        ]),
    ];
    let standbys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        Change::Initialize(Some(Initialize::InProgress)),
        Change::Initialize(Some(Initialize::Done("7391234567890123456".to_owned()))),
        Change::History(Some(History(Vec::new()))),
        Change::History(Some(History(lines))),
        Change::Failover(Some(failover(1))),
        Change::Failover(Some(Failover::switchover(None, failover(2).candidate))),
        Change::Sync(Some(SyncState::new(
            "sample-0",
            standbys(&["sample-2", "sample-1"]),
            0,
        ))),
        Change::Sync(Some(SyncState::new("sample-0", standbys(&["sample-1"]), 1))),
    ]
}
