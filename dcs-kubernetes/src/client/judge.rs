//! What an answer means: for a write one of three outcomes, for a read an
//! object or the reason why there is none.

use std::time::Duration;

use dcs_core::{BoxError, Error, Key, Outcome, Precondition, Revision};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::{Answer, Failure};
use crate::BACKEND;
use crate::format::{Object, Status};
use crate::seeded::{Bug, planted};
use crate::settings::{Collection, Kind};

/// Most bytes that the annotations of one object may have.
const ANNOTATIONS_MAX: usize = 262_144;
/// Longest `Retry-After` that is passed on.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// What was asked, for judging and naming it.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) verb: &'static str,
    pub(crate) collection: Collection,
    /// The object or collection, for messages.
    pub(crate) object: String,
    /// The key that is written.
    pub(crate) key: Option<Key>,
    /// What the write expects; `None` where it expects nothing.
    pub(crate) expected: Option<Precondition>,
    /// Bytes that were to be written.
    pub(crate) size: usize,
}

/// The object that a write produced, and its revision.
///
/// # Errors
/// The outcome, where it is not certain that the write was applied.
#[expect(clippy::result_large_err, reason = "an outcome is returned by value")]
pub(crate) fn written(
    result: Result<Answer, Failure>,
    context: &Context,
) -> Result<(Revision, Object), Outcome> {
    let answer = match result {
        Ok(answer) => answer,
        Err(failure) if failure.is_definite() => {
            return Err(Outcome::NotCommitted(failure.into_error()));
        }
        Err(failure) => return Err(Outcome::Unknown(failure.into_error())),
    };
    if answer.status.is_success() {
        let body = if planted(Bug::SuccessWithoutBody) {
            believed(answer.body, context)
        } else {
            answer.body
        };
        return confirmed(body, context).map_err(|source| {
            Outcome::Unknown(Error::Backend {
                backend: BACKEND,
                source,
            })
        });
    }
    let status = status_of(&answer);
    let error = explain(&answer, &status, context);
    if is_definite(&answer, &status) {
        return Err(Outcome::NotCommitted(error));
    }
    Err(Outcome::Unknown(error))
}

/// What a read found; `None` where there is no such object.
pub(crate) fn read<T: DeserializeOwned>(
    result: Result<Answer, Failure>,
    context: &Context,
) -> Result<Option<T>, Error> {
    let answer = result.map_err(Failure::into_error)?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !answer.status.is_success() {
        return Err(explain(&answer, &status_of(&answer), context));
    }
    let parse = |bytes: bytes::Bytes| serde_json::from_slice(&bytes).map_err(BoxError::from);
    match answer.body.and_then(parse) {
        Ok(found) => Ok(Some(found)),
        Err(source) => Err(Error::Backend {
            backend: BACKEND,
            source,
        }),
    }
}

/// A success counts only if it says what it produced. An unchanged revision
/// means that nothing was written: the server drops patches that change nothing.
fn confirmed(
    body: Result<bytes::Bytes, BoxError>,
    context: &Context,
) -> Result<(Revision, Object), BoxError> {
    let object: Object = serde_json::from_slice(&body?)?;
    let revision = object.revision()?;
    let expected = context.expected.and_then(Precondition::revision);
    if expected.is_some_and(|expected| revision <= expected) {
        return Err(format!("the write was accepted and left revision {revision} in place").into());
    }
    Ok((revision, object))
}

/// Takes any body of a success for that of the next revision.
fn believed(
    body: Result<bytes::Bytes, BoxError>,
    context: &Context,
) -> Result<bytes::Bytes, BoxError> {
    let expected = context.expected.and_then(Precondition::revision);
    let (Some(expected), Err(_)) = (
        expected,
        confirmed(body.as_ref().map_err(|_| "cut".into()).cloned(), context),
    ) else {
        return body;
    };
    let next = (expected.get() + 1).to_string();
    let metadata = serde_json::json!({"name": "", "resourceVersion": next});
    Ok(serde_json::json!({"metadata": metadata}).to_string().into())
}

