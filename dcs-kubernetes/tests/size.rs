//! What is too large is refused before it is sent, to the byte.

mod support;

use std::time::Duration;

use dcs_core::{
    Change, Config, Dcs, Error, Failsafe, FencingToken, Initialize, Key, LeaderWrite, MemberRecord,
    Outcome, Precondition, Status, WatchEvent,
};
use futures_util::StreamExt as _;
use futures_util::future;
use serde_json::{Map, Value, json};
use support::samples::{at, held, leader, name, vacant};
use support::scripted::{Log, Reply, client, configmaps, endpoints, line, list, object};
use support::server::{Mode, Place};

const LIMIT: usize = 262_144;
const RESERVE: usize = 8_192;

fn filler(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// A config whose text has exactly this many bytes.
fn config(bytes: usize) -> Change {
    let around = r#"{"a":""}"#.len();
    let mut settings = Map::new();
    settings.insert("a".to_owned(), filler(bytes - around).into());
    Change::Config(Some(Config::new(settings)))
}

fn accepting() -> (kube::Client, Log) {
    client(|_| Reply::Json(200, object("demo", 9000, &json!({}))))
}

/// Key, limit and actual size of a refusal that nothing was sent for.
fn refused(outcome: Outcome) -> (Key, usize, usize) {
    match outcome {
        Outcome::NotCommitted(Error::TooLarge { key, limit, actual }) => (key, limit, actual),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_object_may_have_as_much_as_kubernetes_takes_and_not_a_byte_more() {
    let most = LIMIT - "config".len();
    let (client, log) = accepting();
    let dcs = configmaps(client);
    for bytes in [most - 1, most] {
        let outcome = dcs.write(&config(bytes), Precondition::Absent).await;
        outcome.into_result().unwrap();
    }
    let sent = log.all().len();
    let outcome = dcs.write(&config(most + 1), Precondition::Absent).await;
    assert_eq!(refused(outcome), (Key::Config, LIMIT, LIMIT + 1));
    assert_eq!(log.all().len(), sent);
}

/// A server whose config object has a history of this many bytes.
fn beside(history: usize) -> (kube::Client, Log) {
    let history = json!({"history": filler(history), "config": "{}"});
    client(move |asked| {
        if asked.is_watch() {
            return Reply::Open(Vec::new());
        }
        match asked.uri.split_once('?') {
            Some(_) if asked.is_of_pods() => list(9, &[]),
            Some(_) => list(9, &[object("demo-config", 5, &history)]),
            None => Reply::Json(200, object("demo-config", 9000, &json!({}))),
        }
    })
}

#[tokio::test]
async fn what_stands_beside_a_key_counts_and_what_it_replaces_does_not() {
    let history = 100_000;
    let most = LIMIT - "config".len() - "history".len() - history;
    let (client, log) = beside(history);
    let dcs = configmaps(client);
    dcs.load().await.unwrap();
    let sent = log.all().len();
    let outcome = dcs.write(&config(most + 1), at(5)).await;
    assert_eq!(refused(outcome), (Key::Config, LIMIT, LIMIT + 1));
    assert_eq!(log.all().len(), sent);
    dcs.write(&config(most), at(5)).await.into_result().unwrap();
}

#[tokio::test]
async fn a_version_that_was_not_seen_is_left_to_the_server() {
    let (client, log) = beside(LIMIT);
    let dcs = configmaps(client);
    dcs.load().await.unwrap();
    dcs.write(&config(1000), at(6)).await.into_result().unwrap();
    assert_eq!(log.last().method, "PATCH");
}

#[tokio::test]
async fn what_a_removal_leaves_is_judged_and_not_what_it_removes() {
    let (client, _) = beside(LIMIT);
    let dcs = configmaps(client);
    dcs.load().await.unwrap();
    let removed = dcs.write(&Change::History(None), at(5)).await;
    removed.into_result().unwrap();
}

#[tokio::test]
async fn a_version_that_the_watch_showed_is_judged() {
    let stored = object("demo-sync", 12, &json!({"other": filler(LIMIT - 100)}));
    let (client, log) = client(move |asked| match (asked.is_watch(), asked.is_of_pods()) {
        (true, true) => Reply::Open(Vec::new()),
        (true, false) => Reply::Open(vec![line("ADDED", &stored)]),
        _ => list(9, &[]),
    });
    let dcs = configmaps(client);
    let tells = |event: &Result<WatchEvent, Error>| matches!(event, Ok(WatchEvent::Changed(_)));
    let changes = dcs.watch(Duration::from_secs(5));
    let mut changes = changes.filter(|event| future::ready(tells(event)));
    changes.next().await.unwrap().unwrap();
    // The sum fits by itself, and not beside what stands there.
    let token = FencingToken::from_number(u128::from(u64::MAX)).unwrap();
    let standbys = vec![filler(100)];
    let state = dcs_core::SyncState::new("demo-0", standbys, 0);
    let outcome = dcs.write(&Change::Sync(Some(state)), at(12)).await;
    assert_eq!(refused(outcome).0, Key::Sync);
    let fits = dcs.fence(&Key::Sync, token, at(12)).await;
    assert!(
        !matches!(fits, Outcome::NotCommitted(Error::TooLarge { .. })),
        "{fits:?}"
    );
    assert_eq!(log.last().method, "PATCH");
}

#[tokio::test]
async fn an_older_version_that_comes_late_hides_no_newer_one() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let (client, _) = client(move |_| {
        let full = json!({"third-party/note": filler(LIMIT - 100)});
        match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Reply::Json(200, object("demo", 9, &full)),
            _ => Reply::Json(200, object("demo", 5, &json!({}))),
        }
    });
    let dcs = endpoints(client);
    dcs.load_leader().await.unwrap();
    dcs.load_leader().await.unwrap();
    let outcome = dcs.write(&leader(held("demo-0", 1)), at(9)).await;
    assert_eq!(refused(outcome).0, Key::Leader);
}

#[tokio::test]
async fn a_touch_is_judged_too() {
    let full = object("demo-sync", 5, &json!({"other": filler(LIMIT - 10)}));
    let (client, log) = client(move |asked| {
        let items = if asked.is_of_pods() {
            &[]
        } else {
            std::slice::from_ref(&full)
        };
        list(9, items)
    });
    let dcs = configmaps(client);
    dcs.load().await.unwrap();
    let sent = log.all().len();
    let token = FencingToken::from_number(812).unwrap();
    let outcome = dcs.fence(&Key::Sync, token, at(5)).await;
    assert_eq!(refused(outcome).0, Key::Sync);
    assert_eq!(log.all().len(), sent);
}

fn with_status(slot: usize) -> LeaderWrite {
    let mut write = LeaderWrite::from(held("demo-0", 1));
    let mut status = Status::at(1);
    status.retain_slots = Some(vec![filler(slot)]);
    write.status = Some(status);
    write
}

/// `optime`, its text of one digit, `retain_slots` and `[""]`.
const AROUND_SLOT: usize = 6 + 1 + 12 + 4;

#[tokio::test]
async fn a_status_leaves_room_for_the_lock() {
    let most = LIMIT - RESERVE - AROUND_SLOT;
    let (client, log) = accepting();
    let dcs = endpoints(client);
    let fits = Change::Leader(Box::new(with_status(most)));
    dcs.write(&fits, at(5)).await.into_result().unwrap();
    let sent = log.all().len();
    let exceeds = Change::Leader(Box::new(with_status(most + 1)));
    let outcome = dcs.write(&exceeds, at(5)).await;
    let limit = LIMIT - RESERVE;
    assert_eq!(refused(outcome), (Key::Status, limit, limit + 1));
    assert_eq!(log.all().len(), sent);
}

#[tokio::test]
async fn the_larger_part_is_to_blame() {
    let (client, _) = accepting();
    let dcs = endpoints(client);
    for (status, failsafe, key) in [
        (200_000, 100_000, Key::Status),
        (100_000, 200_000, Key::Failsafe),
    ] {
        let mut write = with_status(status);
        let map = [("m0".to_owned(), filler(failsafe))];
        write.failsafe = Some(Failsafe(map.into_iter().collect()));
        let outcome = dcs.write(&Change::Leader(Box::new(write)), at(5)).await;
        assert_eq!(refused(outcome).0, key);
    }
}

#[tokio::test]
async fn the_lock_alone_may_use_what_is_kept_free_for_it() {
    let others = json!({"third-party/note": filler(LIMIT - 1000)});
    let full = object("demo", 5, &others);
    let (client, log) = client(move |asked| match asked.method.as_str() {
        "GET" => Reply::Json(200, full.clone()),
        _ => Reply::Json(200, object("demo", 9000, &json!({}))),
    });
    let dcs = endpoints(client);
    dcs.load_leader().await.unwrap();
    dcs.write(&leader(held("demo-0", 1)), at(5))
        .await
        .into_result()
        .unwrap();
    assert_eq!(log.last().method, "PATCH");
}

#[tokio::test]
async fn a_status_beside_what_fills_the_reserve_is_refused() {
    let others = json!({"third-party/note": filler(LIMIT - 1000)});
    let full = object("demo", 5, &others);
    let (client, log) = client(move |asked| match asked.method.as_str() {
        "GET" => Reply::Json(200, full.clone()),
        _ => Reply::Json(200, object("demo", 9000, &json!({}))),
    });
    let dcs = endpoints(client);
    dcs.load_leader().await.unwrap();
    let small = Change::Leader(Box::new(with_status(1)));
    let outcome = dcs.write(&small, at(5)).await;
    assert_eq!(refused(outcome).0, Key::Status);
    assert_eq!(log.all().len(), 1);
    // Its removal makes room.
    let mut write = LeaderWrite::from(vacant());
    write.status = Some(Status::default());
    let outcome = dcs.write(&Change::Leader(Box::new(write)), at(5)).await;
    outcome.into_result().unwrap();
}

#[tokio::test]
async fn a_member_that_nobody_would_read_is_not_written() {
    let (client, log) = accepting();
    let dcs = endpoints(client);
    let most = 64 << 10;
    let record = |bytes: usize| {
        let around = r#"{"a":""}"#.len();
        MemberRecord::new(name("demo-0"), Map::new()).with("a", filler(bytes - around))
    };
    dcs.put_member(&record(most)).await.into_result().unwrap();
    let outcome = dcs.put_member(&record(most + 1)).await;
    let key = Key::Member(name("demo-0"));
    assert_eq!(refused(outcome), (key, most, most + 1));
    assert_eq!(log.all().len(), 1);
}

#[tokio::test]
async fn a_value_that_nests_too_deeply_is_refused_unsent() {
    let nested = (0..32).fold(Value::Null, |inner, _| json!([inner]));
    let mut settings = Map::new();
    settings.insert("a".to_owned(), nested);
    let (client, log) = accepting();
    let change = Change::Config(Some(Config::new(settings)));
    let outcome = configmaps(client).write(&change, at(5)).await;
    let Outcome::NotCommitted(Error::Refused { why, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(why.contains("33 levels"), "{why}");
    assert!(log.all().is_empty());
}

/// The server draws the same line: one byte beyond it, where nothing is known
/// of the version, it refuses what we would have refused.
#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn the_server_draws_the_line_at_the_same_byte() {
    for mode in [Mode::Endpoints, Mode::ConfigMaps] {
        let place = Place::open(mode, 2).await;
        let (knows, knows_not) = (&*place.handles[0], &*place.handles[1]);
        let id = Change::Initialize(Some(Initialize::Done("1".repeat(1000))));
        let created = knows.write(&id, Precondition::Absent).await;
        let created = created.into_result().unwrap();
        let expected = Precondition::Matches(created);
        let most = LIMIT - "config".len() - "initialize".len() - 1000;
        let outcome = knows.write(&config(most + 1), expected).await;
        assert_eq!(refused(outcome), (Key::Config, LIMIT, LIMIT + 1));
        let outcome = knows_not.write(&config(most + 1), expected).await;
        assert_eq!(refused(outcome).0, Key::Config);
        let fits = knows.write(&config(most), expected).await;
        let last = fits.into_result().unwrap();
        let smaller = knows
            .write(&config(most - 1), Precondition::Matches(last))
            .await;
        smaller.into_result().unwrap();
    }
}
