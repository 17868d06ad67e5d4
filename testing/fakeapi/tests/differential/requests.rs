//! Requests by chance, before they are written for one server: what is said of
//! revisions and uids depends on what that server showed.

use fastrand::Rng;
use serde_json::{Value, json};

use super::server::{Server, Wire};

/// Kinds by their paths.
pub(crate) const KINDS: [(&str, &str); 6] = [
    ("/api/v1", "configmaps"),
    ("/api/v1", "endpoints"),
    ("/apis/coordination.k8s.io/v1", "leases"),
    ("/api/v1", "pods"),
    ("/api/v1", "services"),
    ("/apis/discovery.k8s.io/v1", "endpointslices"),
];

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A request, for either server.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    method: &'static str,
    kind: usize,
    name: Option<&'static str>,
    status: bool,
    query: String,
    content_type: Option<&'static str>,
    accept: Option<&'static str>,
    body: Option<Value>,
    /// A body that is no JSON.
    raw: Option<&'static str>,
    revision: Which,
    uid: Which,
    query_revision: Which,
    goes_on: bool,
}

/// Which version is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Which {
    Unsaid,
    Current,
    /// Some versions ago.
    Older(usize),
    Literal(&'static str),
}

impl Template {
    /// The object whose revision the answer shows.
    pub(crate) fn path(&self) -> Option<String> {
        let name = match self.name {
            Some(name) => name,
            None if self.method == "POST" => self.body.as_ref()?["metadata"]["name"].as_str()?,
            None => return None,
        };
        Some(format!("{}/{name}", KINDS[self.kind].1))
    }

    pub(crate) fn for_server(&self, server: &Server) -> Wire {
        let (group, plural) = KINDS[self.kind];
        let mut uri = format!("{group}/namespaces/{}/{plural}", server.namespace);
        for part in self.name.iter().chain(self.status.then_some(&"status")) {
            uri = format!("{uri}/{part}");
        }
        let path = self.path().unwrap_or_default();
        let mut query = self.query.clone();
        if let Some(revision) = self.query_revision.of(server, &path, false) {
            query.push_str(&format!("&resourceVersion={revision}"));
        }
        if let (true, Some(next)) = (self.goes_on, &server.next) {
            query.push_str(&format!("&continue={next}"));
        }
        if !query.is_empty() {
            uri = format!("{uri}?{}", query.trim_start_matches('&'));
        }
        let body = match (self.raw, self.body.clone()) {
            (Some(raw), _) => raw.as_bytes().to_vec(),
            (None, None) => Vec::new(),
            (None, Some(mut body)) => {
                let place = if self.method == "DELETE" {
                    "preconditions"
                } else {
                    "metadata"
                };
                for (which, field) in [(self.revision, "resourceVersion"), (self.uid, "uid")] {
                    if let Some(value) = which.of(server, &path, field == "uid") {
                        body[place][field] = value.into();
                    }
                }
                body.to_string().into_bytes()
            }
        };
        Wire {
            method: self.method,
            uri,
            content_type: self.content_type,
            accept: self.accept,
            body,
        }
    }
}

