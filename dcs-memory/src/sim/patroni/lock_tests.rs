//! The writes of the actor beside objects that a live Patroni wrote.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

/// The leader object of each recorded set: steady in the first term, and after
/// one switchover.
const STEADY: [&str; 2] = [
    include_str!("../../../../dcs-kubernetes/tests/data/endpoints-steady/endpoints.json"),
    include_str!("../../../../dcs-kubernetes/tests/data/configmaps-steady/configmaps.json"),
];
const AFTER_SWITCHOVER: [&str; 2] = [
    include_str!("../../../../dcs-kubernetes/tests/data/endpoints-after-switchover/endpoints.json"),
    include_str!(
        "../../../../dcs-kubernetes/tests/data/configmaps-after-switchover/configmaps.json"
    ),
];

/// The annotations of the object that has a lock.
fn recorded(text: &str) -> BTreeMap<String, String> {
    let list: Value = serde_json::from_str(text).unwrap();
    let objects = list["items"].as_array().unwrap().iter();
    let mut locks = objects
        .map(|object| &object["metadata"]["annotations"])
        .filter(|annotations| annotations.get("renewTime").is_some());
    let lock = locks.next().expect("an object with a lock");
    assert!(locks.next().is_none(), "one lock a set");
    serde_json::from_value(lock.clone()).unwrap()
}

/// What stands there after these writes, one over the other.
fn standing(patches: &[Patch]) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::new();
    for (name, value) in patches.iter().flat_map(|patch| &patch.0) {
        match value {
            Some(value) => annotations.insert((*name).to_owned(), value.clone()),
            None => annotations.remove(*name),
        };
    }
    annotations
}

fn lock_of(annotations: &BTreeMap<String, String>) -> Lock {
    let all = annotations
        .iter()
        .map(|(name, value)| (leak(name), Some(value.clone())));
    Lock::of(&Patch(all.collect()).record(&LeaderRecord::default()))
}

/// A name that is compared with the ones that are known.
fn leak(name: &str) -> &'static str {
    let known = [
        "leader",
        "ttl",
        "renewTime",
        "acquireTime",
        "transitions",
        "optime",
        "slots",
        "retain_slots",
    ];
    known
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or_else(|| panic!("nobody writes {name}"))
}

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

fn time(seconds: u32) -> Timestamp {
    format!("2026-11-22T11:40:{seconds:02}.143160+00:00")
        .parse()
        .unwrap()
}

const TTL: Duration = Duration::from_secs(30);

/// The first term of a new object: taken, then renewed twice.
fn first_term(me: &str) -> [Patch; 3] {
    let me = name(me);
    let taken = Patch::acquire(&me, TTL, time(10), None);
    let lock = Lock::of(&taken.record(&LeaderRecord::default()));
    let renew = |seconds| Patch::renew(&me, TTL, time(seconds), (&lock, 67_108_960));
    [taken.clone(), renew(20), renew(30)]
}

#[test]
fn a_term_leaves_the_annotations_that_a_live_patroni_leaves() {
    for text in STEADY {
        let recorded = recorded(text);
        let ours = standing(&first_term(&recorded["leader"]));
        assert!(recorded.keys().eq(ours.keys()), "{recorded:?} {ours:?}");
        for name in ["leader", "ttl", "transitions", "optime"] {
            assert_eq!(recorded[name], ours[name], "{name}");
        }
        assert!(ours["acquireTime"] < ours["renewTime"]);
        assert!(recorded["acquireTime"] < recorded["renewTime"]);
    }
}

#[test]
fn a_renewal_reads_back_what_a_live_patroni_wrote_and_changes_its_time_alone() {
    for text in STEADY.into_iter().chain(AFTER_SWITCHOVER) {
        let recorded = recorded(text);
        let lock = lock_of(&recorded);
        let me = lock.leader.clone().unwrap();
        let later = "2027-01-01T00:00:00.000001+00:00".parse().unwrap();
        let renewal = Patch::renew(&me, TTL, later, (&lock, 67_108_960));
        let renewed = standing(&[renewal]);
        for name in ["leader", "ttl", "acquireTime", "transitions"] {
            assert_eq!(recorded[name], renewed[name], "{name}");
        }
        assert_eq!(renewed["renewTime"], later.to_string());
    }
}

#[test]
fn a_switchover_leaves_what_it_leaves_where_a_live_patroni_made_one() {
    for (before, after) in STEADY.into_iter().zip(AFTER_SWITCHOVER) {
        let (before, after) = (recorded(before), recorded(after));
        let mut patches = first_term(&before["leader"]).to_vec();
        patches.push(Patch::release(67_109_000));
        let let_go = standing(&patches);
        assert!(!let_go.contains_key("leader"));
        assert_eq!(let_go["renewTime"], standing(&patches[..3])["renewTime"]);
        let next = name(&after["leader"]);
        let found = lock_of(&let_go);
        patches.push(Patch::acquire(&next, TTL, time(40), Some(&found)));
        let taken = standing(&patches);
        assert_eq!(taken["transitions"], after["transitions"]);
        assert_eq!(taken["leader"], after["leader"]);
        assert_eq!(taken["acquireTime"], taken["renewTime"], "a new term");
        assert!(after.keys().eq(taken.keys()));
    }
}

#[test]
fn who_takes_its_own_lock_again_keeps_its_time_and_count() {
    let lock = lock_of(&standing(&first_term("pg1")));
    let again = Patch::acquire(&name("pg1"), TTL, time(50), Some(&lock));
    let again = standing(&[again]);
    assert_eq!(again["transitions"], "0");
    assert_eq!(again["acquireTime"], time(10).to_string());
}

#[test]
fn a_write_leaves_in_place_what_it_does_not_name() {
    let mut record = LeaderRecord::default();
    let prev = dcs_core::Revision::new(7).unwrap();
    let mark = dcs_core::ReleaseMark::new(dcs_core::Secret::from_bits(1), prev, time(1));
    record.released = Some(mark.clone());
    let taken = Patch::acquire(&name("pg1"), TTL, time(2), None).record(&record);
    assert_eq!(taken.released, Some(mark));
    assert_eq!(Patch::release(1).record(&taken).renew_time, Some(time(2)));
}

#[test]
fn a_write_is_found_in_the_record_it_made_and_in_no_later_one() {
    let me = name("pg1");
    let taken = Patch::acquire(&me, TTL, time(10), None);
    let record = taken.record(&LeaderRecord::default());
    assert!(taken.is_in(&record));
    let renewal = Patch::renew(&me, TTL, time(20), (&Lock::of(&record), 1));
    assert!(!renewal.is_in(&record));
    assert!(!taken.is_in(&renewal.record(&record)));
}

#[test]
fn a_release_and_a_renewal_say_the_position() {
    let lock = lock_of(&standing(&first_term("pg-1")));
    let renewed = Patch::renew(&name("pg-1"), TTL, time(50), (&lock, 5)).status(None);
    let renewed = renewed.unwrap();
    assert_eq!(renewed.optime, Some(5));
    assert_eq!(renewed.slots.as_ref().unwrap().get("pg_1"), Some(5));
    let let_go = Patch::release(9).status(Some(&renewed)).unwrap();
    assert_eq!((let_go.optime, let_go.slots), (Some(9), renewed.slots));
    assert_eq!(
        Patch::acquire(&name("pg-1"), TTL, time(1), None).status(None),
        None
    );
}
