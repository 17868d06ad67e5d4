//! What a member says of itself for others to heed.

use serde_json::Value;

use crate::MemberRecord;
use crate::record::read;

/// The tags of a member record, as Patroni reads them.
///
/// ```
/// use dcs_core::MemberRecord;
/// use dcs_core::duties::Tags;
/// use serde_json::json;
///
/// let record = MemberRecord::new("demo-0".parse()?, serde_json::Map::new())
///     .with("tags", json!({"failover_priority": 3, "nosync": true}));
/// let tags = Tags::of(&record);
/// assert_eq!((tags.failover_priority(), tags.sync_priority()), (3, 0));
/// # Ok::<(), dcs_core::NameError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tags<'a>(Option<&'a Value>);

impl<'a> Tags<'a> {
    /// The tags in this record; it has none where they are no object.
    #[must_use]
    pub fn of(record: &'a MemberRecord) -> Self {
        Self(record.data().get("tags"))
    }

    /// The tag of this name; null is absence.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name).filter(|value| !value.is_null())
    }

    /// `nofailover`: it never leads, also if nobody else is left. Where the tag
    /// is absent, by a [`failover_priority`](Self::failover_priority) of 0 or less.
    #[must_use]
    pub fn nofailover(self) -> bool {
        self.failover_priority() == 0
    }

    /// `failover_priority`: the larger, the sooner it leads; 1 by default, 0
    /// where it never does. `nofailover` counts more where both are there.
    #[must_use]
    pub fn failover_priority(self) -> i64 {
        self.priority("nofailover", "failover_priority")
    }

    /// `nosync`: it is no synchronous standby. Where the tag is absent, by a
    /// [`sync_priority`](Self::sync_priority) of 0 or less.
    #[must_use]
    pub fn nosync(self) -> bool {
        self.sync_priority() == 0
    }

    /// `sync_priority`: the larger, the sooner it is a synchronous standby; 1 by
    /// default, 0 where it never is. `nosync` counts more where both are there.
    #[must_use]
    pub fn sync_priority(self) -> i64 {
        self.priority("nosync", "sync_priority")
    }

    /// `clonefrom`: new members may copy from it.
    #[must_use]
    pub fn clonefrom(self) -> bool {
        self.flag("clonefrom").unwrap_or_default()
    }

    /// `noloadbalance`: it does not count as a replica for clients.
    #[must_use]
    pub fn noloadbalance(self) -> bool {
        self.flag("noloadbalance").unwrap_or_default()
    }

    /// `nostream`: it does not stream, and so has no slot.
    #[must_use]
    pub fn nostream(self) -> bool {
        self.flag("nostream").unwrap_or_default()
    }

    /// `replicatefrom`: the member that it follows, if not the leader.
    #[must_use]
    pub fn replicatefrom(self) -> Option<&'a str> {
        self.get("replicatefrom")?.as_str()
    }

    fn flag(self, name: &str) -> Option<bool> {
        self.get(name).and_then(read::flag)
    }

    /// Said no, it is 0. Said not no, at least 1.
    fn priority(self, no: &str, priority: &str) -> i64 {
        let level = self.get(priority).and_then(read::number).unwrap_or(1);
        match self.flag(no) {
            Some(true) => 0,
            Some(false) => level.max(1),
            None => level.max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    fn with(tags: &Value) -> MemberRecord {
        MemberRecord::new("demo-0".parse().unwrap(), Map::new()).with("tags", tags.clone())
    }

    #[test]
    fn nofailover_counts_more_than_the_priority() {
        let cases = [
            (json!({}), 1),
            (json!("rubbish"), 1),
            (json!({"nofailover": true}), 0),
            (json!({"nofailover": "yes", "failover_priority": 5}), 0),
            (json!({"nofailover": false, "failover_priority": 0}), 1),
            (json!({"nofailover": null, "failover_priority": "4"}), 4),
            (json!({"failover_priority": 0}), 0),
            (json!({"failover_priority": -3}), 0),
            (json!({"failover_priority": "high"}), 1),
        ];
        for (tags, priority) in cases {
            let record = with(&tags);
            assert_eq!(Tags::of(&record).failover_priority(), priority, "{tags}");
            assert_eq!(Tags::of(&record).nofailover(), priority == 0, "{tags}");
        }
    }

    #[test]
    fn the_sync_priority_is_read_like_the_failover_priority() {
        let record = with(&json!({"sync_priority": 2, "nofailover": true}));
        assert_eq!(Tags::of(&record).sync_priority(), 2);
        assert!(Tags::of(&with(&json!({"nosync": 1}))).nosync());
    }

    #[test]
    fn a_tag_that_is_no_boolean_is_not_set() {
        let record = with(&json!({"clonefrom": "on", "nostream": "perhaps", "noloadbalance": 1}));
        let tags = Tags::of(&record);
        assert!(tags.clonefrom() && tags.noloadbalance() && !tags.nostream());
        assert_eq!(tags.replicatefrom(), None);
    }
}
