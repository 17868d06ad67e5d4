//! The two servers, asked in the same way.

use std::collections::BTreeMap;

use bytes::Bytes;
use dcs_fakeapi::FakeApi;
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;

/// A server, and what it said of each object.
#[derive(Clone)]
pub(crate) struct Server {
    client: kube::Client,
    pub(crate) namespace: String,
    /// The versions of each object that it showed, oldest first.
    seen: BTreeMap<String, Vec<Seen>>,
    /// The continue token of the last list.
    pub(crate) next: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) revision: String,
    pub(crate) uid: String,
}

/// A request for one server.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) method: &'static str,
    pub(crate) uri: String,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) accept: Option<&'static str>,
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) code: u16,
    pub(crate) body: Value,
    /// Whether the revision of the object that the request was about is another
    /// one now.
    pub(crate) moved: bool,
}

impl Server {
    pub(crate) async fn real() -> Self {
        assert!(
            std::env::var_os("KUBECONFIG").is_some(),
            "KUBECONFIG names no API server: run this through cargo xtask test"
        );
        let mut config = kube::Config::infer().await.unwrap();
        config.default_retry = false;
        Self::of(kube::Client::try_from(config).unwrap())
    }

    pub(crate) fn fake(seed: u64) -> Self {
        let options = dcs_fakeapi::Options::new().seed(seed);
        Self::of(FakeApi::with_options(options).client())
    }

    fn of(client: kube::Client) -> Self {
        Self {
            client,
            namespace: String::new(),
            seen: BTreeMap::new(),
            next: None,
        }
    }

    pub(crate) async fn in_namespace(mut self, namespace: String) -> Self {
        let body = serde_json::json!({"metadata": {"name": namespace}});
        let wire = Wire {
            method: "POST",
            uri: "/api/v1/namespaces".to_owned(),
            content_type: Some("application/json"),
            accept: None,
            body: body.to_string().into_bytes(),
        };
        assert_eq!(self.send(&wire).await.0, 201);
        self.namespace = namespace;
        self
    }

    pub(crate) fn versions(&self, path: &str) -> &[Seen] {
        self.seen.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Asks, and learns from the answer. `path` is that of the object.
    pub(crate) async fn ask(&mut self, wire: &Wire, path: Option<&str>) -> Heard {
        let (code, body) = self.send(wire).await;
        let metadata = &body["metadata"];
        if let Some(next) = metadata["continue"].as_str() {
            self.next = Some(next.to_owned());
        } else if metadata["resourceVersion"].is_string() && body["items"].is_array() {
            self.next = None;
        }
        let mut moved = false;
        if let (Some(path), Some(revision), true) =
            (path, metadata["resourceVersion"].as_str(), code < 300)
        {
            let versions = self.seen.entry(path.to_owned()).or_default();
            moved = versions.last().is_none_or(|last| last.revision != revision);
            if moved {
                versions.push(Seen {
                    revision: revision.to_owned(),
                    uid: metadata["uid"].as_str().unwrap_or_default().to_owned(),
                });
            }
        }
        Heard { code, body, moved }
    }

    /// The lines of a watch, up to the first one about `last`.
    pub(crate) async fn watch(&mut self, uri: &str, last: &str) -> Vec<Value> {
        let request = Request::get(uri).body(Body::empty()).unwrap();
        let response = self.client.send(request).await.unwrap();
        let mut body = response.into_body();
        let (mut text, mut lines) = (Vec::new(), Vec::new());
        loop {
            let Some(frame) = body.frame().await else {
                panic!("the watch {uri} ended before {last}: {lines:?}");
            };
            text.extend_from_slice(&frame.unwrap().into_data().unwrap_or_default());
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                let line: Value = serde_json::from_slice(&line).unwrap();
                let is_last = line["object"]["metadata"]["name"] == last;
                lines.push(line);
                if is_last {
                    return lines;
                }
            }
        }
    }

    async fn send(&self, wire: &Wire) -> (u16, Value) {
        let mut request = Request::builder().method(wire.method).uri(&wire.uri);
        for (name, value) in [("content-type", wire.content_type), ("accept", wire.accept)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let request = request.body(Body::from(wire.body.clone())).unwrap();
        let response = self.client.send(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes: Bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}
