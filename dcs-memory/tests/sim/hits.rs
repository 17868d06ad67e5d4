//! A fault that changes nothing is no hit.

use dcs_core::{Change, Dcs, LeaderRecord, Precondition};
use dcs_memory::sim::{Class, Fate, Fault, History, Node, Planned, Simulation, Swarm};

use crate::support::{at, hits, leader_and_other, leads, quiet, seconds};

/// A member with nothing to do.
async fn idles(_node: Node) {
    std::future::pending::<()>().await;
}

async fn reads_once(node: Node) {
    let read = node.dcs().load().await;
    node.note(read.is_ok());
}

/// Writes the leader record again and again, and waits for answers alone.
async fn writes_without_timers(node: Node) {
    let mut expected = Precondition::Absent;
    for count in 0..200 {
        let mut record = LeaderRecord::default();
        record.transitions = Some(count);
        let change = Change::Leader(Box::new(record.into()));
        let outcome = node.dcs().write(&change, expected).await;
        expected = Precondition::Matches(outcome.into_result().unwrap());
    }
}

fn of_read(change: impl FnOnce(&mut Fate)) -> Planned {
    let mut fate = Fate::default();
    change(&mut fate);
    let (process, request) = (0, 0);
    at(
        0,
        Fault::Message {
            process,
            request,
            fate,
        },
    )
}

const fn pause(from: u64, lasts: u64) -> Planned {
    let lasts = seconds(lasts);
    at(from, Fault::Pause { process: 0, lasts })
}

const fn suspend(from: u64, lasts: u64) -> Planned {
    let lasts = seconds(lasts);
    at(from, Fault::Suspend { process: 0, lasts })
}

async fn ticks(node: Node) {
    loop {
        node.sleep(seconds(1)).await;
    }
}

/// Shows that the fault was made, and how often it changed anything.
fn counted(history: &History, class: Class) -> (u64, u64) {
    assert_eq!(history.violation, None);
    history.hits.get(&class).copied().unwrap_or_default()
}

#[test]
fn a_copy_of_a_read_is_no_hit() {
    let again = of_read(|fate| fate.again = Some(seconds(1)));
    let history = quiet(1).plan(vec![again]).run(reads_once);
    assert_eq!(counted(&history, Class::Duplicate), (1, 0));
}

#[test]
fn a_lost_answer_of_a_read_is_a_hit_while_someone_waits() {
    let lost = of_read(|fate| fate.loses_answer = true);
    let history = quiet(1).plan(vec![lost]).run(reads_once);
    assert_eq!(counted(&history, Class::AnswerLost), (1, 1));
}

#[test]
fn a_lost_answer_that_nobody_waits_for_any_more_is_no_hit() {
    let late = of_read(|fate| {
        fate.loses_answer = true;
        fate.late = seconds(80);
    });
    let history = quiet(1).plan(vec![late]).run(reads_once);
    assert_eq!(counted(&history, Class::AnswerLost), (1, 0));
}

#[test]
fn a_stop_that_makes_nothing_late_is_no_hit() {
    let history = quiet(1).plan(vec![pause(10, 20)]).run(idles);
    assert_eq!(counted(&history, Class::Pause), (1, 0));
}

#[test]
fn a_suspend_is_a_hit_of_suspends_and_not_of_stops() {
    for lasts in [20, 500] {
        let history = quiet(1).plan(vec![suspend(10, lasts)]).run(ticks);
        assert_eq!(counted(&history, Class::Pause), (0, 0));
        assert_eq!(counted(&history, Class::Suspend), (1, 1), "{lasts}");
    }
}

#[test]
fn a_stop_that_goes_on_until_all_is_healed_is_a_hit() {
    let history = quiet(1).plan(vec![pause(90, 500)]).run(ticks);
    assert_eq!(counted(&history, Class::Pause), (1, 1));
}

#[test]
fn of_a_stop_within_a_suspend_the_suspend_counts() {
    let history = quiet(1)
        .plan(vec![suspend(10, 20), pause(15, 5)])
        .run(ticks);
    assert_eq!(counted(&history, Class::Pause), (1, 0));
    assert_eq!(counted(&history, Class::Suspend), (1, 1));
}

