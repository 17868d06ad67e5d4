//! A leader whose connection fails while those of the others are well: frozen,
//! or answered late and then cut. Libraries that count belief from an answer, or
//! end it only when a request fails, were measured here with two leaders for
//! 15 s and for 40 s.
//!
//! `DCS_HA_ROUNDS=1 cargo test -p dcs-examples --test measured -- --ignored
//! --nocapture` takes the times of those measurements, and prints the figures.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::time::Duration;

use dcs_cluster::proxy::Way;
use dcs_faults::covers;
use support::cluster::{Backend, DEFAULT, SHORT, Timing, rounds};
use support::events::Event;
use support::proxied::Proxied;
use support::wait::{millis, now_ms, pass, seconds};

/// An attempt may take 2.5 s here. A renewal on a new connection waits for two
/// late answers, the first to its TLS handshake: both fit, whichever connection
/// it gets.
const SHORT_LATE: Timing = Timing {
    ttl: seconds(12),
    loop_wait: seconds(2),
    flags: &["--ttl", "12s", "--loop-wait", "2s", "--retry-timeout", "5s"],
};

/// An attempt may take 20 s, which two answers fit into that are 9 s late: the
/// ttl is `loop_wait` and twice the `retry_timeout`.
const LONG_LATE: Timing = Timing {
    ttl: seconds(90),
    loop_wait: seconds(10),
    flags: &[
        "--ttl",
        "90s",
        "--loop-wait",
        "10s",
        "--retry-timeout",
        "40s",
    ],
};

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_leader_whose_connection_freezes_has_lost_before_another_leads() {
    let (half_open, partition) = (covers(22), covers(25));
    let length = if rounds().is_some() {
        seconds(45)
    } else {
        SHORT.ttl * 3
    };
    tokio::join!(
        freeze(Backend::Endpoints, length),
        freeze(Backend::ConfigMap, length),
    );
    half_open.hit_times(2);
    partition.hit_times(2);
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_leader_whose_answers_come_too_late_has_lost_before_another_leads() {
    let (unanswered, cut_off) = (covers(5), covers(26));
    let (timing, delay) = if rounds().is_some() {
        (DEFAULT, seconds(9))
    } else {
        (SHORT, Duration::from_millis(3_600))
    };
    tokio::join!(
        too_late(Backend::Endpoints, timing, delay),
        too_late(Backend::ConfigMap, timing, delay),
    );
    unanswered.hit_times(2);
    cut_off.hit_times(2);
}

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_late_answer_carries_belief_no_further_than_its_request() {
    let slow = covers(20);
    if rounds().is_none() {
        let delay = Duration::from_millis(800);
        tokio::join!(
            late(Backend::Endpoints, SHORT_LATE, delay),
            late(Backend::ConfigMap, SHORT_LATE, delay),
        );
        slow.hit_times(2);
        return;
    }
    let delay = seconds(1);
    tokio::join!(
        late(Backend::Endpoints, DEFAULT, delay),
        late(Backend::ConfigMap, DEFAULT, delay),
        late(Backend::Endpoints, LONG_LATE, seconds(9)),
        late(Backend::ConfigMap, LONG_LATE, seconds(9)),
    );
    slow.hit_times(4);
}

/// Nothing gets through and nothing is refused; what was held then arrives.
async fn freeze(backend: Backend, length: Duration) {
    let proxied = Proxied::start("freeze", backend, SHORT).await;
    let from_ms = now_ms();
    proxied.proxy.freeze(&Way::BOTH);
    proxied.replaced(from_ms).await;
    let rest = from_ms + millis(length) - now_ms();
    let rest = u64::try_from(rest).expect("it is frozen for longer than a take-over takes");
    pass(Duration::from_millis(rest)).await;
    let held = proxied.proxy.counts().requests;
    assert!(held.came > held.passed, "it tried nothing: {held:?}");
    let what = format!("frozen for {length:?}, ttl {:?}", SHORT.ttl);
    proxied.judge(&what).await;
}

/// Renewals arrive, but no attempt lives to see its answer; then nothing does.
async fn too_late(backend: Backend, timing: Timing, delay: Duration) {
    let mut proxied = Proxied::start("too-late", backend, timing).await;
    proxied.proxy.delay(&[Way::Answers], delay);
    pass(delay + delay / 6).await;
    let from_ms = now_ms();
    proxied.proxy.cut().await;
    proxied.replaced(from_ms).await;
    let what = format!("answers {delay:?} late, then cut, ttl {:?}", timing.ttl);
    proxied.judge(&what).await;
}

/// The answer to a renewal comes late but in time, and before the next renewal
/// is sent nothing gets through any more.
async fn late(backend: Backend, timing: Timing, delay: Duration) {
    let test = format!("late-{}", timing.ttl.as_secs());
    let mut proxied = Proxied::start(&test, backend, timing).await;
    let late_ms = now_ms() + millis(delay);
    proxied.proxy.delay(&[Way::Answers], delay);
    let is_late = |event: &Event| event.is("renewed") && event.at_ms >= late_ms;
    let renewed = proxied.leader_said("an answer came late", is_late).await;
    let from_ms = now_ms();
    proxied.proxy.cut().await;
    proxied.replaced(from_ms).await;
    let sent_ms = renewed.at_ms - millis(delay);
    assert!(
        renewed.until_ms.unwrap() < sent_ms + millis(timing.ttl),
        "belief reaches beyond a ttl from the sending: {renewed:?}"
    );
    let what = format!(
        "answers {delay:?} late but in time, then cut, ttl {:?}",
        timing.ttl
    );
    proxied.judge(&what).await;
}
