//! An API server that restarts, with members that have no more rights than
//! they need: while it starts it refuses them.

use std::time::Duration;

use dcs_cluster::proxy::{Proxy, Way};
use dcs_cluster::{Cluster, Options, User};
use dcs_core::election::LeaseTiming;
use dcs_faults::{Covered, covers};
use http::Method;
use serde_json::{Value, json};

use super::scope::{Scope, by, named, proxied, timing};
use super::support::api::Api;
use super::support::cluster::{Backend, rounds};
use super::support::wait::{millis, now_ms};
use super::timed::Ended;

/// What the members are at the API server.
const USER: &str = "member";
/// The longest that one attempt of a handle takes.
const ATTEMPT: Duration = Duration::from_secs(5);
const RBAC: &str = "rbac.authorization.k8s.io";

/// An API server of this test alone, and a scope in each mode.
struct World {
    /// Away while it is being restarted.
    cluster: Option<Cluster>,
    scopes: Vec<Scope>,
    /// Between the leaders and the API server, where a test asked for that.
    proxy: Proxy,
}

impl World {
    /// In each mode a leader, and a follower that has seen it.
    async fn start(timing: &LeaseTiming) -> Self {
        Self::open(timing, false).await
    }

    async fn open(timing: &LeaseTiming, leads_through_proxy: bool) -> Self {
        let user = User::new(USER).unwrap();
        let options = Options::new().with_user(user.clone());
        let started = tokio::task::spawn_blocking(move || Cluster::start(&options));
        let cluster = started.await.unwrap().unwrap();
        let admin = named(&cluster.kubeconfig()).await;
        let member = named(&cluster.user_kubeconfig(&user)).await;
        let (proxy, through) = proxied(&member).await;
        let mut scopes = Vec::new();
        for backend in [Backend::Endpoints, Backend::ConfigMap] {
            let mut scope = Scope::open(admin.clone(), backend, timing.clone()).await;
            grant(&scope.api, backend).await;
            let leaders = if leads_through_proxy {
                &through
            } else {
                &member
            };
            scope.join(leaders.clone(), ATTEMPT).await;
            scope.join(member.clone(), ATTEMPT).await;
            scopes.push(scope);
        }
        let cluster = Some(cluster);
        Self {
            cluster,
            scopes,
            proxy,
        }
    }

    fn cluster(&mut self) -> &mut Cluster {
        self.cluster.as_mut().unwrap()
    }

    /// Starts the API server again and waits until it is ready. One that runs
    /// is told to end before that.
    async fn restart(&mut self) {
        let mut cluster = self.cluster.take().unwrap();
        let started = tokio::task::spawn_blocking(move || {
            cluster.restart_api_server().unwrap();
            cluster
        });
        self.cluster = Some(started.await.unwrap());
    }

    /// As after a crash.
    async fn kill_and_restart(&mut self) {
        self.cluster().kill_api_server().unwrap();
        self.restart().await;
    }

    /// Each leader goes on in the term that it has, and is watched doing so.
    async fn goes_on(&self, from_ms: i64) {
        for scope in &self.scopes {
            scope.renewed_after(0, from_ms).await;
            scope.assert_first_term_goes_on();
            scope.seen_by(1).await;
        }
    }

