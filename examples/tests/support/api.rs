//! The administrator's way to the API server: by hand, without the library.

use dcs_core::{Entropy, OsEntropy};
use http::{Method, Request};
use serde_json::{Value, json};

/// How the tests call themselves, so that the audit log tells them apart.
pub(crate) const USER_AGENT: &str = "examples-test";

/// A namespace of its own on the API server that `KUBECONFIG` names.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) client: kube::Client,
    pub(crate) namespace: String,
}

impl Api {
    pub(crate) async fn open() -> Self {
        assert!(
            std::env::var_os("KUBECONFIG").is_some(),
            "KUBECONFIG names no API server: run this through cargo xtask test"
        );
        Self::open_at(kube::Config::infer().await.unwrap()).await
    }

    /// A namespace of its own on this API server.
    pub(crate) async fn open_at(mut config: kube::Config) -> Self {
        config.default_retry = false;
        let agent = (http::header::USER_AGENT, USER_AGENT.parse().unwrap());
        config.headers.push(agent);
        let client = kube::Client::try_from(config).unwrap();
        let namespace = format!("dcs-test-{:016x}", OsEntropy::new().bits() >> 64);
        let api = Self { client, namespace };
        let body = json!({"metadata": {"name": api.namespace}});
        let created = api.request(Method::POST, "/api/v1/namespaces", Some(&body));
        created.await.unwrap();
        api
    }

    /// The path of a collection, or of what is in it.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    pub(crate) async fn list(&self, collection: &str) -> Vec<Value> {
        let path = self.path(collection);
        let list = self.request(Method::GET, &path, None);
        list.await.unwrap()["items"].as_array().unwrap().clone()
    }

    /// The object, or `None` where there is none.
    pub(crate) async fn get(&self, collection: &str, name: &str) -> Option<Value> {
        let path = self.path(&format!("{collection}/{name}"));
        match self.request(Method::GET, &path, None).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    pub(crate) async fn create(&self, collection: &str, body: &Value) -> Value {
        let path = self.path(collection);
        let created = self.request(Method::POST, &path, Some(body));
        created.await.unwrap()
    }

    pub(crate) async fn patch(&self, collection: &str, name: &str, body: &Value) -> Value {
        let path = self.path(&format!("{collection}/{name}"));
        let patched = self.request(Method::PATCH, &path, Some(body));
        patched.await.unwrap()
    }

    pub(crate) async fn delete(&self, collection: &str, name: &str) {
        let path = self.path(&format!("{collection}/{name}"));
        let deleted = self.request(Method::DELETE, &path, None);
        deleted.await.unwrap();
    }

    /// Every name of an object or Pod in the namespace.
    pub(crate) async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for collection in ["endpoints", "configmaps", "pods"] {
            for object in self.list(collection).await {
                let name = object["metadata"]["name"].as_str().unwrap();
                names.push(format!("{collection}/{name}"));
            }
        }
        names
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> kube::Result<Value> {
        // As Patroni patches.
        let kind = match method {
            Method::PATCH => "application/strategic-merge-patch+json",
            _ => "application/json",
        };
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, kind)
            .body(body)
            .unwrap();
        self.client.request(request).await
    }
}

pub(crate) fn revision(object: &Value) -> u128 {
    let text = object["metadata"]["resourceVersion"].as_str().unwrap();
    text.parse().unwrap()
}

pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][key].as_str()
}
