//! Single attempts of a handle through a connection that fails.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use dcs_cluster::proxy::{Proxy, Way};
use dcs_core::{Change, Clock as _, Config, Dcs, Outcome, Precondition, Revision, SystemClock};
use dcs_faults::covers;
use futures::future::join_all;

use super::scope::{SLACK, given, handle, in_both_modes, proxied};
use super::support::api::Api;
use super::support::cluster::Backend;
use super::timed::causes;

const ATTEMPT: Duration = Duration::from_secs(2);
/// Requests that are sent at once, for a connection each.
const AT_ONCE: usize = 6;

/// A handle behind a proxy.
async fn start(backend: Backend) -> (Proxy, Arc<dyn Dcs>) {
    let config = given().await;
    let api = Api::open_at(config.clone()).await;
    let (proxy, config) = proxied(&config).await;
    let name = "demo-0".parse().unwrap();
    (proxy, handle((config, &api, backend), &name, ATTEMPT))
}

/// An outcome, and how long it took.
async fn write(dcs: &dyn Dcs, value: &str, expected: Precondition) -> (Outcome, Duration) {
    let mut config = Config::default();
    let settings = config.settings_mut();
    settings.insert("note".to_owned(), value.into());
    let clock = SystemClock::new();
    let sent = clock.now();
    let outcome = dcs.write(&Change::Config(Some(config)), expected).await;
    (outcome, clock.now().holder_elapsed_since(sent))
}

async fn created(dcs: &dyn Dcs, value: &str) -> Revision {
    let (outcome, _) = write(dcs, value, Precondition::Absent).await;
    outcome.into_result().unwrap()
}

fn ended_by_its_deadline(took: Duration) -> bool {
    (ATTEMPT..ATTEMPT + SLACK).contains(&took)
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn an_attempt_on_a_dead_connection_ends_by_its_deadline_and_the_next_one_has_a_new_one() {
    let (half_open, dead) = (covers(22), covers(23));
    in_both_modes(async |backend| {
        let (proxy, dcs) = start(backend).await;
        let stands = created(&*dcs, "first").await;
        let reads = join_all((0..AT_ONCE).map(|_| dcs.load_leader())).await;
        assert!(reads.iter().all(Result::is_ok), "{reads:?}");
        let pooled = proxy.counts().connections;
        assert!(pooled >= 4, "{pooled} connections, of {AT_ONCE} reads");

        proxy.strand();
        let (outcome, took) = write(&*dcs, "second", Precondition::Matches(stands)).await;
        let is_unknown = matches!(outcome, Outcome::Unknown(_));
        assert!(is_unknown && ended_by_its_deadline(took), "{took:?}");
        assert_eq!(proxy.counts().connections, pooled, "sent once");
        let (outcome, took) = write(&*dcs, "third", Precondition::Matches(stands)).await;
        outcome.into_result().unwrap();
        assert!(took < ATTEMPT, "{took:?}");
        assert_eq!(proxy.counts().connections, pooled + 1);
        half_open.hit();
        dead.hit_times(pooled);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn an_attempt_whose_answer_trickles_ends_by_its_deadline_and_is_unknown() {
    let trickles = covers(24);
    in_both_modes(async |backend| {
        let (proxy, dcs) = start(backend).await;
        // Many TLS records, of 16 KiB at most: the first one brings the head.
        let [first, second] = ["x", "y"].map(|text| text.repeat(100_000));
        let stands = created(&*dcs, &first).await;
        let before = proxy.counts().answers;

        proxy.trickle(&[Way::Answers], NonZeroU32::new(20_000));
        let (outcome, took) = write(&*dcs, &second, Precondition::Matches(stands)).await;
        let came = proxy.counts().answers;
        proxy.trickle(&[Way::Answers], None);

        let Outcome::Unknown(error) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(ended_by_its_deadline(took), "{took:?}");
        let why = causes(&error);
        assert!(why.contains("not complete within the deadline"), "{why}");
        assert!(came.passed > before.passed + 20_000, "{before:?}, {came:?}");
        assert!(came.came > came.passed, "{came:?}");
        // It was committed when it was sent.
        let found = dcs.load().await.unwrap().config;
        assert!(found.revision > Some(stands), "{:?}", found.revision);
        trickles.hit();
    })
    .await;
}
