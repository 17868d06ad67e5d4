//! Lists: pages, revisions, selectors, metadata.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use dcs_fakeapi::{Action, FakeApi, Lag, On};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PartialObjectMeta};
use serde_json::{Value, json};

use crate::support::{MAPS, METADATA, METADATA_LIST, accepting, ask, label, map, names, read};

async fn three() -> FakeApi {
    let fake = FakeApi::new();
    for (name, x) in [("a", "1"), ("b", "2"), ("c", "1")] {
        map(&fake, name, x).await;
    }
    fake
}

fn next(list: &Value) -> String {
    let next = list["metadata"]["continue"].as_str().unwrap();
    format!("{MAPS}?limit=2&continue={next}")
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_a_list_are_of_one_moment() {
    let fake = three().await;
    let (_, first) = read(&fake, &format!("{MAPS}?limit=2")).await;
    assert_eq!(
        (names(&first), &first["metadata"]["remainingItemCount"]),
        (vec!["a", "b"], &json!(1))
    );
    ask(&fake, ("DELETE", &format!("{MAPS}/c")), &Value::Null).await;
    map(&fake, "d", "1").await;
    let (_, rest) = read(&fake, &next(&first)).await;
    assert_eq!(names(&rest), ["c"]);
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    assert_eq!(rest["metadata"].get("continue"), None);
}

#[tokio::test(start_paused = true)]
async fn a_page_after_a_compaction_is_gone_and_says_how_to_go_on() {
    let fake = three().await;
    let (_, first) = read(&fake, &format!("{MAPS}?limit=2")).await;
    map(&fake, "d", "1").await;
    fake.compact();
    let (code, gone) = read(&fake, &next(&first)).await;
    assert_eq!((code, &gone["reason"]), (410, &json!("Expired")));
    let (code, rest) = read(&fake, &next(&gone)).await;
    assert_eq!(
        (code, names(&rest)),
        (200, vec!["c", "d"]),
        "inconsistent, as announced"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_at_an_exact_revision_shows_what_was_there() {
    let fake = three().await;
    let at = |query: &str| format!("{MAPS}?resourceVersion={query}");
    let (_, list) = read(&fake, &at("3&resourceVersionMatch=Exact")).await;
    assert_eq!(names(&list), ["a", "b"]);
    let (_, list) = read(&fake, &at("3&resourceVersionMatch=NotOlderThan")).await;
    assert_eq!(names(&list), ["a", "b", "c"]);
    let (_, list) = read(&fake, &at("0&limit=1")).await;
    assert_eq!(
        names(&list),
        ["a", "b", "c"],
        "the cache does not cut its answers"
    );
    assert_eq!(read(&fake, &at("99")).await.0, 504);
    assert_eq!(read(&fake, &at("x")).await.0, 400);
    assert_eq!(
        read(&fake, &at("0&resourceVersionMatch=Exact")).await.0,
        422
    );
    fake.compact();
    map(&fake, "d", "1").await;
    assert_eq!(
        read(&fake, &at("3&resourceVersionMatch=Exact")).await.0,
        410
    );
}

#[tokio::test(start_paused = true)]
async fn selectors_choose() {
    let fake = three().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    for (params, wanted) in [
        (ListParams::default().labels("x=1"), vec!["a", "c"]),
        (ListParams::default().labels("x notin (1)"), vec!["b"]),
        (ListParams::default().fields("metadata.name=b"), vec!["b"]),
        (
            ListParams::default().fields("metadata.name!=b").labels("x"),
            vec!["a", "c"],
        ),
    ] {
        let list = maps.list(&params).await.unwrap();
        let found: Vec<_> = list
            .items
            .iter()
            .map(|map| map.metadata.name.clone().unwrap())
            .collect();
        assert_eq!(found, wanted);
    }
    assert_eq!(read(&fake, &format!("{MAPS}?labelSelector=(")).await.0, 400);
    assert_eq!(
        read(&fake, &format!("{MAPS}?fieldSelector=data.k%3D1"))
            .await
            .0,
        400
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_page_of_a_selection_goes_on_where_there_is_more_to_look_at() {
    let fake = three().await;
    let (_, page) = read(&fake, &format!("{MAPS}?limit=1&labelSelector=x%3D2")).await;
    assert_eq!(names(&page), ["b"]);
    assert_eq!(page["metadata"].get("remainingItemCount"), None);
    let next = page["metadata"]["continue"].as_str().unwrap();
    let uri = format!("{MAPS}?limit=1&labelSelector=x%3D2&continue={next}");
    let (_, rest) = read(&fake, &uri).await;
    assert!(names(&rest).is_empty());
    assert_eq!(rest["metadata"].get("continue"), None);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_all_namespaces_has_all_and_a_list_of_one_has_its_own() {
    let fake = FakeApi::new();
    fake.add_namespace("default-2");
    map(&fake, "a", "1").await;
    let other = "/api/v1/namespaces/default-2/configmaps";
    ask(&fake, ("POST", other), &json!({"metadata": {"name": "b"}})).await;
    let (_, all) = read(&fake, "/api/v1/configmaps").await;
    assert_eq!(names(&all), ["b", "a"], "in the order of their paths");
    assert_eq!(names(&read(&fake, MAPS).await.1), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn metadata_is_all_that_a_metadata_client_gets() {
    let fake = three().await;
    let maps: Api<PartialObjectMeta<ConfigMap>> = Api::default_namespaced(fake.client());
    let list = maps.list(&ListParams::default()).await.unwrap();
    assert_eq!(list.items.len(), 3);
    let (_, one) = accepting(&fake, &format!("{MAPS}/a"), METADATA).await;
    assert_eq!(one["kind"], "PartialObjectMetadata");
    assert_eq!(one.as_object().unwrap().len(), 3);
    let wrong = accepting(&fake, &format!("{MAPS}/a"), METADATA_LIST).await;
    assert_eq!(wrong.0, 406);
    assert_eq!(accepting(&fake, MAPS, METADATA).await.0, 406);
}

#[tokio::test(start_paused = true)]
async fn a_stale_cache_answers_with_what_was() {
    let fake = three().await;
    label(&fake, "a", "2").await;
    fake.fault(On::reads(), Action::Stale(Lag::Revisions(2)));
    let (_, list) = read(&fake, &format!("{MAPS}?resourceVersion=0")).await;
    assert_eq!(names(&list), ["a", "b"]);
    assert_eq!(list["metadata"]["resourceVersion"], "3");
    let (_, one) = read(&fake, &format!("{MAPS}/a?resourceVersion=0")).await;
    assert_eq!(one["metadata"]["labels"]["x"], "1");
    assert_eq!(
        read(&fake, &format!("{MAPS}?resourceVersion=5")).await.0,
        504
    );
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_lags_by_time_catches_up() {
    let fake = three().await;
    let second = std::time::Duration::from_secs(1);
    tokio::time::advance(10 * second).await;
    label(&fake, "a", "2").await;
    fake.fault(On::reads(), Action::Stale(Lag::Time(5 * second)));
    let read =
        async || read(&fake, &format!("{MAPS}/a")).await.1["metadata"]["labels"]["x"].clone();
    assert_eq!(read().await, "1");
    tokio::time::advance(5 * second).await;
    assert_eq!(read().await, "2");
}
