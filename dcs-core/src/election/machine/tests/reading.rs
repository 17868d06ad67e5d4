//! Reading back what became of an own attempt.

use super::rig::{Rig, TTL, rev, s, vacant};
use crate::Entry;

#[test]
fn an_attempt_that_the_watch_shows_while_an_older_read_is_under_way_is_read_back() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    let sent = rig.lease_write().0;
    rig.unknown();
    assert!(rig.reads());
    // It is applied now, after the read was served and before its answer is here.
    rig.watch(Entry::present(rev(11), sent), Some(10));
    rig.read_shows(vacant(10));
    rig.pass(s(5));
    assert!(rig.reads() || rig.leads(), "the own record is waited for");
}

#[test]
fn a_version_that_a_late_watch_had_shown_before_a_read_did_is_replaced_after_the_wait() {
    let mut rig = Rig::new("a");
    rig.begin(&vacant(10));
    rig.pass(TTL);
    // It was deleted, and another one was created.
    rig.conflict();
    rig.read_shows(vacant(12));
    rig.watch(Entry::absent(), None);
    rig.watch(vacant(12), None);
    assert!(
        rig.write().1.revision().is_none(),
        "the absence is seen last"
    );
    rig.conflict();
    rig.read_shows(vacant(12));
    rig.pass(TTL + s(1));
    assert_eq!(rig.lease_write().1.revision(), Some(rev(12)));
}
