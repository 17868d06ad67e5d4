//! A history with a violation is made small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use dcs_memory::sim::{Fault, History, Invariant, Node, NotShrunk, Planned, Simulation, Swarm};

use crate::support::{at, elector, seconds};

/// Looks at its lease once, and then acts on as if it had it.
async fn careless(node: Node) {
    let elector = elector(&node);
    while let Ok(lease) = elector.acquire().await {
        let acts = node.acts();
        node.sleep(seconds(40)).await;
        drop((acts, lease));
        node.sleep(seconds(1)).await;
    }
}

fn simulation(seed: u64) -> Simulation {
    Simulation::new(seed)
        .faults(Swarm::Mixed)
        .length(seconds(200))
}

/// At so many seconds and a bit this process is cut off for so many.
fn cut(at: u64, process: usize, lasts: u64) -> Planned {
    let bit = Duration::from_micros(345_678);
    Planned {
        at: seconds(at) + bit,
        fault: Fault::Cut {
            process,
            requests: true,
            answers: true,
            lasts: seconds(lasts) + bit,
        },
    }
}

/// The first of these seeds whose history is broken.
fn broken(seeds: std::ops::Range<u64>) -> History {
    let mut histories = seeds.map(|seed| simulation(seed).run(careless));
    histories.find(|it| it.violation.is_some()).unwrap()
}

#[test]
fn every_violation_is_replayed_by_what_was_recorded() {
    let mut replayed = 0;
    for seed in 0..30 {
        let history = simulation(seed).run(careless);
        let Some(violation) = &history.violation else {
            continue;
        };
        let shrunk = history.shrink().replays(1).run(careless).unwrap();
        assert_eq!(shrunk.violation, *violation);
        replayed += 1;
    }
    assert!(replayed >= 15, "{replayed}");
}

#[test]
fn one_cut_and_two_members_are_left_where_they_are_enough() {
    let mut small = 0;
    for seed in 0..6 {
        let history = simulation(seed).run(careless);
        let Err(violation) = history.verdict() else {
            continue;
        };
        let shrunk = history.shrink().run(careless).unwrap();
        assert_eq!(shrunk.violation.invariant, violation.invariant);
        assert!(shrunk.is_smallest);
        let (faults, before) = (shrunk.history.faults.len(), history.faults.len());
        assert!(
            faults <= 8 && faults < before,
            "{faults} of {before} left:\n{shrunk}"
        );
        small += u32::from(faults == 1 && shrunk.history.nodes == 2);
    }
    assert!(small >= 2, "{small}");
}

#[test]
fn what_is_left_replays_to_its_violation_and_none_of_it_can_go() {
    let shrunk = broken(5..20).shrink().run(careless).unwrap();
    let again = shrunk.simulation.clone().run(careless);
    assert_eq!(again.violation.as_ref(), Some(&shrunk.violation));
    assert_eq!(again.faults, shrunk.history.faults);
    for left_out in 0..again.faults.len() {
        let mut plan = again.faults.clone();
        plan.remove(left_out);
        let without = shrunk.simulation.clone().plan(plan).run(careless);
        assert_eq!(without.violation, None, "not needed: {left_out}");
    }
}

#[test]
fn shrinking_twice_gives_the_same_text() {
    let history = broken(0..20);
    let [first, second] = [(), ()].map(|()| history.shrink().run(careless).unwrap().to_string());
    assert_eq!(first, second);
}

#[test]
fn the_bound_on_replays_ends_it_and_is_told() {
    let history = broken(0..20);
    let mut told = Vec::new();
    let bounded = history.shrink().replays(4);
    let shrunk = bounded
        .on_progress(|progress| told.push((progress.replays, progress.limit)))
        .run(careless)
        .unwrap();
    assert_eq!(told, [(1, 4), (2, 4), (3, 4), (4, 4)]);
    assert!(!shrunk.is_smallest);
    let text = shrunk.to_string();
    assert!(
        text.contains("the bound of 4 replays has ended it"),
        "{text}"
    );
}

