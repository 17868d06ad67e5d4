//! Every request that writes, and every one that reads a whole scope, as files:
//! what is sent, to the byte. `golden_server.rs` sends them to a real server.
//!
//! A request that changed is found in the folder that the failure names; if the
//! change is meant, copy it to `tests/golden`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::path::Path;
use std::sync::Mutex;

use dcs_core::duties::Routing;
use dcs_core::{
    Change, Dcs, Failover, Failsafe, FencingToken, History, Initialize, Key, LeaderWrite,
    MemberRecord, Precondition, Revision, Slots, Status, SyncState,
};
use dcs_kubernetes::{ConfigMapDcs, EndpointsDcs};
use serde_json::{Map, Value, json};
use support::golden::{folder, golden};
use support::samples::{held, instant, leader, name, released};
use support::scripted::{Asked, Log, Reply, Tuned as _, client, list};
use support::server::Mode;

const STORY: [&str; 22] = [
    "member",
    "config-service",
    "lock-create",
    "lock-renew",
    "lock-release",
    "lock-take-over",
    "initialize-begin",
    "initialize-finish",
    "config-set",
    "history-set",
    "initialize-cancel",
    "touch",
    "switchover-request",
    "switchover-schedule",
    "switchover-clear",
    "sync-enable",
    "sync-standby",
    "sync-disable",
    "list-objects",
    "list-pods",
    "read-leader",
    "member-delete",
];

/// Each kind of request once, in an order that a real server takes them in.
async fn tell(dcs: &dyn Dcs) {
    let member = MemberRecord::new(name("demo-0"), Map::new())
        .with("conn_url", "postgres://192.0.2.10:5432/postgres")
        .with("api_url", "http://192.0.2.10:8008/patroni")
        .with("state", "running")
        .with("role", "primary")
        .with("version", "4.1.5")
        .with("tags", json!({"city": "K\u{f6}ln"}))
        .routed(Routing::Leader);
    dcs.put_member(&member).await.into_result().unwrap();

    let mut lock = Chain::new(dcs);
    lock.write(leader(held("demo-0", 1))).await;
    lock.write(renewal()).await;
    let last = lock.last.unwrap();
    lock.write(leader(released("demo-0", 2, last))).await;
    let mut again = held("demo-0", 3);
    again.transitions = Some(5);
    lock.write(leader(again)).await;

    tell_of_the_config(dcs).await;
    tell_of_requests_and_standbys(dcs).await;

    dcs.load().await.unwrap();
    dcs.load_leader().await.unwrap();
    let gone = dcs.delete_member(&name("demo-0")).await;
    gone.into_result().unwrap();
}

async fn tell_of_the_config(dcs: &dyn Dcs) {
    let mut config = Chain::new(dcs);
    let id = || Initialize::Done("7186662553319358497".to_owned());
    config
        .write(Change::Initialize(Some(Initialize::InProgress)))
        .await;
    config.write(Change::Initialize(Some(id()))).await;
    let settings =
        r#"{"ttl":30,"loop_wait":10,"postgresql":{"parameters":{"max_connections":100}}}"#;
    config
        .write(Change::Config(Some(settings.parse().unwrap())))
        .await;
    let line = json!([
        1,
        67_109_256,
        "no recovery target specified",
        "2026-01-02T03:04:05.678901+00:00",
        "demo-0"
    ]);
    config
        .write(Change::History(Some(History(vec![line]))))
        .await;
    config.write(Change::Initialize(None)).await;
    config.touch(&Key::Config).await;
}

async fn tell_of_requests_and_standbys(dcs: &dyn Dcs) {
    let mut failover = Chain::new(dcs);
    let request = Failover::switchover(Some(name("demo-0")), Some(name("demo-1")));
    failover
        .write(Change::Failover(Some(request.clone())))
        .await;
    let later = request.not_before(instant(9));
    failover.write(Change::Failover(Some(later))).await;
    failover.write(Change::Failover(None)).await;

    let mut sync = Chain::new(dcs);
    let state = |standbys: &[&str]| {
        let standbys = standbys.iter().map(|name| (*name).to_owned());
        Change::Sync(Some(SyncState::new("demo-0", standbys.collect(), 0)))
    };
    sync.write(state(&[])).await;
    sync.write(state(&["demo-2", "demo-1"])).await;
    sync.write(Change::Sync(None)).await;
}

fn renewal() -> Change {
    let mut write = LeaderWrite::from(held("demo-0", 2));
    let mut status = Status::at(50_331_984);
    status.slots = Some(Slots::from_iter([
        ("demo_1", 50_331_984),
        ("demo_0", 50_331_648),
    ]));
    status.retain_slots = Some(vec!["demo_0".to_owned(), "demo_1".to_owned()]);
    write.status = Some(status);
    let url = "http://192.0.2.10:8008/patroni".to_owned();
    write.failsafe = Some(Failsafe([("demo-0".to_owned(), url)].into()));
    Change::Leader(Box::new(write))
}

/// Writes of one object, each on what the one before it left.
struct Chain<'a> {
    dcs: &'a dyn Dcs,
    last: Option<Revision>,
}

