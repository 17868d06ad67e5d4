//! The judge finds each invariant broken by a program that breaks it.

use std::future::poll_fn;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use dcs_core::election::Elector;
use dcs_core::{Change, Config, Dcs, FencingToken, LeaderWrite, Precondition};
use dcs_memory::sim::{Fault, History, Invariant, Node, Simulation};

use crate::lying::{Lie, Lying};
use crate::support::{at, config, elector, leader_and_other, leads, quiet, seconds, timing};

fn broken(history: &History) -> Option<Invariant> {
    history.violation.as_ref().map(|found| found.invariant)
}

/// Leads by a store that lies.
fn lies(simulation: Simulation, lie: Lie) -> History {
    let newest = Arc::new(AtomicU64::new(1_000));
    simulation.plan(Vec::new()).run(move |node: Node| {
        let told = match lie {
            // Each process by itself, a later one from further down.
            Lie::CommitsBackwards => AtomicU64::new(2_000 - 1_000 * node.process() as u64).into(),
            _ => Arc::clone(&newest),
        };
        async move {
            let dcs = Arc::new(Lying::new(node.dcs(), lie, told));
            node.sleep(seconds(30 * node.process() as u64)).await;
            let (name, clock) = (node.name().clone(), node.clock());
            let builder = Elector::builder(dcs, name, timing(), clock, node.entropy());
            let elector = node.run(builder);
            let lease = elector.acquire().await.unwrap();
            let is_brief = lie == Lie::CommitsBackwards;
            node.sleep(seconds(if is_brief { 3 } else { 1_000 })).await;
            lease.release().await;
        }
    })
}

#[test]
fn two_who_act_at_once_are_found() {
    let history = quiet(2).run(|node: Node| async move {
        node.sleep(seconds(1 + node.process() as u64)).await;
        let _acts = node.acts();
        node.sleep(seconds(5)).await;
    });
    assert_eq!(broken(&history), Some(Invariant::OneActs));
    let violation = history.violation.unwrap();
    assert!(violation.at.abs_diff(seconds(2)) < seconds(1) / 20);
    assert_eq!(violation.what, "processes 0 and 1 act at once");
}

#[test]
fn two_who_act_one_after_the_other_are_fine() {
    let history = quiet(2).run(|node: Node| async move {
        node.sleep(seconds(1 + 6 * node.process() as u64)).await;
        let _acts = node.acts();
        node.sleep(seconds(5)).await;
    });
    assert_eq!(broken(&history), None);
}

#[test]
fn who_was_stopped_while_it_acted_is_not_to_blame() {
    let pause = Fault::Pause {
        process: 0,
        lasts: seconds(10),
    };
    let acts = |node: Node| async move {
        node.sleep(seconds(1 + 4 * node.process() as u64)).await;
        let _acts = node.acts();
        node.sleep(seconds(3)).await;
    };
    let stopped = quiet(2).plan(vec![at(3, pause)]).run(acts);
    assert_eq!(broken(&stopped), None);
}

#[test]
fn an_effect_while_another_one_believes_is_found() {
    let (leader, other) = leader_and_other();
    let token = Arc::new(Mutex::new(None::<FencingToken>));
    let history = quiet(2).plan(Vec::new()).run(move |node: Node| {
        let token = Arc::clone(&token);
        async move {
            if node.process() == leader {
                let lease = elector(&node).acquire().await.unwrap();
                *token.lock().unwrap() = Some(lease.token());
                node.sleep(seconds(60)).await;
            }
            let _contends = elector(&node);
            node.sleep(seconds(40)).await;
            let token = token.lock().unwrap().unwrap();
            if node.process() == other {
                let _ = node.acts().reaches_resource(token);
            }
        }
    });
    assert_eq!(broken(&history), Some(Invariant::OneActs));
    let what = history.violation.unwrap().what;
    assert!(what.contains("believes"), "{what}");
}

#[test]
fn two_who_write_by_one_token_are_found() {
    let token = Arc::new(Mutex::new(None::<FencingToken>));
    let history = quiet(2).plan(Vec::new()).run(move |node: Node| {
        let token = Arc::clone(&token);
        async move {
            let elector = elector(&node);
            if let Ok(lease) = elector.acquire().await {
                // Takes the token of whoever led before it.
                let mine = *token.lock().unwrap().get_or_insert(lease.token());
                let _ = node.acts().reaches_resource(mine);
                lease.release().await;
            }
        }
    });
    assert_eq!(broken(&history), Some(Invariant::NoStaleEffect));
}

#[test]
fn an_old_token_is_refused_and_counted() {
    let tokens = Arc::new(Mutex::new(Vec::<FencingToken>::new()));
    let history = quiet(2).plan(Vec::new()).run(move |node: Node| {
        let tokens = Arc::clone(&tokens);
        async move {
            let elector = elector(&node);
            let lease = elector.acquire().await.unwrap();
            assert!(node.acts().reaches_resource(lease.token()));
            let before = tokens.lock().unwrap().first().copied();
            tokens.lock().unwrap().push(lease.token());
            if let Some(before) = before {
                assert!(!node.acts().reaches_resource(before));
            }
            lease.release().await;
            elector.step_down().await.unwrap();
        }
    });
    assert_eq!(broken(&history), None);
    assert_eq!(history.counts.refused_effects, 1);
    assert_eq!(history.counts.effects, 2);
}

#[test]
fn two_believers_are_found() {
    let history = lies(quiet(2).without_cover(), Lie::Commits);
    assert_eq!(broken(&history), Some(Invariant::OneBeliever));
}

