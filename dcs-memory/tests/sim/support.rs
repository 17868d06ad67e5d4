//! What the tests of the simulator have in common.

use std::time::Duration;

use dcs_core::election::{Elector, LeaseTiming};
use dcs_core::{Change, Config, Outcome};
use dcs_memory::sim::{Class, Fault, History, Node, Planned, Simulation};

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn timing() -> LeaseTiming {
    LeaseTiming::new(seconds(15), seconds(5), seconds(4)).unwrap()
}

pub(crate) fn elector(node: &Node) -> Elector {
    node.elector(timing())
}

/// So many members for 100 seconds, in which only what is planned goes wrong.
pub(crate) fn quiet(nodes: usize) -> Simulation {
    let simulation = Simulation::new(1).nodes(nodes).length(seconds(100));
    simulation.without_liveness().traced()
}

/// A fault at so many seconds.
pub(crate) const fn at(second: u64, fault: Fault) -> Planned {
    Planned {
        at: seconds(second),
        fault,
    }
}

/// What a process noted, and at which second of real time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    pub(crate) at: f64,
    pub(crate) process: usize,
    pub(crate) text: String,
}

/// All that was noted in the part of a history in which things go wrong.
pub(crate) fn notes(history: &History) -> Vec<Note> {
    assert_eq!(history.violation, None);
    let parsed = history.trace.iter().filter_map(|line| {
        let (at, rest) = line.trim_start().split_once(" p")?;
        let (process, text) = rest.split_once(" notes: ")?;
        Some(Note {
            at: at.parse::<f64>().ok()? / 1e6,
            process: process.parse().ok()?,
            text: text.to_owned(),
        })
    });
    parsed.filter(|note| note.at < 100.0).collect()
}

/// The texts alone.
pub(crate) fn texts(history: &History) -> Vec<String> {
    notes(history).into_iter().map(|note| note.text).collect()
}

/// When this was noted first by that process.
pub(crate) fn when(history: &History, process: usize, text: &str) -> f64 {
    let notes = notes(history);
    let mut own = notes.iter().filter(|note| note.process == process);
    let found = own.find(|note| note.text.starts_with(text));
    found
        .unwrap_or_else(|| panic!("{process} never {text}: {notes:?}"))
        .at
}

/// Leads whenever it can, and notes it.
pub(crate) async fn leads(node: Node) {
    let elector = elector(&node);
    while let Ok(lease) = elector.acquire().await {
        node.note("leads");
        lease.ended().await;
        node.note("ends");
    }
}

/// Who leads first, of two, if nothing goes wrong, and who does not.
pub(crate) fn leader_and_other() -> (usize, usize) {
    let calm = quiet(2).plan(Vec::new()).run(leads);
    let leader = notes(&calm)[0].process;
    (leader, 1 - leader)
}

/// How often a class of fault changed anything.
pub(crate) fn hits(history: &History, class: Class) -> u64 {
    history.hits.get(&class).map_or(0, |(_, hits)| *hits)
}

/// A write of the config key.
pub(crate) fn config(value: u64) -> Change {
    let mut config = Config::default();
    let settings = config.settings_mut();
    settings.insert("value".to_owned(), value.into());
    Change::Config(Some(config))
}

pub(crate) const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed(_) => "committed",
        Outcome::NotCommitted(error) if error.is_conflict() => "conflict",
        Outcome::NotCommitted(_) => "not committed",
        Outcome::Unknown(_) => "unknown",
    }
}
