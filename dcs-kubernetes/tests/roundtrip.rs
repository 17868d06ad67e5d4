//! What is read and written back is what stood there, to the byte.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use dcs_core::{Change, Dcs, LeaderWrite, MemberName, Snapshot};
use dcs_kubernetes::{ConfigMapDcs, EndpointsDcs};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use support::scripted::{Asked, Log, Reply, Tuned as _, client, list, object};

type Texts = BTreeMap<String, String>;

/// A handle of `member` on a server that has these objects, and accepts all writes.
fn handle(in_endpoints: bool, member: &str, keys: Value, pods: Value) -> (Box<dyn Dcs>, Log) {
    let (client, log) = client(
        move |asked| match (asked.method.as_str(), asked.is_of_pods()) {
            ("GET", true) => Reply::Json(200, pods.clone()),
            ("GET", false) => Reply::Json(200, keys.clone()),
            _ => Reply::Json(200, object("demo", 1 << 60, &json!({}))),
        },
    );
    let scope = || "demo".parse().unwrap();
    let member: MemberName = member.parse().unwrap();
    if in_endpoints {
        let builder = EndpointsDcs::builder(scope()).tuned().member(member);
        let builder = builder.pod_ip("192.0.2.10".parse().unwrap());
        return (Box::new(builder.build_with_client(client).unwrap()), log);
    }
    let builder = ConfigMapDcs::builder(scope()).tuned().member(member);
    (Box::new(builder.build_with_client(client).unwrap()), log)
}

/// Writes each key that is there again, as it was read.
async fn write_back(dcs: &dyn Dcs, snapshot: &Snapshot) {
    let mut write = LeaderWrite::from(snapshot.leader.get().unwrap().clone());
    write.status = snapshot.status.get().cloned();
    write.failsafe = snapshot.failsafe.get().cloned();
    let mut changes = vec![(
        Change::Leader(Box::new(write)),
        snapshot.leader.precondition(),
    )];
    let config = snapshot.config.precondition();
    if let Some(value) = snapshot.config.get() {
        changes.push((Change::Config(Some(value.clone())), config));
    }
    if let Some(value) = snapshot.initialize.get() {
        changes.push((Change::Initialize(Some(value.clone())), config));
    }
    if let Some(value) = snapshot.history.get() {
        changes.push((Change::History(Some(value.clone())), config));
    }
    if let Some(value) = snapshot.failover.get() {
        let expected = snapshot.failover.precondition();
        changes.push((Change::Failover(Some(value.clone())), expected));
    }
    if let Some(value) = snapshot.sync.get() {
        let expected = snapshot.sync.precondition();
        changes.push((Change::Sync(Some(value.clone())), expected));
    }
    for (change, expected) in changes {
        let outcome = dcs.write(&change, expected).await;
        outcome.into_result().unwrap();
    }
}

/// The annotations that the writes leave on each object, where nothing was.
fn written(log: &Log) -> BTreeMap<String, Texts> {
    let mut objects: BTreeMap<String, Texts> = BTreeMap::new();
    for Asked { body, .. } in log.all().iter().filter(|asked| asked.method != "GET") {
        let metadata = &body["metadata"];
        let name = metadata["name"].as_str().unwrap().to_owned();
        let object = objects.entry(name).or_default();
        for (key, value) in metadata["annotations"].as_object().unwrap() {
            match value {
                Value::String(text) => object.insert(key.clone(), text.clone()),
                Value::Null => object.remove(key),
                other => panic!("{key}: {other}"),
            };
        }
    }
    objects
}

fn stored(items: &Value) -> BTreeMap<String, Texts> {
    let items = items["items"].as_array().unwrap().iter();
    let texts = items.map(|item| {
        let metadata = &item["metadata"];
        let annotations = metadata["annotations"].as_object();
        let all = annotations.into_iter().flatten();
        // The endpoints controller's, which nobody of ours names.
        let own = all.filter(|(key, _)| !key.contains("kubernetes.io/"));
        let texts = own.map(|(key, text)| (key.clone(), text.as_str().unwrap().to_owned()));
        let name = metadata["name"].as_str().unwrap().to_owned();
        (name, texts.collect::<Texts>())
    });
    texts.filter(|(_, texts)| !texts.is_empty()).collect()
}

