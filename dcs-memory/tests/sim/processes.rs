//! What happens to processes: killed, doubled, stopped, put to sleep.

use std::sync::{Arc, Mutex};

use dcs_core::election::Elector;
use dcs_memory::sim::{Class, Fault, Node};

use crate::support::{at, elector, leader_and_other, leads, notes, quiet, seconds, timing, when};

async fn ticks(node: Node) {
    node.note(format!("is {}", node.name()));
    loop {
        node.sleep(seconds(1)).await;
        node.note("ticks");
    }
}

fn crash(process: usize, restart: u64) -> Fault {
    Fault::Crash {
        process,
        restart: seconds(restart),
    }
}

fn pause(process: usize, lasts: u64) -> Fault {
    Fault::Pause {
        process,
        lasts: seconds(lasts),
    }
}

fn suspend(process: usize, lasts: u64) -> Fault {
    Fault::Suspend {
        process,
        lasts: seconds(lasts),
    }
}

#[test]
fn a_killed_process_does_nothing_more_and_one_of_its_name_starts_later() {
    let history = quiet(1).plan(vec![at(5, crash(0, 3))]).run(ticks);
    let notes = notes(&history);
    let last = notes.iter().rfind(|note| note.process == 0).unwrap();
    assert!(last.at < 5.0, "{last:?}");
    let first = notes.iter().find(|note| note.process == 1).unwrap();
    assert_eq!((first.at, &*first.text), (8.0, "is m0"));
}

#[test]
fn a_killed_leader_is_followed_by_the_other_after_the_ttl() {
    let (leader, other) = leader_and_other();
    let history = quiet(2).plan(vec![at(40, crash(leader, 90))]).run(leads);
    let follows = when(&history, other, "leads");
    assert!((49.0..56.0).contains(&follows), "{follows}");
    assert_eq!(history.hits[&Class::Crash], (1, 1));
}

#[test]
fn a_twin_has_the_same_name_and_another_session() {
    async fn says_its_session(node: Node) {
        let elector = elector(&node);
        while let Ok(lease) = elector.acquire().await {
            let leader = node.dcs().load_leader().await.unwrap();
            let record = leader.get().unwrap();
            let session = record.claim.as_ref().unwrap().session;
            node.note(format!("{} {session:?}", record.holder.as_ref().unwrap()));
            lease.ended().await;
        }
    }
    let plan = vec![at(20, Fault::Twin { process: 0 }), at(30, pause(0, 60))];
    let notes = notes(&quiet(1).plan(plan).run(says_its_session));
    let said = |process| {
        let mut own = notes.iter().filter(|note| note.process == process);
        own.next().unwrap().text.split_once(' ').unwrap()
    };
    let ((first, session), (twin, other)) = (said(0), said(1));
    assert_eq!((first, twin), ("m0", "m0"));
    assert_ne!(session, other);
}

#[test]
fn a_stopped_leader_sends_nothing_and_knows_afterwards_that_it_is_over() {
    let (leader, other) = leader_and_other();
    let history = quiet(2).plan(vec![at(40, pause(leader, 20))]).run(leads);
    let sends = format!(" p{leader} #");
    let stopped = |line: &&String| {
        let micros: u64 = line
            .trim_start()
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        (40_100_000..60_000_000).contains(&micros)
    };
    let lines = history.trace.iter().filter(stopped);
    let sent: Vec<_> = lines.filter(|line| line.contains(&sends)).collect();
    assert_eq!(sent, Vec::<&String>::new());
    assert!((60.0..60.01).contains(&when(&history, leader, "ends")));
    assert!((49.0..56.0).contains(&when(&history, other, "leads")));
    assert_eq!(history.hits[&Class::Pause], (1, 1));
}

#[test]
fn a_challenger_that_was_stopped_has_counted_all_the_while() {
    let (leader, other) = leader_and_other();
    let plan = vec![at(40, crash(leader, 90)), at(41, pause(other, 30))];
    let history = quiet(2).plan(plan).run(leads);
    let follows = when(&history, other, "leads");
    assert!((71.0..72.0).contains(&follows), "{follows}");
}