impl<'a> Chain<'a> {
    const fn new(dcs: &'a dyn Dcs) -> Self {
        Self { dcs, last: None }
    }

    fn expected(&self) -> Precondition {
        self.last
            .map_or(Precondition::Absent, Precondition::Matches)
    }

    async fn write(&mut self, change: Change) {
        let outcome = self.dcs.write(&change, self.expected()).await;
        self.last = Some(outcome.into_result().unwrap());
    }

    async fn touch(&mut self, key: &Key) {
        let token = FencingToken::from_number(812).unwrap();
        let outcome = self.dcs.fence(key, token, self.expected()).await;
        self.last = Some(outcome.into_result().unwrap());
    }
}

/// A server that counts its revisions from 101, keeps addresses until they are
/// replaced, and has one Pod.
fn server() -> (kube::Client, Log) {
    let state = Mutex::new((100_u64, Value::Null));
    client(move |asked| {
        if asked.method == "GET" {
            if asked.uri.contains('?') {
                return list(100, &[]);
            }
            return Reply::Json(200, reply(asked, 100));
        }
        let mut state = state.lock().unwrap();
        let (revision, subsets) = &mut *state;
        *revision += 1;
        let mut reply = reply(asked, *revision);
        if asked.body["metadata"]["name"] == "demo" {
            if let Some(new) = asked.body.get("subsets") {
                new.clone_into(subsets);
            }
            reply["subsets"] = subsets.clone();
        }
        Reply::Json(200, reply)
    })
}

fn reply(asked: &Asked, revision: u64) -> Value {
    let mut object = asked.body.clone();
    let pod = asked.is_of_pods();
    if pod {
        object = json!({"spec": {"nodeName": "node-1"}, "status": {"podIP": "192.0.2.10"}});
        object["metadata"] = json!({"uid": "11111111-2222-3333-4444-555555555555"});
        object["metadata"]["annotations"] = json!({"status": "{}"});
    }
    object["kind"] = if pod { "Pod" } else { "Endpoints" }.into();
    object["metadata"]["name"] = "demo-0".into();
    object["metadata"]["labels"] = json!({"application": "dcs", "cluster-name": "demo"});
    object["metadata"]["resourceVersion"] = revision.to_string().into();
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        annotations.retain(|_, text| !text.is_null());
    }
    object
}

fn told_in(mode: Mode) -> impl Iterator<Item = &'static str> {
    let names = STORY.into_iter();
    names.filter(move |name| *name != "config-service" || matches!(mode, Mode::Endpoints))
}

/// What was sent, each request once.
fn sent(mode: Mode, log: &Log) -> Vec<(String, Value)> {
    let mut requests: Vec<Value> = Vec::new();
    for asked in log.all() {
        let kind = asked.headers.get("content-type");
        let request = json!({
            "method": asked.method.as_str(),
            "path": asked.uri,
            "content_type": kind.map(|kind| kind.to_str().unwrap()),
            "body": asked.body,
        });
        // The Pod is read before its key is removed.
        let of_one_pod = asked.method == "GET" && asked.uri.contains("/pods/");
        if !of_one_pod && !requests.contains(&request) {
            requests.push(request);
        }
    }
    let told: Vec<_> = told_in(mode).collect();
    assert_eq!(requests.len(), told.len(), "{requests:#?}");
    let requests = requests.into_iter().zip(told).enumerate();
    requests
        .map(|(at, (request, name))| (format!("{:02}-{name}", at + 1), request))
        .collect()
}

async fn compare(mode: Mode, dcs: &dyn Dcs, log: &Log) {
    tell(dcs).await;
    let sent = sent(mode, log);
    let found = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("golden")
        .join(folder(mode));
    std::fs::create_dir_all(&found).unwrap();
    for (name, request) in &sent {
        let text = serde_json::to_string_pretty(request).unwrap() + "\n";
        std::fs::write(found.join(format!("{name}.json")), text).unwrap();
    }
    let golden = golden(mode);
    let names = |requests: &[(String, Value)]| -> Vec<String> {
        requests.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&sent), names(&golden), "see {}", found.display());
    for ((name, sent), (_, golden)) in sent.iter().zip(&golden) {
        // As text: the order of the fields counts.
        assert_eq!(
            sent.to_string(),
            golden.to_string(),
            "{name}: see {}",
            found.display()
        );
    }
}

#[tokio::test]
async fn each_request_to_endpoints_is_the_golden_one() {
    let (client, log) = server();
    let builder = EndpointsDcs::builder("demo".parse().unwrap()).tuned();
    let builder = builder
        .pod_ip("192.0.2.10".parse().unwrap())
        .config_service(true);
    let dcs = builder.build_with_client(client).unwrap();
    compare(Mode::Endpoints, &dcs, &log).await;
}

#[tokio::test]
async fn each_request_to_configmaps_is_the_golden_one() {
    let (client, log) = server();
    let builder = ConfigMapDcs::builder("demo".parse().unwrap()).tuned();
    let dcs = builder.build_with_client(client).unwrap();
    compare(Mode::ConfigMaps, &dcs, &log).await;
}