#[tokio::test]
async fn every_recorded_annotation_is_written_back_as_it_stood_there() {
    for (set, holder, file) in [
        ("endpoints-steady", "pg2", "endpoints.json"),
        ("endpoints-after-switchover", "pg1", "endpoints.json"),
        ("endpoints-sync-mode", "pg1", "endpoints.json"),
        ("endpoints-paused", "pg1", "endpoints.json"),
        ("configmaps-steady", "pg2", "configmaps.json"),
        ("configmaps-after-switchover", "pg1", "configmaps.json"),
    ] {
        let read = |file: &str| -> Value {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
            let text = std::fs::read_to_string(folder.join(set).join(file)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let (keys, pods) = (read(file), read("pods.json"));
        let in_endpoints = set.starts_with("endpoints");
        let (dcs, log) = handle(in_endpoints, holder, keys.clone(), pods.clone());
        let snapshot = dcs.load().await.unwrap();
        assert_eq!(snapshot.malformed(), [], "{set}");
        write_back(&*dcs, &snapshot).await;
        for (name, entry) in &snapshot.members {
            // Each member writes its own key only.
            let (own, member_log) = handle(in_endpoints, name.as_str(), keys.clone(), pods.clone());
            let outcome = own.put_member(entry.get().unwrap()).await;
            outcome.into_result().unwrap();
            let found = written(&member_log);
            assert_eq!(found[name.as_str()], stored(&pods)[name.as_str()], "{set}");
        }
        assert_eq!(snapshot.members.len(), 3);
        assert_eq!(written(&log), stored(&keys), "{set}");
    }
}

/// `json.dumps`, told a second time: `ensure_ascii`, these separators.
fn dumps(value: &Value, comma: &str, colon: &str) -> String {
    let each = |items: Vec<String>| items.join(comma);
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items = items.iter().map(|item| dumps(item, comma, colon));
            format!("[{}]", each(items.collect()))
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields =
                fields.map(|(k, v)| format!("{}{colon}{}", quoted(k), dumps(v, comma, colon)));
            format!("{{{}}}", each(fields.collect()))
        }
        Value::Number(number) if number.is_f64() => repr(number.as_f64().unwrap()),
        plain => plain.to_string(),
    }
}

/// `repr` of a float: digits between 1e-4 and 1e16, else an exponent of two
/// digits or more with its sign.
fn repr(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap();
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for unit in text.encode_utf16() {
        match unit {
            0x22 => out += "\\\"",
            0x5c => out += "\\\\",
            0x0a => out += "\\n",
            0x0d => out += "\\r",
            0x09 => out += "\\t",
            0x0c => out += "\\f",
            0x08 => out += "\\b",
            0x20..=0x7e => out.push(char::from(u8::try_from(unit).unwrap())),
            other => write!(out, "\\u{other:04x}").unwrap(),
        }
    }
    out + "\""
}

fn compact(value: &Value) -> String {
    dumps(value, ",", ":")
}

/// Any value that Python reads and writes without loss.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has none", |number| {
            number.is_finite().then(|| Value::from(number))
        }),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    prop::collection::vec((any::<String>(), any_json()), 0..5)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

fn member_name() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?"
}

/// `datetime.isoformat` in UTC: no fraction where it is zero.
fn instant() -> impl Strategy<Value = String> {
    (1_600_000_000_i64..4_000_000_000, 0_u32..1_000_000).prop_map(|(second, micros)| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(second.unsigned_abs());
        let whole = dcs_core::Timestamp::from_system_time(time).to_string();
        let (date, offset) = whole.split_at(19);
        match micros {
            0 => whole,
            _ => format!("{date}.{micros:06}{offset}"),
        }
    })
}

fn number() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(|number| number.to_string())
}

fn slots() -> impl Strategy<Value = Value> {
    let position = prop_oneof![
        9 => any::<u64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(json!("50331984")),
        1 => Just(Value::Null),
    ];
    prop::collection::vec((any::<String>(), position), 1..5)
        .prop_map(|slots| Value::Object(slots.into_iter().collect::<Map<_, _>>()))
}

