//! Asking whether one leads allocates nothing, by the clock of production.

use std::hint::black_box;

use allocation_counter::measure;
use dcs_benches::Held;

#[test]
fn an_allocation_is_counted() {
    let counted = measure(|| drop(black_box(Box::new(1))));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn asking_while_one_leads_allocates_nothing() {
    let held = Held::new();
    let counted = measure(|| {
        assert!(held.elector().is_leader());
        assert!(held.lease().is_valid());
        assert!(held.lease().remaining().is_some());
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn asking_once_the_lease_is_dropped_allocates_nothing() {
    let mut held = Held::new();
    held.drop_lease();
    let counted = measure(|| assert!(!held.elector().is_leader()));
    assert_eq!(counted.count_total, 0);
}
