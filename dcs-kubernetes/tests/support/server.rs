//! A real API server: `KUBECONFIG` says where.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dcs_conformance::{Controls, Fault, Harness, World};
use dcs_core::{Clock, Dcs, Entropy as _, MemberName, OsEntropy, SystemClock};
use dcs_kubernetes::kube::{self, client::Body};
use dcs_kubernetes::{Builder, ConfigMapDcs, EndpointsDcs};
use futures_util::future::BoxFuture;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::faults::Link;

/// Eight members with eight writes each wait for one another on a small machine.
const ATTEMPT: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Endpoints,
    ConfigMaps,
}

/// Runs the suite against the API server of `KUBECONFIG`.
#[derive(Debug)]
pub(crate) struct RealServer(pub(crate) Mode);

/// The administrator's way to the server: no faults, and no rules of ours.
#[derive(Clone)]
pub(crate) struct Admin {
    client: kube::Client,
    pub(crate) namespace: String,
}

/// One scope in a namespace of its own.
pub(crate) struct Place {
    pub(crate) admin: Admin,
    pub(crate) scope: String,
    pub(crate) mode: Mode,
    pub(crate) links: Vec<Link>,
    pub(crate) handles: Vec<Arc<dyn Dcs>>,
    pub(crate) members: Vec<MemberName>,
}

#[async_trait]
impl Harness for RealServer {
    fn block_on(&self, case: BoxFuture<'static, ()>) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.unwrap().block_on(case);
    }

    async fn open(&self, members: usize) -> World {
        let place = Place::open(self.0, members).await;
        World {
            handles: place.handles.clone(),
            members: place.members.clone(),
            controls: Box::new(place),
        }
    }
}

impl Mode {
    fn leader_path(self, admin: &Admin, scope: &str) -> String {
        match self {
            Self::Endpoints => admin.path(&format!("endpoints/{scope}")),
            Self::ConfigMaps => admin.path(&format!("configmaps/{scope}-leader")),
        }
    }
}

impl Place {
    pub(crate) async fn open(mode: Mode, members: usize) -> Self {
        let id = format!("{:016x}", OsEntropy::new().bits() >> 64);
        let admin = Admin::new(format!("dcs-test-{id}")).await;
        let scope = format!("s{id}");
        let mut place = Self {
            admin,
            scope,
            mode,
            links: Vec::new(),
            handles: Vec::new(),
            members: Vec::new(),
        };
        for member in 0..members {
            place.join(member).await;
        }
        place
    }

    pub(crate) async fn join(&mut self, member: usize) {
        let name: MemberName = format!("sample-{member}").parse().unwrap();
        let pod = pod(&name, &self.scope);
        self.admin.post(&self.admin.path("pods"), &pod).await;
        let link = Link::new();
        let client = link.client(real_client().await);
        let scope = self.scope.parse().unwrap();
        let handle: Arc<dyn Dcs> = match self.mode {
            Mode::Endpoints => {
                let ip = address(member).parse().unwrap();
                let builder = EndpointsDcs::builder(scope).pod_ip(ip);
                Arc::new(
                    self.common(builder, &name)
                        .build_with_client(client)
                        .unwrap(),
                )
            }
            Mode::ConfigMaps => {
                let builder = ConfigMapDcs::builder(scope);
                Arc::new(
                    self.common(builder, &name)
                        .build_with_client(client)
                        .unwrap(),
                )
            }
        };
        self.links.push(link);
        self.handles.push(handle);
        self.members.push(name);
    }

    pub(crate) fn leader_path(&self) -> String {
        self.mode.leader_path(&self.admin, &self.scope)
    }

    fn common<D>(&self, builder: Builder<D>, name: &MemberName) -> Builder<D>
    where
        Builder<D>: Settable,
    {
        builder.set(&self.admin.namespace, name)
    }
}

/// What every member's handle is given.
pub(crate) trait Settable {
    #[must_use]
    fn set(self, namespace: &str, name: &MemberName) -> Self;
}

macro_rules! settable {
    ($($backend:ty),*) => {$(
        impl Settable for Builder<$backend> {
            fn set(self, namespace: &str, name: &MemberName) -> Self {
                self.namespace(namespace.parse().unwrap())
                    .labels("application=dcs".parse().unwrap())
                    .member(name.clone())
                    .attempt_timeout(ATTEMPT)
            }
        }
    )*};
}
settable!(EndpointsDcs, ConfigMapDcs);

/// The Pod of a member, which runs nothing.
pub(crate) fn pod(name: &MemberName, scope: &str) -> Value {
    json!({
        "metadata": {
            "name": name.as_str(),
            "labels": {"application": "dcs", "cluster-name": scope},
        },
        "spec": {"containers": [{"name": "none", "image": "none"}]},
    })
}

/// The address of a member, from TEST-NET-1: stored, never connected to.
pub(crate) fn address(member: usize) -> String {
    format!("192.0.2.{}", member + 1)
}

#[async_trait]
impl Controls for Place {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::new())
    }

    async fn inject(&self, member: usize, fault: Fault) {
        self.links[member].inject(fault);
    }

    async fn delete_leader(&self) {
        let path = self.leader_path();
        self.admin.send("DELETE", &path, None).await;
    }

    async fn bump_leader(&self) {
        let nonce = OsEntropy::new().bits().to_string();
        let bump = json!({"metadata": {"annotations": {"third-party/nonce": nonce}}});
        let path = self.leader_path();
        self.admin.send("PATCH", &path, Some(&bump)).await;
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Admin {
    async fn new(namespace: String) -> Self {
        let admin = Self {
            client: real_client().await,
            namespace,
        };
        let body = json!({"metadata": {"name": admin.namespace}});
        admin.post("/api/v1/namespaces", &body).await;
        admin
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> String {
        self.send("POST", path, Some(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.send("GET", path, None).await
    }

    /// The body of a successful answer.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = body.map_or_else(Body::empty, |body| {
            Body::from(body.to_string().into_bytes())
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(body)
            .unwrap();
        let response = self.client.send(request).await.unwrap();
        let status: StatusCode = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        text
    }
}

async fn real_client() -> kube::Client {
    assert!(
        std::env::var_os("KUBECONFIG").is_some(),
        "KUBECONFIG names no API server: run this through cargo xtask test"
    );
    let mut config = dcs_kubernetes::infer_config().await.unwrap();
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}
