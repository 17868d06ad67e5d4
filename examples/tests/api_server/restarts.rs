//! An API server that restarts while a leader leads.

use dcs_cluster::proxy::Way;
use dcs_faults::covers;

use super::scope::{by, timing};
use super::support::cluster::rounds;
use super::support::wait::{millis, now_ms};
use super::timed::Ended;
use super::world::World;

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn restarts_of_the_api_server_one_after_the_other_cost_no_term() {
    let (restarts, refused) = (covers(13), covers(52));
    let mut world = World::start(&timing(60, 1, 10)).await;
    let mut noticed = false;
    for round in 0..rounds().unwrap_or(3) {
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
            // A short absence may fall between two renewals of one of the leaders.
            noticed |= attempts.iter().any(|one| one.ended != Ended::Answered);
            scope.ended_by_deadline(0, from_ms);
            let trouble = scope.members[0].trouble_since(from_ms);
            let denied = trouble.iter().filter(|why| why.contains("HTTP 403"));
            refused.hit_times(u64::try_from(denied.count()).unwrap());
        }
        world.count(&restarts, 0, from_ms);
    }
    assert!(noticed, "no attempt met the absence");
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
    world.count(&restarts, 0, from_ms);
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn a_renewal_that_the_api_server_committed_before_it_crashed_is_read_back_when_it_is_there() {
    let (restarts, lost) = (covers(13), covers(5));
    let mut world = World::start_proxied(&timing(60, 1, 10)).await;
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
        let newest = attempts.iter().rposition(|one| one.sent_ms < from_ms);
        let (write, after) = attempts[newest.unwrap()..].split_first().unwrap();
        let answered = after.iter().position(|one| one.ended == Ended::Answered);
        let until_answered = &after[..=answered.unwrap()];
        let is_read_back = until_answered.iter().all(|one| !one.is_write);
        assert!(write.is_write && is_read_back, "{written}: {attempts:#?}");
        // Counted from its sending, and not from the reading or a write since.
        let latest = write.sent_ms + millis(scope.timing.holder_span()) + 5;
        assert!(
            renewed.until_ms.unwrap() <= latest,
            "{renewed:?}, {write:?}"
        );
    }
    world.goes_on(now_ms()).await;
    world.count(&restarts, 0, from_ms);
    lost.hit_times(2);
}
