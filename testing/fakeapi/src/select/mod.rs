//! Which objects a list or a watch shows.

mod fields;
mod labels;
mod lexer;

use serde_json::Value;

use crate::kinds::Kind;
use crate::status::Refusal;

use self::fields::Fields;
use self::labels::Labels;

/// The two selectors of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Labels,
    fields: Fields,
}

impl Selector {
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, Refusal> {
        let labels = Labels::parse(labels).map_err(Refusal::bad_request)?;
        let fields = Fields::parse(fields).map_err(Refusal::bad_request)?;
        Ok(Self { labels, fields })
    }

    /// # Errors
    /// The kind has no such field to select by.
    pub(crate) fn check(&self, kind: Kind) -> Result<(), Refusal> {
        self.fields.check(kind).map_err(Refusal::bad_request)
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.matches(&object["metadata"]["labels"]) && self.fields.matches(object)
    }

    /// Whether only the object with one name can match: it is read by its name.
    pub(crate) fn is_of_one_name(&self) -> bool {
        self.fields.is_of_one_name()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
}
