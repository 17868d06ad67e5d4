//! A member key: what a member says of itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::MemberName;
use crate::duties::Routing;

/// What a member says of itself: any JSON object, written by its owner only.
///
/// Field names are the application's. Patroni's (`state`, `role`, `conn_url`,
/// `api_url`, `tags` ...) have typed views.
///
/// Two records are equal where name and fields are. How clients are routed is
/// no part of what is stored: see [`MemberRecord::routed`].
#[derive(Clone, Debug)]
pub struct MemberRecord {
    name: MemberName,
    data: Map<String, Value>,
    routing: Option<Routing>,
    labels: BTreeMap<String, String>,
}

impl MemberRecord {
    /// The record of the member `name`.
    #[must_use]
    pub const fn new(name: MemberName, data: Map<String, Value>) -> Self {
        Self {
            name,
            data,
            routing: None,
            labels: BTreeMap::new(),
        }
    }

    /// The same record, to be written with what clients are to be routed by:
    /// the labels of a Pod in Kubernetes. Without it they are left alone.
    #[must_use]
    pub fn routed(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    /// The same record, as it was found with these labels.
    #[must_use]
    pub fn with_labels(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = labels;
        self
    }

    /// The same record with one field set.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.data.insert(field.to_owned(), value.into());
        self
    }

    /// Whose record it is.
    #[must_use]
    pub const fn name(&self) -> &MemberName {
        &self.name
    }

    /// All fields.
    #[must_use]
    pub const fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// `state`, such as `running`.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.text("state")
    }

    /// `role`, such as `primary` or `replica`.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.text("role")
    }

    /// Whether `state` says that it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state() == Some("running")
    }

    /// Whether `role` says that it is the primary, also in the word of Patroni
    /// before version 4.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        matches!(self.role(), Some("primary" | "master"))
    }

    /// `timeline`: the one that its data is on.
    #[must_use]
    pub fn timeline(&self) -> Option<u64> {
        self.whole("timeline")
    }

    /// `xlog_location`: how far its log reaches, in bytes; else the larger of
    /// `receive_lsn` and `replay_lsn`.
    #[must_use]
    pub fn lsn(&self) -> Option<u64> {
        let received = self.whole("receive_lsn").max(self.whole("replay_lsn"));
        self.whole("xlog_location").or(received)
    }

    /// `conn_url`: where clients connect.
    #[must_use]
    pub fn conn_url(&self) -> Option<&str> {
        self.text("conn_url")
    }

    /// `api_url`: where the member's own API listens.
    #[must_use]
    pub fn api_url(&self) -> Option<&str> {
        self.text("api_url")
    }

    /// What clients are to be routed by, where this is a record to be written.
    #[must_use]
    pub const fn routing(&self) -> Option<&Routing> {
        self.routing.as_ref()
    }

    /// The labels of the object that the record was found in; none in a store
    /// without labels.
    #[must_use]
    pub const fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    fn whole(&self, field: &str) -> Option<u64> {
        u64::try_from(super::read::number(self.data.get(field)?)?).ok()
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.data.get(field)?.as_str()
    }
}

impl PartialEq for MemberRecord {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.data == other.data
    }
}

impl Eq for MemberRecord {}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> MemberRecord {
        MemberRecord::new("demo-0".parse().expect("a name"), Map::new())
    }

    #[test]
    fn master_is_read_as_primary() {
        assert!(record().with("role", "master").is_primary());
        assert!(record().with("role", "primary").is_primary());
        assert!(!record().with("role", "replica").is_primary());
    }

    #[test]
    fn the_position_is_that_of_the_log_or_else_the_furthest_of_a_replica() {
        let replica = record().with("receive_lsn", 5).with("replay_lsn", 7);
        assert_eq!(replica.lsn(), Some(7));
        assert_eq!(replica.with("xlog_location", "6").lsn(), Some(6));
        assert_eq!(record().with("xlog_location", -1).lsn(), None);
    }
}