/// Whether a refusal proves that nothing was and nothing will be written.
fn is_definite(answer: &Answer, status: &Status) -> bool {
    match answer.status.as_u16() {
        429 if planted(Bug::AnyBusyIsRefusal) => true,
        500..=599 if planted(Bug::ServerErrorIsRefusal) => true,
        400 | 401 | 403 | 404 | 405 | 406 | 409 | 413 | 415 | 422 => true,
        // Any proxy says 429; only these marks are the API server's own.
        429 => {
            status.reason.as_deref() == Some("TooManyRequests")
                || answer
                    .headers
                    .contains_key("x-kubernetes-pf-flowschema-uid")
                || answer
                    .headers
                    .contains_key("x-kubernetes-pf-prioritylevel-uid")
        }
        503 => {
            let message = status.message.as_deref().unwrap_or_default();
            message.contains("apiserver is shutting down")
        }
        _ => false,
    }
}

fn explain(answer: &Answer, status: &Status, context: &Context) -> Error {
    let why = status.text();
    let source: BoxError = format!("HTTP {}: {why}", answer.status.as_u16()).into();
    let key = context.key.clone();
    match (answer.status.as_u16(), key) {
        // Absence and conflict are answers, whatever anyone lists.
        (status, _) if answer.is_listed && !matches!(status, 404 | 409) => Error::Unavailable {
            backend: BACKEND,
            retry_after: retry_after(&answer.headers),
            source,
        },
        (401, _) => Error::Unauthenticated {
            backend: BACKEND,
            source,
        },
        (403, _) => Error::PermissionDenied {
            what: format!("{} {}", context.verb, context.object),
            advice: advice(status, context),
            source,
        },
        (404, Some(Key::Member(_))) => Error::Missing {
            what: context.object.clone(),
            advice: "create the member's Pod, with the labels of the scope, before the member starts",
        },
        (404, _) if context.expected == Some(Precondition::Absent) => Error::Missing {
            what: format!("the namespace of {}", context.object),
            advice: "create the namespace, or name another one",
        },
        (404 | 409, Some(key)) => Error::Conflict { key, found: None },
        (413, Some(key)) => too_large(key, context),
        (422, Some(key)) if status.has_cause("FieldValueTooLong") => too_large(key, context),
        (400 | 405 | 406 | 415 | 422, Some(key)) => Error::Refused {
            backend: BACKEND,
            key,
            why,
        },
        (408 | 429 | 500..=599, _) => Error::Unavailable {
            backend: BACKEND,
            retry_after: retry_after(&answer.headers),
            source,
        },
        _ => Error::Backend {
            backend: BACKEND,
            source,
        },
    }
}

/// `OpenShift` guards addresses with a right of its own; the API server says
/// `endpoint address ... is not allowed`.
fn advice(status: &Status, context: &Context) -> &'static str {
    let message = status.message.as_deref().unwrap_or_default();
    let guarded = context.collection == Collection::Keys(Kind::Endpoints);
    if guarded && message.contains("endpoint address") {
        return "OpenShift forbids addresses in Endpoints: use ConfigMapDcs, or let a Role grant create on endpoints/restricted";
    }
    if status.has_cause("NamespaceTerminating") {
        return "the namespace is being deleted: use another one";
    }
    context.collection.advice()
}

const fn too_large(key: Key, context: &Context) -> Error {
    Error::TooLarge {
        key,
        limit: ANNOTATIONS_MAX,
        actual: context.size,
    }
}

/// Whole seconds only, and never longer than anyone should be told to wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// What the server says of its answer, as far as it can be read.
pub(crate) fn status_of(answer: &Answer) -> Status {
    answer
        .body
        .as_ref()
        .map(|body| Status::parse(body))
        .unwrap_or_default()
}

impl Failure {
    fn is_definite(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::NoCredentials(_)) || planted(Bug::TimeoutIsRefusal)
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::NoCredentials(source) => Error::Unauthenticated {
                backend: BACKEND,
                source,
            },
            Self::NotSent(source) | Self::Lost(source) => Error::Unavailable {
                backend: BACKEND,
                retry_after: None,
                source,
            },
            Self::Timeout(after) => Error::Timeout {
                backend: BACKEND,
                after,
            },
        }
    }
}
