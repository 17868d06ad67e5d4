//! What happens to watches.

use std::collections::BTreeMap;

use dcs_core::{Dcs, Precondition, Update, WatchEvent};
use dcs_memory::sim::{Class, Fault, History, Node};
use futures_util::StreamExt;

use crate::support::{Note, at, config, notes, quiet, seconds};

/// The first process watches; the other one writes every two seconds, and both
/// note the revisions.
async fn watches_or_writes(node: Node) {
    if node.process() == 0 {
        watches(&node).await;
    } else {
        writes(&node).await;
    }
}

async fn watches(node: &Node) {
    let mut watch = node.dcs().watch(seconds(10));
    while let Some(item) = watch.next().await {
        match item {
            Ok(WatchEvent::Reset(_)) => node.note("reset"),
            Ok(WatchEvent::Changed(Update::Config(entry))) => {
                node.note(entry.revision.unwrap());
            }
            Ok(_) => node.note("alive"),
            Err(_) => node.note("error"),
        }
    }
}

async fn writes(node: &Node) {
    let mut expected = Precondition::Absent;
    for value in 0..20 {
        node.sleep(seconds(2)).await;
        let outcome = node.dcs().write(&config(value), expected).await;
        let revision = outcome.into_result().unwrap();
        node.note(revision);
        expected = Precondition::Matches(revision);
    }
}

fn run(faults: Vec<Fault>) -> History {
    let plan = faults.into_iter().map(|fault| at(20, fault)).collect();
    quiet(2).plan(plan).run(watches_or_writes)
}

fn watched(history: &History) -> Vec<Note> {
    let notes = notes(history).into_iter();
    notes.filter(|note| note.process == 0).collect()
}

fn revisions(history: &History) -> Vec<String> {
    let texts = watched(history).into_iter().map(|note| note.text);
    texts.filter(|text| text.parse::<u64>().is_ok()).collect()
}

fn count(history: &History, what: &str) -> usize {
    let watched = watched(history);
    watched.iter().filter(|note| note.text == what).count()
}

fn all() -> Vec<String> {
    (1..=20).map(|revision| revision.to_string()).collect()
}

/// How long after its writer each revision was seen, by the instant of the write.
fn delays(history: &History) -> Vec<(f64, f64)> {
    let notes = notes(history);
    let written = notes.iter().filter(|note| note.process == 1);
    let written: BTreeMap<_, _> = written.map(|note| (&note.text, note.at)).collect();
    let watched = notes.iter().filter(|note| note.process == 0);
    watched
        .filter_map(|note| Some((*written.get(&note.text)?, note.at)))
        .map(|(written, seen)| (written, seen - written))
        .collect()
}

#[test]
fn a_watch_shows_each_version_once_in_order_and_soon() {
    let history = run(Vec::new());
    assert_eq!(revisions(&history), all());
    assert_eq!(count(&history, "reset"), 1);
    let delays = delays(&history);
    assert!(delays.iter().all(|(_, late)| *late < 0.05), "{delays:?}");
}

#[test]
fn a_late_watch_is_late_for_as_long_as_it_was_said() {
    let late = Fault::LateWatch {
        process: 0,
        by: seconds(5),
        lasts: seconds(10),
    };
    let history = run(vec![late]);
    assert_eq!(revisions(&history), all(), "late and not lost");
    let delays = delays(&history);
    // What is still to come when it ends comes then.
    let within = |at: f64| (20.0..25.0).contains(&at);
    let mut late = delays.iter().filter(|(at, _)| within(*at));
    assert!(late.all(|(_, late)| *late >= 4.9), "{delays:?}");
    let mut before = delays.iter().filter(|(at, _)| *at < 19.0);
    assert!(before.all(|(_, late)| *late < 0.05), "{delays:?}");
    assert!(delays.last().unwrap().1 < 0.05, "{delays:?}");
    assert!(history.hits[&Class::LateWatch].1 > 0);
}

#[test]
fn a_broken_watch_is_resumed_without_loss() {
    let history = run(vec![Fault::BrokenWatch { process: 0 }]);
    assert_eq!(revisions(&history), all());
    assert_eq!(count(&history, "reset"), 1);
    let is_break = |line: &&String| line.ends_with("p0 watch breaks and resumes");
    let line = history.trace.iter().find(is_break).unwrap();
    assert!(line.trim_start().starts_with("20000000 "), "{line}");
    assert_eq!(history.hits[&Class::BrokenWatch], (1, 1));
}

#[test]
fn a_watch_with_a_gap_begins_anew() {
    let history = run(vec![Fault::WatchGap { process: 0 }]);
    assert_eq!(count(&history, "reset"), 2);
    assert_eq!(history.hits[&Class::WatchGap], (1, 0), "nothing was missed");
}

#[test]
fn a_gap_that_a_version_falls_into_hides_it() {
    let late = Fault::LateWatch {
        process: 0,
        by: seconds(9),
        lasts: seconds(30),
    };
    let plan = vec![at(10, late), at(20, Fault::WatchGap { process: 0 })];
    let history = quiet(2).plan(plan).run(watches_or_writes);
    assert!(revisions(&history).len() < all().len());
    assert_eq!(history.hits[&Class::WatchGap], (1, 1));
}

#[test]
fn a_silent_watch_is_opened_anew_after_its_silence_and_has_lost_nothing() {
    let history = run(vec![Fault::SilentWatch { process: 0 }]);
    assert_eq!(revisions(&history), all());
    let watched = watched(&history);
    let heard_last = watched.iter().rfind(|note| note.at < 20.0).unwrap().at;
    let alive = watched.iter().find(|note| note.text == "alive").unwrap();
    let silence = alive.at - heard_last;
    assert!((9.9..10.2).contains(&silence), "{silence}");
    let between = watched.iter().find(|note| note.at > 20.0).unwrap();
    assert_eq!(between, alive, "nothing before it is opened anew");
    assert!(history.hits[&Class::SilentWatch].1 > 0);
}

#[test]
fn a_watch_whose_answers_are_cut_shows_nothing_until_the_cut_ends() {
    let cut = Fault::Cut {
        process: 0,
        requests: false,
        answers: true,
        lasts: seconds(8),
    };
    let history = run(vec![cut]);
    assert_eq!(revisions(&history), all());
    let watched = watched(&history);
    let next = watched.iter().find(|note| note.at > 20.01).unwrap();
    assert!((28.0..28.1).contains(&next.at), "{next:?}");
}

#[test]
fn a_watch_that_cannot_be_opened_says_so_after_its_silence() {
    let cut = Fault::Cut {
        process: 0,
        requests: true,
        answers: true,
        lasts: seconds(25),
    };
    let history = run(vec![cut]);
    assert_eq!(count(&history, "error"), 2);
    assert_eq!(revisions(&history), all());
}
