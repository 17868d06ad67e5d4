//! The fake API server of one history, and all that is done to it past the
//! network.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use dcs_core::{
    Change, Dcs, Failover, LeaderRecord, LeaderWrite, Outcome, Precondition, Scope, Snapshot,
};
use dcs_fakeapi::{FakeApi, Options};
use dcs_kubernetes::{ConfigMapDcs, EndpointsDcs, Mode, Saved, Selection};
use dcs_memory::sim::{Backend, Setting, Wire};
use http::Request;
use http_body_util::Full;
use serde_json::{Map, Value, json};
use tokio::runtime::{Handle, Runtime};

use super::clock::Virtual;
use super::transport::{Transport, answered};

const NAMESPACE: &str = "default";
const LABELS: &str = "application=sim";
/// Makes each write of a third party a new version.
const NONCE: &str = "third-party/nonce";
/// What stands beside the lock and is not part of it.
const BESIDE_LOCK: [&str; 4] = ["optime", "slots", "retain_slots", "failsafe"];
/// Requests are not looked at afterwards.
const NO_REQUESTS: usize = 0;
/// The tasks of kube's clients hand a request on in one turn, and its sender
/// goes on in the next one.
const TURNS: usize = 2;

pub(super) struct Server {
    mode: Mode,
    setting: Setting,
    fake: FakeApi,
    pen: Pen,
    /// Where the tasks of kube's clients run; no time passes there.
    runtime: Mutex<Option<Runtime>>,
}

#[expect(
    clippy::expect_used,
    reason = "settings that are constants; what fails here fails every history"
)]
impl Server {
    pub(super) fn new(mode: Mode, setting: Setting) -> Self {
        let clock = Arc::new(Virtual::new(Arc::clone(&setting.clock)));
        let options = Options::new().seed(setting.seed).keep_requests(NO_REQUESTS);
        let fake = FakeApi::with_options(options.clock(clock));
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().expect("a runtime without drivers");
        let pen = {
            let _entered = runtime.enter();
            Pen::new(&setting)
        };
        let server = Self {
            mode,
            setting,
            fake,
            pen,
            runtime: Mutex::new(Some(runtime)),
        };
        server.make_pods();
        server
    }

    fn make_pods(&self) {
        for member in &self.setting.members {
            let pod = json!({
                "metadata": {"name": member.as_str(), "labels": self.labels()},
                "spec": {"containers": [{"name": "none", "image": "none"}]},
            });
            self.send("POST", "pods", &pod);
        }
    }

    fn labels(&self) -> Value {
        json!({"application": "sim", "cluster-name": self.setting.scope.as_str()})
    }

    fn plural(&self) -> &'static str {
        match self.mode {
            Mode::Endpoints => "endpoints",
            Mode::ConfigMap => "configmaps",
        }
    }

    fn leader(&self) -> String {
        let scope: &Scope = &self.setting.scope;
        match self.mode {
            Mode::Endpoints => scope.to_string(),
            Mode::ConfigMap => format!("{scope}-leader"),
        }
    }

    fn send(&self, method: &str, rest: &str, body: &Value) {
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/namespaces/{NAMESPACE}/{rest}"))
            .header("content-type", kind)
            .body(Full::<Bytes>::from(body.to_string()))
            .expect("a request of constants");
        answered(self.fake.service(), request).expect("the fake server answers");
    }

    /// A third party's write of an object's annotations, on whatever stands
    /// there: `kept` stay if they are not written.
    fn overwrite(&self, name: &str, change: &Change, kept: &[&str]) {
        let mut annotations = {
            let runtime = self.runtime();
            let runtime = runtime.as_ref().expect("a history that goes on");
            runtime.block_on(self.pen.annotations_of(change))
        };
        let path = format!("{}/{name}", self.plural());
        let Some(now) = self.fake.object(self.plural(), NAMESPACE, name) else {
            let metadata =
                json!({"name": name, "labels": self.labels(), "annotations": annotations});
            return self.send("POST", self.plural(), &json!({"metadata": metadata}));
        };
        let there = now["metadata"]["annotations"].as_object();
        for key in there.into_iter().flat_map(Map::keys) {
            if !kept.contains(&key.as_str()) {
                annotations.entry(key).or_insert(Value::Null);
            }
        }
        // A write of what stands there is none.
        let nonce = self.fake.revision().to_string();
        annotations.insert(NONCE.to_owned(), nonce.into());
        self.send(
            "PATCH",
            &path,
            &json!({"metadata": {"annotations": annotations}}),
        );
    }

    fn runtime(&self) -> std::sync::MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::expect_used,
    reason = "settings that are constants; what fails here fails every history"
)]
impl Backend for Server {
    fn open(&self, wire: Wire) -> Arc<dyn Dcs> {
        let (name, clock, entropy) = (wire.name().clone(), wire.clock(), wire.entropy());
        let place = self
            .setting
            .members
            .iter()
            .position(|member| *member == name);
        let last = u8::try_from(place.unwrap_or_default() + 1).unwrap_or(u8::MAX);
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        let transport = Transport::new(wire, self.fake.clone());
        let client = kube::Client::new(transport, NAMESPACE);
        let labels = LABELS.parse().expect("valid labels");
        let scope = self.setting.scope.clone();
        let attempt = self.setting.attempt;
        if self.mode == Mode::Endpoints {
            let builder = EndpointsDcs::builder(scope).labels(labels).member(name);
            let builder = builder.clock(clock).entropy(entropy).pod_ip(address);
            let builder = builder.config_service(self.setting.seed.is_multiple_of(2));
            let dcs = builder.attempt_timeout(attempt).build_with_client(client);
            return Arc::new(dcs.expect("valid settings"));
        }
        let builder = ConfigMapDcs::builder(scope).labels(labels).member(name);
        let builder = builder.clock(clock).entropy(entropy);
        let dcs = builder.attempt_timeout(attempt).build_with_client(client);
        Arc::new(dcs.expect("valid settings"))
    }

