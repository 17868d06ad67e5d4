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
