//! The keys whose values need little more than a name.

use std::collections::BTreeMap;

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

/// The failsafe key: who must agree before a leader goes on without the store,
/// by member name, each with the URL of its API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "complete: the key holds one map")]
pub struct Failsafe(
    /// URL by member name.
    pub BTreeMap<String, String>,
);
