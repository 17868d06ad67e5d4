//! What one leader does.

use dcs_core::election::TermError;
use dcs_core::{Config, Dcs, DcsExt, Entry, FencingToken, History, Key, SyncState, Value};

use crate::failover::request;
use crate::process::Point;
use crate::world::{World, config};

#[tokio::test(start_paused = true)]
async fn the_first_write_of_a_term_leaves_its_token_beside_the_value() {
    let world = World::new();
    let lease = world.member("a").acquire().await;
    let written = lease
        .keys()
        .edit_config(|now| {
            assert_eq!(now, None);
            Some(config(r#"{"ttl":30}"#))
        })
        .await
        .unwrap();
    let stands = world.now().config;
    assert_eq!(stands.revision, written);
    assert_eq!(stands.get(), Some(&config(r#"{"ttl":30}"#)));
    assert_eq!(stands.fence, Value::Present(lease.token()));
}

#[tokio::test(start_paused = true)]
async fn each_key_is_touched_once_a_term_whoever_writes_it() {
    let world = World::new();
    let a = world.member("a");
    for term in 1..=2 {
        let lease = a.acquire().await;
        let keys = [lease.keys(), lease.keys().clone(), lease.keys()];
        for (n, keys) in keys.iter().cycle().take(6).enumerate() {
            let text = format!(r#"{{"term":{term},"n":{n}}}"#);
            keys.edit_config(|_| Some(config(&text))).await.unwrap();
            let standbys = vec![n.to_string()];
            let state = SyncState::new("a", standbys, 0);
            keys.edit_sync(|_| Some(state.clone())).await.unwrap();
            let lines = History(vec![n.into()]);
            keys.edit_history(|_| Some(lines.clone())).await.unwrap();
            let asked = request(&format!("b{n}"));
            keys.edit_failover(|_| Some(asked.clone())).await.unwrap();
            keys.fence(Key::Initialize).await.unwrap();
        }
        for key in ["config", "sync", "history", "failover", "initialize"] {
            assert_eq!(world.touches(key), term, "{key} in term {term}");
        }
        lease.release().await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_is_fenced_on_its_own_revision() {
    let world = World::new();
    let lease = world.member("a").acquire().await;
    let keys = lease.keys();
    let fenced = [
        Key::Config,
        Key::Initialize,
        Key::History,
        Key::Failover,
        Key::Sync,
    ];
    for (n, key) in (1..).zip(&fenced) {
        for _ in 0..n {
            world.store.spoil(&world.scope, key, "written by others");
        }
    }
    for key in fenced {
        keys.fence(key).await.unwrap();
    }
    let now = world.now();
    let own = Value::Present(lease.token());
    assert_eq!(now.config.fence, own);
    assert_eq!(now.initialize.fence, own);
    assert_eq!(now.history.fence, own);
    assert_eq!(now.failover.fence, own);
    assert_eq!(now.sync.fence, own);
}

/// A read between the last look at the lease and the request would be one too
/// many: what it finds was not there when the lease was asked.
#[tokio::test(start_paused = true)]
async fn an_edit_reads_once_and_writes_on_what_it_read() {
    let world = World::new();
    let lease = world.member("a").acquire().await;
    let keys = lease.keys();
    let requests = |word: &str| {
        let trace = world.store.trace();
        trace.iter().filter(|line| line.contains(word)).count()
    };
    for n in 1..=3 {
        keys.edit_config(|_| Some(config("{}"))).await.unwrap();
        assert_eq!(requests(": load: "), n, "one read an edit");
        assert_eq!(requests(" write config on "), n, "one write an edit");
        assert_eq!(requests(" create config with "), 1, "one touch a term");
    }
}

#[tokio::test(start_paused = true)]
async fn writers_at_the_same_time_touch_a_key_once() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let keys = lease.keys();
            tokio::spawn(async move {
                keys.edit_config(|now| {
                    let mut next = now.cloned().unwrap_or_default();
                    let sum = next.settings().get("sum");
                    let sum = sum.map_or(0, |sum| sum.as_u64().unwrap()) + 1;
                    next.settings_mut().insert("sum".to_owned(), sum.into());
                    Some(next)
                })
                .await
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(world.touches("config"), 1);
    assert_eq!(world.now().config.get(), Some(&config(r#"{"sum":4}"#)));
}

#[tokio::test(start_paused = true)]
async fn a_touch_moves_the_revision_and_leaves_the_value_as_it_was() {
    let world = World::new();
    let a = world.member("a");
    let text = r#"{"zebra":[1,2.50,null],"ttl":30,"apple":"\u0001"}"#;
    a.process.edit_config(|_| Some(config(text))).await.unwrap();
    let before = world.now().config;
    let lease = a.acquire().await;
    lease.keys().fence(Key::Config).await.unwrap();
    let after = world.now().config;
    assert!(after.revision > before.revision);
    assert_eq!(after.fence, Value::Present(lease.token()));
    let shown = |entry: &Entry<Config>| entry.get().unwrap().to_string();
    assert_eq!(shown(&after), shown(&before));
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_leaves_the_key_alone_touches_nothing() {
    let world = World::new();
    let lease = world.member("a").acquire().await;
    let stands = lease.keys().edit_config(|_| None).await.unwrap();
    assert_eq!(stands, None);
    assert_eq!(world.touches("config"), 0);
}

#[tokio::test(start_paused = true)]
async fn others_go_on_writing_and_leave_the_fence_in_place() {
    let world = World::new();
    let (a, b) = (world.member("a"), world.member("b"));
    let lease = a.acquire().await;
    lease.keys().fence(Key::Config).await.unwrap();
    b.process
        .edit_config(|_| Some(config(r#"{"ttl":60}"#)))
        .await
        .unwrap();
    assert_eq!(world.now().config.fence, Value::Present(lease.token()));
    lease
        .keys()
        .edit_config(|now| {
            assert_eq!(now, Some(&config(r#"{"ttl":60}"#)));
            Some(config("{}"))
        })
        .await
        .unwrap();
    assert_eq!(world.touches("config"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_loses_to_another_one_reads_again() {
    let world = World::new();
    let a = world.member("a");
    let other = world.store.handle(&world.scope);
    let lease = a.acquire().await;
    let keys = lease.keys();
    a.process.stop_at(Point::BeforeTouch);
    let editing = tokio::spawn(async move {
        let mut seen = Vec::new();
        let edit = |now: Option<&Config>| {
            seen.push(now.cloned());
            Some(config(r#"{"n":2}"#))
        };
        keys.edit_config(edit).await.map(|_| seen)
    });
    a.process.is_stopped().await;
    other
        .edit_config(|_| Some(config(r#"{"n":1}"#)))
        .await
        .unwrap();
    a.process.go_on();
    let seen = editing.await.unwrap().unwrap();
    assert_eq!(seen, [None, Some(config(r#"{"n":1}"#))]);
    assert_eq!(world.now().config.get(), Some(&config(r#"{"n":2}"#)));
}

#[tokio::test(start_paused = true)]
async fn the_leader_key_and_members_cannot_be_fenced() {
    let world = World::new();
    let lease = world.member("a").acquire().await;
    let member = Key::Member("a".parse().unwrap());
    for key in [Key::Leader, Key::Status, Key::Failsafe, member] {
        let result = lease.keys().fence(key.clone()).await;
        let refused = matches!(&result, Err(TermError::NoFence { key: named }) if *named == key);
        assert!(refused, "{result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_given_up_writes_nothing() {
    let world = World::new();
    let lease = world.member("a").acquire().await;
    let (keys, token) = (lease.keys(), lease.token());
    drop(lease);
    let result = keys
        .edit_config(|_| panic!("it decides nothing any more"))
        .await;
    let over = matches!(
        &result,
        Err(TermError::LeaseOver { key: Key::Config, token: named }) if *named == token
    );
    assert!(over, "{result:?}");
    assert_eq!(world.now().config, Entry::absent());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_during_the_decision_touches_nothing() {
    let world = World::new();
    let mut lease = Some(world.member("a").acquire().await);
    let keys = lease.as_ref().unwrap().keys();
    let result = keys
        .edit_config(|_| {
            lease = None;
            Some(config("{}"))
        })
        .await;
    assert!(
        matches!(result, Err(TermError::LeaseOver { .. })),
        "{result:?}"
    );
    assert_eq!(world.touches("config"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_during_the_touch_writes_no_value() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let keys = lease.keys();
    a.process.stop_at(Point::AfterTouch);
    let editing = tokio::spawn(async move { keys.edit_config(|_| Some(config("{}"))).await });
    a.process.is_stopped().await;
    drop(lease);
    a.process.go_on();
    let result = editing.await.unwrap();
    assert!(
        matches!(result, Err(TermError::LeaseOver { .. })),
        "{result:?}"
    );
    assert_eq!(world.now().config.value, Value::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_fence_of_an_older_term_is_replaced() {
    let world = World::new();
    let a = world.member("a");
    let first = a.acquire().await;
    first.keys().fence(Key::Config).await.unwrap();
    first.release().await;
    let second = a.acquire().await;
    second.keys().fence(Key::Config).await.unwrap();
    assert_eq!(world.now().config.fence, Value::Present(second.token()));
}

/// As after the object was deleted, or its annotations were.
#[tokio::test(start_paused = true)]
async fn a_fence_that_was_moved_back_is_set_again() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    lease.keys().fence(Key::Config).await.unwrap();
    let other = world.store.handle(&world.scope);
    let small = FencingToken::from_number(1).unwrap();
    let expected = world.now().config.precondition();
    other
        .fence(&Key::Config, small, expected)
        .await
        .into_result()
        .unwrap();
    lease
        .keys()
        .edit_config(|_| Some(config("{}")))
        .await
        .unwrap();
    assert_eq!(world.now().config.fence, Value::Present(lease.token()));
}
