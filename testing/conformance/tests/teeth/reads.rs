//! What goes wrong with reads.

use std::sync::atomic::Ordering;

use dcs_core::{Entry, MemberRecord, Revision, Snapshot, Status, Value};

use crate::flaws::Flaw;
use crate::ground::Ground;

/// What a flawed backend shows instead of what it `read`, where the handle
/// read `before` the last time.
pub(crate) fn misread(ground: &Ground, before: &Snapshot, mut read: Snapshot) -> Snapshot {
    let was_deleted = ground.was_deleted.load(Ordering::Relaxed);
    let is_fenced = read.history.fence != Value::Absent;
    let was_removed = read.history.revision.is_some() && read.history.value == Value::Absent;
    match ground.flaw {
        Flaw::LoadsAStaleMember => {
            for (name, entry) in &mut read.members {
                let old = before.members.get(name);
                if let Some(old) = old.filter(|_| version(entry) > Some(3)) {
                    *entry = old.clone();
                }
            }
        }
        Flaw::KeepsTheStatusOfADeletedRegister if was_deleted => {
            let one = Revision::new(1).unwrap();
            read.status = Entry::present(one, Status::at(1));
        }
        Flaw::LosesTheClaimOnForeignWrites if ground.was_bumped.load(Ordering::Relaxed) => {
            if let Value::Present(record) = &mut read.leader.value {
                record.claim = None;
            }
        }
        Flaw::ShowsAVacantRecordAsAbsent => {
            let is_vacant = |record: &dcs_core::LeaderRecord| {
                record.claim.is_none() && record.acquire_time.is_none()
            };
            if read.leader.get().is_some_and(is_vacant) {
                read.leader = Entry::absent();
            }
        }
        Flaw::ShowsARemovedValueAsMalformed if was_removed && !is_fenced => {
            read.history.value = Value::Malformed("empty".to_owned());
        }
        Flaw::InventsAFailsafe if read.is_empty() && !was_deleted => {
            read.failsafe.value = Value::Malformed("empty".to_owned());
        }
        Flaw::ShowsATouchedRegisterAsMalformed
            if read.sync.fence != Value::Absent && read.sync.value == Value::Absent =>
        {
            read.sync.value = Value::Malformed("empty".to_owned());
        }
        Flaw::DropsTheTokenOnAWrite if read.history.get().is_some() => {
            read.history.fence = Value::Absent;
        }
        Flaw::MixesScopes => {
            let first = "demo-0".parse().unwrap();
            read.members
                .extend(ground.memory.store.snapshot(&first).members);
        }
        _ => {}
    }
    read
}

fn version(entry: &Entry<MemberRecord>) -> Option<u64> {
    entry.get()?.data().get("xlog_location")?.as_u64()
}
