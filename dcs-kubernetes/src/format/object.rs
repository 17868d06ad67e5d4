//! The parts of Kubernetes objects that are read. All but two come as metadata
//! only: the answer to a write of the leader Endpoints, and the member's own Pod
//! in Endpoints mode. The spec of no other Pod, which may hold secrets, is fetched.

use std::collections::BTreeMap;

use dcs_core::Revision;
use serde::Deserialize;
use serde_json::Value;

pub(crate) type Annotations = BTreeMap<String, String>;
pub(crate) type Labels = BTreeMap<String, String>;

/// An object as its metadata, or whole.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Object {
    #[serde(default)]
    pub(crate) kind: String,
    pub(crate) metadata: Metadata,
    /// Of whole Endpoints.
    #[serde(default)]
    pub(crate) subsets: Value,
    /// Of a whole Pod, as is the status.
    #[serde(default)]
    pub(crate) spec: Value,
    #[serde(default)]
    pub(crate) status: Value,
    /// Why what the member says was not kept, where it was not.
    #[serde(skip)]
    pub(crate) unread: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) uid: String,
    #[serde(default)]
    pub(crate) resource_version: String,
    #[serde(default)]
    labels: Option<Labels>,
    #[serde(default)]
    annotations: Option<Annotations>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct List {
    pub(crate) metadata: ListMetadata,
    #[serde(default)]
    pub(crate) items: Option<Vec<Object>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListMetadata {
    #[serde(default)]
    pub(crate) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(crate) next: Option<String>,
}

/// One line of a watch.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) object: Value,
}

/// What the API server says of a request that it refused.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Status {
    #[serde(default)]
    pub(crate) code: Option<u16>,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<String>,
    #[serde(default)]
    details: Option<StatusDetails>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct StatusDetails {
    #[serde(default)]
    causes: Option<Vec<StatusCause>>,
}

#[derive(Clone, Debug, Deserialize)]
struct StatusCause {
    #[serde(default)]
    reason: Option<String>,
}

impl Object {
    pub(crate) fn revision(&self) -> Result<Revision, dcs_core::RevisionError> {
        self.metadata.resource_version.parse()
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.metadata.annotations.as_ref()?;
        annotations.get(key).map(String::as_str)
    }

    /// Keeps no annotation but this one, and not what it says either if `keeps`
    /// says so.
    pub(crate) fn keep_only(&mut self, key: &str, keeps: bool) {
        if let Some(annotations) = &mut self.metadata.annotations {
            annotations.retain(|known, _| keeps && known == key);
        }
    }

    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        let annotations = self.metadata.annotations.iter().flatten();
        annotations.map(|(key, value)| (&**key, &**value))
    }

    pub(crate) fn labels(&self) -> Labels {
        self.metadata.labels.clone().unwrap_or_default()
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        let labels = self.metadata.labels.as_ref()?;
        labels.get(key).map(String::as_str)
    }
}

impl Status {
    /// The status in this body. Proxies answer with HTML, or with `{}`: then
    /// there is none, and nothing is concluded from it.
    pub(crate) fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    pub(crate) fn has_cause(&self, reason: &str) -> bool {
        let causes = self.details.as_ref().and_then(|d| d.causes.as_deref());
        causes
            .unwrap_or_default()
            .iter()
            .any(|cause| cause.reason.as_deref() == Some(reason))
    }

    /// The message, safe to log: without control characters, cut to 300.
    pub(crate) fn text(&self) -> String {
        let message = self.message.as_deref().unwrap_or("no reason was given");
        message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(300)
            .collect()
    }
}
