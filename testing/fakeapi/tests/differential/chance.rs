//! What a request asks for, by chance.

use fastrand::Rng;
use serde_json::{Value, json};

use super::bodies::{metadata, object};
use super::requests::{PODS, SERVICES, Template, Which};

const NAMES: [&str; 3] = ["a", "b", "c"];

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

const LABELS: [&str; 17] = [
    "",
    "x%3D1",
    "x!%3D1",
    "x",
    "!x",
    "x%20in%20(1%2C2)",
    "x%20notin%20(1)",
    "x%3D",
    "x%3D%3D2%2C!y",
    "x%3D1%2C",
    "x%20in",
    "-x%3D1",
    "x%3D-",
    "x%3E1",
    "x%3C2",
    "(",
    "x%20y",
];
const FIELDS: [&str; 8] = [
    "",
    "",
    "",
    "",
    "metadata.name%3Da",
    "metadata.name!%3Da",
    "spec.what%3D1",
    "metadata.name",
];

/// One request by chance.
pub(crate) fn request(rng: &mut Rng, kind: usize) -> Template {
    let name = *choose(rng, &NAMES);
    let plain = Template {
        method: "GET",
        kind,
        name: Some(name),
        status: false,
        query: String::new(),
        content_type: None,
        accept: None,
        body: None,
        raw: None,
        revision: Which::Unsaid,
        uid: Which::Unsaid,
        query_revision: Which::Unsaid,
        goes_on: false,
    };
    match rng.u8(..20) {
        0..5 => create(rng, plain),
        5..8 => update(rng, plain),
        8..14 => patch(rng, plain),
        14..16 => delete(rng, plain),
        16 => get(rng, plain),
        _ => list(rng, plain),
    }
}

fn create(rng: &mut Rng, plain: Template) -> Template {
    let mut body = object(rng, plain.kind, plain.name.unwrap_or_default());
    match rng.u8(..30) {
        0 => {
            body["metadata"]["name"] =
                (*choose(rng, &["A_b", "a..b", "-a", "a.b", "a/b", "."])).into();
        }
        1 => body["metadata"] = json!({}),
        2 => body["metadata"]["resourceVersion"] = "5".into(),
        3 => body["metadata"]["uid"] = "5".into(),
        4 => body["metadata"]["namespace"] = "elsewhere".into(),
        5 => body["kind"] = "Secret".into(),
        6 => body["metadata"] = json!({"generateName": choose(rng, &["g-", "G_", "x."])}),
        7 => body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into(),
        8 => body["surprise"] = json!({"a": [1]}),
        _ => {}
    }
    let raw = rng.u8(..40) == 0;
    Template {
        method: "POST",
        name: None,
        content_type: Some("application/json"),
        accept: metadata_only(rng),
        raw: raw.then(|| *choose(rng, &["", "{", "[]", "null", "7", "\"x\""])),
        body: Some(body),
        ..plain
    }
}

