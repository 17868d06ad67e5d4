//! Histories of the library's own members, by every recipe: the short version
//! of `cargo xtask sim`, with a look at everything after every event.

use dcs_memory::sim::{Simulation, Swarm};

/// So many of each recipe; `cargo xtask sim --histories 20000` runs more.
const HISTORIES: u64 = 6;

fn all_is_as_promised(swarm: Swarm) {
    for seed in 0..HISTORIES {
        let history = Simulation::new(seed).faults(swarm).run_members();
        assert!(
            history.verdict().is_ok(),
            "cargo xtask sim --replay {seed} --profile {}\n{history}",
            swarm.name()
        );
        assert!(history.counts.terms > 0, "nobody led: seed {seed}");
    }
}

macro_rules! recipes {
    ($($name:ident: $swarm:ident,)*) => {$(
        #[test]
        fn $name() {
            all_is_as_promised(Swarm::$swarm);
        }
    )*};
}

recipes! {
    histories_with_some_of_everything_are_as_promised: Mixed,
    histories_without_faults_are_as_promised: Calm,
    histories_with_a_hostile_writer_are_as_promised: Hostile,
    histories_with_clocks_at_their_bounds_are_as_promised: Drift,
    histories_with_slewed_clocks_are_as_promised: Slews,
    histories_with_machines_that_sleep_are_as_promised: Suspends,
    histories_with_many_releases_are_as_promised: Releases,
    histories_with_late_messages_are_as_promised: Late,
    histories_of_new_scopes_are_as_promised: Deletions,
    histories_with_settings_in_flight_are_as_promised: Settings,
    histories_with_slow_requests_are_as_promised: Slow,
    histories_that_begin_with_an_asserted_bootstrap_are_as_promised: Bootstrap,
    histories_with_a_clamp_above_the_wait_of_others_are_as_promised: Clamps,
    histories_with_members_of_other_rules_are_as_promised: Foreign,
    histories_in_failsafe_mode_are_as_promised: Failsafe,
    histories_with_leases_that_are_kept_too_long_are_as_promised: Leftovers,
}

/// Ours do not lead in each of them.
#[test]
fn histories_beside_patroni_are_as_promised() {
    let mut terms = 0;
    for seed in 0..HISTORIES {
        let history = Simulation::new(seed).faults(Swarm::Patroni).run_members();
        assert!(
            history.verdict().is_ok(),
            "cargo xtask sim --replay {seed} --profile patroni\n{history}"
        );
        terms += history.counts.terms;
    }
    assert!(terms > 0, "nobody of ours led");
}

#[test]
fn every_recipe_is_tested_here() {
    assert_eq!(Swarm::ALL.len(), 17);
}

#[test]
fn the_same_seed_gives_the_same_history_to_the_last_line() {
    let run = || {
        Simulation::new(11)
            .faults(Swarm::Mixed)
            .traced()
            .run_members()
    };
    let (once, again) = (run(), run());
    assert!(once.trace.len() > 1000);
    assert_eq!(once.trace, again.trace);
}

#[test]
fn another_seed_gives_another_history() {
    let run = |seed| {
        Simulation::new(seed)
            .faults(Swarm::Mixed)
            .traced()
            .run_members()
    };
    assert_ne!(run(11).trace, run(12).trace);
}
