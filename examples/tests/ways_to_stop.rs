//! The ways to end the work of a term that docs/simulation.md compares.

use std::time::Duration;

use dcs_core::election::{Lease, LeaseTiming};
use dcs_memory::sim::{Node, Simulation, Swarm};
use futures::future::{BoxFuture, select};

const SECOND: Duration = Duration::from_secs(1);

/// So many histories: the first one of the ways fails in more than one of them.
const HISTORIES: u64 = 60;

type Way = for<'a> fn(&'a Node, &'a Lease) -> BoxFuture<'a, ()>;

/// Pieces of work of a second each, which only one process may do.
async fn works(node: &Node) {
    loop {
        let _nobody_else_may_now = node.acts();
        node.sleep(SECOND).await;
    }
}

async fn member(node: Node, way: Way) {
    let timing = LeaseTiming::new(15 * SECOND, 5 * SECOND, 4 * SECOND);
    let elector = node.elector(timing.expect("within the bounds"));
    while let Ok(lease) = elector.acquire().await {
        way(&node, &lease).await;
    }
}

fn broken(way: Way) -> u64 {
    let histories = (0..HISTORIES).map(|seed| {
        let simulation = Simulation::new(seed).faults(Swarm::Mixed);
        simulation.run(move |node| member(node, way))
    });
    let broken = histories.filter(|history| history.violation.is_some());
    u64::try_from(broken.count()).unwrap_or(u64::MAX)
}

#[test]
fn work_that_is_asked_before_the_lease_goes_on_in_a_process_that_was_stopped() {
    let found = broken(|node, lease| {
        Box::pin(async move {
            select(Box::pin(works(node)), Box::pin(lease.ended())).await;
        })
    });
    assert!(found > 0);
}

#[test]
fn a_lease_that_is_asked_before_the_work_stops_it_in_time() {
    let found = broken(|node, lease| {
        Box::pin(async move {
            select(Box::pin(lease.ended()), Box::pin(works(node))).await;
        })
    });
    assert_eq!(found, 0);
}

#[test]
fn a_lease_that_is_asked_for_the_time_of_each_piece_stops_it_in_time() {
    let found = broken(|node, lease| {
        Box::pin(async move {
            while lease.remaining() > Some(2 * SECOND) {
                let _nobody_else_may_now = node.acts();
                node.sleep(SECOND).await;
            }
        })
    });
    assert_eq!(found, 0);
}
