//! What stands between a client and its server, or the server itself, says when
//! something is wrong.

use std::io;

use bytes::Bytes;
use dcs_fakeapi::BoxError;
use dcs_memory::sim::Trouble;
use http::Response;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde_json::json;

use super::transport::Said;

pub(super) type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;
pub(super) type Answer = Response<AnswerBody>;

/// How a client hears of it.
///
/// # Errors
/// The connection broke.
pub(super) fn of(trouble: Trouble) -> Result<Answer, BoxError> {
    match trouble {
        Trouble::Refused { chance } => Ok(refusal(chance)),
        Trouble::RequestLost { chance } | Trouble::AnswerLost { chance } => unclear(chance),
        // One that this version does not know is heard of by nobody.
        _ => Err(reset()),
    }
}

/// The error of a connection that breaks.
pub(super) fn reset() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer").into()
}

pub(super) fn whole(status: u16, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never| match never {});
    answer(status, body.boxed_unsync())
}

/// 410, as a status.
pub(super) fn gone() -> Said {
    Said::Whole(410, gone_status().to_string().into())
}

/// 410, as the last line of a watch.
pub(super) fn gone_line() -> Bytes {
    let event = json!({"type": "ERROR", "object": gone_status()});
    format!("{event}\n").into()
}

pub(super) fn answer(status: u16, body: AnswerBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    answer
}

/// Answers that prove that nothing was written.
fn refusal(chance: u64) -> Answer {
    match chance % 3 {
        0 => {
            let message =
                "the server has received too many requests and has asked us to try again later";
            let mut busy = whole(429, status(429, "TooManyRequests", message));
            let second = http::HeaderValue::from_static("1");
            busy.headers_mut().insert(http::header::RETRY_AFTER, second);
            busy
        }
        1 => {
            let message = "apiserver is shutting down";
            whole(503, status(503, "ServiceUnavailable", message))
        }
        _ => {
            let message = "forbidden: not yet ready to handle request";
            whole(403, status(403, "Forbidden", message))
        }
    }
}

/// Answers that say nothing of what became of the request.
fn unclear(chance: u64) -> Result<Answer, BoxError> {
    const PAGE: &str = "<html><body><h1>Bad Gateway</h1></body></html>";
    Ok(match chance % 10 {
        0 => return Err(reset()),
        1 => whole(502, PAGE),
        2 => whole(503, "{}"),
        3 => whole(
            504,
            status(
                504,
                "Timeout",
                "request did not complete within the allotted timeout",
            ),
        ),
        4 => whole(500, status(500, "", "etcdserver: request timed out")),
        5 => whole(200, "{}"),
        6 => whole(200, PAGE),
        7 => whole(200, ""),
        // Not by the API server: it lacks the marks of that.
        8 => whole(429, "busy"),
        _ => {
            let half =
                Bytes::from_static(br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"na"#);
            let frames = [Ok(Frame::data(half)), Err(reset())];
            let body = StreamBody::new(futures_util::stream::iter(frames));
            answer(200, body.boxed_unsync())
        }
    })
}

fn gone_status() -> serde_json::Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "too old resource version",
        "reason": "Expired",
        "code": 410,
    })
}

fn status(code: u16, reason: &str, message: &str) -> String {
    let mut status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "code": code,
    });
    if !reason.is_empty() {
        status["reason"] = reason.into();
    }
    status.to_string()
}
