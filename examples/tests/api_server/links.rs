//! A leader whose connections fail. The others have well ones.

use std::num::NonZeroU32;
use std::time::Duration;

use dcs_cluster::proxy::{Proxy, Way};
use dcs_core::Dcs as _;
use dcs_core::election::LeaseTiming;
use dcs_faults::covers;
use futures::future::join_all;

use super::scope::{Scope, by, given, in_both_modes, proxied, timing};
use super::support::cluster::Backend;
use super::support::wait::{millis, now_ms, pass};
use super::timed::Ended;

/// The deadline that the handles have themselves: so long that only the one of
/// the elector counts, as in a program that never set the other one.
const HANDLES_OWN: Duration = Duration::from_secs(20);

/// A leader behind a proxy, and a follower.
async fn start(backend: Backend, timing: LeaseTiming) -> (Proxy, Scope) {
    let config = given().await;
    let (proxy, through) = proxied(&config).await;
    let mut scope = Scope::open(config.clone(), backend, timing).await;
    scope.join(through, HANDLES_OWN).await;
    scope.join(config, HANDLES_OWN).await;
    (proxy, scope)
}

/// The leader goes on in its term for some heartbeats.
async fn goes_on(scope: &Scope) {
    let until_ms = now_ms() + 3 * millis(scope.timing.loop_wait());
    scope.renewed_after(0, until_ms).await;
    scope.assert_first_term_goes_on();
    scope.seen_by(1).await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_leader_with_ten_dead_connections_in_its_pool_loses_one_attempt_and_no_term() {
    let dead = covers(23);
    in_both_modes(async |backend| {
        let (proxy, scope) = start(backend, timing(12, 2, 3)).await;
        let dcs = &scope.members[0].dcs;
        let before = proxy.counts().connections;
        let reads = join_all((0..10).map(|_| dcs.load_leader())).await;
        assert!(reads.iter().all(Result::is_ok), "{reads:?}");
        let pooled = proxy.counts().connections;
        assert!(pooled >= before + 6, "{before}, then {pooled}");

        let from_ms = now_ms();
        proxy.strand();
        let renewed = scope.renewed_after(0, from_ms + 1).await;
        let attempt = scope.timing.attempt_timeout();
        // One that hung, its reading back, and a pause.
        let limit = by(from_ms, scope.timing.loop_wait() + attempt);
        let attempts = dcs.attempts_since(from_ms);
        assert!(renewed.at_ms <= limit, "{from_ms}: {attempts:#?}");
        assert!(scope.ended_by_deadline(0, from_ms) <= 2, "{attempts:#?}");
        goes_on(&scope).await;
        let opened = proxy.counts().connections - pooled;
        // One of the lock, and those of its watches.
        assert!((1..=4).contains(&opened), "{opened} new connections");
        dead.hit_times(pooled - before);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_leader_that_hears_nothing_for_a_while_ends_each_attempt_in_time_and_keeps_its_term() {
    let half_open = covers(22);
    in_both_modes(async |backend| {
        let (proxy, scope) = start(backend, timing(15, 2, 3)).await;
        let attempt = scope.timing.attempt_timeout();

        scope.members[0].dcs.write_begins().await;
        let from_ms = now_ms();
        proxy.freeze(&Way::BOTH);
        pass(attempt * 3).await;
        proxy.thaw(&Way::BOTH);

        goes_on(&scope).await;
        let ended = scope.ended_by_deadline(0, from_ms);
        assert!(ended > 0, "{:#?}", scope.members[0].dcs.attempts());
        half_open.hit_times(u64::try_from(ended).unwrap());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_leader_whose_answers_trickle_for_a_while_ends_each_attempt_in_time_and_keeps_its_term() {
    let trickles = covers(24);
    in_both_modes(async |backend| {
        let (proxy, scope) = start(backend, timing(15, 2, 3)).await;
        let attempt = scope.timing.attempt_timeout();

        let from_ms = now_ms();
        proxy.trickle(&[Way::Answers], NonZeroU32::new(200));
        scope.members[0].dcs.write_begins().await;
        let passed = proxy.counts().answers.passed;
        pass(attempt * 3).await;
        let bytes = proxy.counts().answers.passed - passed;
        proxy.trickle(&[Way::Answers], None);

        goes_on(&scope).await;
        let ended = scope.ended_by_deadline(0, from_ms);
        let attempts = scope.members[0].dcs.attempts_since(from_ms);
        assert!(bytes > 100 && ended > 0, "{bytes}, {attempts:#?}");
        trickles.hit_times(u64::try_from(ended).unwrap());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_leader_whose_answers_trickle_for_good_has_lost_before_another_leads() {
    let trickles = covers(24);
    in_both_modes(async |backend| {
        let (proxy, scope) = start(backend, timing(6, 2, 2)).await;
        let from_ms = now_ms();
        proxy.trickle(&[Way::Answers], NonZeroU32::new(50));
        let lost = scope.lost_after(0, from_ms).await;
        // Its last write may have arrived as late as it believed.
        let next = scope.elected_after(from_ms).await;
        let limit = by(lost.at_ms, scope.timing.challenger_wait() * 2);
        assert!(next.at_ms <= limit, "{lost:?}, {next:?}");
        assert_eq!(next.member, "demo-1");
        let ended = scope.ended_by_deadline(0, from_ms);
        scope.verdict().assert_good(2);
        trickles.hit_times(u64::try_from(ended).unwrap());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_renewal_that_is_committed_and_whose_answer_is_lost_is_read_back() {
    let lost = covers(5);
    in_both_modes(async |backend| {
        let (mut proxy, scope) = start(backend, timing(15, 3, 4)).await;
        proxy.freeze(&[Way::Answers]);
        let stands = scope.written_again().await;
        let from_ms = now_ms();
        proxy.cut().await;
        proxy.heal().await.unwrap();

        let renewed = scope.renewed_after(0, from_ms).await;
        assert_eq!(scope.lock().await.1, stands, "it was written again");
        let attempts = scope.members[0].dcs.attempts();
        let [.., write, read] = &attempts[..] else {
            panic!("{attempts:#?}");
        };
        let is_lost = write.is_write && write.sent_ms < from_ms && write.ended != Ended::Answered;
        let is_read = !read.is_write && read.ended == Ended::Answered;
        assert!(is_lost && is_read, "{attempts:#?}");
        // Counted from its sending and not from the reading.
        let latest = write.sent_ms + millis(scope.timing.holder_span()) + 5;
        assert!(
            renewed.until_ms.unwrap() <= latest,
            "{renewed:?}, {write:?}"
        );
        goes_on(&scope).await;
        lost.hit();
    })
    .await;
}