#[test]
fn a_challenger_whose_machine_slept_has_not_counted() {
    let (leader, other) = leader_and_other();
    let plan = vec![at(40, crash(leader, 90)), at(41, suspend(other, 30))];
    let history = quiet(2).plan(plan).run(leads);
    let follows = when(&history, other, "leads");
    assert!((79.0..86.0).contains(&follows), "{follows}");
    assert_eq!(history.hits[&Class::Suspend], (1, 1));
}

#[test]
fn a_machine_that_sleeps_stops_the_twin_on_it_too() {
    /// Asks again with each answer, which needs no clock.
    async fn reads(node: Node) {
        while node.dcs().load().await.is_ok() {
            node.note("reads");
        }
    }
    let twin = at(2, Fault::Twin { process: 0 });
    let plan = vec![twin, at(10, suspend(0, 20))];
    let history = quiet(1).length(seconds(40)).plan(plan).run(reads);
    let notes = notes(&history);
    for process in [0, 1] {
        let own = notes.iter().filter(|note| note.process == process);
        let instants: Vec<_> = own.map(|note| note.at).collect();
        let is_asleep = |at: &f64| (10.01..29.99).contains(at);
        assert!(!instants.iter().any(is_asleep), "{process}");
        assert!(instants.iter().any(|at| *at > 30.0), "{process}");
    }
}

#[test]
fn what_starts_on_a_machine_that_sleeps_begins_when_it_wakes_up() {
    let plan = vec![
        at(5, crash(0, 10)),
        at(10, suspend(1, 30)),
        at(11, crash(1, 9)),
    ];
    let history = quiet(2).plan(plan).run(ticks);
    let notes = notes(&history);
    let began = |process, at| {
        let first = notes.iter().find(|note| note.process == process);
        assert_eq!((first.unwrap().at, process), (at, process));
    };
    // The machine of the first one is awake.
    began(2, 15.0);
    began(3, 40.0);
}

#[test]
fn a_fault_that_is_aimed_at_nobody_changes_nothing_and_is_not_recorded() {
    let aimed_at_nobody = quiet(1).plan(vec![at(5, pause(7, 3))]).run(ticks);
    let none = quiet(1).plan(Vec::new()).run(ticks);
    assert_eq!(notes(&aimed_at_nobody), notes(&none));
    assert_eq!(aimed_at_nobody.faults, []);
}

#[test]
fn everything_heals_at_the_end_of_the_trouble() {
    let history = quiet(1).plan(vec![at(95, pause(0, 500))]).run(ticks);
    let ticks_on = |line: &String| line.trim_start().starts_with("100000000 p0 notes: ticks");
    assert!(history.trace.iter().any(ticks_on), "as soon as it goes on");
}

#[test]
fn a_hand_over_is_asked_for_in_the_failover_key() {
    async fn reads(node: Node) {
        node.sleep(seconds(20)).await;
        let failover = node.dcs().load().await.unwrap().failover;
        node.note(format!("{:?}", failover.get().unwrap().candidate));
    }
    let candidate = Some("m5".parse().unwrap());
    let plan = vec![at(10, Fault::Handover { candidate })];
    let history = quiet(1).plan(plan).run(reads);
    let said = notes(&history);
    assert!(said[0].text.contains("m5"), "{said:?}");
}

/// A million histories in one process have to fit into its memory.
#[test]
fn nothing_of_a_history_is_left_in_memory_when_it_is_over() {
    let stores = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&stores);
    let history = quiet(2).plan(vec![at(40, crash(0, 5))]).run(move |node| {
        let (dcs, clock) = (node.dcs(), node.clock());
        kept.lock().unwrap().push(Arc::downgrade(&dcs));
        let (name, chance) = (node.name().clone(), node.entropy());
        let elector = node.run(Elector::builder(dcs, name, timing(), clock, chance));
        async move {
            while let Ok(lease) = elector.acquire().await {
                lease.ended().await;
            }
        }
    });
    assert_eq!(history.violation, None);
    let stores = stores.lock().unwrap();
    assert_eq!(stores.len(), 3);
    assert!(stores.iter().all(|store| store.upgrade().is_none()));
}