#[test]
fn a_cut_both_ways_is_made_one_way_short_and_round() {
    let plan = vec![cut(22, 0, 61)];
    let simulation = Simulation::new(6).nodes(2).plan(plan);
    let history = simulation.run(careless);
    let shrunk = history.shrink().run(careless).unwrap();
    let [left] = &shrunk.history.faults[..] else {
        panic!("{shrunk}");
    };
    let Fault::Cut {
        requests,
        answers,
        lasts,
        ..
    } = left.fault
    else {
        panic!("{shrunk}");
    };
    assert!(requests != answers, "{shrunk}");
    assert!(lasts < seconds(20), "{shrunk}");
    assert_eq!(left.at.subsec_nanos() % 100_000_000, 0, "{shrunk}");
}

#[test]
fn a_program_that_needs_no_fault_is_left_with_none() {
    let always = |node: Node| async move {
        let _acts = node.acts();
        node.sleep(seconds(1)).await;
    };
    let history = Simulation::new(3).faults(Swarm::Mixed).run(always);
    let shrunk = history.shrink().run(always).unwrap();
    assert_eq!(shrunk.history.faults, []);
    assert_eq!(shrunk.history.nodes, 2);
    assert_eq!(shrunk.violation.invariant, Invariant::OneActs);
}

#[test]
fn a_liveness_violation_is_shrunk_too() {
    /// Gives up for good at the first loss.
    async fn faint(node: Node) {
        let elector = elector(&node);
        if let Ok(lease) = elector.acquire().await {
            lease.ended().await;
        }
    }
    let jump = Fault::WallJump {
        process: 0,
        millis: 5,
    };
    let jump = |at| Planned {
        at: seconds(at),
        fault: jump.clone(),
    };
    let plan = vec![jump(40), cut(60, 0, 30), jump(80)];
    let simulation = Simulation::new(2).nodes(1).length(seconds(300));
    let history = simulation.plan(plan).run(faint);
    let violation = history.verdict().unwrap_err();
    assert_eq!(violation.invariant, Invariant::Liveness);
    let shrunk = history.shrink().run(faint).unwrap();
    assert_eq!(shrunk.violation.invariant, Invariant::Liveness);
    assert_eq!(shrunk.history.faults.len(), 1, "{shrunk}");
    assert!(history.length > seconds(340), "{history}");
    assert!(shrunk.history.length < seconds(200), "{shrunk}");
}

#[test]
fn a_fault_stays_without_which_something_else_breaks() {
    /// Two act at once; one alone complains later.
    async fn complains(node: Node) {
        let _acts = node.acts();
        node.sleep(seconds(30)).await;
        node.fail("is alone");
    }
    let plan = vec![at(10, Fault::Twin { process: 0 })];
    let history = Simulation::new(1).nodes(1).plan(plan).run(complains);
    assert_eq!(
        history.violation.as_ref().unwrap().invariant,
        Invariant::OneActs
    );
    let shrunk = history.shrink().run(complains).unwrap();
    assert_eq!(shrunk.violation.invariant, Invariant::OneActs);
    assert_eq!(shrunk.history.faults.len(), 1, "{shrunk}");
}

#[test]
fn a_history_without_a_violation_is_not_shrunk() {
    let history = Simulation::new(1).length(seconds(50)).run_members();
    assert_eq!(
        history.shrink().run_members().unwrap_err(),
        NotShrunk::NoViolation { seed: 1 }
    );
}

#[test]
fn a_program_with_chance_of_its_own_is_told_apart() {
    let runs = Arc::new(AtomicU64::new(0));
    let program = move |node: Node| {
        let run = runs.fetch_add(1, Relaxed);
        async move {
            node.sleep(seconds(run)).await;
            node.fail("broken");
        }
    };
    let history = Simulation::new(1).nodes(1).run(program.clone());
    let error = history.shrink().run(program).unwrap_err();
    assert!(matches!(error, NotShrunk::NotReplayed { .. }));
    let text = error.to_string();
    assert!(
        text.contains("takes time or chance from elsewhere than its `Node`"),
        "{text}"
    );
}

#[test]
fn it_prints_the_violation_the_seed_the_faults_and_how_to_replay() {
    let history = broken(5..20);
    let hinted = history.shrink().replay_by("cargo test -p mine");
    let shrunk = hinted.run(careless).unwrap();
    let text = shrunk.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("I2 one acts broken at "), "{text}");
    let seed = format!("seed {}, ", history.seed);
    assert!(lines[1].starts_with(&seed), "{text}");
    assert_eq!(lines.len(), 3 + shrunk.history.faults.len(), "{text}");
    assert_eq!(lines.last(), Some(&"replay by: cargo test -p mine"));
}
