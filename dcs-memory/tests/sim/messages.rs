//! What becomes of messages between a process and the store.

use std::pin::pin;
use std::time::Duration;

use dcs_core::{Dcs, LeaderRecord, Precondition};
use dcs_memory::sim::{Class, Fate, Fault, History, Node, Planned};
use futures_util::future::select;

use crate::support::{at, config, notes, quiet, seconds, texts, word};

/// Writes by its first request, and reads when that has ended.
async fn writes_once(node: Node) {
    let outcome = node.dcs().write(&config(1), Precondition::Absent).await;
    node.note(word(&outcome));
    reads(&node).await;
}

/// Writes, gives up after two seconds, reads then and later.
async fn gives_up(node: Node) {
    {
        let (dcs, change) = (node.dcs(), config(1));
        let write = pin!(dcs.write(&change, Precondition::Absent));
        select(write, pin!(node.sleep(seconds(2)))).await;
    }
    reads(&node).await;
    node.sleep(seconds(20)).await;
    reads(&node).await;
}

async fn reads(node: &Node) {
    let config = node.dcs().load().await.unwrap().config;
    node.note(match config.revision {
        Some(revision) => format!("there at {revision}"),
        None => "not there".to_owned(),
    });
}

fn fate(change: impl FnOnce(&mut Fate)) -> Planned {
    of_request(0, change)
}

fn of_request(request: u64, change: impl FnOnce(&mut Fate)) -> Planned {
    let mut fate = Fate::default();
    change(&mut fate);
    let process = 0;
    at(
        0,
        Fault::Message {
            process,
            request,
            fate,
        },
    )
}

fn cut(requests: bool, answers: bool, from: u64, lasts: u64) -> Planned {
    let (process, lasts) = (0, seconds(lasts));
    at(
        from,
        Fault::Cut {
            process,
            requests,
            answers,
            lasts,
        },
    )
}

fn once(planned: Planned) -> History {
    quiet(1).plan(vec![planned]).run(writes_once)
}

fn hit(history: &History, class: Class) -> bool {
    history.hits.get(&class).is_some_and(|(_, hit)| *hit > 0)
}

#[test]
fn a_request_that_is_lost_is_unknown_and_was_not_applied() {
    let history = once(fate(|fate| fate.is_lost = true));
    assert_eq!(texts(&history), ["unknown", "not there"]);
    assert!(hit(&history, Class::RequestLost));
}

#[test]
fn a_request_whose_answer_is_lost_is_unknown_and_was_applied() {
    let history = once(fate(|fate| fate.loses_answer = true));
    assert_eq!(texts(&history), ["unknown", "there at 1"]);
    assert!(hit(&history, Class::AnswerLost));
}

#[test]
fn a_request_that_is_refused_is_not_committed_at_once() {
    let history = once(fate(|fate| fate.is_refused = true));
    assert_eq!(texts(&history), ["not committed", "not there"]);
    assert!(notes(&history)[0].at < 0.1);
    assert!(hit(&history, Class::Refused));
}

#[test]
fn a_late_request_is_applied_long_after_its_sender_gave_up() {
    let late = fate(|fate| fate.late = seconds(10));
    let history = quiet(1).plan(vec![late]).run(gives_up);
    assert_eq!(texts(&history), ["not there", "there at 1"]);
    assert!(hit(&history, Class::RequestLate));
}

#[test]
fn a_late_answer_is_an_answer() {
    let history = once(fate(|fate| fate.late_answer = seconds(10)));
    assert_eq!(texts(&history), ["committed", "there at 1"]);
    let at = notes(&history)[0].at;
    assert!((10.0..10.1).contains(&at), "{at}");
    // Nobody gave up and nothing else was written: it changed nothing.
    assert!(!hit(&history, Class::AnswerLate));
}

#[test]
fn a_duplicate_arrives_and_is_refused_by_its_precondition() {
    let again = fate(|fate| fate.again = Some(seconds(5)));
    let history = quiet(1).plan(vec![again]).run(gives_up);
    assert!(
        history
            .trace
            .iter()
            .any(|line| line.ends_with("arrives again"))
    );
    assert_eq!(texts(&history), ["there at 1", "there at 1"]);
    assert!(!hit(&history, Class::Duplicate));
}

#[test]
fn a_duplicate_that_comes_first_is_applied_and_the_original_refused() {
    let overtaken = fate(|fate| {
        fate.late = seconds(10);
        fate.again = Some(seconds(5));
    });
    let history = once(overtaken);
    assert_eq!(texts(&history), ["conflict", "there at 1"]);
    assert!(hit(&history, Class::Duplicate));
}

