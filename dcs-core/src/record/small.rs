//! The keys whose values need little more than a name.

use std::collections::BTreeMap;

use serde_json::Value;

/// The initialize key: whether the cluster's data was ever made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: the key is absent, empty, or an id"
)]
pub enum Initialize {
    /// A member is making the first data right now.
    InProgress,
    /// The data was made; this is its id (Patroni: the system identifier).
    Done(String),
}

/// The history key: a JSON array with one line per change of timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "complete: the key holds one array"
)]
pub struct History(
    /// The lines, oldest first. Patroni's are `[timeline, lsn, reason, time, leader]`.
    pub Vec<Value>,
);

/// The failsafe key: who must agree before a leader goes on without the store,
/// by member name, each with the URL of its API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "complete: the key holds one map")]
pub struct Failsafe(
    /// URL by member name.
    pub BTreeMap<String, String>,
);

/// The sync key: which members hold all that the leader has confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncState {
    /// The leader that wrote it; `None` where synchronous mode is off.
    pub leader: Option<String>,
    /// The synchronous standbys, sorted.
    pub sync_standby: Vec<String>,
    /// How many of them must confirm; 0 in priority mode.
    pub quorum: u32,
}

impl SyncState {
    /// The state that `leader` writes for these standbys.
    #[must_use]
    pub fn new(leader: &str, mut sync_standby: Vec<String>, quorum: u32) -> Self {
        sync_standby.sort();
        Self {
            leader: Some(leader.to_owned()),
            sync_standby,
            quorum,
        }
    }
}
