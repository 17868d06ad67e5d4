//! What was asked.

use std::collections::VecDeque;
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
    /// Bytes of the answer's body; `None` while there is none, and for what has
    /// no end known beforehand, as a watch.
    pub answered: Option<u64>,
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

/// The newest requests, each with a number of its own.
#[derive(Debug)]
pub(crate) struct Log {
    entries: VecDeque<Recorded>,
    /// The number of the first that is kept.
    first: usize,
    keep: usize,
}

impl Log {
    pub(crate) const fn new(keep: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            keep,
        }
    }

    /// Takes a request in, and returns its number.
    pub(crate) fn push(&mut self, recorded: Recorded) -> usize {
        let number = self.first + self.entries.len();
        self.entries.push_back(recorded);
        if self.entries.len() > self.keep {
            self.entries.pop_front();
            self.first += 1;
        }
        number
    }

    /// The request of this number, unless it is forgotten.
    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut Recorded> {
        let at = number.checked_sub(self.first)?;
        self.entries.get_mut(at)
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.entries.len();
        self.entries.clear();
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.entries.iter().cloned().collect()
    }
}
