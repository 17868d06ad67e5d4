//! Clients of the caller's making: kube's own default layers, and layers that
//! this crate knows nothing of. None of them keeps anybody in office.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use dcs_core::{Change, Clock as _, Config, Dcs as _, Outcome, Precondition, TokioClock};
use dcs_fakeapi::{Action, Disturbance, FakeApi, FakeBody, On, Reply};
use dcs_faults::{Covered, covers};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ConfigExt as _};
use tower::retry::RetryLayer;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use crate::cluster::{Cluster, TAKE_OVER, in_both_modes_by, timing};
use crate::support::scripted::configmaps;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The longest that one request of a handle may take, unless it is told.
const ATTEMPT: Duration = Duration::from_secs(2);
/// For how long a server is in trouble.
const TROUBLE: Duration = Duration::from_secs(60);
/// Which of the handle's requests one at the server is, or belongs to.
const NUMBER: &str = "x-request-of-the-handle";

/// The layers of `kube::Client::try_from` for a configuration as it comes, over
/// the fake in the place of connections.
fn kubes_defaults(fake: &FakeApi, client: &str) -> kube::Client {
    let config = kube::Config::new("http://kubernetes.default.svc".parse().unwrap());
    assert!(config.default_retry, "what kube does by itself");
    let service = ServiceBuilder::new()
        .map_request(numbered)
        .layer(config.base_uri_layer())
        .layer(RetryLayer::new(RetryPolicy::server_retry()))
        .option_layer(config.auth_layer().unwrap())
        .layer(config.extra_headers_layer().unwrap())
        .service(fake.service_named(client));
    kube::Client::new(service, "default")
}

/// Sends what was refused again and again, whatever it may be.
fn stubborn(fake: &FakeApi, client: &str) -> kube::Client {
    let (fake, client) = (fake.clone(), client.to_owned());
    let service = ServiceBuilder::new()
        .map_request(numbered)
        .service(service_fn(move |request: Request<Body>| {
            insist(fake.clone(), client.clone(), request)
        }));
    kube::Client::new(service, "default")
}

/// The same, also after its caller gave up.
fn unstoppable(fake: &FakeApi, client: &str) -> kube::Client {
    let (fake, client) = (fake.clone(), client.to_owned());
    let service = ServiceBuilder::new()
        .map_request(numbered)
        .service(service_fn(move |request: Request<Body>| {
            let sending = tokio::spawn(insist(fake.clone(), client.clone(), request));
            async { sending.await? }
        }));
    kube::Client::new(service, "default")
}

async fn insist(
    fake: FakeApi,
    client: String,
    request: Request<Body>,
) -> Result<Response<FakeBody>, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    loop {
        let again = Request::from_parts(parts.clone(), Full::<Bytes>::from(body.clone()));
        let response = fake.service_named(&client).oneshot(again).await?;
        if !matches!(response.status().as_u16(), 429 | 500..) {
            return Ok(response);
        }
        TokioClock::new().sleep(Duration::from_millis(300)).await;
    }
}

/// Each request that the handle sends gets a number, and keeps it below.
fn numbered(mut request: Request<Body>) -> Request<Body> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = HeaderValue::from(NEXT.fetch_add(1, Relaxed));
    request.headers_mut().insert(NUMBER, number);
    request
}

fn unavailable() -> Reply {
    Reply::status(503, "ServiceUnavailable", "no endpoints available")
}

fn hour() -> Reply {
    unavailable().retry_after(3_600)
}

/// A request that writes the lock, as it came to the server.
struct Sent {
    at: Duration,
    client: String,
    number: u64,
    applied: bool,
}

fn lock_writes(cluster: &Cluster) -> Vec<Sent> {
    let (kind, lock) = cluster.lock();
    let all = cluster.fake.requests().into_iter();
    let writes = all.filter(|asked| {
        let name = asked.name.as_deref().or_else(|| {
            let metadata = asked.body.get("metadata")?;
            metadata.get("name")?.as_str()
        });
        asked.method != "GET" && name == Some(&*lock) && asked.kind == kind
    });
    let writes = writes.map(|asked| Sent {
        at: asked.at,
        number: asked.header(NUMBER).unwrap().parse().unwrap(),
        applied: asked.applied,
        client: asked.client,
    });
    writes.collect()
}

/// How often each write of the lock arrived, and how late the last time.
fn arrivals(cluster: &Cluster) -> Vec<(u64, Duration)> {
    let mut first: BTreeMap<u64, (Duration, u64, Duration)> = BTreeMap::new();
    for sent in lock_writes(cluster) {
        // Nothing stands between the handle and the fake but the layers: what
        // arrives first arrives as it is sent.
        let known = first.entry(sent.number);
        let (began, count, late) = known.or_insert((sent.at, 0, Duration::ZERO));
        *count += 1;
        *late = sent.at.saturating_sub(*began);
    }
    let all = first.into_values();
    all.map(|(_, count, late)| (count, late)).collect()
}

