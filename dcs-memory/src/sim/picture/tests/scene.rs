use std::time::Duration;

use super::{chart, count, history, leader, pause_of, planned, seconds};
use crate::sim::picture::scene::Scene;
use crate::sim::{Fate, Fault};

#[test]
fn belief_is_told_with_its_token_and_its_end() {
    let leader = leader();
    let history = history(pause_of(leader));
    let scene = Scene::of(&history);
    let belief = &scene.processes[leader].beliefs[0];
    let token = belief.token.unwrap();
    assert_eq!(belief.how, Some("lost, expired"));
    assert!(
        history
            .to_html()
            .contains(&format!(">token {token}</text>"))
    );
}

#[test]
fn a_paused_leader_is_drawn_as_believing_no_longer_than_its_lease() {
    let leader = leader();
    let history = history(pause_of(leader));
    let scene = Scene::of(&history);
    let span = scene.processes[leader].beliefs[0].span;
    // Renewed every 5 seconds, for a ttl of 15, and stopped at 60.
    let end = Duration::from_nanos(span.to);
    assert!(seconds(69) < end && end < seconds(75), "{end:?}");
}

#[test]
fn a_killed_process_ends_and_what_it_was_in_ends_with_it() {
    let cut = Fault::Cut {
        process: 1,
        requests: true,
        answers: true,
        lasts: seconds(60),
    };
    let restart = seconds(100);
    let kill = Fault::Crash {
        process: 1,
        restart,
    };
    let history = history(vec![planned(20, cut), planned(30, kill)]);
    let scene = Scene::of(&history);
    let process = &scene.processes[1];
    assert!(process.is_killed);
    assert_eq!(process.life.to, 30_000_000_000);
    let cut: Vec<_> = process
        .cut
        .all
        .iter()
        .map(|span| (span.from, span.to))
        .collect();
    assert_eq!(cut, [(20_000_000_000, 30_000_000_000)]);
}

#[test]
fn stretches_that_overlap_are_drawn_as_one() {
    let pause = |lasts| Fault::Pause {
        process: 1,
        lasts: seconds(lasts),
    };
    let history = history(vec![planned(20, pause(10)), planned(25, pause(15))]);
    let scene = Scene::of(&history);
    let stopped = scene.processes[1].stopped.all.iter();
    let stopped: Vec<_> = stopped.map(|span| (span.from, span.to)).collect();
    assert_eq!(stopped, [(20_000_000_000, 40_000_000_000)]);
}

#[test]
fn a_message_of_a_plan_stands_where_it_was_sent() {
    let fate = Fate {
        is_lost: true,
        ..Fate::default()
    };
    let message = Fault::Message {
        process: 0,
        request: 1,
        fate,
    };
    let history = history(vec![planned(0, message)]);
    let scene = Scene::of(&history);
    assert!(scene.faults[0].happened && scene.faults[0].at > 0);
    assert_eq!(count(chart(&history.to_html()), "class=\"astray\""), 1);
}
