//! Three processes of ha-loop on a real API server: killed, told to end, stopped.
//!
//! `DCS_HA_ROUNDS=10 cargo test -p dcs-examples --test processes -- --ignored
//! --nocapture` takes the default timing and ten rounds, and prints a table.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use rustix::process::Signal;
use support::cluster::{Backend, Cluster, rounds, timing};
use support::events::Event;
use support::table::print_times;
use support::wait::{PATIENCE, now_ms, pass, poll};

/// What a take-over may take beyond the ttl, for requests and a busy machine.
const SLACK_MS: i64 = 2_000;
/// How long a leader that is told to end may leave the others without one.
const HAND_OVER_MS: i64 = 1_000;

/// The same tests on both kinds of objects.
macro_rules! on {
    ($backend:ident, $name:ident) => {
        mod $name {
            use super::*;

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn a_killed_leader_is_replaced_within_the_ttl() {
                kills(Backend::$backend).await;
            }

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn a_leader_that_is_told_to_end_is_replaced_at_once() {
                terminations(Backend::$backend).await;
            }

            #[tokio::test]
            #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
            async fn a_leader_that_was_stopped_has_lost_before_another_led() {
                stop(Backend::$backend).await;
            }
        }
    };
}
on!(Endpoints, endpoints);
on!(ConfigMap, configmap);

async fn kills(backend: Backend) {
    let mut cluster = Cluster::open("kills", backend, timing()).await;
    cluster.start_three(backend == Backend::Endpoints).await;
    let limit_ms = i64::try_from(cluster.timing.ttl.as_millis()).unwrap() + SLACK_MS;
    let mut times = Vec::new();
    let rounds = rounds().unwrap_or(1);
    for round in 0..rounds {
        let leader = cluster.settled().await;
        // At another point between two renewals each time.
        let share = u32::try_from(round).unwrap() * cluster.timing.loop_wait;
        pass(share / u32::try_from(rounds).unwrap()).await;
        let killed_ms = now_ms();
        cluster.kill(&leader);
        let limit = cluster.timing.ttl * 2;
        let next = cluster.elected(killed_ms, Some(&leader), limit).await;
        let took = next.at_ms - killed_ms;
        assert!(took <= limit_ms, "{leader} was replaced after {took} ms");
        times.push(took);
        cluster.start(&leader);
    }
    cluster.stop().await;
    cluster.verdict().assert_good(times.len() + 1);
    print_times(&format!("kill -9, {}", backend.flag()), &times);
    cluster.print_judge();
}

async fn terminations(backend: Backend) {
    let mut cluster = Cluster::open("terminations", backend, timing()).await;
    cluster.start_three(backend == Backend::ConfigMap).await;
    let mut times = Vec::new();
    for _ in 0..rounds().unwrap_or(1) {
        let leader = cluster.settled().await;
        let told_ms = now_ms();
        cluster.signal(&leader, Signal::TERM);
        let limit = cluster.timing.ttl * 2;
        let next = cluster.elected(told_ms, Some(&leader), limit).await;
        let took = next.at_ms - told_ms;
        assert!(
            took <= HAND_OVER_MS,
            "{leader} was replaced after {took} ms"
        );
        times.push(took);
        let ended = cluster.ended(&leader).await;
        assert!(ended.status.success(), "{ended:?}");
        cluster.start(&leader);
    }
    cluster.stop().await;
    let verdict = cluster.verdict();
    verdict.assert_good(times.len() + 1);
    let all_released = verdict.terms.iter().all(|term| term.ended_by("released"));
    assert!(all_released, "{:#?}", verdict.terms);
    print_times(&format!("SIGTERM, {}", backend.flag()), &times);
    cluster.print_judge();
}

async fn stop(backend: Backend) {
    let mut cluster = Cluster::open("stop", backend, timing()).await;
    cluster.start_three(true).await;
    let stopped = cluster.settled().await;
    let from_ms = now_ms();
    cluster.signal(&stopped, Signal::STOP);
    let limit = cluster.timing.ttl * 2;
    let next = cluster.elected(from_ms, Some(&stopped), limit).await;
    cluster.signal(&stopped, Signal::CONT);
    let events = async || {
        let events = cluster.running[&stopped].events();
        events
            .iter()
            .any(|event| event.is("lost"))
            .then_some(events)
    };
    let Some(events) = poll(PATIENCE, events).await else {
        panic!("{stopped} goes on as if it led");
    };
    let lost = events.iter().find(|event| event.is("lost")).unwrap();
    let until = events.iter().filter_map(believed_until(lost)).next_back();
    assert!(Some(lost.at_ms) <= until, "{lost:?}, until {until:?}");
    assert!(lost.at_ms <= next.at_ms, "{lost:?}, {next:?}");
    assert_eq!(cluster.settled().await, next.member);
    cluster.stop().await;
    let verdict = cluster.verdict();
    verdict.assert_good(2);
    assert_eq!(verdict.terms.len(), 2, "{:#?}", verdict.terms);
    cluster.print_judge();
}

/// To where the events of the term that was lost carried belief.
fn believed_until(lost: &Event) -> impl Fn(&Event) -> Option<i64> {
    let token = lost.token;
    move |event| event.until_ms.filter(|_| event.token == token)
}