fn update(rng: &mut Rng, plain: Template) -> Template {
    let mut body = object(rng, plain.kind, plain.name.unwrap_or_default());
    match rng.u8(..30) {
        0 => body["metadata"]["name"] = "other".into(),
        1 => body["metadata"]["name"] = Value::Null,
        2 => body["metadata"]["namespace"] = "elsewhere".into(),
        3 => body["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z".into(),
        4 => body["metadata"]["generation"] = 77.into(),
        _ => {}
    }
    // A PUT that leaves a field of a Service to the server changes its
    // managedFields alone, which the fake does not have.
    if body["spec"] == json!({}) && plain.kind == SERVICES {
        body["spec"] = json!({"clusterIP": "None"});
    }
    Template {
        method: "PUT",
        status: plain.kind == PODS && rng.u8(..4) == 0,
        content_type: Some("application/json"),
        accept: metadata_only(rng),
        body: Some(body),
        revision: which(rng),
        uid: uid(rng),
        ..plain
    }
}

fn patch(rng: &mut Rng, plain: Template) -> Template {
    let mut body = json!({"metadata": metadata(rng)});
    if rng.bool() {
        let whole = object(rng, plain.kind, "x");
        for (key, value) in whole.as_object().unwrap() {
            if key != "metadata" {
                body[key] = value.clone();
            }
        }
    }
    match rng.u8(..40) {
        0 => body["metadata"]["name"] = "other".into(),
        1 => body["metadata"]["namespace"] = "elsewhere".into(),
        2 => body["kind"] = "Secret".into(),
        3 => body["metadata"]["labels"] = Value::Null,
        4 => body["metadata"]["annotations"] = json!({"n": 7}),
        6 => body["metadata"]["labels"] = "x".into(),
        7 => body = json!({}),
        8 => body["metadata"]["creationTimestamp"] = Value::Null,
        9 => body["metadata"]["generation"] = 9.into(),
        10 => body["surprise"] = 1.into(),
        5 | 11..14 => body["metadata"]["finalizers"] = Value::Null,
        _ => {}
    }
    let raw = rng.u8(..40) == 0;
    Template {
        method: "PATCH",
        status: plain.kind == PODS && rng.u8(..4) == 0,
        content_type: Some(if rng.bool() { MERGE } else { STRATEGIC }),
        accept: metadata_only(rng),
        raw: raw.then(|| *choose(rng, &["", "{", "[]", "null", "7"])),
        body: Some(body),
        revision: which(rng),
        uid: uid(rng),
        ..plain
    }
}

fn delete(rng: &mut Rng, plain: Template) -> Template {
    let body = (rng.u8(..3) > 0)
        .then(|| json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {}}));
    Template {
        method: "DELETE",
        content_type: body.is_some().then_some("application/json"),
        revision: which(rng),
        uid: uid(rng),
        body,
        ..plain
    }
}

fn get(rng: &mut Rng, plain: Template) -> Template {
    Template {
        accept: match rng.u8(..10) {
            0 => Some(METADATA_LIST),
            1 => Some("text/html"),
            2..5 => Some(METADATA),
            _ => None,
        },
        query_revision: match rng.u8(..8) {
            0 => Which::Literal("0"),
            1 => Which::Literal("x"),
            2 => Which::Current,
            _ => Which::Unsaid,
        },
        ..plain
    }
}

fn list(rng: &mut Rng, plain: Template) -> Template {
    let mut query = String::new();
    let selector = choose(rng, &LABELS);
    if rng.bool() && !selector.is_empty() {
        query.extend(["&labelSelector=", selector]);
    }
    let field = choose(rng, &FIELDS);
    if !field.is_empty() {
        query.extend(["&fieldSelector=", field]);
    }
    let goes_on = rng.u8(..3) == 0;
    if rng.bool() {
        query.push_str(choose::<&str>(
            rng,
            &["&limit=1", "&limit=2", "&limit=1", "&limit=x", "&limit=-1"],
        ));
    }
    let mut query_revision = Which::Unsaid;
    if !goes_on && rng.u8(..4) == 0 {
        query_revision = *choose(rng, &[Which::Literal("0"), Which::Literal("x")]);
        query.push_str(choose::<&str>(
            rng,
            &[
                "",
                "&resourceVersionMatch=NotOlderThan",
                "&resourceVersionMatch=Foo",
            ],
        ));
    } else if rng.u8(..20) == 0 {
        query.push_str("&resourceVersionMatch=Exact");
    }
    Template {
        name: None,
        query,
        query_revision,
        goes_on,
        accept: match rng.u8(..10) {
            0 => Some(METADATA),
            1..4 => Some(METADATA_LIST),
            _ => None,
        },
        ..plain
    }
}

fn which(rng: &mut Rng) -> Which {
    match rng.u8(..20) {
        0..8 => Which::Unsaid,
        8..14 => Which::Current,
        14..17 => Which::Older(1 + rng.usize(..2)),
        17 => Which::Literal("0"),
        18 => Which::Literal("x"),
        _ => Which::Literal(""),
    }
}

fn uid(rng: &mut Rng) -> Which {
    match rng.u8(..20) {
        0..16 => Which::Unsaid,
        16..18 => Which::Current,
        18 => Which::Literal("00000000-0000-4000-8000-000000000000"),
        _ => Which::Literal(""),
    }
}

fn metadata_only(rng: &mut Rng) -> Option<&'static str> {
    (rng.u8(..4) == 0).then_some(METADATA)
}

pub(crate) fn choose<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}
