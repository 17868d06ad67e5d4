//! What happens to clocks, and to the settings that count in them.

use std::time::{Duration, SystemTime};

use dcs_core::Stamp;
use dcs_memory::sim::{Class, Fault, History, Node, Planned};

use crate::support::{at, elector, leader_and_other, leads, notes, quiet, seconds, texts, when};

/// Sleeps 50 s by its own clock, and notes what a holder and a challenger
/// count meanwhile, in milliseconds.
async fn counts(node: Node) {
    node.sleep(seconds(1)).await;
    let clock = node.clock();
    let since: Stamp = clock.now();
    node.sleep(seconds(50)).await;
    let now = clock.now();
    let holder = now.holder_elapsed_since(since).as_millis();
    let challenger = now.challenger_elapsed_since(since).as_millis();
    node.note(format!("{holder} {challenger}"));
}

/// How long the 51 s were in real time, and what was counted of the last 50.
fn counted(fault: Option<Planned>) -> (f64, f64, f64) {
    let plan = fault.into_iter().collect();
    let history = quiet(1).plan(plan).run(counts);
    let note = &notes(&history)[0];
    let (holder, challenger) = note.text.split_once(' ').unwrap();
    (
        note.at,
        holder.parse().unwrap(),
        challenger.parse().unwrap(),
    )
}

const fn slew(ppm: i64) -> Planned {
    at(0, Fault::Slew { process: 0, ppm })
}

fn is_near(counted: f64, expected: f64) -> bool {
    (counted - expected).abs() < expected * 0.011
}

#[test]
fn an_unslewed_clock_counts_alike_for_holders_and_challengers() {
    let (real, holder, challenger) = counted(None);
    assert!(is_near(real, 51.0), "{real}");
    assert!((holder - 50_000.0).abs() < 2.0, "{holder}");
    assert!((challenger - holder).abs() < 2.0, "{challenger}");
}

#[test]
fn a_clock_slewed_ahead_runs_fast_and_the_raw_one_does_not() {
    let (real, holder, challenger) = counted(Some(slew(80_000)));
    assert!(
        is_near(real, 1.0 + 50.0 / 1.08),
        "timers come early: {real}"
    );
    assert!((holder - 50_000.0).abs() < 2.0, "{holder}");
    assert!(is_near(challenger, 50_000.0 / 1.08), "{challenger}");
}

#[test]
fn a_clock_slewed_back_runs_slow_and_the_raw_one_does_not() {
    let (real, holder, challenger) = counted(Some(slew(-80_000)));
    assert!(is_near(real, 1.0 + 50.0 / 0.92), "timers come late: {real}");
    assert!((challenger - 50_000.0).abs() < 2.0, "{challenger}");
    assert!(is_near(holder, 50_000.0 / 0.92), "{holder}");
}

#[test]
fn no_clock_is_slewed_further_than_clocks_are_in_the_world() {
    assert_eq!(counted(Some(slew(500_000))), counted(Some(slew(83_000))));
}

#[test]
fn a_suspended_machine_counts_in_boottime_alone() {
    let suspend = Fault::Suspend {
        process: 0,
        lasts: seconds(30),
    };
    let (real, holder, challenger) = counted(Some(at(5, suspend)));
    assert!(is_near(real, 81.0), "{real}");
    assert!(is_near(holder, 80_000.0), "{holder}");
    assert!((challenger - 50_000.0).abs() < 2.0, "{challenger}");
}

#[test]
fn the_wall_clock_jumps_alone() {
    async fn looks(node: Node) {
        let clock = node.clock();
        let (wall, since) = (clock.wall(), clock.now());
        node.sleep(seconds(20)).await;
        let later = clock.wall() + seconds(100);
        let went_on: Duration = SystemTime::duration_since(&later, wall).unwrap();
        let counted = clock.now().holder_elapsed_since(since);
        node.note(format!("{} {}", went_on.as_secs(), counted.as_secs()));
    }
    let jump = Fault::WallJump {
        process: 0,
        millis: -100_000,
    };
    let history = quiet(1).plan(vec![at(10, jump)]).run(looks);
    let [text] = &texts(&history)[..] else {
        panic!("{history}");
    };
    assert!(["20 20", "19 20"].contains(&&**text), "{text}");
}

#[test]
fn a_jump_of_the_wall_clock_changes_nothing_but_what_records_say() {
    let (leader, _) = leader_and_other();
    let jump = Fault::WallJump {
        process: leader,
        millis: 250_000,
    };
    let jumped = quiet(2).plan(vec![at(22, jump)]).run(leads);
    let calm = quiet(2).plan(Vec::new()).run(leads);
    let says = |history: &History| {
        let lines = history.trace.iter();
        let until = lines.filter(|line| line.contains(" says Renewed"));
        until.cloned().collect::<Vec<_>>()
    };
    assert_ne!(says(&jumped), says(&calm), "seen in what is told");
    let rest = |history: History| {
        let lines = history.trace.into_iter();
        let rest = lines.filter(|line| !line.contains(" says ") && !line.contains(" -- "));
        rest.collect::<Vec<_>>()
    };
    assert_eq!(jumped.hits[&Class::WallJump], (1, 1), "once a jump");
    assert_eq!(rest(jumped), rest(calm));
}

#[test]
fn an_elector_gets_other_settings_in_flight() {
    async fn says_its_ttl(node: Node) {
        let elector = elector(&node);
        let lease = elector.acquire().await.unwrap();
        loop {
            let leader = node.dcs().load_leader().await.unwrap();
            let claim = leader.get().unwrap().claim.clone().unwrap();
            node.note(format!("ttl {}", claim.ttl.as_secs()));
            node.sleep(seconds(10)).await;
            assert!(lease.is_valid());
        }
    }
    let timing = Fault::Timing {
        process: 0,
        ttl: 10,
    };
    let history = quiet(1).plan(vec![at(40, timing)]).run(says_its_ttl);
    assert!(when(&history, 0, "ttl 15") < 40.0);
    let shorter = when(&history, 0, "ttl 10");
    assert!((40.0..60.0).contains(&shorter), "{shorter}");
    assert!(history.hits[&Class::Timing].1 > 0);
}
