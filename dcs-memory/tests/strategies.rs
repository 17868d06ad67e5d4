//! The strategies give what they say, and it shrinks.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use dcs_core::election::LeaseTiming;
use dcs_memory::sim::strategy::{edits, fates, faults, plans};
use dcs_memory::sim::{Class, Fate, Fault, History, Node, Planned, Simulation, Swarm};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

const LENGTH: Duration = Duration::from_secs(60);

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..Config::with_cases(cases)
    })
}

fn many<S: Strategy>(strategy: &S) -> Vec<S::Value> {
    let mut runner = runner(1);
    let mut draw = || strategy.new_tree(&mut runner).unwrap().current();
    (0..400).map(|_| draw()).collect()
}

#[test]
fn plans_lie_within_the_length_in_order() {
    for plan in many(&plans(3, LENGTH)) {
        assert!(plan.len() <= 12);
        assert!(plan.is_sorted_by_key(|planned| planned.at));
        assert!(plan.iter().all(|planned| planned.at < LENGTH));
    }
}

#[test]
fn plans_have_timed_faults_messages_and_edits() {
    let plans = many(&plans(3, LENGTH)).concat();
    let count = |is: fn(&Fault) -> bool| plans.iter().filter(|planned| is(&planned.fault)).count();
    assert!(count(|fault| matches!(fault, Fault::Message { .. })) > 400);
    assert!(count(|fault| matches!(fault, Fault::Edit(_))) > 200);
    assert!(count(|fault| matches!(fault, Fault::Cut { .. })) > 100);
}

#[test]
fn there_is_every_kind_of_fault_fate_and_edit() {
    let kinds = |faults: Vec<String>| {
        let first = |text: &String| text.split([' ', '{', '(']).next().map(str::to_owned);
        faults.iter().filter_map(first).collect::<BTreeSet<_>>()
    };
    let faults = many(&faults(3))
        .iter()
        .map(|it| format!("{it:?}"))
        .collect();
    assert_eq!(kinds(faults).len(), 14);
    let edits = many(&edits()).iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(kinds(edits).len(), 10);
    let fates = many(&fates());
    let each: [fn(&Fate) -> bool; 8] = [
        |fate| fate.is_lost,
        |fate| fate.loses_answer,
        |fate| fate.is_refused,
        |fate| fate.is_stray,
        |fate| !fate.late.is_zero(),
        |fate| !fate.late_answer.is_zero(),
        |fate| fate.again.is_some(),
        |fate| fate.stale > 0,
    ];
    for (number, is) in each.iter().enumerate() {
        assert!(fates.iter().any(is), "fate {number}");
    }
}

#[test]
fn a_cluster_of_none_and_a_plan_of_no_length_are_those_of_one_member_at_once() {
    for planned in many(&plans(0, Duration::ZERO)).concat() {
        assert_eq!(planned.at, Duration::ZERO);
    }
}

/// Acts for as long as it likes, whatever becomes of its lease.
async fn careless(node: Node) {
    let [ttl, loop_wait, retry] = [15, 5, 4].map(Duration::from_secs);
    let elector = node.elector(LeaseTiming::new(ttl, loop_wait, retry).unwrap());
    while let Ok(_lease) = elector.acquire().await {
        let _acts = node.acts();
        node.sleep(Duration::from_secs(60)).await;
    }
}

fn run(plan: Vec<Planned>) -> History {
    let simulation = Simulation::new(1).nodes(2).length(LENGTH).plan(plan);
    simulation.without_liveness().run(careless)
}

#[test]
fn a_plan_that_breaks_a_property_shrinks_to_few_faults() {
    let broken = runner(200).run(&plans(2, LENGTH), |plan| {
        let verdict = run(plan).verdict();
        verdict.map_err(|violation| TestCaseError::fail(violation.to_string()))
    });
    let Err(TestError::Fail(_, plan)) = broken else {
        panic!("{broken:?}");
    };
    assert!(plan.len() <= 3, "{plan:?}");
}

#[test]
fn planned_faults_come_about() {
    let histories = many(&plans(2, LENGTH)).into_iter().take(150);
    let mut made = BTreeSet::new();
    for history in histories.map(run) {
        made.extend(history.hits.keys().copied());
    }
    // What takes a Patroni is a recipe of its own.
    let classes = Simulation::expected_hits(Swarm::Mixed).into_iter();
    let missing: Vec<_> = classes.filter(|class| !made.contains(class)).collect();
    // An ambush is an edit and a cut: a plan has these.
    assert_eq!(missing, [Class::Ambush], "of a plan");
}
