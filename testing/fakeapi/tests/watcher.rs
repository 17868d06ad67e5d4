//! kube's own watcher on the fake: what authors of controllers run.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "time is virtual, and a test that cannot go on fails"
)]

mod support;

use std::time::Duration;

use dcs_fakeapi::{Action, Disturbance, FakeApi, On, Verb};
use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt as _, reflector};

use crate::support::{label, map};

fn maps(fake: &FakeApi) -> Api<ConfigMap> {
    Api::default_namespaced(fake.client())
}

/// What the watcher says, up to the first event about `last`.
async fn until(
    events: &mut (impl Stream<Item = watcher::Result<Event<ConfigMap>>> + Unpin),
    last: &str,
) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let event = events.next().await.unwrap();
        let (text, name) = match event {
            Ok(Event::Apply(map)) => ("apply", map.metadata.name.unwrap()),
            Ok(Event::Delete(map)) => ("delete", map.metadata.name.unwrap()),
            Ok(Event::InitApply(map)) => ("init", map.metadata.name.unwrap()),
            Ok(Event::Init) => ("begin", String::new()),
            Ok(Event::InitDone) => ("done", String::new()),
            Err(_) => ("error", String::new()),
        };
        said.push(format!("{text} {name}").trim().to_owned());
        if name == last {
            return said;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_watcher_lists_and_then_follows() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let mut events = watcher(maps(&fake), watcher::Config::default()).boxed();
    assert_eq!(until(&mut events, "a").await, ["begin", "init a"]);
    map(&fake, "b", "1").await;
    assert_eq!(until(&mut events, "b").await, ["done", "apply b"]);
}

#[tokio::test(start_paused = true)]
async fn the_watcher_streams_its_list() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let config = watcher::Config::default().streaming_lists();
    let mut events = watcher(maps(&fake), config).boxed();
    assert_eq!(until(&mut events, "a").await, ["begin", "init a"]);
    map(&fake, "b", "1").await;
    assert_eq!(until(&mut events, "b").await, ["done", "apply b"]);
    let verbs: Vec<_> = fake
        .requests()
        .iter()
        .filter_map(|asked| asked.verb)
        .collect();
    assert!(!verbs.contains(&Verb::List));
}

#[tokio::test(start_paused = true)]
async fn the_watcher_goes_on_where_its_connection_broke() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let mut events = watcher(maps(&fake), watcher::Config::default())
        .default_backoff()
        .boxed();
    until(&mut events, "a").await;
    map(&fake, "b", "1").await;
    until(&mut events, "b").await;
    fake.disturb_watches(&On::any(), Disturbance::CutLine);
    map(&fake, "c", "1").await;
    let said = until(&mut events, "c").await;
    assert!(!said.contains(&"begin".to_owned()), "no new list: {said:?}");
}

#[tokio::test(start_paused = true)]
async fn the_watcher_lists_anew_when_its_history_is_gone() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let mut events = watcher(maps(&fake), watcher::Config::default())
        .default_backoff()
        .boxed();
    until(&mut events, "a").await;
    map(&fake, "b", "1").await;
    until(&mut events, "b").await;
    fake.disturb_watches(&On::any(), Disturbance::Gone);
    map(&fake, "c", "1").await;
    let said = until(&mut events, "c").await;
    assert!(said.contains(&"begin".to_owned()), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reflector_ends_with_what_is_stored_whatever_broke() {
    let fake = FakeApi::new();
    let (reader, writer) = reflector::store();
    fake.fault(On::reads().skip(1).times(3), Action::LoseAnswer);
    fake.fault(On::any().verb(Verb::Watch).times(2), Action::CutBody);
    let events = watcher(maps(&fake), watcher::Config::default());
    let stream = reflector(writer, events.default_backoff());
    let running = tokio::spawn(stream.for_each(|_| async {}));
    for number in 0..20 {
        map(&fake, &format!("a{number}"), "1").await;
        label(&fake, &format!("a{number}"), "2").await;
        tokio::time::sleep(Duration::from_secs(7)).await;
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    let state = reader.state();
    assert_eq!(state.len(), 20);
    for map in state {
        let name = map.metadata.name.as_deref().unwrap();
        let stored = fake.object("configmaps", "default", name).unwrap();
        let revision = map.metadata.resource_version.as_deref();
        assert_eq!(revision, stored["metadata"]["resourceVersion"].as_str());
    }
    running.abort();
}
