//! Requests by chance, before they are written for one server: what is said of
//! revisions and uids depends on what that server showed.

use serde_json::Value;

use super::server::{Server, Wire};

/// Kinds by their paths.
pub(crate) const KINDS: [(&str, &str); 6] = [
    ("/api/v1", "configmaps"),
    ("/api/v1", "endpoints"),
    ("/apis/coordination.k8s.io/v1", "leases"),
    ("/api/v1", "pods"),
    ("/api/v1", "services"),
    ("/apis/discovery.k8s.io/v1", "endpointslices"),
];

/// The places of kinds with rules of their own.
pub(crate) const PODS: usize = 3;
pub(crate) const SERVICES: usize = 4;

/// A request, for either server.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) method: &'static str,
    pub(crate) kind: usize,
    pub(crate) name: Option<&'static str>,
    pub(crate) status: bool,
    pub(crate) query: String,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) accept: Option<&'static str>,
    pub(crate) body: Option<Value>,
    /// A body that is no JSON.
    pub(crate) raw: Option<&'static str>,
    pub(crate) revision: Which,
    pub(crate) uid: Which,
    pub(crate) query_revision: Which,
    pub(crate) goes_on: bool,
}

/// Which version is meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Which {
    Unsaid,
    Current,
    /// Some versions ago.
    Older(usize),
    Literal(&'static str),
}

impl Template {
    /// The object whose revision the answer shows.
    pub(crate) fn path(&self) -> Option<String> {
        let name = match self.name {
            Some(name) => name,
            None if self.method == "POST" => self.body.as_ref()?["metadata"]["name"].as_str()?,
            None => return None,
        };
        Some(format!("{}/{name}", KINDS[self.kind].1))
    }

    /// Whether the real server may answer from its cache.
    pub(crate) fn is_from_cache(&self) -> bool {
        self.query_revision == Which::Literal("0")
    }

    pub(crate) fn for_server(&self, server: &Server) -> Wire {
        let (group, plural) = KINDS[self.kind];
        let mut uri = format!("{group}/namespaces/{}/{plural}", server.namespace);
        for part in self.name.iter().chain(self.status.then_some(&"status")) {
            uri = format!("{uri}/{part}");
        }
        let path = self.path().unwrap_or_default();
        let mut query = self.query.clone();
        if let Some(revision) = self.query_revision.of(server, &path, false) {
            query.extend(["&resourceVersion=", &revision]);
        }
        if let (true, Some(next)) = (self.goes_on, &server.next) {
            query.extend(["&continue=", next]);
        }
        if !query.is_empty() {
            uri = format!("{uri}?{}", query.trim_start_matches('&'));
        }
        let body = match (self.raw, self.body.clone()) {
            (Some(raw), _) => raw.as_bytes().to_vec(),
            (None, None) => Vec::new(),
            (None, Some(mut body)) => {
                let place = if self.method == "DELETE" {
                    "preconditions"
                } else {
                    "metadata"
                };
                for (which, field) in [(self.revision, "resourceVersion"), (self.uid, "uid")] {
                    if let Some(value) = which.of(server, &path, field == "uid") {
                        body[place][field] = value.into();
                    }
                }
                body.to_string().into_bytes()
            }
        };
        Wire {
            method: self.method,
            uri,
            content_type: self.content_type,
            accept: self.accept,
            body,
        }
    }
}

impl Which {
    fn of(self, server: &Server, path: &str, is_uid: bool) -> Option<String> {
        let versions = server.versions(path);
        let back = match self {
            Self::Unsaid => return None,
            Self::Literal(text) => return Some(text.to_owned()),
            Self::Current => 0,
            Self::Older(back) => back,
        };
        let at = versions.len().checked_sub(1 + back)?;
        let seen = &versions[at];
        Some(if is_uid {
            seen.uid.clone()
        } else {
            seen.revision.clone()
        })
    }
}