#[test]
fn belief_that_no_write_carries_is_found() {
    let history = lies(quiet(1), Lie::Commits);
    assert_eq!(broken(&history), Some(Invariant::Covered));
    let what = history.violation.unwrap().what;
    assert!(what.contains("longer than its writes carry it"), "{what}");
}

#[test]
fn tokens_that_shrink_are_found() {
    let history = lies(quiet(2).without_cover(), Lie::CommitsBackwards);
    assert_eq!(broken(&history), Some(Invariant::TokensGrow));
}

#[test]
fn a_view_that_goes_back_is_found() {
    let history = lies(quiet(1), Lie::ShowsOld);
    assert_eq!(broken(&history), Some(Invariant::SessionOrder));
}

#[test]
fn an_attempt_that_is_written_twice_is_found() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        let elector = elector(&node);
        let _lease = elector.acquire().await.unwrap();
        let leader = node.dcs().load_leader().await.unwrap();
        let again = LeaderWrite::from(leader.get().unwrap().clone());
        let again = Change::Leader(Box::new(again));
        let _ = node.dcs().write(&again, leader.precondition()).await;
    });
    assert_eq!(broken(&history), Some(Invariant::Covered));
}

#[test]
fn who_believes_while_it_releases_is_found() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        let elector = elector(&node);
        let _lease = elector.acquire().await.unwrap();
        let leader = node.dcs().load_leader().await.unwrap();
        let mut record = leader.get().unwrap().clone();
        let claim = record.claim.as_ref().unwrap();
        let secret = dcs_core::Secret::from_bits(1);
        let prev = leader.revision.unwrap();
        record.released = Some(dcs_core::ReleaseMark::new(secret, prev, claim.renew_time));
        record.holder = None;
        let release = Change::Leader(Box::new(LeaderWrite::from(record)));
        let _ = node.dcs().write(&release, leader.precondition()).await;
    });
    assert_eq!(broken(&history), Some(Invariant::EndIsEnd));
}

#[test]
fn a_lost_update_is_found() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        let mut expected = Precondition::Absent;
        for count in [1_u64, 3] {
            let mut config = Config::default();
            let settings = config.settings_mut();
            settings.insert("dcs-memory.sim/count".to_owned(), count.into());
            let change = Change::Config(Some(config));
            let outcome = node.dcs().write(&change, expected).await;
            expected = Precondition::Matches(outcome.into_result().unwrap());
        }
    });
    assert_eq!(broken(&history), Some(Invariant::NoLostUpdate));
}

#[test]
fn a_config_of_the_program_is_its_own() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        let mut expected = Precondition::Absent;
        for value in [1, 3, 2] {
            let outcome = node.dcs().write(&config(value), expected).await;
            expected = Precondition::Matches(outcome.into_result().unwrap());
        }
    });
    assert_eq!(broken(&history), None);
}

#[test]
fn who_spins_is_found() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        node.sleep(seconds(7)).await;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    });
    assert_eq!(broken(&history), Some(Invariant::TimeGoesOn));
    assert_eq!(history.violation.unwrap().what, "p0 spins");
}

#[test]
fn a_cluster_that_nobody_leads_in_the_end_is_found() {
    let nobody_contends = |node: Node| async move {
        let _elector = elector(&node);
        std::future::pending::<()>().await;
    };
    let simulation = Simulation::new(1).length(seconds(50)).plan(Vec::new());
    let history = simulation.clone().run(nobody_contends);
    assert_eq!(broken(&history), Some(Invariant::Liveness));
    let what = history.violation.unwrap().what;
    assert_eq!(what, "nobody leads although all is well");
    let unasked = simulation.without_liveness().run(nobody_contends);
    assert_eq!(broken(&unasked), None);
}

#[test]
fn a_term_that_is_lost_in_calm_days_is_found() {
    let simulation = Simulation::new(1).nodes(1).length(seconds(100));
    let history = lies(simulation, Lie::FallsSilent);
    assert_eq!(broken(&history), Some(Invariant::Liveness));
    let what = history.violation.unwrap().what;
    assert_eq!(what, "a term was lost although all is well");
}

#[test]
fn a_cluster_that_loses_its_leader_for_good_in_calm_days_is_found() {
    let gives_up = |node: Node| async move {
        let elector = elector(&node);
        let lease = elector.acquire().await.unwrap();
        node.sleep(seconds(200)).await;
        lease.release().await;
        std::future::pending::<()>().await;
    };
    let simulation = Simulation::new(1).nodes(1).length(seconds(100));
    let history = simulation.plan(Vec::new()).run(gives_up);
    assert_eq!(broken(&history), Some(Invariant::Liveness));
    let what = history.violation.unwrap().what;
    assert_eq!(what, "whoever led in calm days was not followed");
}

#[test]
fn what_a_program_says_of_itself_is_found_and_the_first_counts() {
    let history = quiet(1).plan(Vec::new()).run(|node: Node| async move {
        node.sleep(seconds(3)).await;
        node.fail("has lost a row");
        node.fail("has lost another one");
    });
    let violation = history.verdict().unwrap_err();
    assert_eq!(violation.invariant, Invariant::Own);
    assert_eq!(violation.what, "p0 (m0) has lost a row");
    let text = violation.to_string();
    assert!(text.starts_with("the program's own broken at "), "{text}");
    let last = history.trace.last().unwrap();
    assert!(last.contains("VIOLATION"), "nothing follows: {last}");
}

#[test]
fn a_program_that_does_as_it_should_is_not_blamed() {
    let history = Simulation::new(1).nodes(3).plan(Vec::new()).run(leads);
    assert_eq!(history.verdict(), Ok(()));
    assert_eq!((history.counts.terms, history.counts.lost), (1, 0));
    assert!(history.counts.renewals > 100);
}
