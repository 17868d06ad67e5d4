//! Values to write. Each comes in any number of versions that differ.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use dcs_core::{
    Attempt, Change, Claim, Config, Entry, Failover, Failsafe, History, Initialize, Key,
    LeaderRecord, LeaderWrite, MemberName, MemberRecord, ReleaseMark, Revision, Secret, Session,
    Snapshot, Status, SyncState, Timestamp,
};
use serde_json::json;

/// The keys that have a register of their own.
pub(crate) const SHARED: [Key; 6] = [
    Key::Leader,
    Key::Config,
    Key::Initialize,
    Key::History,
    Key::Failover,
    Key::Sync,
];

/// Version `n` of what stands under a shared key.
pub(crate) fn change(key: &Key, n: u64) -> Change {
    match key {
        // Without holder: some stores let a member write no other holder than itself.
        Key::Leader => {
            let mut record = vacant();
            record.acquire_time = Some(renewed_at(n));
            record.renew_time = record.acquire_time;
            record.transitions = Some(n);
            leader_with(record, None, None)
        }
        Key::Config => Change::Config(Some(config(n))),
        Key::Initialize => Change::Initialize(Some(Initialize::Done(format!("7000{n}")))),
        Key::History => Change::History(Some(History(vec![json!([n, 1024, "no reason"])]))),
        Key::Failover => Change::Failover(Some(failover(n))),
        Key::Sync => Change::Sync(Some(SyncState::new(&format!("sample-{n}"), Vec::new(), 0))),
        _ => panic!("{key} has no register of its own"),
    }
}

/// The removal of a shared value. The leader's has none.
pub(crate) fn removal(key: &Key) -> Option<Change> {
    Some(match key {
        Key::Config => Change::Config(None),
        Key::Initialize => Change::Initialize(None),
        Key::History => Change::History(None),
        Key::Failover => Change::Failover(None),
        Key::Sync => Change::Sync(None),
        _ => return None,
    })
}

/// The revision of the register that a shared key stands in.
pub(crate) fn revision(snapshot: &Snapshot, key: &Key) -> Option<Revision> {
    match key {
        Key::Leader => snapshot.leader.revision,
        Key::Config => snapshot.config.revision,
        Key::Initialize => snapshot.initialize.revision,
        Key::History => snapshot.history.revision,
        Key::Failover => snapshot.failover.revision,
        Key::Sync => snapshot.sync.revision,
        _ => panic!("{key} has no register of its own"),
    }
}

/// What stands under a shared key, as text that tells versions apart. A
/// request to fail over that asks for nothing is one that was cleared.
pub(crate) fn shown(snapshot: &Snapshot, key: &Key) -> Option<String> {
    fn text<T: std::fmt::Debug>(entry: &Entry<T>) -> Option<String> {
        match &entry.value {
            dcs_core::Value::Absent => None,
            value => Some(format!("{value:?}")),
        }
    }
    match key {
        Key::Leader => text(&snapshot.leader),
        Key::Config => text(&snapshot.config),
        Key::Initialize => text(&snapshot.initialize),
        Key::History => text(&snapshot.history),
        Key::Failover if is_cleared(&snapshot.failover) => None,
        Key::Failover => text(&snapshot.failover),
        Key::Sync
            if snapshot
                .sync
                .get()
                .is_some_and(|sync| sync.leader.is_none()) =>
        {
            None
        }
        Key::Sync => text(&snapshot.sync),
        _ => panic!("{key} has no register of its own"),
    }
}

pub(crate) fn is_cleared(entry: &Entry<Failover>) -> bool {
    entry.get().is_some_and(Failover::is_empty)
}

/// The write by which a member renews for the `n`th time.
pub(crate) fn leader(holder: &MemberName, n: u64) -> Change {
    leader_with(held(holder, n), None, None)
}

pub(crate) fn leader_with(
    record: LeaderRecord,
    status: Option<Status>,
    failsafe: Option<Failsafe>,
) -> Change {
    let mut write = LeaderWrite::from(record);
    write.status = status;
    write.failsafe = failsafe;
    Change::Leader(Box::new(write))
}

/// A record with a claim, no two numbers with the same one.
pub(crate) fn held(holder: &MemberName, n: u64) -> LeaderRecord {
    let ids = (
        Session::from_bits(0x5e55 << 64 | u128::from(n)),
        Attempt::from_bits(0xa77e << 96 | u128::from(n)),
    );
    let spans = (Duration::from_millis(14_500), Duration::from_secs(30));
    let renewed = renewed_at(n);
    let claim = Claim::new(ids, holder.clone(), spans, renewed, secret(n).hash());
    let mut record = LeaderRecord::default();
    record.holder = Some(holder.clone());
    record.ttl = Some(Duration::from_secs(15));
    record.acquire_time = Some(renewed_at(0));
    record.renew_time = Some(renewed);
    record.transitions = Some(n);
    record.claim = Some(claim);
    record
}

/// The record that gives up the `n`th one, which stood at `prev`.
pub(crate) fn released(holder: &MemberName, n: u64, prev: Revision) -> LeaderRecord {
    let mut record = held(holder, n);
    record.holder = None;
    record.released = record
        .renew_time
        .map(|renewed| ReleaseMark::new(secret(n), prev, renewed));
    record
}

/// A record that nobody holds, and nobody held before.
pub(crate) fn vacant() -> LeaderRecord {
    let mut record = LeaderRecord::default();
    record.ttl = Some(Duration::from_secs(15));
    record.renew_time = Some(renewed_at(0));
    record.transitions = Some(0);
    record
}

pub(crate) fn failsafe(n: u64) -> Failsafe {
    let url = format!("http://192.0.2.{n}:8008/patroni");
    Failsafe(BTreeMap::from([("sample-0".to_owned(), url)]))
}

pub(crate) fn config(n: u64) -> Config {
    let mut config = Config::default();
    config.settings_mut().insert("ttl".to_owned(), json!(30));
    config.settings_mut().insert("counter".to_owned(), json!(n));
    config
}

pub(crate) fn failover(n: u64) -> Failover {
    let candidate = name(&format!("sample-{n}"));
    Failover::switchover(Some(name("sample-0")), Some(candidate)).not_before(renewed_at(n))
}

pub(crate) fn member(name: &MemberName, n: u64) -> MemberRecord {
    MemberRecord::new(name.clone(), serde_json::Map::new())
        .with("state", "running")
        .with("xlog_location", n)
}

pub(crate) fn name(text: &str) -> MemberName {
    text.parse().expect("samples have good names")
}

fn secret(n: u64) -> Secret {
    Secret::from_bits(0x5ec2 << 100 | u128::from(n))
}

/// An instant with a fraction that has no trailing zero.
fn renewed_at(n: u64) -> Timestamp {
    let micros = 1_767_323_045_000_001 + 1_000_010 * n;
    Timestamp::from_system_time(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
}
