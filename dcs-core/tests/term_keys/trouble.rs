//! A store that does not answer, refuses, or shows what cannot be read.

use dcs_core::election::TermError;
use dcs_core::{EditError, Error, FencingToken, Key, Outcome, Revision, Value, WriteError};

use crate::world::{World, config};

type Edited = Result<Option<Revision>, TermError>;

/// What any other writer would have been told.
fn edit_error(result: &Edited) -> &EditError {
    match result {
        Err(TermError::Edit(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_touch_whose_answer_is_lost_is_found_by_reading_back() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.dcs.lose_next_answer();
    lease
        .keys()
        .edit_config(|_| Some(config("{}")))
        .await
        .unwrap();
    assert_eq!(world.touches("config"), 1);
    assert_eq!(world.now().config.get(), Some(&config("{}")));
}

#[tokio::test(start_paused = true)]
async fn a_touch_that_is_lost_is_sent_again() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.dcs.lose_next_request();
    lease.keys().fence(Key::Sync).await.unwrap();
    assert_eq!(world.touches("sync"), 1);
    assert_eq!(world.now().sync.fence, Value::Present(lease.token()));
}

#[tokio::test(start_paused = true)]
async fn a_write_of_unknown_outcome_is_not_sent_again() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    lease.keys().fence(Key::Config).await.unwrap();
    a.process.dcs.lose_next_answer();
    let result = lease.keys().edit_config(|_| Some(config("{}"))).await;
    let unknown = matches!(
        &result,
        Err(TermError::Edit(error)) if matches!(
            &**error,
            EditError::Write { source: WriteError::Unknown(_), .. }
        )
    );
    assert!(unknown, "{result:?}");
    let is_write = |line: &&String| line.contains(" write config on ");
    assert_eq!(world.store.trace().iter().filter(is_write).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_read_is_fenced_and_not_overwritten() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    world.store.spoil(&world.scope, &Key::Config, "rubbish");
    lease.keys().fence(Key::Config).await.unwrap();
    let result = lease.keys().edit_config(|_| Some(config("{}"))).await;
    let refused = matches!(
        &result,
        Err(TermError::Edit(error)) if matches!(
            &**error,
            EditError::Read { source: Error::Malformed { .. }, .. }
        )
    );
    assert!(refused, "{result:?}");
    assert_eq!(world.now().config.fence, Value::Present(lease.token()));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_reached_is_an_error_of_the_read() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let keys = lease.keys();
    a.process.dcs.cut_off();
    let result = keys.edit_config(|_| Some(config("{}"))).await;
    let unread = matches!(
        &result,
        Err(TermError::Edit(error)) if matches!(
            &**error,
            EditError::Read { key: Key::Config, source: Error::Timeout { .. } }
        )
    );
    assert!(unread, "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fence_that_cannot_be_read_is_not_overwritten() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let why = "annotation x: no token".to_owned();
    a.process.fence_reads_as(Value::Malformed(why.clone()));
    let result = lease.keys().edit_config(|_| Some(config("{}"))).await;
    let named = matches!(
        edit_error(&result),
        EditError::Read { key: Key::Config, source: Error::Malformed { why: said, .. } }
            if *said == why
    );
    assert!(named, "{result:?}");
    assert_eq!(world.touches("config"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_touch_that_the_store_refuses_is_an_error_of_the_write() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.touches_end_as(|| {
        Outcome::NotCommitted(Error::PermissionDenied {
            what: "patch".to_owned(),
            advice: "grant it",
            source: "403".into(),
        })
    });
    let result = lease.keys().edit_config(|_| Some(config("{}"))).await;
    let source = match edit_error(&result) {
        EditError::Write { source, .. } => source,
        other => panic!("{other:?}"),
    };
    assert!(
        matches!(
            source,
            WriteError::NotCommitted(Error::PermissionDenied { .. })
        ),
        "{result:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn touches_that_always_lose_give_up_with_an_error() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.touches_end_as(|| {
        let (key, found) = (Key::Config, None);
        Outcome::NotCommitted(Error::Conflict { key, found })
    });
    let mut reads = 0;
    let edit = |_: Option<&_>| {
        reads += 1;
        Some(config("{}"))
    };
    let result = lease.keys().edit_config(edit).await;
    let contended = matches!(
        edit_error(&result),
        EditError::Contended {
            key: Key::Config,
            tries: 16
        }
    );
    assert!(contended, "{result:?}");
    assert_eq!(reads, 16);
}

#[tokio::test(start_paused = true)]
async fn touches_that_never_get_an_answer_give_up_as_unknown() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    a.process.touches_end_as(|| {
        Outcome::Unknown(Error::Backend {
            backend: "the test",
            source: "reset".into(),
        })
    });
    let result = lease.keys().edit_config(|_| Some(config("{}"))).await;
    let unknown = matches!(
        edit_error(&result),
        EditError::Write {
            source: WriteError::Unknown(Error::Backend { .. }),
            ..
        }
    );
    assert!(unknown, "{result:?}");
}

/// The largest token there is, which somebody forged: the way out is named.
#[tokio::test(start_paused = true)]
async fn a_fence_from_elsewhere_stops_the_leader_and_says_what_to_remove() {
    let world = World::new();
    let a = world.member("a");
    let lease = a.acquire().await;
    let newest = FencingToken::from_number(u128::MAX).unwrap();
    a.process.fence_reads_as(Value::Present(newest));
    let error = lease.keys().fence(Key::Config).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&newest.to_string()), "{text}");
    assert!(text.contains(&lease.token().to_string()), "{text}");
    assert!(text.contains("copied from another cluster"), "{text}");
}
