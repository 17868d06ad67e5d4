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
use support::scripted::Tuned as _;

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
    assert_eq!(lists.count(), 4 + 3, "four too long, and three of 31");
}
