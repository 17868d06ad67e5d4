//! What processes do to a store, for tests that compare a store with a model
//! of it (feature `proptest`).
//!
//! ```
//! use dcs_core::{Precondition, Revision};
//! use dcs_memory::operation::{Operation, operations};
//! use proptest::prelude::*;
//!
//! proptest! {
//!     fn a_creation_expects_absence(operation in operations(2)) {
//!         let versions = [Revision::new(3).unwrap(), Revision::new(7).unwrap()];
//!         match (&operation, operation.precondition(&versions)) {
//!             (Operation::Create { .. }, Some(expected)) => {
//!                 prop_assert_eq!(expected, Precondition::Absent);
//!             }
//!             (Operation::Write { versions_ago: 0, .. }, Some(expected)) => {
//!                 prop_assert_eq!(expected, Precondition::Matches(versions[1]));
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//! # a_creation_expects_absence();
//! ```

use std::collections::BTreeMap;

use dcs_core::{
    Change, Config, Failover, Failsafe, History, Initialize, Key, LeaderRecord, LeaderWrite,
    MemberName, MemberRecord, Precondition, Revision, Status, SyncState,
};
use proptest::prelude::*;

/// The most values that a key gets: few, so that a key gets the same again.
const VALUES: u8 = 4;
/// How far back stale writes reach.
const STALE: usize = 3;

/// One request of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Reads every key.
    Load,
    /// Reads the leader key.
    LoadLeader,
    /// Begins another watch in place of the one before.
    Watch,
    /// Writes a shared key that it takes for absent.
    Create {
        /// Which, of those that have a [`Change`].
        key: Key,
        /// A number that makes the value.
        value: u8,
    },
    /// Writes a shared key.
    Write {
        /// Which, of those that have a [`Change`].
        key: Key,
        /// A number that makes the value.
        value: u8,
        /// On which version of its register: 0 is the present one, 1 the one
        /// before, and so on; what was before the first is absence.
        versions_ago: usize,
    },
    /// Removes the value of a shared key; of the leader key, the holder.
    Remove {
        /// Which, of those that have a [`Change`].
        key: Key,
        /// On which version, as for a write.
        versions_ago: usize,
    },
    /// Writes a member's own key.
    PutMember {
        /// Which.
        name: MemberName,
        /// A number that makes the value.
        value: u8,
    },
    /// Deletes a member's own key.
    DeleteMember {
        /// Which.
        name: MemberName,
    },
}

impl Operation {
    /// What it writes to a shared key; `None` for what writes none.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        match self {
            Self::Create { key, value } | Self::Write { key, value, .. } => {
                change(key, Some(*value))
            }
            Self::Remove { key, .. } => change(key, None),
            _ => None,
        }
    }

    /// What a write of a shared key expects, by the versions that its register
    /// has had, the oldest first; `None` for what writes none.
    #[must_use]
    pub fn precondition(&self, versions: &[Revision]) -> Option<Precondition> {
        let versions_ago = match self {
            Self::Create { .. } => return Some(Precondition::Absent),
            Self::Write { versions_ago, .. } | Self::Remove { versions_ago, .. } => *versions_ago,
            _ => return None,
        };
        let index = versions.len().checked_sub(versions_ago + 1);
        let found = index.map(|index| versions[index]);
        Some(Precondition::from(found))
    }

    /// What it writes to a member's own key; `None` for all else.
    #[must_use]
    pub fn member(&self) -> Option<MemberRecord> {
        match self {
            Self::PutMember { name, value } => {
                Some(MemberRecord::new(name.clone(), serde_json::Map::new()).with("value", *value))
            }
            _ => None,
        }
    }
}

/// Requests on all shared keys and on the own keys of so many members, the
/// harmless first. Half of the writes are on the present version.
pub fn operations(members: u8) -> impl Strategy<Value = Operation> + Clone {
    let name = (0..members.max(1)).prop_map(member_name);
    let values = 0..VALUES;
    let ago = prop_oneof![3 => Just(0), 2 => 0..=STALE];
    prop_oneof![
        1 => Just(Operation::Load),
        1 => Just(Operation::LoadLeader),
        1 => Just(Operation::Watch),
        3 => (keys(), values.clone()).prop_map(|(key, value)| Operation::Create { key, value }),
        6 => (keys(), values.clone(), ago.clone()).prop_map(|(key, value, versions_ago)| {
            Operation::Write { key, value, versions_ago }
        }),
        2 => (keys(), ago).prop_map(|(key, versions_ago)| Operation::Remove { key, versions_ago }),
        2 => (name.clone(), values)
            .prop_map(|(name, value)| Operation::PutMember { name, value }),
        1 => name.prop_map(|name| Operation::DeleteMember { name }),
    ]
}

fn keys() -> impl Strategy<Value = Key> + Clone {
    prop::sample::select(vec![
        Key::Leader,
        Key::Config,
        Key::Initialize,
        Key::History,
        Key::Failover,
        Key::Sync,
    ])
}

fn change(key: &Key, value: Option<u8>) -> Option<Change> {
    let text = |value: u8| format!("value-{value}");
    Some(match key {
        Key::Leader => Change::Leader(Box::new(leader(value))),
        Key::Config => Change::Config(value.map(config)),
        Key::Initialize => Change::Initialize(value.map(|value| Initialize::Done(text(value)))),
        Key::History => Change::History(value.map(|value| History(vec![value.into()]))),
        Key::Failover => Change::Failover(
            value.map(|value| Failover::switchover(None, Some(member_name(value)))),
        ),
        Key::Sync => {
            Change::Sync(value.map(|value| SyncState::new(&text(value), Vec::new(), value.into())))
        }
        _ => return None,
    })
}

/// Every other value brings a status along, and every third a failsafe map.
fn leader(value: Option<u8>) -> LeaderWrite {
    let mut record = LeaderRecord::default();
    record.holder = value.map(member_name);
    let mut write = LeaderWrite::from(record);
    write.status = value
        .filter(|value| value % 2 == 1)
        .map(|value| Status::at(value.into()));
    let failsafe = |value: u8| BTreeMap::from([(format!("m{value}"), "url".to_owned())]);
    write.failsafe = value
        .filter(|value| value % 3 == 2)
        .map(|value| Failsafe(failsafe(value)));
    write
}

fn config(value: u8) -> Config {
    let mut config = Config::default();
    config
        .settings_mut()
        .insert("value".to_owned(), value.into());
    config
}

#[expect(clippy::expect_used, reason = "a letter and digits are a valid name")]
fn member_name(number: u8) -> MemberName {
    format!("m{number}").parse().expect("a valid name")
}