/// By when the belief of this member is over, by what the server has of it.
fn deadline(cluster: &Cluster, number: usize) -> Duration {
    let client = &cluster.members[number].client;
    let writes = lock_writes(cluster).into_iter();
    let mut own = writes.filter(|sent| sent.applied && sent.client == *client);
    own.next_back().unwrap().at + timing().holder_span()
}

/// Lets time pass: nobody believes for longer than their last write carries.
async fn pass_and_look(cluster: &Cluster, time: Duration) {
    let until = cluster.time() + time;
    // That of each member as it was seen last; it only moves on.
    let mut known = BTreeMap::new();
    while cluster.time() < until {
        cluster.pass(Duration::from_millis(50)).await;
        let Some(leader) = cluster.leader() else {
            continue;
        };
        let now = cluster.time();
        if known.get(&leader).is_none_or(|known| now >= *known) {
            known.insert(leader, deadline(cluster, leader));
        }
        assert!(now < known[&leader], "m{leader} believes for too long");
    }
}

/// The server is in trouble for a minute, for all: the leader has lost in time,
/// and somebody leads afterwards.
async fn survives(cluster: &Cluster, action: Action) {
    assert_eq!(cluster.leader(), Some(0));
    cluster.fake.disturb_watches(&On::any(), Disturbance::Break);
    cluster.fake.fault(On::any(), action);
    let begun = cluster.time();
    pass_and_look(cluster, TROUBLE).await;
    assert_eq!(cluster.leader(), None);
    let written = |sent: &Sent| sent.applied && sent.at >= begun;
    assert!(!lock_writes(cluster).iter().any(written));
    cluster.fake.clear_faults();
    cluster.led_within(TAKE_OVER).await;
    pass_and_look(cluster, TROUBLE).await;
}

/// The same for the leader alone: it has lost before another one leads.
async fn is_followed(cluster: &Cluster, action: Action) {
    let former = cluster.leader().unwrap();
    cluster
        .fake
        .disturb_watches(&cluster.of(former), Disturbance::Break);
    cluster.fake.fault(cluster.of(former), action);
    let next = cluster.replaced_within(former, TAKE_OVER).await;
    pass_and_look(cluster, TROUBLE).await;
    assert_eq!(cluster.leader(), Some(next));
    cluster.fake.clear_faults();
    pass_and_look(cluster, TROUBLE).await;
    assert_eq!(cluster.leader(), Some(next), "who comes back takes nothing");
}

fn hits(cluster: &Cluster) -> u64 {
    let disturbed = cluster.fake.requests().into_iter();
    let disturbed = disturbed.filter(|asked| !asked.faults.is_empty());
    u64::try_from(disturbed.count()).unwrap()
}

/// In both modes: each write of the lock arrives once with kube's layers, and
/// never after its deadline whatever the layers do.
async fn stays_safe(action: Action, rows: &[Covered]) {
    in_both_modes_by(3, kubes_defaults, async |cluster| {
        survives(&cluster, action.clone()).await;
        is_followed(&cluster, action.clone()).await;
        let twice = arrivals(&cluster).into_iter().find(|(count, _)| *count > 1);
        assert_eq!(twice, None, "sent by a hidden layer again");
        for row in rows {
            row.hit_times(hits(&cluster));
        }
    })
    .await;
    in_both_modes_by(3, stubborn, async |cluster| {
        survives(&cluster, action.clone()).await;
        is_followed(&cluster, action.clone()).await;
        let late = arrivals(&cluster).into_iter().map(|(_, late)| late).max();
        assert!(late <= Some(ATTEMPT), "{late:?} after it was sent");
        for row in rows {
            row.hit_times(hits(&cluster));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_committed_is_not_told_as_refused_by_kubes_layers() {
    let fake = FakeApi::new();
    let late = Action::AnswerAfter(Reply::handler_timeout());
    fake.fault(On::writes().once(), late);
    let dcs = configmaps(kubes_defaults(&fake, "m0"));
    let config = Change::Config(Some(Config::default()));
    let outcome = dcs.write(&config, Precondition::Absent).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    assert!(
        fake.object("configmaps", "default", "demo-config")
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_503_for_a_minute_keeps_nobody_in_office() {
    stays_safe(Action::Answer(unavailable()), &[covers(17)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shuts_down_for_a_minute_keeps_nobody_in_office() {
    stays_safe(Action::Answer(Reply::shutting_down()), &[covers(14)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_429_with_an_hour_of_retry_after_keeps_nobody_in_office() {
    let busy = Reply::too_many_requests(3_600);
    stays_safe(Action::Answer(busy), &[covers(15), covers(16)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_503_with_an_hour_of_retry_after_keeps_nobody_in_office() {
    stays_safe(Action::Answer(hour()), &[covers(16)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_keeps_nobody_in_office() {
    stays_safe(Action::Hang, &[covers(22)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_sends_on_after_it_was_given_up_keeps_nobody_in_office() {
    in_both_modes_by(3, unstoppable, async |cluster| {
        survives(&cluster, Action::Answer(unavailable())).await;
        is_followed(&cluster, Action::Answer(unavailable())).await;
        let late = arrivals(&cluster).into_iter().map(|(_, late)| late).max();
        assert!(late > Some(ATTEMPT), "{late:?}: it did");
    })
    .await;
}