    fn snapshot(&self) -> Snapshot {
        let (scope, leader) = (&self.setting.scope, self.leader());
        let names = [
            leader,
            format!("{scope}-config"),
            format!("{scope}-failover"),
            format!("{scope}-sync"),
        ];
        let found = names.iter();
        let found = found.filter_map(|name| self.fake.object(self.plural(), NAMESPACE, name));
        let items: Vec<_> = found.collect();
        if items.is_empty() {
            return Snapshot::default();
        }
        let kind = match self.mode {
            Mode::Endpoints => "EndpointsList",
            Mode::ConfigMap => "ConfigMapList",
        };
        let mut selection = Selection::default();
        selection.scope = Some(scope.clone());
        selection.mode = Some(self.mode);
        let list = json!({"kind": kind, "items": items});
        let saved = Saved::read(&[list], &selection).expect("what the members wrote can be read");
        saved.snapshot().clone()
    }

    fn version(&self) -> u64 {
        self.fake.revision()
    }

    fn overwrite_leader(&self, record: Option<&LeaderRecord>) {
        let path = format!("{}/{}", self.plural(), self.leader());
        let Some(record) = record else {
            return self.send("DELETE", &path, &json!({}));
        };
        let mut write = LeaderWrite::default();
        write.record = record.clone();
        self.overwrite(
            &self.leader(),
            &Change::Leader(Box::new(write)),
            &BESIDE_LOCK,
        );
    }

    fn overwrite_failover(&self, request: &Failover) {
        let mut request = request.clone();
        if request.candidate.is_none() && request.leader.is_none() {
            // A request that names nobody is none.
            request.leader = self.snapshot().holder().cloned();
        }
        let name = format!("{}-failover", self.setting.scope);
        self.overwrite(&name, &Change::Failover(Some(request)), &[]);
    }

    /// Processes start at any time, and each client spawns a task as it is made.
    fn within(&self, run: &mut dyn FnMut()) {
        let handle = self
            .runtime()
            .as_ref()
            .map(|runtime| runtime.handle().clone());
        let _entered = handle.as_ref().map(Handle::enter);
        run();
    }

    fn settle(&self) {
        if let Some(runtime) = self.runtime().as_ref() {
            runtime.block_on(async {
                for _ in 0..TURNS {
                    tokio::task::yield_now().await;
                }
            });
        }
    }

    fn end(&self) {
        let runtime = self.runtime().take();
        drop(runtime);
    }
}

/// Spells values as annotations, as members do: on a server of its own.
struct Pen {
    fake: FakeApi,
    dcs: ConfigMapDcs,
    scope: Scope,
}

#[expect(
    clippy::expect_used,
    reason = "settings that are constants; what fails here fails every history"
)]
impl Pen {
    fn new(setting: &Setting) -> Self {
        let fake = FakeApi::with_options(Options::new().keep_requests(NO_REQUESTS));
        let builder = ConfigMapDcs::builder(setting.scope.clone());
        let builder = builder.clock(Arc::clone(&setting.clock));
        let dcs = builder.build_with_client(fake.client());
        Self {
            fake,
            dcs: dcs.expect("valid settings"),
            scope: setting.scope.clone(),
        }
    }

    async fn annotations_of(&self, change: &Change) -> Map<String, Value> {
        let key = match change {
            Change::Leader(_) => "leader",
            _ => "failover",
        };
        let name = format!("{}-{key}", self.scope);
        let request = Request::delete(format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{name}"));
        let request = request.body(Full::<Bytes>::default());
        let request = request.expect("a request of constants");
        answered(self.fake.service(), request).expect("the fake server answers");
        let outcome = self.dcs.write(change, Precondition::Absent).await;
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
        let object = self.fake.object("configmaps", NAMESPACE, &name);
        let object = object.expect("what was just written");
        let annotations = object["metadata"]["annotations"].as_object();
        annotations.cloned().unwrap_or_default()
    }
}
