//! The golden requests, as they stand in their files, on a real API server.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::collections::BTreeMap;

use dcs_kubernetes::kube::{self, client::Body};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use support::golden::golden;
use support::server::{Mode, Place};

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_real_server_takes_each_golden_request_and_stores_what_it_says() {
    for mode in [Mode::Endpoints, Mode::ConfigMaps] {
        let place = Place::open(mode, 0).await;
        let pod = json!({
            "metadata": {"name": "demo-0", "labels": {"application": "dcs", "cluster-name": "demo"}},
            "spec": {"containers": [{"name": "none", "image": "none"}]},
        });
        let pods = place.admin.path("pods");
        let pod = place.admin.post(&pods, &pod).await;
        let mut config = dcs_kubernetes::infer_config().await.unwrap();
        config.default_retry = false;
        let mut replay = Replay {
            client: kube::Client::try_from(config).unwrap(),
            namespace: place.admin.namespace.clone(),
            stored: BTreeMap::from([(
                format!("{pods}/demo-0"),
                serde_json::from_str(&pod).unwrap(),
            )]),
        };
        for (name, request) in golden(mode) {
            replay.send(&name, &request).await;
        }
        let written = replay.stored.len();
        let expected = if matches!(mode, Mode::Endpoints) {
            6
        } else {
            5
        };
        assert_eq!(written, expected, "{:?}", replay.stored.keys());
    }
}

struct Replay {
    client: kube::Client,
    namespace: String,
    /// By path: the last version.
    stored: BTreeMap<String, Value>,
}

impl Replay {
    /// Sends the request as it stands, but for the namespace and the revision,
    /// and compares what the server keeps.
    async fn send(&mut self, name: &str, request: &Value) {
        let in_place = |text: &str| text.replace("/default/", &format!("/{}/", self.namespace));
        let path = in_place(request["path"].as_str().unwrap());
        let mut body = request["body"].clone();
        let object = body["metadata"]["name"].as_str().unwrap_or_default();
        let own = match request["method"].as_str().unwrap() {
            "POST" => format!("{path}/{object}"),
            _ => path.clone(),
        };
        let before = self.stored.get(&own).cloned().unwrap_or_default();
        if body.is_object() {
            body["metadata"]["namespace"] = self.namespace.as_str().into();
        }
        if body["metadata"].get("resourceVersion").is_some() {
            body["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
        }
        if let Some(target) = body.pointer_mut("/subsets/0/addresses/0/targetRef/namespace") {
            *target = self.namespace.as_str().into();
        }
        let after = self.raw(name, request, &path, &body).await;
        if request["method"] == "GET" {
            return;
        }
        for part in ["annotations", "labels"] {
            let of = |object: &Value| object["metadata"][part].as_object().cloned();
            let mut expected = of(&before).unwrap_or_default();
            expected.extend(of(&body).unwrap_or_default());
            expected.retain(|_, value| !value.is_null());
            assert_eq!(of(&after).unwrap_or_default(), expected, "{name}: {part}");
        }
        let subsets = match body.get("subsets") {
            None => before["subsets"].clone(),
            Some(Value::Array(none)) if none.is_empty() => Value::Null,
            Some(subsets) => {
                let mut subsets = subsets.clone();
                subsets[0]["ports"][0]["protocol"] = "TCP".into();
                subsets
            }
        };
        assert_eq!(after["subsets"], subsets, "{name}");
        self.stored.insert(own, after);
    }

    async fn raw(&self, name: &str, golden: &Value, path: &str, body: &Value) -> Value {
        let mut request = Request::builder()
            .method(golden["method"].as_str().unwrap())
            .uri(path);
        if let Some(kind) = golden["content_type"].as_str() {
            request = request.header("content-type", kind);
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string().into_bytes()),
        };
        let response = self.client.send(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(status.is_success(), "{name}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
