//! What the store in memory does with fences beyond what every backend does.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::sync::Arc;

use dcs_core::{Dcs, FencingToken, Key, Precondition, Scope, TokioClock, Value};
use dcs_memory::{IdenticalWrites, MemoryDcs, MemoryOptions, MemoryStore};

fn bench(options: MemoryOptions) -> (MemoryStore, Scope, MemoryDcs) {
    let store = MemoryStore::with_options(Arc::new(TokioClock::new()), options);
    let scope = "demo".parse().unwrap();
    let handle = store.handle(&scope);
    (store, scope, handle)
}

fn token() -> FencingToken {
    FencingToken::from_number(7).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_touch_with_the_token_that_stands_there_is_an_identical_write() {
    for (identical, moves) in [
        (IdenticalWrites::NewRevision, true),
        (IdenticalWrites::KeepRevision, false),
    ] {
        let (_, _, handle) = bench(MemoryOptions::default().with_identical_writes(identical));
        let first = handle
            .fence(&Key::Sync, token(), Precondition::Absent)
            .await;
        let first = first.into_result().unwrap();
        let again = handle.fence(&Key::Sync, token(), Precondition::Matches(first));
        let again = again.await.into_result().unwrap();
        assert_eq!(again > first, moves, "{identical:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_third_party_that_spoils_a_key_leaves_its_fence() {
    let (store, scope, handle) = bench(MemoryOptions::default());
    let touched = handle.fence(&Key::Config, token(), Precondition::Absent);
    touched.await.into_result().unwrap();
    store.spoil(&scope, &Key::Config, "rubbish");
    let config = store.snapshot(&scope).config;
    assert_eq!(config.value, Value::Malformed("rubbish".to_owned()));
    assert_eq!(config.fence, Value::Present(token()));
}
