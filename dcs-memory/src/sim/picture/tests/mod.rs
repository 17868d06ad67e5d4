//! What the tests of the picture share.

mod page;
mod scene;

use std::time::Duration;

use dcs_core::election::LeaseTiming;

use super::scene::{Process, Scene};
use crate::sim::{Fault, History, Node, Planned, Simulation};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A member that leads for as long as it can.
async fn member(node: Node) {
    let timing = LeaseTiming::new(seconds(15), seconds(5), seconds(4)).unwrap();
    let elector = node.elector(timing);
    while let Ok(lease) = elector.acquire().await {
        lease.ended().await;
    }
}

fn planned(at: u64, fault: Fault) -> Planned {
    let at = seconds(at);
    Planned { at, fault }
}

/// Three members, two minutes, and these faults.
fn history(plan: Vec<Planned>) -> History {
    let simulation = Simulation::new(4).nodes(3).length(seconds(120));
    simulation.plan(plan).traced().run(member)
}

/// Who leads after one minute, if nothing happens before.
fn leader() -> usize {
    let history = history(Vec::new());
    let scene = Scene::of(&history);
    let at = 60_000_000_000;
    let leads = |process: &Process<'_>| {
        let mut spans = process.beliefs.iter().map(|belief| belief.span);
        spans.any(|span| span.from < at && at < span.to)
    };
    scene.processes.iter().position(leads).unwrap()
}

fn pause_of(process: usize) -> Vec<Planned> {
    let lasts = seconds(40);
    vec![planned(60, Fault::Pause { process, lasts })]
}

/// What is drawn of the lanes, without the legend.
fn chart(page: &str) -> &str {
    let from = page.find("<svg class=\"chart\"").unwrap();
    let to = page[from..].find("</svg>").unwrap();
    &page[from..from + to]
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

fn fails_after(wait: u64, what: &'static str) -> History {
    Simulation::new(4)
        .nodes(3)
        .traced()
        .run(move |node| async move {
            node.sleep(seconds(wait)).await;
            node.fail(what);
        })
}

/// Each tag that is opened is closed, in the right order.
fn is_balanced(page: &str) {
    let mut open = Vec::new();
    for part in page.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap();
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
            None if tag.ends_with('/') || ["!DOCTYPE", "meta"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
