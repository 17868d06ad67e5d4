//! Writes that lose because another key of the same register was written.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/one_register.rs"]
mod one_register;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use dcs_core::election::{Elector, Lease, LeaseTiming, TermError};
use dcs_core::{
    Change, Config, Dcs, DcsExt, EditError, Entry, FencingToken, History, Initialize, Key,
    Precondition, TokioClock, Value, WriteError,
};
use dcs_memory::{MemoryStore, SeededEntropy};
use futures_util::FutureExt;

use one_register::{Before, OneRegister, history};

fn register() -> Arc<OneRegister> {
    let store = MemoryStore::new(Arc::new(TokioClock::new()));
    let scope = "demo".parse().unwrap();
    Arc::new(OneRegister::new(store.handle(&scope)))
}

/// The leader of the first term.
async fn led() -> (Arc<OneRegister>, Elector, Lease) {
    let dcs = register();
    let [ttl, loop_wait, retry] = [30, 10, 8].map(Duration::from_secs);
    let (elector, driver) = Elector::builder(
        Arc::<OneRegister>::clone(&dcs),
        "a".parse().unwrap(),
        LeaseTiming::new(ttl, loop_wait, retry).unwrap(),
        Arc::new(TokioClock::new()),
        Arc::new(SeededEntropy::new(1)),
    )
    .build();
    tokio::spawn(driver.run());
    let lease = elector.acquire().await.unwrap();
    (dcs, elector, lease)
}

fn config(text: &str) -> Config {
    text.parse().unwrap()
}

fn token(number: u128) -> FencingToken {
    FencingToken::from_number(number).unwrap()
}

fn moves(times: u64) -> impl Iterator<Item = Before> {
    (0..times).map(history)
}

