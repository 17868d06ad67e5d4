//! Strategies of proptest for faults (feature `proptest`): a property is tried
//! with lists of them, and the list that breaks it shrinks.
//!
//! ```
//! use std::time::Duration;
//!
//! use dcs_core::election::LeaseTiming;
//! use dcs_memory::sim::{Node, Simulation, strategy::plans};
//! use proptest::prelude::*;
//!
//! async fn member(node: Node) {
//!     let seconds = Duration::from_secs;
//!     let elector = node.elector(LeaseTiming::new(seconds(15), seconds(5), seconds(4)).unwrap());
//!     while let Ok(lease) = elector.acquire().await {
//!         let _acts = node.acts();
//!         lease.ended().await;
//!     }
//! }
//!
//! const LENGTH: Duration = Duration::from_secs(60);
//!
//! proptest! {
//!     #![proptest_config(ProptestConfig::with_cases(4))]
//!     // `#[test]` goes here.
//!     fn no_two_members_act_at_once(plan in plans(3, LENGTH)) {
//!         let history = Simulation::new(1).nodes(3).length(LENGTH).plan(plan).run(member);
//!         prop_assert!(history.verdict().is_ok(), "{history}");
//!     }
//! }
//! # no_two_members_act_at_once();
//! ```

use std::time::Duration;

use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::edit::Edit;
use super::fate::Fate;
use super::fault::{Fault, Planned};
use super::story::member_name;
use super::trouble::SLEW_PPM;

/// The most faults in one list.
const MOST_FAULTS: usize = 12;
/// The longest that a fault lasts, in milliseconds: longer than most ttls.
const LONG: u64 = 60_000;
/// Requests of a process among which one goes astray.
const REQUESTS: u64 = 30;

/// Lists of up to twelve faults of every kind, within `length`, in a cluster
/// of so many members, in the order of their instants: what
/// [`Simulation::plan`](super::Simulation::plan) takes.
///
/// They shrink to fewer faults, then to earlier and shorter ones.
pub fn plans(nodes: usize, length: Duration) -> impl Strategy<Value = Vec<Planned>> + Clone {
    let one = prop_oneof![
        3 => planned(faults(nodes).boxed(), length),
        2 => planned(messages(nodes).boxed(), length),
        1 => planned(edits().prop_map(Fault::Edit).boxed(), length),
    ];
    vec(one, 0..=MOST_FAULTS).prop_map(|mut plan| {
        plan.sort_by_key(|planned| planned.at);
        plan
    })
}

/// Faults of the processes, of their machines, and of their ways to the store.
/// Processes that are started later are aimed at, too.
pub fn faults(nodes: usize) -> impl Strategy<Value = Fault> + Clone {
    let process = processes(nodes);
    prop_oneof![
        4 => of_ways(nodes),
        2 => of_watches(nodes),
        1 => (process.clone(), millis(20_000))
            .prop_map(|(process, restart)| Fault::Crash { process, restart }),
        1 => (process.clone(), millis(LONG))
            .prop_map(|(process, lasts)| Fault::Pause { process, lasts }),
        1 => (process.clone(), millis(LONG))
            .prop_map(|(process, lasts)| Fault::Suspend { process, lasts }),
        1 => process.clone().prop_map(|process| Fault::Twin { process }),
        1 => (process.clone(), -SLEW_PPM..=SLEW_PPM)
            .prop_map(|(process, ppm)| Fault::Slew { process, ppm }),
        1 => (process.clone(), -288_000..=288_000_i64)
            .prop_map(|(process, millis)| Fault::WallJump { process, millis }),
        1 => (process, 8..40_u64).prop_map(|(process, ttl)| Fault::Timing { process, ttl }),
        1 => option::of(0..nodes.max(1))
            .prop_map(|node| Fault::Handover { candidate: node.map(member_name) }),
    ]
}

/// Single messages that go astray, each told by the number of its request.
pub fn messages(nodes: usize) -> impl Strategy<Value = Fault> + Clone {
    (processes(nodes), 0..REQUESTS, fates()).prop_map(|(process, request, fate)| Fault::Message {
        process,
        request,
        fate,
    })
}

/// What becomes of one message: one or two things at once, mostly.
pub fn fates() -> impl Strategy<Value = Fate> + Clone {
    let late = || option::weighted(0.3, millis(40_000));
    let flags = (weighted(0.15), weighted(0.3), weighted(0.15), weighted(0.1));
    let times = (late(), late(), option::weighted(0.2, millis(40_000)));
    (flags, times, prop_oneof![3 => Just(0), 1 => 1..=4_usize]).prop_map(
        |((is_lost, loses_answer, is_refused, is_stray), (late, late_answer, again), stale)| Fate {
            is_lost,
            loses_answer,
            is_refused,
            late: late.unwrap_or_default(),
            late_answer: late_answer.unwrap_or_default(),
            again,
            stale,
            is_stray,
        },
    )
}

/// What third parties do to the leader record, the harmless first.
pub fn edits() -> impl Strategy<Value = Edit> + Clone {
    prop_oneof![
        Just(Edit::Bump),
        Just(Edit::Renew),
        prop::sample::select(vec![1, 5, 3600]).prop_map(|seconds| Edit::Ttl { seconds }),
        Just(Edit::Wipe),
        Just(Edit::Delete),
        Just(Edit::Stranger),
        (1..=10_usize).prop_map(|versions| Edit::RollBack { versions }),
        Just(Edit::ForgeRelease),
        Just(Edit::ReplayMark),
        Just(Edit::ReplayRelease),
    ]
}

fn of_ways(nodes: usize) -> impl Strategy<Value = Fault> + Clone {
    let kinds = prop::sample::select(vec![(true, false), (false, true), (true, true)]);
    (processes(nodes), kinds, millis(LONG)).prop_map(|(process, (requests, answers), lasts)| {
        Fault::Cut {
            process,
            requests,
            answers,
            lasts,
        }
    })
}

fn of_watches(nodes: usize) -> impl Strategy<Value = Fault> + Clone {
    let process = processes(nodes);
    prop_oneof![
        process
            .clone()
            .prop_map(|process| Fault::BrokenWatch { process }),
        process
            .clone()
            .prop_map(|process| Fault::WatchGap { process }),
        process
            .clone()
            .prop_map(|process| Fault::SilentWatch { process }),
        (process.clone(), millis(LONG / 2), millis(LONG))
            .prop_map(|(process, by, lasts)| { Fault::LateAnswers { process, by, lasts } }),
        (process, millis(LONG / 2), millis(LONG))
            .prop_map(|(process, by, lasts)| { Fault::LateWatch { process, by, lasts } }),
    ]
}

fn planned(
    fault: BoxedStrategy<Fault>,
    length: Duration,
) -> impl Strategy<Value = Planned> + Clone {
    let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let at = (0..length.max(1)).prop_map(Duration::from_millis);
    (at, fault).prop_map(|(at, fault)| Planned { at, fault })
}

/// The members, and now and then one of those that start later.
fn processes(nodes: usize) -> impl Strategy<Value = usize> + Clone {
    let nodes = nodes.max(1);
    prop_oneof![9 => 0..nodes, 1 => nodes..nodes + 2]
}

fn millis(most: u64) -> impl Strategy<Value = Duration> + Clone {
    (1..=most).prop_map(Duration::from_millis)
}
