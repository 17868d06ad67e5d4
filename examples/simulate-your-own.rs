//! A split brain, found in virtual time, as docs/simulation.md explains.

use std::{error::Error, time::Duration};

use dcs_core::election::{Lease, LeaseTiming};
use dcs_memory::sim::{History, Node, Simulation, Swarm};

const SECOND: Duration = Duration::from_secs(1);
const COMMAND: &str = "cargo run --example simulate-your-own";

/// One process of the program under test: whoever leads writes as primary.
async fn member(node: Node, may_write: fn(&Lease) -> bool) {
    let timing = LeaseTiming::new(15 * SECOND, 5 * SECOND, 4 * SECOND);
    let elector = node.elector(timing.expect("within the bounds"));
    while let Ok(lease) = elector.acquire().await {
        while may_write(&lease) {
            let _nobody_else_may_now = node.acts();
            node.sleep(SECOND).await;
        }
    }
}
/// The defect: it was elected, so it is primary, whatever became of the lease.
const CARELESS: fn(&Lease) -> bool = |_| true;
/// Asks before each write whether the lease lasts for it.
const CAREFUL: fn(&Lease) -> bool = |lease| lease.remaining() > Some(2 * SECOND);

fn run(simulation: Simulation, may_write: fn(&Lease) -> bool) -> History {
    let simulation = simulation.length(120 * SECOND).traced();
    simulation.run(move |node| member(node, may_write))
}

pub(crate) fn report() -> Result<String, Box<dyn Error>> {
    let by_chance = |seed| Simulation::new(seed).faults(Swarm::Mixed);
    let mut histories = (0..20).map(|seed| run(by_chance(seed), CARELESS));
    let broken = histories.find(|history| history.violation.is_some());
    let broken = broken.ok_or("none is broken")?;
    let shrink = broken.shrink().replay_by(COMMAND);
    let found = shrink.run(|node| member(node, CARELESS))?;
    let picture = std::env::temp_dir().join("simulate-your-own.html");
    std::fs::write(&picture, found.history.to_html())?;
    eprintln!("a picture of the history: {}", picture.display());
    (0..20).try_for_each(|seed| run(by_chance(seed), CAREFUL).verdict())?;
    Ok(format!("CARELESS: {found}CAREFUL: all as promised\n"))
}

fn main() -> Result<(), Box<dyn Error>> {
    report().map(|report| print!("{report}"))
}

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        rng_seed: proptest::test_runner::RngSeed::Fixed(7), cases: 20, ..Default::default()
    })]
    #[test]
    fn whoever_is_careful_writes_alone(plan in dcs_memory::sim::strategy::plans(3, 120 * SECOND)) {
        let history = run(Simulation::new(1).nodes(3).plan(plan), CAREFUL);
        proptest::prop_assert!(history.verdict().is_ok(), "{history}");
    }
}
