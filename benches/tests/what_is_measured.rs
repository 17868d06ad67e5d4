//! The benches measure what their names say.

use std::sync::Arc;
use std::time::Duration;

use dcs_benches::{
    Audience, ManualClock, Member, Register, Renewal, StubDcs, leader_record, scope,
};
use dcs_core::{Change, Initialize, Revision};
use dcs_memory::MemoryStore;

fn memory() -> (ManualClock, MemoryStore) {
    let clock = ManualClock::new();
    let store = MemoryStore::new(Arc::new(clock.clone()));
    (clock, store)
}

fn leader() -> Change {
    Change::Leader(Box::new(leader_record().into()))
}

#[test]
fn a_cycle_of_the_elector_alone_is_one_write() {
    let stub = Arc::new(StubDcs::new(scope()));
    let mut renewal = Renewal::new(stub.clone(), ManualClock::new());
    let before = stub.writes();
    for _ in 0..5 {
        renewal.cycle();
    }
    assert_eq!(stub.writes() - before, 5);
}

#[test]
fn a_cycle_on_memory_is_one_version_of_the_leader_key() {
    let (clock, store) = memory();
    let mut renewal = Renewal::new(Arc::new(store.handle(&scope())), clock);
    let revision = || store.snapshot(&scope()).leader.revision.unwrap().get();
    let before = revision();
    for _ in 0..5 {
        renewal.cycle();
    }
    assert_eq!(revision() - before, 5);
}

#[test]
fn a_cycle_carries_the_lease_to_a_whole_span_again() {
    let (clock, store) = memory();
    let mut renewal = Renewal::new(Arc::new(store.handle(&scope())), clock.clone());
    clock.advance(Duration::from_secs(3));
    renewal.cycle();
    let span = Member::timing().holder_span();
    assert_eq!(renewal.lease().remaining(), Some(span));
}

#[test]
fn a_write_of_the_leader_key_is_three_items_for_each_who_watches() {
    let (_, store) = memory();
    let mut leader = Register::new(&store, leader());
    leader.write();
    let mut audience = Audience::new(&store, 7);
    leader.write();
    assert_eq!(audience.read(), 21);
    assert_eq!(audience.read(), 0);
}

#[test]
fn each_write_of_a_register_is_a_version() {
    let (_, store) = memory();
    let mut register = Register::new(&store, Change::Initialize(Some(Initialize::InProgress)));
    for _ in 0..3 {
        register.write();
    }
    let revision = store.snapshot(&scope()).initialize.revision;
    assert_eq!(revision.map(Revision::get), Some(3));
}

#[test]
fn a_refused_write_is_no_version() {
    let (_, store) = memory();
    let mut register = Register::new(&store, leader());
    register.write();
    let before = store.snapshot(&scope());
    register.write_refused();
    assert_eq!(store.snapshot(&scope()), before);
}
