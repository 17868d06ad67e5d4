//! A store of one's own under simulation: what its client lies about is found.

use std::time::Duration;

use dcs_core::election::LeaseTiming;
use dcs_core::{Config, DcsExt as _};
use dcs_memory::sim::{Edit, Fault, History, Invariant, Node, Planned, Simulation, Swarm};

use crate::elsewhere::{Lie, over};

/// The first history of some in which something is broken.
fn broken(lie: Lie) -> Option<History> {
    let histories = (1..=60).map(|seed| over(seed, lie).run_members());
    histories
        .into_iter()
        .find(|history| history.violation.is_some())
}

#[test]
fn a_true_client_keeps_all_promises_and_every_kind_of_fault_meets_it() {
    let mut terms = 0;
    let mut hits = std::collections::BTreeMap::new();
    for seed in 1..=30 {
        let history = over(seed, Lie::Nothing).run_members();
        assert!(history.verdict().is_ok(), "{history}");
        terms += history.counts.terms;
        for (class, (_, hit)) in history.hits {
            *hits.entry(class).or_insert(0) += hit;
        }
    }
    assert!(terms > 100, "{terms}");
    let missing = Simulation::expected_hits(Swarm::Mixed)
        .into_iter()
        .filter(|class| hits.get(class).is_none_or(|hit| *hit == 0));
    let missing: Vec<_> = missing.map(dcs_memory::sim::Class::name).collect();
    // A copy that comes before its late original is rare.
    let rare = ["request arrives twice"];
    assert!(
        missing.iter().all(|name| rare.contains(name)),
        "{missing:?}"
    );
}

#[test]
fn a_history_is_the_same_each_time() {
    let trace = || over(7, Lie::Nothing).traced().run_members().trace;
    let once = trace();
    assert!(once.len() > 1000, "{}", once.len());
    assert_eq!(once, trace());
}

#[test]
fn a_violation_is_made_small() {
    let history = broken(Lie::SilenceIsRefusal).unwrap();
    let small = history.shrink().run_members().unwrap();
    assert!(small.history.faults.len() < history.faults.len(), "{small}");
}

#[test]
fn a_client_that_takes_silence_for_a_refusal_is_found() {
    let found = broken(Lie::SilenceIsRefusal).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::TrueOutcomes, "{found}");
}

#[test]
fn a_client_that_takes_silence_for_a_success_is_found() {
    let found = broken(Lie::SilenceIsSuccess).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::TrueOutcomes, "{found}");
}

#[test]
fn a_client_that_writes_on_whatever_stands_there_is_found() {
    let found = broken(Lie::Insists).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::TrueOutcomes, "{found}");
}

#[test]
fn a_client_whose_view_goes_back_is_found() {
    let found = broken(Lie::GoesBack).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::SessionOrder, "{found}");
}

#[test]
fn patroni_over_a_store_that_it_does_not_know_is_refused() {
    let history = over(1, Lie::Nothing).faults(Swarm::Patroni).run_members();
    let refused = history.violation.unwrap();
    assert_eq!(refused.invariant, Invariant::Own);
    assert!(refused.what.contains("choose another one"), "{refused}");
}

/// What is broken by this lie where nothing else goes wrong.
fn broken_in_calm(lie: Lie) -> (Invariant, String) {
    let history = over(3, lie).faults(Swarm::Calm).run_members();
    let found = history.violation.unwrap();
    (found.invariant, found.what)
}

#[test]
fn a_client_that_sends_nothing_leads_nobody_and_is_found() {
    let (invariant, what) = broken_in_calm(Lie::SendsNothing);
    assert_eq!(invariant, Invariant::Liveness, "{what}");
}

#[test]
fn a_record_that_does_not_read_as_it_was_written_is_found() {
    let (invariant, what) = broken_in_calm(Lie::AltersRecord);
    assert_eq!(invariant, Invariant::TrueOutcomes, "{what}");
    assert!(what.contains("and there stands"), "{what}");
}

#[test]
fn a_config_that_does_not_read_as_it_was_written_is_found() {
    let (invariant, what) = broken_in_calm(Lie::AltersConfig);
    assert_eq!(invariant, Invariant::TrueOutcomes, "{what}");
    assert!(what.contains("wrote no such Config"), "{what}");
}

#[test]
fn a_touch_that_stores_another_token_is_found() {
    let (invariant, what) = broken_in_calm(Lie::AltersFence);
    assert_eq!(invariant, Invariant::TrueOutcomes, "{what}");
}

