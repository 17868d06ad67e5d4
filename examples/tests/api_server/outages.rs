//! What members begin and end while the API server is away.

use dcs_cluster::Server;
use dcs_faults::covers;

use super::scope::{Scope, by, timing};
use super::support::wait::now_ms;
use super::world::World;

/// Somebody leads in time after `ready_ms`, who was elected since `from_ms`, and
/// nobody did beside another one.
async fn is_won_by_one(scope: &Scope, (from_ms, ready_ms): (i64, i64), terms: usize) {
    let next = scope.elected_after(from_ms).await;
    let wait = scope.timing.challenger_wait() + scope.timing.loop_wait();
    assert!(next.at_ms <= by(ready_ms, wait * 2), "{ready_ms}: {next:?}");
    scope.verdict().assert_good(terms);
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
    // In one mode the acquiring write is under way, in the other one it is due.
    world.scopes[0].members[1].dcs.write_begins().await;
    world.kill_and_restart().await;
    let ready_ms = now_ms();
    for scope in &world.scopes {
        is_won_by_one(scope, (from_ms, ready_ms), 2).await;
    }
    world.count(&restarts, 1, from_ms);
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn a_leader_that_steps_down_while_the_api_server_is_away_is_followed_when_it_is_there() {
    let restarts = covers(13);
    let mut world = World::start(&timing(6, 2, 2)).await;
    let from_ms = now_ms();
    world.cluster().kill_api_server().unwrap();
    for scope in &world.scopes {
        let begun_ms = now_ms();
        scope.members[0].elector.step_down().await.unwrap();
        let timing = &scope.timing;
        let limit = timing.retry_timeout() + timing.stop_time() + timing.attempt_timeout();
        let took_ms = now_ms() - begun_ms;
        assert!(took_ms <= by(0, limit), "{took_ms} ms");
        assert!(!scope.members[0].elector.is_leader());
    }
    world.restart().await;
    let ready_ms = now_ms();
    for scope in &world.scopes {
        is_won_by_one(scope, (from_ms, ready_ms), 2).await;
    }
    world.count(&restarts, 0, from_ms);
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn a_member_that_begins_while_the_api_server_is_away_leads_when_it_is_there() {
    let restarts = covers(13);
    let mut world = World::start(&timing(6, 2, 2)).await;
    let from_ms = now_ms();
    world.cluster().kill_api_server().unwrap();
    for member in world.scopes.iter().flat_map(|scope| &scope.members) {
        member.kill();
    }
    world.begin(0);
    world.begin(1);
    world.restart().await;
    let ready_ms = now_ms();
    for scope in &world.scopes {
        is_won_by_one(scope, (from_ms, ready_ms), 2).await;
    }
    world.count(&restarts, 2, from_ms);
}

#[tokio::test]
#[ignore = "starts a real API server: builds or downloads one if need be"]
async fn a_first_bootstrap_under_way_as_the_api_server_crashes_goes_on_when_it_is_there() {
    let restarts = covers(13);
    let mut world = World::empty(&timing(6, 2, 2)).await;
    let from_ms = now_ms();
    for number in 0..world.scopes.len() {
        world.begin(number);
        world.scopes[number].members[0].dcs.write_begins().await;
        // It answers nothing any more.
        world.cluster().freeze(Server::ApiServer);
        world.kill_and_restart().await;
        let ready_ms = now_ms();
        is_won_by_one(&world.scopes[number], (from_ms, ready_ms), 1).await;
    }
    world.count(&restarts, 0, from_ms);
}