#[test]
fn a_suspend_that_makes_nothing_late_is_no_hit() {
    let process = 0;
    let crash = Fault::Crash {
        process,
        restart: seconds(500),
    };
    let plan = vec![suspend(10, 20), at(10, crash)];
    let history = quiet(1).plan(plan).run(leads);
    assert_eq!(counted(&history, Class::Suspend), (1, 0));
}

#[test]
fn the_end_of_all_faults_is_no_broken_watch() {
    let late = Fault::LateWatch {
        process: 0,
        by: seconds(30),
        lasts: seconds(500),
    };
    let history = quiet(1)
        .plan(vec![at(5, late)])
        .run(|node: Node| async move {
            node.spawn(leads(node.clone()));
            idles(node).await;
        });
    assert!(hits(&history, Class::LateWatch) > 0);
    assert_eq!(counted(&history, Class::BrokenWatch), (0, 0));
}

#[test]
fn a_slew_that_moves_no_timer_is_no_hit() {
    let slew = Fault::Slew {
        process: 0,
        ppm: 80_000,
    };
    let history = quiet(1).plan(vec![at(1, slew)]).run(writes_without_timers);
    assert_eq!(counted(&history, Class::Slew), (1, 0));
}

#[test]
fn a_slew_that_moves_many_timers_is_one_hit() {
    let slew = Fault::Slew {
        process: 0,
        ppm: 80_000,
    };
    let history = quiet(1).plan(vec![at(1, slew)]).run(leads);
    assert_eq!(counted(&history, Class::Slew), (1, 1));
}

#[test]
fn a_jump_that_no_record_shows_is_no_hit() {
    let (leader, _) = leader_and_other();
    let process = leader;
    let (requests, answers, lasts) = (true, false, seconds(500));
    let cut = Fault::Cut {
        process,
        requests,
        answers,
        lasts,
    };
    let millis = 250_000;
    let crash = Fault::Crash {
        process,
        restart: seconds(500),
    };
    let plan = vec![
        at(20, cut),
        at(21, Fault::WallJump { process, millis }),
        at(60, crash),
    ];
    let history = quiet(2).plan(plan).run(leads);
    assert_eq!(counted(&history, Class::WallJump), (1, 0));
}

#[test]
fn members_that_share_a_name_by_their_settings_are_no_twins() {
    let histories = (0..40).map(|seed| {
        let simulation = Simulation::new(seed).length(seconds(100)).traced();
        let simulation = simulation.without_liveness().faults(Swarm::Mixed);
        simulation.plan(Vec::new()).run(leads)
    });
    let is_shared = |history: &History| {
        let is_first = |line: &&String| line.ends_with(" starts as m0");
        history.trace.iter().filter(is_first).count() > 1
    };
    let of_one_name: Vec<_> = histories.filter(is_shared).collect();
    assert!(of_one_name.iter().any(|history| history.counts.terms > 0));
    for history in of_one_name {
        assert_eq!(counted(&history, Class::Twin), (0, 0));
    }
}

#[test]
fn a_twin_that_leads_is_a_hit() {
    let crash = Fault::Crash {
        process: 0,
        restart: seconds(500),
    };
    let plan = vec![at(20, Fault::Twin { process: 0 }), at(30, crash)];
    let history = quiet(1).plan(plan).run(leads);
    assert_eq!(counted(&history, Class::Twin), (1, 1));
}

#[test]
fn an_ambush_whose_edit_finds_nothing_to_do_is_no_hit() {
    const EDITS: [Class; 4] = [
        Class::ReplayedRelease,
        Class::ReplayedMark,
        Class::RollBack,
        Class::Wipe,
    ];
    let histories = (0..60).map(|seed| {
        let simulation = Simulation::new(seed).length(seconds(40));
        let simulation = simulation.without_liveness().faults(Swarm::Releases);
        simulation.run(leads)
    });
    let without_edits = |history: &History| {
        let edits: u64 = EDITS.iter().map(|class| hits(history, *class)).sum();
        edits == 0 && counted(history, Class::Ambush).0 > 0
    };
    let histories: Vec<_> = histories.filter(without_edits).collect();
    assert!(!histories.is_empty());
    for history in histories {
        assert_eq!(hits(&history, Class::Ambush), 0, "seed {}", history.seed);
    }
}
