//! Every public future, dropped at every point where it can be: nothing panics,
//! no two members believe, and everyone can go on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use dcs_core::election::EventKind;
use dcs_core::{Clock, Config, Dcs, DcsExt, Failover};
use dcs_faults::covers;
use dcs_memory::Latency;
use futures_util::future::{Either, join, select};
use futures_util::{FutureExt, StreamExt};

use support::scene::{Scene, at_every_point, bound, poll_times, poll_times_each, timing};
use support::{ms, s};

#[tokio::test(start_paused = true)]
async fn acquire_can_be_dropped_and_the_member_can_step_down() {
    at_every_point(async |polls| {
        let scene = Scene::new();
        let acquired = poll_times(&scene.world, scene.a.elector.acquire(), polls).await;
        let ready = acquired.is_some();
        drop(acquired);
        scene.goes_on_after_stepping_down().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acquire_can_be_dropped_and_called_again() {
    let dropped = covers(66);
    at_every_point(async |polls| {
        dropped.hit();
        let scene = Scene::new();
        let acquired = poll_times(&scene.world, scene.a.elector.acquire(), polls).await;
        let ready = acquired.is_some();
        drop(acquired);
        let lease = scene.lead_as(&scene.a).await;
        assert!(lease.is_valid());
        drop(lease);
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lead_can_be_dropped_and_its_work_is_dropped_with_it() {
    at_every_point(async |polls| {
        let scene = Scene::new();
        let (began, runs) = (AtomicBool::new(false), AtomicBool::new(false));
        let lead = scene.a.elector.lead(|term| {
            let (began, runs, world) = (&began, &runs, &scene.world);
            async move {
                began.store(true, SeqCst);
                let _running = Running::begin(runs);
                world.pass(ms(3)).await;
                term.ended().now_or_never();
                world.pass(ms(3)).await;
            }
        });
        let ready = poll_times(&scene.world, lead, polls).await.is_some();
        assert!(!runs.load(SeqCst), "the work goes on");
        if began.load(SeqCst) {
            scene.goes_on_by_itself().await;
        } else {
            scene.goes_on_after_stepping_down().await;
        }
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lead_one_term_can_be_dropped_also_while_its_term_is_lost() {
    at_every_point(async |polls| {
        let (scene, lease) = Scene::led_by_a().await;
        lease.release().await;
        scene.a.dcs.set_latency(Latency::fixed(ms(40)));
        let lead = scene
            .a
            .elector
            .lead_one_term(|_| std::future::pending::<()>());
        let lost = async {
            scene.world.pass(s(8)).await;
            scene.world.store.delete_leader(&scene.world.scope);
        };
        // The other one leaves it to this one.
        scene.b.elector.step_down().await.unwrap();
        let ready = poll_times_each(&scene.world, join(lead, lost), polls, ms(100)).await;
        let ready = ready.is_some();
        scene.goes_on_after_stepping_down().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn step_down_can_be_dropped_and_the_term_is_given_up_once_it_was_polled() {
    at_every_point(async |polls| {
        let (scene, _lease) = Scene::led_by_a().await;
        let ready = poll_times(&scene.world, scene.a.elector.step_down(), polls).await;
        let ready = ready.is_some();
        if polls == 0 {
            scene.go_on(bound()).await;
            assert!(scene.a.elector.is_leader());
            return false;
        }
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn release_can_be_dropped_and_the_lease_is_given_up_all_the_same() {
    at_every_point(async |polls| {
        let (scene, lease) = Scene::led_by_a().await;
        let ready = poll_times(&scene.world, lease.release(), polls).await;
        let ready = ready.is_some();
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn release_to_can_be_dropped_and_the_lease_is_given_up_all_the_same() {
    at_every_point(async |polls| {
        let (scene, lease) = Scene::led_by_a().await;
        let successor = "nobody".parse().unwrap();
        let ready = poll_times(&scene.world, lease.release_to(successor), polls).await;
        let ready = ready.is_some();
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ended_can_be_dropped_and_asked_again() {
    at_every_point(async |polls| {
        let (scene, lease) = Scene::led_by_a().await;
        scene.a.dcs.cut_off();
        let tick = ms(250);
        let ready = poll_times_each(&scene.world, lease.ended(), polls, tick).await;
        let ready = ready.is_some();
        scene.look_during(lease.ended()).await;
        let left = lease.remaining().unwrap_or_default();
        assert!(left <= timing().stop_time(), "{left:?}");
        scene.a.dcs.heal();
        drop(lease);
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_next_event_can_be_dropped_and_none_is_lost() {
    at_every_point(async |polls| {
        let scene = Scene::new();
        let (mut events, mut all) = (scene.a.elector.events(), scene.a.elector.events());
        let mut read = Vec::new();
        let reading = async {
            while read.len() < 4 {
                read.push(events.next().await.unwrap());
            }
        };
        let lease = scene.lead_as(&scene.a).await;
        let ready = poll_times_each(&scene.world, reading, polls, s(1)).await;
        let ready = ready.is_some();
        drop(lease);
        scene.go_on(s(1)).await;
        while let Some(event) = events.next().now_or_never().flatten() {
            read.push(event);
        }
        let mut whole = Vec::new();
        while let Some(event) = all.next().now_or_never().flatten() {
            whole.push(event);
        }
        assert_eq!(read, whole);
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_view_can_be_dropped_and_no_change_is_lost() {
    at_every_point(async |polls| {
        let scene = Scene::new();
        let mut view = scene.b.elector.cluster();
        scene.a.elector.contend().unwrap();
        let waiting = view.wait_for(|view| view.holder().is_some());
        let ready = poll_times(&scene.world, waiting, polls).await;
        let ready = ready.flatten().is_some();
        scene.go_on(s(1)).await;
        let held = view.wait_for(|view| view.holder().is_some()).await;
        assert_eq!(held.unwrap().holder().unwrap().as_str(), "a");
        let again = view.wait_for(|view| view.holder().is_some());
        assert!(again.now_or_never().flatten().is_some(), "it holds already");
        scene.goes_on_after_stepping_down().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_next_change_of_the_view_can_be_dropped_and_comes_with_the_next_call() {
    at_every_point(async |polls| {
        let scene = Scene::new();
        let mut view = scene.b.elector.cluster();
        while view.changed().now_or_never().is_none() {
            scene.go_on(ms(1)).await;
        }
        while view.changed().now_or_never().is_some() {}
        scene.a.elector.contend().unwrap();
        let ready = poll_times(&scene.world, view.changed(), polls).await;
        let ready = ready.flatten().is_some();
        if !ready {
            let limit = scene.world.clock.sleep(s(1));
            let changed = pin!(view.changed());
            let next = select(changed, limit).await;
            assert!(matches!(next, Either::Left((Some(_), _))), "it was lost");
        }
        scene.goes_on_after_stepping_down().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_config_can_be_dropped_and_is_applied_once_or_not_at_all() {
    let dropped = covers(66);
    at_every_point(async |polls| {
        dropped.hit();
        let (scene, lease) = Scene::led_by_a().await;
        let one_more = |config: Option<&Config>| {
            let count = config.and_then(|config| config.settings()["count"].as_u64());
            let text = format!(r#"{{"count":{}}}"#, count.map_or(0, |count| count + 1));
            Some(text.parse().unwrap())
        };
        let edit = scene.a.dcs.edit_config(one_more);
        let ready = poll_times(&scene.world, edit, polls).await.is_some();
        scene.go_on(s(1)).await;
        let before = scene.a.dcs.config().await.unwrap();
        assert!(before.is_none_or(|config| config.to_string() == r#"{"count":0}"#));
        assert!(scene.a.dcs.edit_config(one_more).await.is_ok());
        assert!(lease.is_valid());
        drop(lease);
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_to_hand_over_can_be_dropped_while_it_is_made_and_while_it_is_consumed() {
    at_every_point(async |polls| {
        let (scene, lease) = Scene::led_by_a().await;
        let request = || Failover::switchover(None, Some("b".parse().unwrap()));
        let dcs = Arc::clone(&scene.a.dcs);
        let both = async {
            dcs.request_failover(request()).await.unwrap();
            let seen = dcs.load().await.unwrap().failover;
            dcs.consume_failover(&seen).await.unwrap()
        };
        let ready = poll_times(&scene.world, both, polls).await.is_some();
        scene.go_on(s(1)).await;
        scene.a.dcs.request_failover(request()).await.unwrap();
        let seen = scene.a.dcs.load().await.unwrap().failover;
        assert!(scene.a.dcs.consume_failover(&seen).await.unwrap());
        drop(lease);
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn reading_can_be_dropped_and_leaves_nothing_behind() {
    at_every_point(async |polls| {
        let (scene, lease) = Scene::led_by_a().await;
        let (dcs, name) = (Arc::clone(&scene.a.dcs), "a".parse().unwrap());
        let before = scene.world.store.snapshot(&scene.world.scope);
        let all = async {
            dcs.leader().await.unwrap();
            dcs.config().await.unwrap();
            dcs.member(&name).await.unwrap();
            dcs.initialized().await.unwrap();
            dcs.status().await.unwrap();
        };
        let ready = poll_times(&scene.world, all, polls).await.is_some();
        let after = scene.world.store.snapshot(&scene.world.scope);
        assert_eq!(before, after);
        drop(lease);
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_driver_can_be_dropped_and_what_was_believed_ends_by_its_deadline() {
    let dropped = covers(66);
    at_every_point(async |polls| {
        dropped.hit();
        let mut scene = Scene::new();
        scene.a.crash();
        let (_, elector, driver) = scene.world.build("a", timing(), |builder| builder);
        scene.a.elector = elector.clone();
        let user = async {
            scene.world.pass(ms(1)).await;
            let lease = elector.acquire().await.unwrap();
            scene.world.pass(s(3)).await;
            lease.release().await;
        };
        let running = async {
            let (driver, user) = (Box::pin(driver.run()), pin!(user));
            let first = select(driver, user).await;
            assert!(matches!(first, Either::Right(_)), "it ended too early");
        };
        let ready = poll_times_each(&scene.world, running, polls, ms(100)).await;
        let ready = ready.is_some();
        assert!(scene.a.elector.contend().is_err());
        assert!(scene.a.elector.acquire().await.is_err());
        assert!(scene.a.elector.step_down().await.is_err());
        let told = support::told(&mut scene.a.elector.events());
        let elected = |kind: &EventKind| matches!(kind, EventKind::Elected { .. });
        assert!(!told.iter().any(elected), "{told:?}");
        let lease = scene.lead_as(&scene.b).await;
        scene.look_during(lease.release()).await;
        // The same name begins anew.
        scene.a = scene.world.join("a", timing(), |builder| builder);
        scene.goes_on_by_itself().await;
        ready
    })
    .await;
}

/// Says whether something runs.
struct Running<'a>(&'a AtomicBool);

impl<'a> Running<'a> {
    fn begin(runs: &'a AtomicBool) -> Self {
        runs.store(true, SeqCst);
        Self(runs)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}
