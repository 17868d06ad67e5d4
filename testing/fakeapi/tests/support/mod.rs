//! Requests as they are, without kube in between.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part of it, and a test that cannot go on fails"
)]

use bytes::{Bytes, BytesMut};
use dcs_fakeapi::{BoxError, FakeApi, FakeBody};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub(crate) const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
pub(crate) const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
pub(crate) const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// A request without a body.
pub(crate) async fn read(fake: &FakeApi, uri: &str) -> (u16, Value) {
    ask(fake, ("GET", uri), &Value::Null).await
}

/// A request with a JSON body; a PATCH is a merge patch.
pub(crate) async fn ask(fake: &FakeApi, what: (&str, &str), body: &Value) -> (u16, Value) {
    let response = send(fake, what, body).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// The same, for an answer that may not come.
pub(crate) async fn send(
    fake: &FakeApi,
    (method, uri): (&str, &str),
    body: &Value,
) -> Result<Response<FakeBody>, BoxError> {
    let media = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let request = Request::builder().method(method).uri(uri);
    let request = request.header("content-type", media);
    let request = request.body(Full::<Bytes>::from(body)).unwrap();
    fake.service().oneshot(request).await
}

/// A GET that accepts this.
pub(crate) async fn accepting(fake: &FakeApi, uri: &str, accept: &str) -> (u16, Value) {
    let request = Request::get(uri).header("accept", accept);
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let response = fake.service().oneshot(request).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Makes a ConfigMap with the label `x`, and returns its revision.
pub(crate) async fn map(fake: &FakeApi, name: &str, x: &str) -> u64 {
    let body = json!({"metadata": {"name": name, "labels": {"x": x}}});
    let (code, made) = ask(fake, ("POST", MAPS), &body).await;
    assert_eq!(code, 201, "{made}");
    revision(&made)
}

/// Sets the label `x` of a ConfigMap.
pub(crate) async fn label(fake: &FakeApi, name: &str, x: &str) -> u64 {
    let body = json!({"metadata": {"labels": {"x": x}}});
    let (code, changed) = ask(fake, ("PATCH", &format!("{MAPS}/{name}")), &body).await;
    assert_eq!(code, 200, "{changed}");
    revision(&changed)
}

pub(crate) fn revision(object: &Value) -> u64 {
    let revision = object["metadata"]["resourceVersion"].as_str().unwrap();
    revision.parse().unwrap()
}

/// The names in a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().into_iter().flatten();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

/// A watch, line by line.
pub(crate) struct Watch {
    body: FakeBody,
    buffer: BytesMut,
}

/// What a watch says next.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    Line(Value),
    /// It ended; with what there was of a line.
    Ended(String),
    /// Its connection broke; with what there was of a line.
    Broken(String),
}

impl Watch {
    /// A watch of ConfigMaps.
    pub(crate) async fn open(fake: &FakeApi, query: &str) -> Self {
        let uri = format!("{MAPS}?watch=true{query}");
        let response = send(fake, ("GET", &uri), &Value::Null).await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            buffer: BytesMut::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Said {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return Said::Line(serde_json::from_slice(&line).unwrap());
            }
            let rest = |buffer: &BytesMut| String::from_utf8_lossy(buffer).into_owned();
            match self.body.frame().await {
                Some(Ok(frame)) => self.buffer.extend_from_slice(&frame.into_data().unwrap()),
                Some(Err(_)) => return Said::Broken(rest(&self.buffer)),
                None => return Said::Ended(rest(&self.buffer)),
            }
        }
    }

    /// The next line as `TYPE name@revision`.
    pub(crate) async fn event(&mut self) -> String {
        match self.next().await {
            Said::Line(line) => brief(&line),
            other => format!("{other:?}"),
        }
    }
}

pub(crate) fn brief(line: &Value) -> String {
    let event = line["type"].as_str().unwrap();
    if event == "ERROR" {
        return format!("ERROR {}", line["object"]["code"]);
    }
    let metadata = &line["object"]["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    format!("{event} {name}@{}", revision(&line["object"]))
}
