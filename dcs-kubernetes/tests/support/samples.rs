//! Values to write.

use std::time::Duration;

use dcs_core::{
    Attempt, Change, Claim, LeaderRecord, LeaderWrite, MemberName, Precondition, ReleaseMark,
    Revision, Secret, Session, Timestamp,
};

pub(crate) fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

pub(crate) fn at(revision: u128) -> Precondition {
    Precondition::Matches(Revision::new(revision).unwrap())
}

pub(crate) fn instant(second: u64) -> Timestamp {
    format!("2026-01-02T03:04:{second:02}.678901+00:00")
        .parse()
        .unwrap()
}

/// The `n`th record that `holder` writes in its term.
pub(crate) fn held(holder: &str, n: u64) -> LeaderRecord {
    let ids = (Session::from_bits(1), Attempt::from_bits(n.into()));
    let spans = (Duration::from_millis(14_500), Duration::from_secs(30));
    let hash = Secret::from_bits(3).hash();
    let mut record = LeaderRecord::default();
    record.holder = Some(name(holder));
    record.ttl = Some(Duration::from_millis(14_500));
    record.acquire_time = Some(instant(0));
    record.renew_time = Some(instant(n));
    record.transitions = Some(4);
    record.claim = Some(Claim::new(ids, name(holder), spans, instant(n), hash));
    record
}

pub(crate) fn vacant() -> LeaderRecord {
    let mut record = LeaderRecord::default();
    record.ttl = Some(Duration::from_secs(15));
    record.renew_time = Some(instant(0));
    record
}

/// The record that releases the `n`th one.
pub(crate) fn released(holder: &str, n: u64, prev: Revision) -> LeaderRecord {
    let mut record = held(holder, n);
    record.holder = None;
    record.released = Some(ReleaseMark::new(Secret::from_bits(3), prev, instant(n)));
    record
}

pub(crate) fn leader(record: LeaderRecord) -> Change {
    Change::Leader(Box::new(LeaderWrite::from(record)))
}
