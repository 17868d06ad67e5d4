//! Members, and whoever may write their Pods, say more than anybody can keep.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use dcs_core::{Dcs, Snapshot, Update, Value, WatchEvent};
use dcs_fakeapi::{FakeApi, Verb};
use dcs_kubernetes::ConfigMapDcs;
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use std::time::Duration;
use support::scripted::{Asked, Log, Reply, Tuned as _, client, configmaps, list};

/// The longest that a member may say.
const LONGEST: usize = 64 << 10;

/// What a member says in so many bytes.
fn says(bytes: usize) -> String {
    let frame = json!({"x": ""}).to_string().len();
    json!({"x": "y".repeat(bytes - frame)}).to_string()
}

async fn create(pods: &Api<Pod>, number: usize, annotations: serde_json::Value) {
    let pod = json!({
        "metadata": {
            "name": format!("demo-{number:04}"),
            "labels": {"application": "dcs", "cluster-name": "demo"},
            "annotations": annotations,
        },
        "spec": {"containers": [{"name": "none", "image": "none"}]},
    });
    let pod = serde_json::from_value(pod).unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
}

fn handle(fake: &FakeApi) -> ConfigMapDcs {
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    builder.build_with_client(fake.client()).unwrap()
}

/// How many members can be read, and how many are told as what cannot.
fn read(snapshot: &Snapshot) -> (usize, usize) {
    let entries = || snapshot.members.values();
    let malformed = |why: &str| why.contains("all members together");
    (
        entries().filter(|entry| entry.get().is_some()).count(),
        entries()
            .filter(|entry| matches!(&entry.value, Value::Malformed(why) if malformed(why)))
            .count(),
    )
}

#[tokio::test(start_paused = true)]
async fn as_much_is_kept_of_a_flood_of_members_as_has_room_and_the_rest_is_told() {
    let fake = FakeApi::new();
    let pods: Api<Pod> = Api::default_namespaced(fake.client());
    for number in 0..300 {
        create(&pods, number, json!({"status": says(LONGEST)})).await;
    }
    let dcs = handle(&fake);
    assert_eq!(read(&dcs.load().await.unwrap()), (128, 172));

    // A watch goes on with what has room then.
    let mut watch = dcs.watch(Duration::from_secs(30));
    let Some(Ok(WatchEvent::Reset(whole))) = watch.next().await else {
        panic!("it begins with everything")
    };
    assert_eq!(read(&whole), (128, 172));
    let annotations = json!({"metadata": {"annotations": {"status": says(100)}}});
    for name in ["demo-0000", "demo-0299"] {
        let patch = Patch::Merge(&annotations);
        let done = pods.patch(name, &PatchParams::default(), &patch).await;
        done.unwrap();
    }
    let mut readable = Vec::new();
    while readable.len() < 2 {
        if let Some(Ok(WatchEvent::Changed(Update::Member(name, entry)))) = watch.next().await {
            assert!(entry.get().is_some(), "{name}: {entry:?}");
            readable.push(name.to_string());
        }
    }
    assert_eq!(readable, ["demo-0000", "demo-0299"]);
}

#[tokio::test(start_paused = true)]
async fn pages_that_others_have_made_too_long_are_asked_for_in_smaller_ones() {
    let fake = FakeApi::new();
    let pods: Api<Pod> = Api::default_namespaced(fake.client());
    for number in 0..70 {
        let others = "y".repeat(250 << 10);
        let annotations = json!({"status": says(100), "others": others});
        create(&pods, number, annotations).await;
    }
    fake.clear_requests();
    assert_eq!(read(&handle(&fake).load().await.unwrap()), (70, 0));
    let lists = fake.requests().into_iter();
    let lists = lists.filter(|asked| asked.verb == Some(Verb::List) && asked.kind == "pods");
    assert_eq!(lists.count(), 5 + 5, "five too long, and five of 15");
}

/// How many Pods each list asked for, in order.
fn limits(log: &Log) -> Vec<usize> {
    let lists = log.all().into_iter();
    let lists = lists.filter(|asked| asked.is_of_pods() && !asked.is_watch());
    let limit = |asked: Asked| {
        let (_, limit) = asked.uri.split_once("limit=").unwrap();
        limit.split('&').next().unwrap().parse().unwrap()
    };
    lists.map(limit).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_that_do_not_come_in_time_are_asked_for_in_smaller_ones_until_they_do() {
    let slow = |asked: &Asked| match asked {
        asked if asked.is_watch() => Reply::Open(Vec::new()),
        asked if asked.is_of_pods() && ["500", "250"].iter().any(|n| asked.uri.contains(n)) => {
            Reply::Hang
        }
        // Its head comes, and not all of its body.
        asked if asked.is_of_pods() && ["125", "124"].iter().any(|n| asked.uri.contains(n)) => {
            Reply::Open(vec!["{".to_owned()])
        }
        _ => list(7, &[]),
    };
    let (client, log) = client(slow);
    let dcs = configmaps(client);
    let mut watch = dcs.watch(Duration::from_secs(30));
    let (mut failed, mut unknown) = (0, 0);
    loop {
        match watch.next().await.unwrap() {
            Err(_) => failed += 1,
            Ok(WatchEvent::Reset(whole)) if whole.members_unknown => unknown += 1,
            Ok(WatchEvent::Reset(_)) => break,
            Ok(_) => {}
        }
    }
    assert_eq!(unknown, 1, "the keys are shown before the Pods are known");
    assert_eq!(limits(&log), [500, 250, 125, 62]);
    assert_eq!(failed, 3, "each is told");
    // One that came whole lets the next list try more.
    assert!(dcs.load().await.is_err());
    assert_eq!(limits(&log)[4..], [124]);
}
