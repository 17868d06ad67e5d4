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
