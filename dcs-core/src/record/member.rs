//! A member key: what a member says of itself.

use serde_json::{Map, Value};

use crate::MemberName;

/// What a member says of itself: any JSON object, written by its owner only.
///
/// Field names are the application's. Patroni's (`state`, `role`, `conn_url`,
/// `api_url`, `tags` ...) have typed views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    name: MemberName,
    data: Map<String, Value>,
}

impl MemberRecord {
    /// The record of the member `name`.
    #[must_use]
    pub const fn new(name: MemberName, data: Map<String, Value>) -> Self {
        Self { name, data }
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

    fn text(&self, field: &str) -> Option<&str> {
        self.data.get(field)?.as_str()
    }
}
