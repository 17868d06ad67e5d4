//! An API server of a test's own, which it restarts, and members that have no
//! more rights than they need: while it starts it refuses them.

use std::time::Duration;

use dcs_cluster::proxy::Proxy;
use dcs_cluster::{Cluster, Options, User};
use dcs_core::election::LeaseTiming;
use dcs_faults::Covered;
use http::Method;
use serde_json::{Value, json};

use super::scope::{Scope, named, proxied};
use super::support::api::Api;
use super::support::cluster::Backend;

/// What the members are at the API server.
const USER: &str = "member";
/// The longest that one attempt of a handle takes.
const ATTEMPT: Duration = Duration::from_secs(5);
const RBAC: &str = "rbac.authorization.k8s.io";

/// The API server, and a scope in each mode.
pub(crate) struct World {
    /// Away while it is being restarted.
    cluster: Option<Cluster>,
    pub(crate) scopes: Vec<Scope>,
    /// Between the leaders and the API server, where a test asked for that.
    pub(crate) proxy: Proxy,
    /// How members reach the API server: directly, and through the proxy.
    direct: kube::Config,
    through: kube::Config,
}

impl World {
    /// In each mode a scope without members.
    pub(crate) async fn empty(timing: &LeaseTiming) -> Self {
        let user = User::new(USER).unwrap();
        let options = Options::new().with_user(user.clone());
        let started = tokio::task::spawn_blocking(move || Cluster::start(&options));
        let cluster = started.await.unwrap().unwrap();
        let admin = named(&cluster.kubeconfig()).await;
        let direct = named(&cluster.user_kubeconfig(&user)).await;
        let (proxy, through) = proxied(&direct).await;
        let mut scopes = Vec::new();
        for backend in [Backend::Endpoints, Backend::ConfigMap] {
            let scope = Scope::open(admin.clone(), backend, timing.clone()).await;
            grant(&scope.api, backend).await;
            scopes.push(scope);
        }
        Self {
            cluster: Some(cluster),
            scopes,
            proxy,
            direct,
            through,
        }
    }

    /// In each mode a leader, and a follower that has seen it.
    pub(crate) async fn start(timing: &LeaseTiming) -> Self {
        let mut world = Self::empty(timing).await;
        let leaders = world.direct.clone();
        world.join(&leaders).await;
        world
    }

    /// The same, with the leaders behind the proxy.
    pub(crate) async fn start_proxied(timing: &LeaseTiming) -> Self {
        let mut world = Self::empty(timing).await;
        let leaders = world.through.clone();
        world.join(&leaders).await;
        world
    }

    async fn join(&mut self, leaders: &kube::Config) {
        for scope in &mut self.scopes {
            scope.join(leaders.clone(), ATTEMPT).await;
            scope.join(self.direct.clone(), ATTEMPT).await;
        }
    }

    /// Another member in this scope, which nobody waits for.
    pub(crate) fn begin(&mut self, scope: usize) {
        self.scopes[scope].begin(self.direct.clone(), ATTEMPT);
    }

    pub(crate) fn cluster(&mut self) -> &mut Cluster {
        self.cluster.as_mut().unwrap()
    }

    /// Starts the API server again and waits until it is ready. One that runs
    /// is told to end before that.
    pub(crate) async fn restart(&mut self) {
        let mut cluster = self.cluster.take().unwrap();
        let started = tokio::task::spawn_blocking(move || {
            cluster.restart_api_server().unwrap();
            cluster
        });
        self.cluster = Some(started.await.unwrap());
    }

    /// As after a crash.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.cluster().kill_api_server().unwrap();
        self.restart().await;
    }

    /// Each leader goes on in the term that it has, and is watched doing so.
    pub(crate) async fn goes_on(&self, from_ms: i64) {
        for scope in &self.scopes {
            scope.renewed_after(0, from_ms).await;
            scope.assert_first_term_goes_on();
            scope.seen_by(1).await;
        }
    }

    /// Counts what the member of this number was told since `from_ms`, in each
    /// mode something.
    pub(crate) fn count(&self, covered: &Covered, number: usize, from_ms: i64) {
        for scope in &self.scopes {
            let trouble = scope.members[number].trouble_since(from_ms);
            assert!(!trouble.is_empty(), "{:?}: no trouble", scope.backend);
            covered.hit_times(u64::try_from(trouble.len()).unwrap());
        }
    }
}

/// What a member needs, and nothing else.
async fn grant(api: &Api, backend: Backend) {
    let rules = json!([
        {"apiGroups": [""], "resources": [backend.plural()], "verbs": ["get", "list", "watch", "create", "patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
    ]);
    let role = json!({"metadata": {"name": USER}, "rules": rules});
    let binding = json!({
        "metadata": {"name": USER},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": USER},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": USER}],
    });
    create(api, "roles", &role).await;
    create(api, "rolebindings", &binding).await;
}

async fn create(api: &Api, plural: &str, body: &Value) {
    let path = format!("/apis/{RBAC}/v1/namespaces/{}/{plural}", api.namespace);
    api.request(Method::POST, &path, Some(body)).await.unwrap();
}
