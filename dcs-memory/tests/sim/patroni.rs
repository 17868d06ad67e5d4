//! A member that follows Patroni's loop, beside members of ours.

use dcs_memory::sim::{Class, Fault, History, Planned, Simulation, Swarm};

use crate::support::{at, seconds};

/// A history in which this goes wrong and nothing else.
fn history(seed: u64, plan: Vec<Planned>) -> History {
    let simulation = Simulation::new(seed).faults(Swarm::Patroni).nodes(3);
    let history = simulation.plan(plan).traced().run_members();
    assert!(history.verdict().is_ok(), "{history}");
    history
}

fn hits(history: &History, class: Class) -> u64 {
    history.hits.get(&class).map_or(0, |hits| hits.1)
}

/// The lines of what process 0, which is Patroni, sent, each with its instant in
/// seconds.
fn sent(history: &History) -> Vec<(f64, &str)> {
    let lines = history.trace.iter().filter_map(|line| {
        let (at, what) = line.trim_start().split_once(' ')?;
        let what = what.strip_prefix("p0 #")?;
        Some((at.parse::<f64>().ok()? / 1e6, what.split_once(' ')?.1))
    });
    lines
        .filter(|(_, what)| what.starts_with("writes "))
        .collect()
}

#[test]
fn patroni_takes_a_lock_that_nobody_has_at_once_and_renews_it_each_loop_wait() {
    let history = history(3, Vec::new());
    let sent = sent(&history);
    assert!(sent[0].0 < 1.0, "{sent:?}");
    let renewals: Vec<_> = sent
        .iter()
        .take_while(|(_, what)| *what == "writes leader m0 as Patroni")
        .map(|(at, _)| *at)
        .collect();
    assert!(renewals.len() > 2, "{sent:?}");
    for pair in renewals.windows(2) {
        // The clocks of the machine are off by 1 % at most.
        assert!(pair[1] - pair[0] < 10.2, "{renewals:?}");
    }
}

#[test]
fn a_patroni_that_stands_still_is_followed_by_ours_and_ends_when_it_goes_on() {
    let pause = |seconds_at| {
        at(
            seconds_at,
            Fault::Pause {
                process: 0,
                lasts: seconds(100),
            },
        )
    };
    let overtaken = (0..8)
        .map(|seed| history(seed, vec![pause(20), pause(250), pause(450)]))
        .map(|history| hits(&history, Class::PatroniOvertaken))
        .sum::<u64>();
    assert!(overtaken > 0);
}

#[test]
fn patroni_and_ours_lead_by_turns() {
    let histories: Vec<_> = (0..12).map(|seed| history(seed, Vec::new())).collect();
    let sum = |class| histories.iter().map(|one| hits(one, class)).sum::<u64>();
    for class in [
        Class::PatroniLeads,
        Class::PatroniTakesReleased,
        Class::PatroniPosition,
        Class::PatroniReleaseWaited,
        Class::PatroniReleaseTaken,
    ] {
        assert!(sum(class) > 0, "{}", class.name());
    }
    assert_eq!(sum(Class::PatroniEdited) + sum(Class::PatroniClock), 0);
}

#[test]
fn patroni_takes_settings_over_from_the_config_key() {
    let config = Fault::Config {
        ttl: 60,
        loop_wait: 3,
        retry_timeout: 20,
    };
    let history = history(5, vec![at(50, config)]);
    assert!(hits(&history, Class::Config) > 0);
    let sent = sent(&history);
    let later: Vec<_> = sent.iter().filter(|(at, _)| *at > 70.0).collect();
    let close = later
        .windows(2)
        .any(|pair| (2.9..3.1).contains(&(pair[1].0 - pair[0].0)));
    assert!(close, "{sent:?}");
}

#[test]
fn the_same_seed_gives_the_same_history_beside_patroni_to_the_last_line() {
    let run = || {
        Simulation::new(11)
            .faults(Swarm::Patroni)
            .traced()
            .run_members()
    };
    let (once, again) = (run(), run());
    assert!(once.trace.len() > 300);
    assert_eq!(once.trace, again.trace);
}