impl Which {
    fn of(self, server: &Server, path: &str, is_uid: bool) -> Option<String> {
        let versions = server.versions(path);
        let back = match self {
            Self::Unsaid => return None,
            Self::Literal(text) => return Some(text.to_owned()),
            Self::Current => 0,
            Self::Older(back) => back,
        };
        let at = versions.len().checked_sub(1 + back)?;
        let seen = &versions[at];
        Some(if is_uid {
            seen.uid.clone()
        } else {
            seen.revision.clone()
        })
    }
}

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
                (*choose(rng, &["A_b", "a..b", "-a", "a.b", "a/b", "."])).into()
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
    Template {
        method: "PUT",
        status: plain.kind == 3 && rng.u8(..4) == 0,
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
        5 => body["metadata"]["finalizers"] = Value::Null,
        6 => body["metadata"]["labels"] = "x".into(),
        7 => body = json!({}),
        8 => body["metadata"]["creationTimestamp"] = Value::Null,
        9 => body["metadata"]["generation"] = 9.into(),
        10 => body["surprise"] = 1.into(),
        11..14 => body["metadata"]["finalizers"] = Value::Null,
        _ => {}
    }
    let raw = rng.u8(..40) == 0;
    Template {
        method: "PATCH",
        status: plain.kind == 3 && rng.u8(..4) == 0,
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
    let selectors = [
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
    let fields = [
        "",
        "",
        "",
        "",
        "metadata.name%3Da",
        "metadata.name!%3Da",
        "spec.what%3D1",
        "metadata.name",
    ];
    let mut query = String::new();
    let selector = choose(rng, &selectors);
    if rng.bool() && !selector.is_empty() {
        query.push_str(&format!("&labelSelector={selector}"));
    }
    let field = choose(rng, &fields);
    if !field.is_empty() {
        query.push_str(&format!("&fieldSelector={field}"));
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
        query_revision = *choose(
            rng,
            &[
                Which::Literal("0"),
                Which::Literal("x"),
                Which::Literal("1"),
            ],
        );
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

/// An object that is mostly well made.
fn object(rng: &mut Rng, kind: usize, name: &str) -> Value {
    let mut metadata = metadata(rng);
    metadata["name"] = name.into();
    let mut object = json!({"metadata": metadata});
    let twist = rng.u8(..12);
    match KINDS[kind].1 {
        "configmaps" => match twist {
            0 => object["data"] = json!({"bad key": "x"}),
            1 => object["data"] = json!({"k": 1}),
            2 => object["immutable"] = true.into(),
            3 => object["data"] = json!([]),
            4 => object["binaryData"] = json!({"b": "AAEC"}),
            _ => object["data"] = json!({"k": choose(rng, &["1", "2", ""])}),
        },
        "endpoints" => object["subsets"] = subsets(rng, twist),
        "leases" => match twist {
            0 => object["spec"] = json!({"leaseDurationSeconds": 0}),
            1 => object["spec"] = json!({"leaseTransitions": -1}),
            2 => object["spec"] = json!({"renewTime": "yesterday"}),
            3 => object["spec"] = json!({"leaseDurationSeconds": "15"}),
            4 => {}
            _ => {
                let holder = choose(rng, &["a", "b", ""]);
                let renew = choose(
                    rng,
                    &["2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:01Z"],
                );
                object["spec"] = json!({"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renew, "leaseTransitions": rng.u8(..3)});
            }
        },
        "pods" => match twist {
            0 => object["spec"] = json!({}),
            1 => object["spec"] = json!({"containers": [{"name": "c"}]}),
            2 => object["spec"] = json!({"containers": [{"name": "C", "image": "i"}]}),
            3 => object["spec"] = json!({"containers": "none"}),
            4 => object["spec"] = json!({"containers": [{"name": "c", "image": "j"}]}),
            _ => object["spec"] = json!({"containers": [{"name": "c", "image": "i"}]}),
        },
        "services" => match twist {
            0 => object["spec"] = json!({}),
            1 => object["spec"] = json!({"clusterIP": "None", "selector": {"a": "b"}}),
            2 => object["spec"] = json!({"clusterIP": "None", "ports": [{"port": 80}]}),
            _ => object["spec"] = json!({"clusterIP": "None"}),
        },
        _ => {
            let ip = choose(rng, &["192.0.2.1", "192.0.2.2"]);
            object["addressType"] = "IPv4".into();
            object["endpoints"] = json!([{"addresses": [ip]}]);
            match twist {
                0 => object["addressType"] = "IPv6".into(),
                1 => object["addressType"] = Value::Null,
                2 => object["endpoints"] = json!([]),
                3 => object["endpoints"] = json!([{"addresses": []}]),
                4 => object["ports"] = json!([{"port": 80}, {"port": 81}]),
                5 => object["ports"] = json!([{"port": 80, "name": "x"}]),
                _ => {}
            }
        }
    }
    object
}

fn subsets(rng: &mut Rng, twist: u8) -> Value {
    let ip = choose(rng, &["192.0.2.1", "192.0.2.2"]);
    match twist {
        0 => json!([{"addresses": [{"ip": "127.0.0.1"}]}]),
        1 => json!([{"addresses": [{"ip": "x"}], "ports": [{"port": 0}]}]),
        2 => json!([{"addresses": []}]),
        3 => json!([{"addresses": [{"ip": ip}], "ports": [{"port": 1}, {"port": 2}]}]),
        4 => json!([{"addresses": [{"ip": ip}], "ports": [{"port": 1, "protocol": "X"}]}]),
        5 => json!([]),
        6 => {
            json!([{"notReadyAddresses": [{"ip": ip}], "ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]}])
        }
        7 => json!({"addresses": []}),
        8 => json!([{"addresses": [{"ip": "169.254.1.1"}, {"ip": "0.0.0.0"}]}]),
        _ => {
            json!([{"addresses": [{"ip": ip, "targetRef": {"kind": "Pod", "name": "p"}}], "ports": [{"port": 5432}]}])
        }
    }
}

fn metadata(rng: &mut Rng) -> Value {
    let mut metadata = json!({});
    if rng.bool() {
        metadata["labels"] = match rng.u8(..24) {
            0 => json!({"bad key": "1"}),
            1 => json!({"x": "bad value"}),
            2 => json!({"example.com/x": "1", "x": "1"}),
            3 => json!({"x": null}),
            _ => json!({"x": choose(rng, &["1", "2", "3", ""])}),
        };
    }
    if rng.bool() {
        metadata["annotations"] = match rng.u8(..200) {
            5..14 => json!({"bad key": "1"}),
            1 => json!({"big": "y".repeat(262_144)}),
            2 => json!({"fits": "y".repeat(262_140)}),
            14..22 => json!({"UPPER/Case": "1"}),
            22..30 => json!({"a": null}),
            _ => json!({"a": choose(rng, &["1", "2", ""])}),
        };
    }
    match rng.u8(..24) {
        0..2 => metadata["finalizers"] = json!(["example.com/x"]),
        2 => metadata["finalizers"] = json!(["example.com/x", "example.com/y"]),
        3 => metadata["finalizers"] = json!([]),
        4 => {
            metadata["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}])
        }
        5 => {
            metadata["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "Pod", "name": "", "uid": ""}])
        }
        _ => {}
    }
    metadata
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

fn choose<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}
