//! What stands between a client and its server, or the server itself, says when
//! something is wrong.

use std::io;

use bytes::Bytes;
use dcs_fakeapi::{BoxError, FakeBody, Reply};
use dcs_memory::sim::Trouble;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::json;

pub(super) type Answer = Response<FakeBody>;

/// How a client hears of it.
///
/// # Errors
/// The connection broke.
pub(super) fn of(trouble: Trouble) -> Result<Answer, BoxError> {
    match trouble {
        Trouble::Refused { chance } => Ok(refusal(chance).into()),
        Trouble::RequestLost { chance } | Trouble::AnswerLost { chance } => unclear(chance),
        // One that this version does not know is heard of by nobody.
        _ => Err(reset()),
    }
}

/// The error of a connection that breaks.
pub(super) fn reset() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer").into()
}

/// 410, as the last line of a watch.
pub(super) fn gone_line() -> Bytes {
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "too old resource version",
        "reason": "Expired",
        "code": 410,
    });
    let event = json!({"type": "ERROR", "object": status});
    format!("{event}\n").into()
}

/// Answers that prove that nothing was written.
fn refusal(chance: u64) -> Reply {
    match chance % 3 {
        0 => {
            let message =
                "the server has received too many requests and has asked us to try again later";
            Reply::status(429, "TooManyRequests", message).retry_after(1)
        }
        1 => Reply::status(503, "ServiceUnavailable", "apiserver is shutting down"),
        _ => {
            let message = "forbidden: not yet ready to handle request";
            Reply::status(403, "Forbidden", message)
        }
    }
}

/// Answers that say nothing of what became of the request.
fn unclear(chance: u64) -> Result<Answer, BoxError> {
    const PAGE: &str = "<html><body><h1>Bad Gateway</h1></body></html>";
    let reply = match chance % 10 {
        0 => return Err(reset()),
        1 => Reply::raw(502, PAGE),
        2 => Reply::raw(503, "{}"),
        3 => Reply::handler_timeout(),
        4 => Reply::etcd_timeout(),
        5 => Reply::raw(200, "{}"),
        6 => Reply::raw(200, PAGE),
        7 => Reply::raw(200, ""),
        // Not by the API server: it lacks the marks of that.
        8 => Reply::raw(429, "busy"),
        _ => {
            let half =
                Bytes::from_static(br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"na"#);
            let frames = [Ok(Frame::data(half)), Err(reset())];
            let body = StreamBody::new(futures_util::stream::iter(frames));
            return Ok(Response::new(body.boxed_unsync()));
        }
    };
    Ok(reply.into())
}
