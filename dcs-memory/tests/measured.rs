//! Two situations in which leaders of other libraries were measured to believe
//! beside their successors, on a real API server: here by plan, in virtual
//! time. `examples/tests/measured.rs` has them on a real API server.

use std::ops::Range;
use std::time::Duration;

use dcs_core::election::LeaseTiming;
use dcs_memory::sim::{Fault, History, Node, Planned, Simulation};

/// The process that leads first: the others do not contend before.
const LEADER: usize = 0;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Three members, of which the first leads, and what goes wrong for it.
fn history(timing: [u64; 3], plan: Vec<Planned>) -> History {
    let [ttl, loop_wait, retry_timeout] = timing.map(s);
    let timing = LeaseTiming::new(ttl, loop_wait, retry_timeout).expect("settings that are safe");
    let program = move |node: Node| {
        let timing = timing.clone();
        async move {
            let elector = node.elector(timing);
            if node.process() != LEADER {
                node.sleep(s(100)).await;
            }
            while let Ok(lease) = elector.acquire().await {
                lease.ended().await;
            }
        }
    };
    let history = Simulation::new(1)
        .nodes(3)
        .plan(plan)
        .length(s(400))
        .traced()
        .run(program);
    assert!(history.verdict().is_ok(), "{history}");
    assert_eq!(history.overlap(), Duration::ZERO, "{history}");
    history
}

fn at(seconds: u64, fault: Fault) -> Planned {
    Planned {
        at: s(seconds),
        fault,
    }
}

/// When the leader's belief ended after `from`, and when another one's began.
fn hand_over(history: &History, from: Duration) -> (Duration, Duration) {
    let beliefs = history.beliefs();
    let of_leader = beliefs
        .iter()
        .rfind(|belief| belief.process == LEADER && belief.from < from);
    let next = beliefs
        .iter()
        .find(|belief| belief.process != LEADER && belief.to > from);
    (
        of_leader.expect("it led").to,
        next.expect("another one leads").from,
    )
}

/// Whether the leader sends a lease write in these seconds.
fn renews_within(history: &History, seconds: Range<u64>) -> bool {
    history.trace.iter().any(|line| {
        let at = line.trim_start().split(' ').next();
        let at = at
            .and_then(|micros| micros.parse().ok())
            .map(Duration::from_micros);
        let is_within = at.is_some_and(|at| seconds.contains(&at.as_secs()));
        is_within && line.contains(&format!(" p{LEADER} #")) && line.contains("writes leader")
    })
}

#[test]
fn a_leader_whose_connection_freezes_for_45_s_is_followed_and_never_believes_beside_its_follower() {
    let frozen = at(
        200,
        Fault::Cut {
            process: LEADER,
            requests: true,
            answers: true,
            lasts: s(45),
        },
    );
    for timing in [[15, 5, 4], [30, 10, 10], [6, 2, 1]] {
        let history = history(timing, vec![frozen.clone()]);
        let (ended, began) = hand_over(&history, s(200));
        println!(
            "ttl {} s: believed until {ended:?}, followed at {began:?}",
            timing[0]
        );
        assert!(ended <= began);
        assert!(began < s(200) + s(timing[0]) * 103 / 100 + s(2));
    }
}

#[test]
fn a_leader_whose_answers_are_9_s_late_and_then_cut_never_believes_beside_its_follower() {
    // Answers that are 9 s late come after the attempt was given up, or in time:
    // as long as an attempt may take decides which.
    for timing in [[15, 5, 4], [60, 20, 20]] {
        let late = at(
            200,
            Fault::LateAnswers {
                process: LEADER,
                by: s(9),
                lasts: s(21),
            },
        );
        // A renewal has fallen into it, whatever the heartbeat.
        let cut = at(
            221,
            Fault::Cut {
                process: LEADER,
                requests: true,
                answers: true,
                lasts: s(120),
            },
        );
        let history = history(timing, vec![late, cut]);
        assert!(renews_within(&history, 200..221), "{history}");
        let (ended, began) = hand_over(&history, s(200));
        println!(
            "ttl {} s: believed until {ended:?}, followed at {began:?}",
            timing[0]
        );
        assert!(ended <= began);
    }
}
