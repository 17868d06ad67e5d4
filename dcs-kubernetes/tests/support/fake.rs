//! A fake API server, and the suite's faults on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use dcs_conformance::{Controls, Fault, Harness, World};
use dcs_core::{Clock, Dcs, Entropy, MemberName, TokioClock};
use dcs_fakeapi::{Action, Disturbance, FakeApi, On};
use dcs_kubernetes::{Builder, ConfigMapDcs, EndpointsDcs};
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::server::{Mode, address, pod};

/// Runs the suite on a fake API server of its own for each case.
#[derive(Debug)]
pub(crate) struct FakeServer {
    mode: Mode,
    fake: FakeApi,
    opened: AtomicUsize,
}

/// One scope in a namespace of the same name.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) fake: FakeApi,
    pub(crate) mode: Mode,
    pub(crate) scope: String,
    pub(crate) members: Vec<MemberName>,
    /// Makes the client of this name.
    pub(crate) connects: fn(&FakeApi, &str) -> kube::Client,
}

/// Draws from a seed, so that each run waits the same times.
#[derive(Debug)]
pub(crate) struct Seeded(std::sync::Mutex<u128>);

#[async_trait]
impl Harness for FakeServer {
    fn block_on(&self, case: BoxFuture<'static, ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(case);
    }

    async fn open(&self, members: usize) -> World {
        let scope = format!("s{}", self.opened.fetch_add(1, Ordering::Relaxed));
        let mut place = Place::open(self.fake.clone(), self.mode, scope);
        let mut handles = Vec::new();
        for member in 0..members {
            handles.push(place.join(member).await);
        }
        World {
            handles,
            members: place.members.clone(),
            controls: Box::new(place),
        }
    }
}

impl FakeServer {
    pub(crate) fn new(mode: Mode) -> Self {
        Self::on(FakeApi::new(), mode)
    }

    /// For one case, whose requests are looked at afterwards.
    pub(crate) fn on(fake: FakeApi, mode: Mode) -> Self {
        Self {
            mode,
            fake,
            opened: AtomicUsize::new(0),
        }
    }
}

impl Place {
    pub(crate) fn open(fake: FakeApi, mode: Mode, scope: String) -> Self {
        fake.add_namespace(&scope);
        Self {
            fake,
            mode,
            scope,
            members: Vec::new(),
            connects: FakeApi::client_named,
        }
    }

    pub(crate) async fn join(&mut self, member: usize) -> Arc<dyn Dcs> {
        let name: MemberName = format!("sample-{member}").parse().unwrap();
        let pod = pod(&name, &self.scope);
        self.send("POST", "pods", Some(&pod)).await;
        let client = (self.connects)(&self.fake, &self.client_of(&name));
        let scope = self.scope.parse().unwrap();
        self.members.push(name.clone());
        match self.mode {
            Mode::Endpoints => {
                let ip = address(member).parse().unwrap();
                let builder = EndpointsDcs::builder(scope).pod_ip(ip);
                let builder = builder.of_member(&self.scope, member, &name);
                Arc::new(builder.build_with_client(client).unwrap())
            }
            Mode::ConfigMaps => {
                let builder = ConfigMapDcs::builder(scope);
                let builder = builder.of_member(&self.scope, member, &name);
                Arc::new(builder.build_with_client(client).unwrap())
            }
        }
    }

    /// The name of a member's client at the fake.
    pub(crate) fn client_of(&self, member: &MemberName) -> String {
        format!("{}/{member}", self.scope)
    }

    pub(crate) fn leader(&self) -> String {
        match self.mode {
            Mode::Endpoints => format!("endpoints/{}", self.scope),
            Mode::ConfigMaps => format!("configmaps/{}-leader", self.scope),
        }
    }

    async fn send(&self, method: &str, rest: &str, body: Option<&Value>) {
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = body.map_or_else(String::new, Value::to_string);
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/namespaces/{}/{rest}", self.scope))
            .header("content-type", kind)
            .body(Full::<Bytes>::from(body))
            .unwrap();
        let admin = self.fake.service_named("admin");
        let response = admin.oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert!(
            status.is_success(),
            "{method} {rest}: {status} {}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[async_trait]
impl Controls for Place {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(TokioClock::new())
    }

    async fn inject(&self, member: usize, fault: Fault) {
        let client = self.client_of(&self.members[member]);
        let client = client.as_str();
        let all = || On::any().client(client);
        let writes = || On::writes().client(client);
        let end_watches = || self.fake.disturb_watches(&all(), Disturbance::Close);
        match fault {
            Fault::LoseNextRequest => self.fake.fault(writes().once(), Action::LoseRequest),
            Fault::LoseNextAnswer => self.fake.fault(writes().once(), Action::LoseAnswer),
            Fault::CutOff => {
                self.fake.fault(all(), Action::Refuse);
                end_watches();
            }
            Fault::Heal => self.fake.clear_faults_of(client),
            Fault::BreakWatch => {
                end_watches();
            }
            Fault::BreakWatchWithGap => {
                for kind in ["endpoints", "configmaps", "pods"] {
                    let watch = all().verb(dcs_fakeapi::Verb::Watch).kind(kind);
                    self.fake.fault(watch.once(), Action::Gone);
                }
                end_watches();
            }
            other => panic!("{other:?} is not known here"),
        }
    }

    async fn delete_leader(&self) {
        self.send("DELETE", &self.leader(), None).await;
    }

    async fn bump_leader(&self) {
        let nonce = self.fake.revision().to_string();
        let bump = json!({"metadata": {"annotations": {"third-party/nonce": nonce}}});
        self.send("PATCH", &self.leader(), Some(&bump)).await;
    }
}

impl Seeded {
    pub(crate) fn new(seed: u128) -> Self {
        Self(seed.into())
    }
}

impl Entropy for Seeded {
    fn bits(&self) -> u128 {
        let mut state = self.0.lock().unwrap();
        *state = state
            .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
            .wrapping_add(0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f);
        *state ^ (*state >> 64)
    }
}

trait OfMember {
    fn of_member(self, namespace: &str, member: usize, name: &MemberName) -> Self;
}

macro_rules! of_member {
    ($($backend:ty),*) => {$(
        impl OfMember for Builder<$backend> {
            fn of_member(self, namespace: &str, member: usize, name: &MemberName) -> Self {
                let seed = u128::try_from(member).unwrap() + 1;
                self.namespace(namespace.parse().unwrap())
                    .labels("application=dcs".parse().unwrap())
                    .member(name.clone())
                    .clock(Arc::new(TokioClock::new()))
                    .entropy(Arc::new(Seeded::new(seed)))
            }
        }
    )*};
}
of_member!(EndpointsDcs, ConfigMapDcs);