#[test]
fn an_old_record_under_a_new_revision_is_found() {
    let (invariant, what) = broken_in_calm(Lie::OldRecord);
    assert_eq!(invariant, Invariant::SessionOrder, "{what}");
    assert!(what.contains("reads leader"), "{what}");
}

#[test]
fn an_old_config_under_a_new_revision_is_found() {
    let (invariant, what) = broken_in_calm(Lie::OldConfig);
    assert_eq!(invariant, Invariant::SessionOrder, "{what}");
    assert!(what.contains("reads Config"), "{what}");
}

/// Leads, and reads who does.
async fn leads_and_looks(node: Node) {
    let second = Duration::from_secs(1);
    let timing = LeaseTiming::new(15 * second, 5 * second, 4 * second);
    let elector = node.elector(timing.unwrap());
    elector.contend().unwrap();
    loop {
        node.sleep(second).await;
        let _ = node.dcs().load_leader().await;
    }
}

#[test]
fn a_leader_that_does_not_read_as_it_stands_there_is_found() {
    let history = over(3, Lie::OldLeader).run(leads_and_looks);
    let found = history.violation.unwrap();
    assert_eq!(found.invariant, Invariant::SessionOrder, "{found}");
}

#[test]
fn a_watch_that_shows_what_does_not_stand_there_is_found() {
    let (invariant, what) = broken_in_calm(Lie::ShowsOtherTtl);
    assert_eq!(invariant, Invariant::SessionOrder, "{what}");
    assert!(what.contains("reads leader"), "{what}");
}

#[test]
fn a_watch_that_begins_with_what_does_not_stand_there_is_found() {
    let at = Duration::from_secs(60);
    let gaps = (0..7).map(|process| Fault::WatchGap { process });
    let plan = gaps.map(|fault| Planned { at, fault }).collect();
    let history = over(3, Lie::OpensWithOtherTtl).plan(plan).run_members();
    let found = history.violation.unwrap();
    assert_eq!(found.invariant, Invariant::SessionOrder, "{found}");
    assert!(found.what.contains("reads leader"), "{found}");
}

#[test]
fn a_watch_that_passes_over_a_version_and_denies_it_is_found() {
    let (invariant, what) = broken_in_calm(Lie::NothingBetween);
    assert_eq!(invariant, Invariant::SessionOrder, "{what}");
    assert!(what.contains("right after"), "{what}");
}

#[test]
fn who_replaces_a_stranger_before_its_time_is_found() {
    // Nobody hears of it before the next renewal is refused.
    let late = (0..7).map(|process| Fault::LateWatch {
        process,
        by: Duration::from_secs(60),
        lasts: Duration::from_secs(120),
    });
    let faults = late.chain([Fault::Edit(Edit::Stranger)]);
    let at = Duration::from_secs(60);
    let plan = faults.map(|fault| Planned { at, fault }).collect();
    let history = over(3, Lie::Usurps).plan(plan).run_members();
    let found = history.violation.unwrap();
    assert_eq!(found.invariant, Invariant::LeftAlone, "{found}");
}

#[test]
fn a_store_to_which_third_parties_cannot_write_is_found() {
    let at = Duration::from_secs(60);
    let fault = Fault::Edit(Edit::Bump);
    let simulation = over(3, Lie::KeepsOthersOut).plan(vec![Planned { at, fault }]);
    let history = simulation.run_members();
    let found = history.violation.unwrap();
    assert_eq!(found.invariant, Invariant::Own, "{found}");
    assert!(found.what.contains("overwrite_leader"), "{found}");
}

/// Writes a number that was not made from the one that stands there.
async fn counts_wrong(node: Node) {
    let dcs = node.dcs();
    for count in [1, 3] {
        let edited = dcs.edit_config(|_| {
            let mut config = Config::default();
            let settings = config.settings_mut();
            settings.insert("dcs-memory.sim/count".to_owned(), count.into());
            Some(config)
        });
        let _ = edited.await;
    }
}

#[test]
fn a_value_that_was_not_made_from_the_one_before_is_found() {
    let simulation = over(3, Lie::Nothing).faults(Swarm::Calm).nodes(1);
    let found = simulation.run(counts_wrong).violation.unwrap();
    assert_eq!(found.invariant, Invariant::NoLostUpdate, "{found}");
}
