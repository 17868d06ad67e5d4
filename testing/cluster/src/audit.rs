//! Reading the audit log: what clients really sent.
//!
//! The log has one JSON object a line and holds the requests of all clients
//! but the API server itself and the question whether it is ready. A request
//! that is answered at once has one line, of the stage `ResponseComplete`
//! (`Panic` if the server failed in it). A watch has one when it starts, of the
//! stage `ResponseStarted`, and a second one when it ends. So **each request is
//! counted once by counting its first line**, and [`requests`] does that: lines
//! with an `auditID` that was there before are left out.
//!
//! A line is written after the reply is sent. Who counts has to wait until the
//! line that is expected last is there.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::{At, Error};

/// One request of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// What was asked: `get`, `list`, `watch`, `create`, `update`, `patch`,
    /// `delete` and so on.
    pub verb: String,
    /// The path and query.
    pub uri: String,
    /// The user's name.
    pub user: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// The resource, in the plural, as `endpoints`; empty for other paths.
    pub resource: String,
    /// The subresource, as `status`, or empty.
    pub subresource: String,
    /// The namespace, or empty.
    pub namespace: String,
    /// The name of the object, or empty.
    pub name: String,
    /// The status of the reply; 0 if none was sent.
    pub code: u16,
}

/// The requests in an audit log, each once, in the order of their first line.
///
/// A log that is not there yet and a last line that is still being written
/// hold no request.
///
/// # Errors
///
/// [`Error::Io`] if the log cannot be read, [`Error::Record`] if a line of it
/// is no audit event.
pub fn requests(log: &Path) -> Result<Vec<Request>, Error> {
    if !log.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(log).at("read", log)?;
    parse(&text).map_err(|source| Error::Record {
        path: log.to_owned(),
        source,
    })
}

fn parse(text: &str) -> Result<Vec<Request>, serde_json::Error> {
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut seen = HashSet::new();
    let mut requests = Vec::new();
    for line in complete.lines() {
        let event: Event = serde_json::from_str(line)?;
        if seen.insert(event.audit_id.clone()) {
            requests.push(event.into());
        }
    }
    Ok(requests)
}

/// The part of an `audit.k8s.io/v1` event that is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    #[serde(default)]
    user: EventUser,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EventUser {
    username: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl From<Event> for Request {
    fn from(event: Event) -> Self {
        Self {
            verb: event.verb,
            uri: event.request_uri,
            user: event.user.username,
            user_agent: event.user_agent,
            resource: event.object_ref.resource,
            subresource: event.object_ref.subresource,
            namespace: event.object_ref.namespace,
            name: event.object_ref.name,
            code: event.response_status.code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, stage: &str, verb: &str) -> String {
        format!(
            r#"{{"auditID":"{id}","stage":"{stage}","verb":"{verb}","requestURI":"/api/v1","user":{{"username":"admin"}},"userAgent":"t/1","objectRef":{{"resource":"endpoints","namespace":"default","name":"demo"}},"responseStatus":{{"code":200}}}}"#
        ) + "\n"
    }

    #[test]
    fn a_watch_that_started_and_ended_is_one_request() {
        let text = line("1", "ResponseStarted", "watch")
            + &line("2", "ResponseComplete", "patch")
            + &line("1", "ResponseComplete", "watch");
        let verbs: Vec<String> = parse(&text)
            .unwrap()
            .into_iter()
            .map(|one| one.verb)
            .collect();
        assert_eq!(verbs, ["watch", "patch"]);
    }

    #[test]
    fn a_line_that_is_still_being_written_is_no_request_yet() {
        let whole = line("1", "ResponseComplete", "get");
        let text = whole.clone() + &whole[..20];
        assert_eq!(parse(&text).unwrap().len(), 1);
    }

    #[test]
    fn a_request_says_which_object_was_meant() {
        let requests = parse(&line("1", "ResponseComplete", "get")).unwrap();
        let [one] = &requests[..] else {
            panic!("{requests:?}");
        };
        assert_eq!(
            (&*one.resource, &*one.namespace, &*one.name),
            ("endpoints", "default", "demo")
        );
        assert_eq!(
            (&*one.user, &*one.user_agent, one.code),
            ("admin", "t/1", 200)
        );
    }

    #[test]
    fn a_log_that_is_not_there_yet_holds_no_request() {
        assert_eq!(requests(Path::new("/nonexistent/audit.log")).unwrap(), []);
    }
}
