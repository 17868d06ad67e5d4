//! The config key, as an administrator changes it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use dcs_core::{Config, DcsExt, EditError, Error, Key, Scope, TokioClock, Value};
use dcs_memory::{MemoryDcs, MemoryStore};
use proptest::prelude::*;
use serde_json::{Map, json};

fn store() -> (MemoryStore, MemoryDcs, Scope) {
    let store = MemoryStore::new(Arc::new(TokioClock::new()));
    let scope: Scope = "demo".parse().unwrap();
    let dcs = store.handle(&scope);
    (store, dcs, scope)
}

fn config(text: &str) -> Config {
    text.parse().unwrap()
}

fn patch(value: &serde_json::Value) -> Map<String, serde_json::Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_a_config_that_does_not_exist_is_refused_and_creates_nothing() {
    let (store, dcs, scope) = store();
    let result = dcs.patch_config(&patch(&json!({"ttl": 60}))).await;
    let refused = matches!(result, Err(EditError::Absent { key: Key::Config }));
    assert!(refused, "{result:?}");
    assert_eq!(store.snapshot(&scope).config.revision, None);
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_a_config_that_cannot_be_read_is_refused() {
    let (store, dcs, scope) = store();
    store.spoil(&scope, &Key::Config, "no JSON");
    let result = dcs.patch_config(&patch(&json!({"ttl": 60}))).await;
    let refused = matches!(
        result,
        Err(EditError::Read {
            source: Error::Malformed { .. },
            ..
        })
    );
    assert!(refused, "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let (_, dcs, _) = store();
    let put = dcs.put_config(config(r#"{"ttl":60,"pause":true}"#)).await;
    let same = patch(&json!({"ttl": 60, "gone": null}));
    let stands = dcs.patch_config(&same).await.unwrap();
    assert_eq!(stands, Some(put.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_patch_is_merged_into_what_others_wrote_before() {
    let (_, dcs, _) = store();
    dcs.put_config(config(r#"{"ttl":30,"postgresql":{"a":1,"b":{"c":2}}}"#))
        .await
        .unwrap();
    let change = json!({"postgresql": {"b": {"c": null, "d": 3}}, "pause": true});
    dcs.patch_config(&patch(&change)).await.unwrap();
    let now = dcs.config().await.unwrap().unwrap();
    let text = r#"{"ttl":30,"postgresql":{"a":1,"b":{"d":3}},"pause":true}"#;
    assert_eq!(now.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn a_whole_config_replaces_what_cannot_be_read() {
    let (store, dcs, scope) = store();
    store.spoil(&scope, &Key::Config, "no JSON");
    dcs.put_config(config(r#"{"ttl":30}"#)).await.unwrap();
    let now = store.snapshot(&scope).config.value;
    assert_eq!(now, Value::Present(config(r#"{"ttl":30}"#)));
}

fn json_value(depth: u32) -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (0_u8..4).prop_map(Into::into),
        "[ab]".prop_map(Into::into),
        prop::collection::vec(0_u8..3, 0..2).prop_map(Into::into),
    ];
    leaf.prop_recursive(depth, 12, 3, |inner| {
        prop::collection::btree_map("[abc]", inner, 0..3)
            .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into())
    })
}

fn object() -> impl Strategy<Value = Map<String, serde_json::Value>> {
    prop::collection::btree_map("[abc]", json_value(3), 0..4)
        .prop_map(|fields| fields.into_iter().collect())
}

/// The names of the settings that a patch sets to null, at any depth.
fn removed_by(
    patch: &Map<String, serde_json::Value>,
    config: &Map<String, serde_json::Value>,
) -> bool {
    patch
        .iter()
        .all(|(name, value)| match (value, config.get(name)) {
            (serde_json::Value::Null, found) => found.is_none(),
            (serde_json::Value::Object(patch), Some(serde_json::Value::Object(config))) => {
                removed_by(patch, config)
            }
            (serde_json::Value::Object(_), _) => false,
            (value, found) => found == Some(value),
        })
}

proptest! {
    #[test]
    fn a_patch_twice_is_a_patch_once(start in object(), patch in object()) {
        let mut once = Config::new(start);
        once.merge(&patch);
        let mut twice = once.clone();
        prop_assert!(!twice.merge(&patch), "{patch:?} changed {once} again");
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn after_a_patch_what_it_sets_is_set_and_what_it_nulls_is_gone(
        start in object(),
        patch in object(),
    ) {
        let mut config = Config::new(start);
        config.merge(&patch);
        prop_assert!(removed_by(&patch, config.settings()), "{patch:?} made {config}");
    }

    #[test]
    fn a_patch_leaves_what_it_does_not_name(start in object(), patch in object()) {
        let mut config = Config::new(start.clone());
        let changed = config.merge(&patch);
        prop_assert_eq!(changed, *config.settings() != start);
        let unnamed = |(name, _): &(&String, _)| !patch.contains_key(*name);
        let before: Vec<_> = start.iter().filter(unnamed).collect();
        let after: Vec<_> = config.settings().iter().filter(unnamed).collect();
        prop_assert_eq!(before, after);
    }
}