fn maybe(
    key: &'static str,
    text: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<Option<(String, String)>> {
    prop::option::of(text)
        .prop_map(move |text| text.map(|text| (key.to_owned(), text)))
        .boxed()
}

fn texts(parts: Vec<BoxedStrategy<Option<(String, String)>>>) -> impl Strategy<Value = Texts> {
    parts.prop_map(|parts| parts.into_iter().flatten().collect())
}

fn leader_object() -> impl Strategy<Value = Texts> {
    let retained = prop::collection::vec(any::<String>(), 1..4);
    let retained = retained.prop_map(|slots| dumps(&json!(slots), ", ", ": "));
    // The order of this one's keys is by name.
    let urls = prop::collection::btree_map(any::<String>(), any::<String>(), 1..4);
    texts(vec![
        // The one that a handle may write.
        maybe("leader", Just("demo-0".to_owned())),
        maybe("ttl", any::<u32>().prop_map(|ttl| ttl.to_string())),
        maybe("renewTime", instant()),
        maybe("acquireTime", instant()),
        maybe("transitions", number()),
        maybe("optime", number()),
        maybe("slots", slots().prop_map(|slots| compact(&slots))),
        maybe("retain_slots", retained),
        maybe("failsafe", urls.prop_map(|urls| compact(&json!(urls)))),
    ])
}

fn config_object() -> impl Strategy<Value = Texts> {
    let history = prop::collection::vec(any_json(), 0..4);
    let initialize = prop_oneof![Just(String::new()), "[0-9]{10,20}"];
    texts(vec![
        maybe("config", any_object().prop_map(|config| compact(&config))),
        maybe("initialize", initialize),
        maybe("history", history.prop_map(|lines| compact(&lines.into()))),
    ])
}

fn failover_object() -> impl Strategy<Value = Texts> {
    texts(vec![
        maybe("leader", member_name()),
        maybe("member", member_name()),
        maybe("scheduled_at", instant()),
    ])
}

fn sync_object() -> impl Strategy<Value = Texts> {
    let standbys = prop::collection::btree_set(member_name(), 1..4);
    let standbys = standbys.prop_map(|names| names.into_iter().collect::<Vec<_>>().join(","));
    texts(vec![
        maybe("leader", member_name()),
        maybe("sync_standby", standbys),
        maybe("quorum", any::<u32>().prop_map(|quorum| quorum.to_string())),
    ])
}

fn revised(annotations: &BTreeMap<String, Texts>) -> Value {
    let items: Vec<Value> = annotations
        .iter()
        .map(|(name, texts)| object(name, 5, &json!(texts)))
        .collect();
    let Reply::Json(_, items) = list(9, &items) else {
        unreachable!("a list is JSON");
    };
    items
}

/// What is read of these annotations, and what is written of that.
async fn through_the_library(
    objects: &BTreeMap<String, Texts>,
    status: &str,
) -> (Snapshot, BTreeMap<String, Texts>, String) {
    let pods = BTreeMap::from([(
        "demo-0".to_owned(),
        Texts::from([("status".to_owned(), status.to_owned())]),
    )]);
    let (dcs, log) = handle(true, "demo-0", revised(objects), revised(&pods));
    let snapshot = dcs.load().await.unwrap();
    assert_eq!(snapshot.malformed(), []);
    write_back(&*dcs, &snapshot).await;
    let mut found = written(&log);
    found.retain(|_, texts| !texts.is_empty());
    let name: MemberName = "demo-0".parse().unwrap();
    let member = snapshot.members[&name].get().unwrap();
    dcs.put_member(member).await.into_result().unwrap();
    let status = &log.last().body["metadata"]["annotations"]["status"];
    (snapshot, found, status.as_str().unwrap().to_owned())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// From annotations to records and back.
    #[test]
    fn what_patroni_may_have_written_is_written_back_as_it_stood_there(
        leader in leader_object(),
        config in config_object(),
        failover in failover_object(),
        sync in sync_object(),
        member in any_object(),
    ) {
        let mut objects = BTreeMap::from([
            ("demo".to_owned(), leader),
            ("demo-config".to_owned(), config),
            ("demo-failover".to_owned(), failover),
            ("demo-sync".to_owned(), sync),
        ]);
        let status = compact(&member);
        let (_, found, found_status) = run(through_the_library(&objects, &status));
        objects.retain(|_, texts| !texts.is_empty());
        prop_assert_eq!(found, objects);
        prop_assert_eq!(found_status, status);
    }

    /// From records to annotations and back.
    #[test]
    fn what_was_written_is_read_as_what_it_was(
        leader in leader_object(),
        config in config_object(),
        failover in failover_object(),
        sync in sync_object(),
        member in any_object(),
    ) {
        let objects = BTreeMap::from([
            ("demo".to_owned(), leader),
            ("demo-config".to_owned(), config),
            ("demo-failover".to_owned(), failover),
            ("demo-sync".to_owned(), sync),
        ]);
        run(async {
            let (first, mut found, status) = through_the_library(&objects, &compact(&member)).await;
            for name in objects.keys() {
                found.entry(name.clone()).or_default();
            }
            let (second, ..) = through_the_library(&found, &status).await;
            assert_eq!(first, second);
        });
    }
}