    /// Counts what the leaders were told since `from_ms`; each of them something.
    fn count(&self, covered: &Covered, from_ms: i64) {
        for scope in &self.scopes {
            let trouble = scope.members[0].trouble_since(from_ms);
            assert!(
                !trouble.is_empty(),
                "{:?}: it noticed nothing",
                scope.backend
            );
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

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn restarts_of_the_api_server_one_after_the_other_cost_no_term() {
    let restarts = covers(13);
    let mut world = World::start(&timing(60, 1, 10)).await;
    for round in 0..rounds().unwrap_or(4) {
        let from_ms = now_ms();
        let crashes = round % 2 == 0;
        if crashes {
            world.kill_and_restart().await;
        } else {
            world.restart().await;
        }
        let ready_ms = now_ms();
        let away_ms = ready_ms - from_ms;
        println!("round {round}: crashes {crashes} away_ms {away_ms}");
        world.goes_on(ready_ms).await;
        for scope in &world.scopes {
            // Who waits for the server knocks again soon, and not all the time.
            let timing = &scope.timing;
            let limit = timing.loop_wait() + timing.attempt_timeout();
            let renewed = scope.renewed_after(0, ready_ms).await;
            assert!(renewed.at_ms <= by(ready_ms, limit), "{renewed:?}");
            let attempts = scope.members[0].dcs.attempts_since(from_ms);
            let away = usize::try_from(away_ms / 1_000).unwrap();
            assert!(attempts.len() <= 8 + 2 * away, "{away} s: {attempts:#?}");
            let failed = attempts.iter().any(|one| one.ended != Ended::Answered);
            assert!(failed, "it noticed nothing: {attempts:#?}");
            scope.ended_by_deadline(0, from_ms);
        }
        world.count(&restarts, from_ms);
    }
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn an_api_server_that_is_away_for_longer_than_a_term_ends_it_in_time_and_one_leads_after() {
    let restarts = covers(13);
    let mut world = World::start(&timing(6, 2, 2)).await;
    let from_ms = now_ms();
    world.cluster().kill_api_server().unwrap();
    for scope in &world.scopes {
        let lost = scope.lost_after(0, from_ms).await;
        let latest = from_ms + millis(scope.timing.holder_span());
        assert!(lost.at_ms <= latest, "{from_ms}: {lost:?}");
        assert!(!scope.members[0].elector.is_leader());
    }
    world.restart().await;
    let ready_ms = now_ms();
    for scope in &world.scopes {
        let next = scope.elected_after(from_ms).await;
        let wait = scope.timing.challenger_wait() + scope.timing.loop_wait();
        assert!(next.at_ms <= by(ready_ms, wait * 2), "{ready_ms}: {next:?}");
        scope.verdict().assert_good(2);
    }
    world.count(&restarts, from_ms);
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn a_renewal_that_the_api_server_committed_before_it_crashed_is_read_back_when_it_is_there() {
    let (restarts, lost) = (covers(13), covers(5));
    let mut world = World::open(&timing(60, 1, 10), true).await;
    world.proxy.freeze(&[Way::Answers]);
    let mut written = Vec::new();
    for scope in &world.scopes {
        written.push(scope.written_again().await);
    }
    let from_ms = now_ms();
    world.cluster().kill_api_server().unwrap();
    world.proxy.cut().await;
    world.proxy.heal().await.unwrap();
    world.restart().await;
    for (scope, written) in world.scopes.iter().zip(written) {
        let renewed = scope.renewed_after(0, from_ms).await;
        let attempts = scope.members[0].dcs.attempts();
        let write = attempts.iter().rposition(|one| one.sent_ms < from_ms);
        let (write, after) = attempts[write.unwrap()..].split_first().unwrap();
        let read = after.iter().find(|one| one.ended == Ended::Answered);
        let is_read = read.is_some_and(|read| !read.is_write);
        assert!(write.is_write && is_read, "{written}: {attempts:#?}");
        // Counted from its sending, and not from the reading or a write since.
        let latest = write.sent_ms + millis(scope.timing.holder_span()) + 5;
        assert!(
            renewed.until_ms.unwrap() <= latest,
            "{renewed:?}, {write:?}"
        );
    }
    world.goes_on(now_ms()).await;
    world.count(&restarts, from_ms);
    lost.hit_times(2);
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn an_election_that_is_open_as_the_api_server_crashes_is_won_by_one() {
    let restarts = covers(13);
    let mut world = World::start(&timing(6, 2, 2)).await;
    for scope in &world.scopes {
        scope.members[0].kill();
    }
    let from_ms = now_ms();
    // The follower's wait ends while nobody is there to ask.
    world.scopes[0].members[1].dcs.write_begins().await;
    world.kill_and_restart().await;
    let ready_ms = now_ms();
    for scope in &world.scopes {
        let next = scope.elected_after(from_ms).await;
        let wait = scope.timing.challenger_wait() + scope.timing.loop_wait();
        assert!(next.at_ms <= by(ready_ms, wait * 2), "{ready_ms}: {next:?}");
        scope.verdict().assert_good(2);
        let trouble = scope.members[1].trouble_since(from_ms);
        restarts.hit_times(u64::try_from(trouble.len()).unwrap());
    }
}
