//! Many members at the end of one wait: the machines themselves, the store and
//! the ways to it made of numbers.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::rig::{HEARTBEAT, TTL, rev, s, strangers};
use crate::Entry;
use crate::election::LeaseTiming;
use crate::election::belief::Belief;
use crate::election::machine::{Command, Input, Machine, Output, Parts, ReleasePolicy};
use crate::test_clock::TestClock;
use crate::{Clock, Entropy};

const MEMBERS: usize = 50;
const SEEDS: u128 = 1_000;
/// From the sending of a write to its sight by the others.
const UNTIL_SEEN: Duration = Duration::from_millis(20);

/// What `stampede` gives for each seed.
static ELECTIONS: LazyLock<Vec<(usize, Duration)>> =
    LazyLock::new(|| (0..SEEDS).map(stampede).collect());

/// The same bits each time: all that is drawn here is the session.
#[derive(Debug)]
struct Fixed(u128);

impl Entropy for Fixed {
    fn bits(&self) -> u128 {
        self.0
    }
}

/// How many acquiring writes are sent before the first one is seen, and when
/// that was sent, counted from the first sight of the version.
fn stampede(seed: u128) -> (usize, Duration) {
    let clock = Arc::new(TestClock::new());
    let start = clock.now();
    let mut herd: Vec<Machine> = (0..MEMBERS).map(|id| member(&clock, seed, id)).collect();
    let mut due = BTreeSet::new();
    for (id, machine) in herd.iter_mut().enumerate() {
        machine.handle(Input::Members(MEMBERS));
        let leader = strangers(seed + 1);
        machine.handle(Input::WatchBegan {
            leader: &leader,
            scope_is_empty: false,
        });
        machine.handle(Input::FailsafeSeen(&Entry {
            revision: leader.revision,
            ..Entry::absent()
        }));
        due.insert((machine.next_wake().expect("it waits"), id));
    }
    let (mut writes, mut first) = (0, Duration::MAX);
    while let Some((at, id)) = due.pop_first() {
        if at >= first.saturating_add(UNTIL_SEEN) {
            break;
        }
        let elapsed = clock.now().challenger_elapsed_since(start);
        clock.advance(at.saturating_sub(elapsed));
        herd[id].handle(Input::Tick);
        if sends(&mut herd[id]) {
            writes += 1;
            first = first.min(at);
        } else {
            let wait = herd[id].next_wake().expect("it waits still");
            due.insert((at + wait, id));
        }
    }
    (writes, first)
}

fn member(clock: &Arc<TestClock>, seed: u128, id: usize) -> Machine {
    let id = u128::try_from(id).unwrap();
    let mut machine = Machine::new(Parts {
        me: format!("m{id}").parse().unwrap(),
        timing: LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap(),
        policy: ReleasePolicy::Honor,
        bootstrap: false,
        beside: None,
        clock: Arc::<TestClock>::clone(clock),
        entropy: Arc::new(Fixed(seed << 64 | id)),
        belief: Arc::new(Belief::default()),
    });
    machine.handle(Input::Command(Command::Contend));
    machine
}

fn sends(machine: &mut Machine) -> bool {
    let mut sent = false;
    while let Some(output) = machine.output() {
        sent |= matches!(output, Output::Request(_));
    }
    sent
}

#[test]
fn of_fifty_members_three_write_at_most_in_ninety_nine_of_a_hundred_elections() {
    let mut writes: Vec<_> = ELECTIONS.iter().map(|election| election.0).collect();
    writes.sort_unstable();
    let p99 = writes[writes.len() * 99 / 100];
    assert!(p99 <= 3, "{p99} at the 99th percentile, {writes:?}");
    assert!(writes[0] > 0, "nobody wrote");
}

#[test]
fn the_first_of_fifty_members_writes_within_a_second_of_the_wait_and_never_before() {
    for (_, first) in ELECTIONS.iter() {
        assert!(*first >= TTL && *first <= TTL + s(1), "{first:?}");
    }
}

#[test]
fn another_version_is_another_draw() {
    let clock = Arc::new(TestClock::new());
    let mut machine = member(&clock, 1, 1);
    machine.handle(Input::Members(MEMBERS));
    let mut waits = BTreeSet::new();
    for revision in 10..20 {
        machine.handle(Input::WatchBegan {
            leader: &strangers(revision),
            scope_is_empty: false,
        });
        assert_eq!(
            machine.observer.seen().and_then(|sight| sight.revision),
            Some(rev(revision))
        );
        waits.insert(machine.next_wake());
    }
    assert_eq!(waits.len(), 10);
}
