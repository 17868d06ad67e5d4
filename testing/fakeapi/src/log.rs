//! What was asked.

use std::time::Duration;

use serde_json::Value;

use crate::target::{Target, Verb};

/// A request, and what came of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// When it arrived, counted from the first request of the server.
    pub at: Duration,
    /// The name of the client: see [`FakeApi::client_named`](crate::FakeApi::client_named).
    pub client: String,
    /// The HTTP method.
    pub method: String,
    /// The path and the parameters.
    pub uri: String,
    /// The headers, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body; null where there is none, or it is no JSON.
    pub body: Value,
    /// What the request does; `None` where the path names no kind.
    pub verb: Option<Verb>,
    /// The kind as paths name it, empty where the path names none.
    pub kind: &'static str,
    /// The namespace.
    pub namespace: Option<String>,
    /// The name in the path.
    pub name: Option<String>,
    /// The status of the answer; `None` while there is none, or where the
    /// client never got it.
    pub status: Option<u16>,
    /// Whether something was written. Duplicates count too.
    pub applied: bool,
    /// The names of the [actions](crate::Action) that happened to it.
    pub faults: Vec<&'static str>,
}

impl Recorded {
    pub(crate) fn about(mut self, target: &Target) -> Self {
        self.verb = Some(target.verb);
        self.kind = target.kind.facts().plural;
        self.namespace.clone_from(&target.namespace);
        self.name.clone_from(&target.name);
        self
    }

    /// The value of a header; its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}
