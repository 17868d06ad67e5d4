//! The same seed gives the same history, and so does what it recorded.

use std::time::Duration;

use dcs_memory::sim::{Simulation, Swarm};

fn some(seed: u64, swarm: Swarm) -> Simulation {
    Simulation::new(seed)
        .faults(swarm)
        .length(Duration::from_secs(150))
        .traced()
}

#[test]
fn one_seed_gives_one_trace() {
    for swarm in [Swarm::Mixed, Swarm::Hostile] {
        let [first, second] = [7, 7].map(|seed| some(seed, swarm).run_members().trace);
        assert!(first.len() > 500, "{}", first.len());
        assert!(first == second, "seed 7 of {} went two ways", swarm.name());
    }
}

#[test]
fn another_seed_gives_another_trace() {
    let [first, second] = [7, 8].map(|seed| some(seed, Swarm::Mixed).run_members().trace);
    assert_ne!(first, second);
}

#[test]
fn a_history_that_is_traced_goes_the_way_of_one_that_is_not() {
    for seed in 0..5 {
        let simulation = Simulation::new(seed).length(Duration::from_secs(150));
        let untraced = simulation.faults(Swarm::Mixed).run_members();
        let traced = some(seed, Swarm::Mixed).run_members();
        assert_eq!(untraced.faults, traced.faults);
        assert_eq!(untraced.counts, traced.counts);
        assert_eq!(untraced.hits, traced.hits);
    }
}

#[test]
fn what_a_history_recorded_gives_it_again_line_by_line_in_every_swarm() {
    for swarm in Swarm::ALL {
        for seed in 0..3 {
            let by_chance = some(seed, swarm).run_members();
            let plan = by_chance.faults.clone();
            let replayed = some(seed, swarm).plan(plan).run_members();
            let mut pairs = by_chance.trace.iter().zip(&replayed.trace);
            let differing = pairs.find(|(chance, plan)| chance != plan);
            assert_eq!(differing, None, "seed {seed} of {}", swarm.name());
            assert_eq!(by_chance.trace.len(), replayed.trace.len());
            assert_eq!(by_chance.faults, replayed.faults, "recorded once more");
        }
    }
}