#[test]
fn a_duplicate_of_what_has_no_precondition_is_applied_again() {
    async fn puts_two(node: Node) {
        let dcs = node.dcs();
        let name = node.name().clone();
        let record = |value: u64| {
            let record = dcs_core::MemberRecord::new(name.clone(), serde_json::Map::new());
            record.with("value", value)
        };
        for value in [1, 2] {
            let put = dcs.put_member(&record(value)).await;
            node.note(word(&put));
        }
        for _ in 0..2 {
            let members = dcs.load().await.unwrap().members;
            let found = members[&name].get().unwrap();
            node.note(*found == record(1));
            node.sleep(seconds(10)).await;
        }
    }
    let again = fate(|fate| fate.again = Some(seconds(5)));
    let history = quiet(1).plan(vec![again]).run(puts_two);
    assert_eq!(texts(&history), ["committed", "committed", "false", "true"]);
    assert!(hit(&history, Class::Duplicate));
}

#[test]
fn a_duplicate_that_changes_nothing_is_no_second_write() {
    /// Writes the same twice; a store may keep the revision then.
    async fn writes_the_same(node: Node) {
        let mut expected = Precondition::Absent;
        for _ in 0..2 {
            let outcome = node.dcs().write(&config(1), expected).await;
            let revision = outcome.into_result().unwrap();
            node.note(revision);
            expected = Precondition::Matches(revision);
        }
    }
    let plan = vec![of_request(1, |fate| fate.again = Some(seconds(1)))];
    let histories = (0..20).map(|seed| {
        let simulation = dcs_memory::sim::Simulation::new(seed).nodes(1).traced();
        simulation.plan(plan.clone()).run(writes_the_same)
    });
    let keeps = |history: &History| texts(history) == ["1", "1"];
    let keeping = histories.filter(keeps).count();
    assert!((1..20).contains(&keeping), "no violation in any: {keeping}");
}

#[test]
fn a_stale_read_shows_the_version_before() {
    async fn writes_and_reads(node: Node) {
        let dcs = node.dcs();
        let change = |count: u64| {
            let mut record = LeaderRecord::default();
            record.transitions = Some(count);
            dcs_core::Change::Leader(Box::new(record.into()))
        };
        let first = dcs.write(&change(1), Precondition::Absent).await;
        let first = Precondition::Matches(first.into_result().unwrap());
        let second = dcs.write(&change(2), first).await;
        assert_eq!(word(&second), "committed");
        for _ in 0..2 {
            let leader = dcs.load_leader().await.unwrap();
            node.note(leader.get().unwrap().transitions.unwrap());
        }
    }
    let stale = of_request(2, |fate| fate.stale = 1);
    let history = quiet(1).plan(vec![stale]).run(writes_and_reads);
    assert_eq!(texts(&history), ["1", "2"]);
    assert!(hit(&history, Class::StaleRead));
}

#[test]
fn a_cut_of_requests_keeps_writes_from_the_store() {
    let history = once(cut(true, false, 0, 30));
    assert_eq!(texts(&history), ["unknown", "not there"]);
    assert!(hit(&history, Class::CutRequests));
}

#[test]
fn a_cut_of_answers_lets_writes_through_and_nobody_knows() {
    let history = once(cut(false, true, 0, 30));
    assert_eq!(texts(&history), ["unknown", "there at 1"]);
    assert!(hit(&history, Class::CutAnswers));
}

#[test]
fn a_cut_both_ways_is_one_of_requests_too() {
    let history = once(cut(true, true, 0, 30));
    assert_eq!(texts(&history), ["unknown", "not there"]);
    assert!(hit(&history, Class::Cut));
}

#[test]
fn a_cut_ends_when_it_was_said_to() {
    /// A write each second that gives up before the next one.
    async fn writes_each_second(node: Node) {
        let dcs = node.dcs();
        for value in 0..20 {
            let now = dcs.load();
            let second = seconds(1);
            if let futures_util::future::Either::Left((now, _)) =
                select(pin!(now), pin!(node.sleep(second))).await
            {
                let expected = now.unwrap().config.precondition();
                let outcome = dcs.write(&config(value), expected).await;
                node.note(word(&outcome));
                node.sleep(second).await;
            }
        }
    }
    let history = quiet(1)
        .plan(vec![cut(true, true, 5, 6)])
        .run(writes_each_second);
    let notes = notes(&history);
    assert!(notes.iter().any(|note| note.at < 5.0));
    assert!(notes.iter().all(|note| !(5.1..11.0).contains(&note.at)));
    assert!(notes.iter().any(|note| (11.0..13.0).contains(&note.at)));
}

#[test]
fn a_stray_passes_a_cut_that_began_while_it_was_under_way() {
    let late = |stray| {
        fate(move |fate| {
            fate.late = Duration::from_secs(5);
            fate.is_stray = stray;
        })
    };
    let after = |stray| {
        let plan = vec![late(stray), cut(true, false, 3, 10)];
        texts(&quiet(1).plan(plan).run(gives_up))
    };
    assert_eq!(after(false), ["not there", "not there"]);
    assert_eq!(after(true), ["not there", "there at 1"]);
}
