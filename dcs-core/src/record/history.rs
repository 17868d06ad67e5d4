//! The history key: the changes of timeline.

use serde_json::Value;

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
