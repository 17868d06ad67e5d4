//! Watches: what they show, and how they end.

#![expect(
    clippy::disallowed_methods,
    reason = "time is virtual, and a test that cannot go on fails"
)]

mod support;

use std::time::Duration;

use dcs_fakeapi::{Action, Disturbance, FakeApi, Lag, On, Options};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::support::{MAPS, Said, Watch, ask, label, map, read};

#[tokio::test(start_paused = true)]
async fn a_watch_shows_what_happens_after_its_revision() {
    let fake = FakeApi::new();
    let from = map(&fake, "a", "1").await;
    map(&fake, "b", "1").await;
    let mut watch = Watch::open(&fake, &format!("&resourceVersion={from}")).await;
    label(&fake, "a", "2").await;
    ask(&fake, ("DELETE", &format!("{MAPS}/b")), &Value::Null).await;
    assert_eq!(watch.event().await, "ADDED b@3");
    assert_eq!(watch.event().await, "MODIFIED a@4");
    assert_eq!(watch.event().await, "DELETED b@5");
    assert!(watch.next().now_or_never().is_none(), "and waits");
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_revision_begins_with_what_is_there() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    for query in ["", "&resourceVersion=0"] {
        let mut watch = Watch::open(&fake, query).await;
        assert_eq!(watch.event().await, "ADDED a@2");
        assert!(watch.next().now_or_never().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_leaves_the_selector_is_deleted_and_one_that_comes_is_added() {
    let fake = FakeApi::new();
    let from = map(&fake, "a", "1").await;
    let query = format!("&labelSelector=x%3D1&resourceVersion={from}");
    let mut watch = Watch::open(&fake, &query).await;
    label(&fake, "a", "2").await;
    label(&fake, "a", "3").await;
    label(&fake, "a", "1").await;
    let Said::Line(left) = watch.next().await else {
        panic!("no line");
    };
    assert_eq!(support::brief(&left), "DELETED a@3");
    assert_eq!(left["object"]["metadata"]["labels"]["x"], "1", "as it was");
    assert_eq!(watch.event().await, "ADDED a@5");
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_after_its_time_with_a_bookmark_before() {
    let fake = FakeApi::new();
    let query = "&resourceVersion=1&timeoutSeconds=100&allowWatchBookmarks=true";
    let mut watch = Watch::open(&fake, query).await;
    fake.skip_revisions(5);
    let started = tokio::time::Instant::now();
    assert_eq!(watch.event().await, "BOOKMARK @6");
    assert_eq!(started.elapsed().as_secs(), 60);
    assert_eq!(watch.event().await, "BOOKMARK @6");
    assert_eq!(started.elapsed().as_secs(), 98);
    assert_eq!(watch.next().await, Said::Ended(String::new()));
    assert_eq!(started.elapsed().as_secs(), 100);
    assert_eq!(fake.open_watches(), 0, "its end is its end");
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_bookmarks_gets_none() {
    let fake = FakeApi::new();
    let mut watch = Watch::open(&fake, "&resourceVersion=1&timeoutSeconds=100").await;
    assert_eq!(watch.next().await, Said::Ended(String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_ends_with_its_mark() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let query =
        "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = Watch::open(&fake, query).await;
    assert_eq!(watch.event().await, "ADDED a@2");
    let Said::Line(mark) = watch.next().await else {
        panic!("no line");
    };
    assert_eq!(support::brief(&mark), "BOOKMARK @2");
    let annotations = &mark["object"]["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");
}

#[tokio::test(start_paused = true)]
async fn an_older_server_refuses_a_streaming_list() {
    let fake = FakeApi::with_options(Options::new().streaming_lists(false));
    let uri = format!("{MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    assert_eq!(read(&fake, &uri).await.0, 422);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_forgotten_revision_is_gone_in_its_stream() {
    let fake = FakeApi::new();
    let from = map(&fake, "a", "1").await;
    label(&fake, "a", "2").await;
    fake.compact();
    let mut watch = Watch::open(&fake, &format!("&resourceVersion={from}")).await;
    assert_eq!(watch.event().await, "ERROR 410");
    assert_eq!(watch.next().await, Said::Ended(String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_keeps_up_survives_a_compaction() {
    let fake = FakeApi::new();
    let from = map(&fake, "a", "1").await;
    let mut watch = Watch::open(&fake, &format!("&resourceVersion={from}")).await;
    assert!(watch.next().now_or_never().is_none());
    fake.compact();
    label(&fake, "a", "2").await;
    assert_eq!(watch.event().await, "MODIFIED a@3");
}

#[tokio::test(start_paused = true)]
async fn gone_can_also_be_a_status() {
    let fake = FakeApi::new();
    fake.fault(
        On::any().verb(dcs_fakeapi::Verb::Watch).once(),
        Action::Gone,
    );
    let uri = format!("{MAPS}?watch=true&resourceVersion=1");
    let (code, status) = read(&fake, &uri).await;
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
}

#[tokio::test(start_paused = true)]
async fn an_open_watch_becomes_what_it_is_told() {
    for (disturbance, wanted) in [
        (Disturbance::Close, Said::Ended(String::new())),
        (Disturbance::Break, Said::Broken(String::new())),
    ] {
        let fake = FakeApi::new();
        let mut watch = Watch::open(&fake, "&resourceVersion=1").await;
        assert_eq!(
            fake.disturb_watches(&On::any().kind("pods"), disturbance),
            0
        );
        assert_eq!(
            fake.disturb_watches(&On::any().kind("configmaps"), disturbance),
            1
        );
        assert_eq!(watch.next().await, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_can_break_in_the_middle_of_a_line() {
    let fake = FakeApi::new();
    let mut watch = Watch::open(&fake, "&resourceVersion=1").await;
    fake.disturb_watches(&On::any(), Disturbance::CutLine);
    let Said::Broken(fragment) = watch.next().await else {
        panic!("not broken");
    };
    assert!(fragment.starts_with("{\"type\":") && !fragment.ends_with('}'));
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_says_nothing_and_does_not_end() {
    let fake = FakeApi::new();
    let query = "&resourceVersion=1&timeoutSeconds=5&allowWatchBookmarks=true";
    let mut watch = Watch::open(&fake, query).await;
    fake.disturb_watches(&On::any(), Disturbance::Silence);
    map(&fake, "a", "1").await;
    let day = Duration::from_secs(86_400);
    assert!(tokio::time::timeout(day, watch.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_a_lagging_cache_is_late_by_its_lag() {
    let fake = FakeApi::new();
    let five = Duration::from_secs(5);
    fake.fault(On::reads(), Action::Stale(Lag::Time(five)));
    let mut watch = Watch::open(&fake, "&resourceVersion=1").await;
    tokio::time::advance(2 * five).await;
    map(&fake, "a", "1").await;
    let written = tokio::time::Instant::now();
    assert_eq!(watch.event().await, "ADDED a@2");
    assert_eq!(written.elapsed(), five);
}

#[tokio::test(start_paused = true)]
async fn after_a_restore_revisions_are_used_twice_and_watches_have_ended() {
    let fake = FakeApi::new();
    let first = map(&fake, "a", "1").await;
    label(&fake, "a", "2").await;
    let mut watch = Watch::open(&fake, "&resourceVersion=3").await;
    fake.restore(first).unwrap();
    let ended = watch.next().now_or_never();
    assert_eq!(ended, Some(Said::Ended(String::new())), "at once");
    let (_, restored) = read(&fake, &format!("{MAPS}/a")).await;
    assert_eq!(restored["metadata"]["labels"]["x"], "1");
    assert_eq!(label(&fake, "a", "9").await, first + 1);
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_not_kept_cannot_be_restored() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    fake.compact();
    let error = fake.restore(1).unwrap_err();
    assert_eq!((error.asked, error.oldest, error.newest), (1, 2, 2));
    assert!(fake.restore(3).is_err());
}
