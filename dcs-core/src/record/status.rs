//! The status key: how far the leader has got.

use std::collections::BTreeMap;

/// What the leader says of its progress. Stored beside the leader record and
/// written in the same request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The leader's log position, in bytes.
    pub optime: Option<u64>,
    /// Log position by replication slot, in bytes.
    pub slots: Option<BTreeMap<String, u64>>,
    /// Slots to be kept while their member is absent.
    pub retain_slots: Option<Vec<String>>,
}

impl Status {
    /// A status that says only how far the leader's log reaches.
    #[must_use]
    pub const fn at(optime: u64) -> Self {
        Self {
            optime: Some(optime),
            slots: None,
            retain_slots: None,
        }
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.optime.is_none() && self.slots.is_none() && self.retain_slots.is_none()
    }
}