#[tokio::test(start_paused = true)]
async fn a_write_of_another_key_costs_one_request_and_no_decision() {
    let dcs = register();
    dcs.put_config(config(r#"{"ttl":30}"#)).await.unwrap();
    dcs.before(moves(1));
    let (before, mut asked) = (dcs.writes(), 0);
    let edited = dcs
        .edit_config(|_| {
            asked += 1;
            Some(config(r#"{"ttl":60}"#))
        })
        .await
        .unwrap();
    assert_eq!((asked, dcs.writes() - before), (1, 2));
    let now = dcs.now().await;
    assert_eq!(now.config.get(), Some(&config(r#"{"ttl":60}"#)));
    assert_eq!(now.config.revision, edited);
    assert!(now.history.get().is_some(), "the other write stands");
}

#[tokio::test(start_paused = true)]
async fn a_register_that_another_key_has_made_is_no_conflict() {
    let dcs = register();
    dcs.before(moves(1));
    let written = dcs
        .write_key(Some(Initialize::InProgress), &Entry::absent())
        .await
        .unwrap();
    assert!(written.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_key_itself_is_decided_anew() {
    let dcs = register();
    dcs.put_config(config(r#"{"n":1}"#)).await.unwrap();
    let other = Change::Config(Some(config(r#"{"n":2}"#)));
    dcs.before([history(1), Before::Write(other)]);
    let mut seen = Vec::new();
    dcs.edit_config(|now| {
        seen.push(now.unwrap().to_string());
        Some(config(r#"{"n":3}"#))
    })
    .await
    .unwrap();
    assert_eq!(seen, [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_changed_is_left_as_it_is() {
    let dcs = register();
    dcs.put_config(config(r#"{"n":1}"#)).await.unwrap();
    let seen = dcs.now().await.config;
    let other = Change::Config(Some(config(r#"{"n":2}"#)));
    dcs.before([Before::Write(other)]);
    let written = dcs.write_key::<Config>(None, &seen).await.unwrap();
    assert_eq!(written, None);
    let now = dcs.now().await.config;
    assert_eq!(now.get(), Some(&config(r#"{"n":2}"#)));
}

#[tokio::test(start_paused = true)]
async fn a_touch_in_between_is_a_conflict_although_the_value_is_the_same() {
    let dcs = register();
    dcs.put_config(config("{}")).await.unwrap();
    let seen = dcs.now().await.config;
    dcs.before([Before::Touch(Key::Config, token(7))]);
    let before = dcs.writes();
    let written = dcs.write_key::<Config>(None, &seen).await.unwrap();
    assert_eq!((written, dcs.writes() - before), (None, 1));
    assert_eq!(dcs.now().await.config.get(), Some(&config("{}")));
}

#[tokio::test(start_paused = true)]
async fn a_register_is_followed_sixty_four_times() {
    for (times, is_written) in [(64, true), (65, false)] {
        let dcs = register();
        dcs.before(moves(times));
        let written = dcs.write_key(Some(config("{}")), &Entry::absent()).await;
        assert_eq!(written.unwrap().is_some(), is_written, "{times}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_of_unknown_outcome_is_never_repeated() {
    let dcs = register();
    let losing = dcs.dcs.clone();
    dcs.before([
        history(1),
        Before::Do(Box::new(move || losing.lose_next_answer())),
    ]);
    let result = dcs
        .write_key(Some(Initialize::InProgress), &Entry::absent())
        .await;
    assert!(matches!(result, Err(WriteError::Unknown(_))), "{result:?}");
    assert_eq!(dcs.writes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_leaders_write_follows_the_register_without_a_new_decision() {
    let (dcs, _elector, lease) = led().await;
    let (before, mut asked) = (dcs.writes(), 0);
    // More often than a write may begin anew, at the touch and at the write.
    dcs.before(moves(20));
    lease
        .keys()
        .edit_config(|_| {
            asked += 1;
            Some(config(r#"{"ttl":60}"#))
        })
        .await
        .unwrap();
    assert_eq!((asked, dcs.writes() - before), (1, 22));
    let now = dcs.now().await.config;
    assert_eq!(now.get(), Some(&config(r#"{"ttl":60}"#)));
    assert_eq!(now.fence, Value::Present(lease.token()));
}

#[tokio::test(start_paused = true)]
async fn a_write_right_after_its_touch_follows_the_register_too() {
    let (dcs, _elector, lease) = led().await;
    let mut asked = 0;
    dcs.before([Before::Do(Box::new(|| ())), history(1)]);
    let edit = |_: Option<&Config>| {
        asked += 1;
        Some(config("{}"))
    };
    lease.keys().edit_config(edit).await.unwrap();
    assert_eq!((asked, dcs.writes()), (1, 3), "a touch and two writes");
}

#[tokio::test(start_paused = true)]
async fn a_write_after_the_touch_follows_the_register_too() {
    let (dcs, _elector, lease) = led().await;
    lease.keys().fence(Key::Config).await.unwrap();
    let (before, mut asked) = (dcs.writes(), 0);
    dcs.before(moves(20));
    let edit = |_: Option<&Config>| {
        asked += 1;
        Some(config("{}"))
    };
    lease.keys().edit_config(edit).await.unwrap();
    assert_eq!((asked, dcs.writes() - before), (1, 21));
}

#[tokio::test(start_paused = true)]
async fn a_leaders_write_is_not_repeated_past_the_touch_of_its_successor() {
    let (dcs, _elector, lease) = led().await;
    let keys = lease.keys();
    keys.edit_config(|_| Some(config(r#"{"n":1}"#)))
        .await
        .unwrap();
    let newer = token(lease.token().get() + 1_000);
    let before = dcs.writes();
    dcs.before([history(1), Before::Touch(Key::Config, newer)]);
    let result = keys.edit_config(|_| Some(config(r#"{"n":2}"#))).await;
    let superseded =
        matches!(&result, Err(TermError::Superseded { newest, .. }) if *newest == newer);
    assert!(superseded, "{result:?}");
    assert_eq!(dcs.writes() - before, 2);
    assert_eq!(dcs.now().await.config.get(), Some(&config(r#"{"n":1}"#)));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_while_the_register_moves_writes_nothing_more() {
    let (dcs, _elector, lease) = led().await;
    let keys = lease.keys();
    keys.fence(Key::Config).await.unwrap();
    let (before, other) = (dcs.writes(), dcs.dcs.clone());
    dcs.before([Before::Do(Box::new(move || {
        drop(lease);
        let change = Change::History(Some(History::default()));
        let written = other.write(&change, Precondition::Absent).now_or_never();
        assert!(written.is_some_and(|outcome| outcome.into_result().is_ok()));
    }))]);
    let result = keys.edit_config(|_| Some(config("{}"))).await;
    let over = matches!(
        result,
        Err(TermError::LeaseOver {
            key: Key::Config,
            ..
        })
    );
    assert!(over, "{result:?}");
    assert_eq!(dcs.writes() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_is_too_large_is_written_without_its_oldest_lines() {
    let (dcs, _elector, lease) = led().await;
    let line = |n: u64| serde_json::json!([n, 1_000, "no reason"]);
    let long = History((1..=40).map(line).collect());
    dcs.limit_history(200);
    let asked = AtomicUsize::new(0);
    let edit = |_: Option<&History>| {
        asked.fetch_add(1, SeqCst);
        Some(long.clone())
    };
    lease.keys().edit_history(edit).await.unwrap();
    let now = dcs.now().await.history;
    let written = now.get().unwrap();
    assert!(long.0.ends_with(&written.0));
    assert!(written.size() <= 200 && written.0.len() >= 8, "{written:?}");
    assert_eq!(asked.into_inner(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_can_be_made_no_smaller_is_an_error() {
    let (dcs, _elector, lease) = led().await;
    dcs.limit_history(10);
    let before = dcs.writes();
    let edit = |_: Option<&History>| Some(History(vec!["a line of many letters".into()]));
    let result = lease.keys().edit_history(edit).await;
    let too_large = matches!(
        &result,
        Err(TermError::Edit(error)) if matches!(**error, EditError::Write { .. })
    );
    assert!(too_large, "{result:?}");
    assert_eq!(dcs.writes() - before, 3, "a touch and two writes");
}
