//! The status key: how far the leader has got.

use serde_json::{Map, Value};

/// What the leader says of its progress. Stored beside the leader record and
/// written in the same request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The leader's log position, in bytes.
    pub optime: Option<u64>,
    /// Log position by replication slot, in bytes.
    pub slots: Option<Slots>,
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

/// Log positions by replication slot, in the order in which they stand there.
/// What is no position is kept, and has none.
///
/// ```
/// use dcs_core::Slots;
///
/// let slots = Slots::from_iter([("demo_1", 50_331_984), ("demo_0", 50_331_648)]);
/// assert_eq!(slots.get("demo_0"), Some(50_331_648));
/// assert_eq!(slots.iter().next(), Some(("demo_1", 50_331_984)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots(Map<String, Value>);

impl Slots {
    /// What stands under the key, whatever it says of each slot.
    #[must_use]
    pub const fn new(by_name: Map<String, Value>) -> Self {
        Self(by_name)
    }

    /// All of it.
    #[must_use]
    pub const fn by_name(&self) -> &Map<String, Value> {
        &self.0
    }

    /// How far a slot has got, in bytes.
    #[must_use]
    pub fn get(&self, slot: &str) -> Option<u64> {
        position(self.0.get(slot)?)
    }

    /// The slots that have a position, each with it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let all = self.0.iter();
        all.filter_map(|(slot, value)| Some((slot.as_str(), position(value)?)))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: Into<String>> FromIterator<(S, u64)> for Slots {
    fn from_iter<I: IntoIterator<Item = (S, u64)>>(slots: I) -> Self {
        let slots = slots.into_iter();
        Self(slots.map(|(slot, at)| (slot.into(), at.into())).collect())
    }
}

/// A number, also one that stands there as text: Patroni reads both.
fn position(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}
