//! What a challenger beside Patroni gets wrong.

use std::time::Duration;

use super::super::beside_patroni::{LEFT_ALONE, beside, patronis};
use super::super::rig::{rev, s};
use super::{acquires, shows};
use crate::election::machine::Command;
use crate::election::seeded::Bug;
use crate::election::{BesidePatroni, PatroniRelease};
use crate::{Entry, LeaderRecord};

#[test]
fn a_lock_of_patroni_with_a_longer_ttl_than_the_own_wait_is_taken_before_that_is_over() {
    shows(Bug::PatroniTtlFromOwn, || {
        let mut rig = beside("b");
        rig.begin(&patronis(11, 60, 1));
        rig.pass(LEFT_ALONE);
        acquires(&rig)
    });
}

#[test]
fn a_lock_is_taken_from_a_patroni_whose_renewal_by_a_shorter_ttl_is_not_answered() {
    shows(Bug::PatroniTtlLowered, || {
        let mut rig = beside("b");
        rig.begin(&patronis(11, 60, 1));
        rig.watch(patronis(12, 30, 2), Some(11));
        rig.pass(LEFT_ALONE);
        acquires(&rig)
    });
}

#[test]
fn a_lock_that_patroni_has_just_renewed_is_taken_by_what_was_waited_before() {
    shows(Bug::PatroniWaitFromBefore, || {
        let mut rig = beside("b");
        rig.begin(&patronis(11, 30, 1));
        rig.pass(LEFT_ALONE - s(1));
        rig.watch(patronis(12, 30, 2), Some(11));
        rig.pass(s(1));
        acquires(&rig)
    });
}

#[test]
fn a_lock_that_was_written_by_a_longer_retry_timeout_is_taken_by_a_shorter_one() {
    shows(Bug::PatroniRetryLowered, || {
        let mut rig = beside("b");
        rig.begin(&patronis(11, 30, 1));
        let config = r#"{"ttl": 30, "loop_wait": 10, "retry_timeout": 3}"#;
        rig.command(Command::Config(config.parse().unwrap()));
        // Long enough for a retry_timeout of 3 s: 33 s * 1.01 / 0.99.
        rig.pass(Duration::from_millis(33_667));
        acquires(&rig)
    });
}

#[test]
fn a_record_that_a_gap_has_left_without_holder_is_taken_for_a_release_of_patroni() {
    shows(Bug::PatroniReleaseUnwatched, || {
        let mut rig = beside("b");
        let takes = BesidePatroni::new().with_release(PatroniRelease::Take);
        rig.machine.beside = Some(takes);
        rig.begin(&patronis(11, 30, 1));
        let mut record: LeaderRecord = patronis(12, 30, 2).get().cloned().unwrap();
        record.holder = None;
        rig.begin(&Entry::present(rev(13), record));
        acquires(&rig)
    });
}
