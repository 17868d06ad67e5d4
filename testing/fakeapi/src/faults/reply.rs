//! Answers that no request earned.

use bytes::Bytes;
use serde_json::json;

/// An answer with any status, any body and any headers.
///
/// ```
/// use dcs_fakeapi::Reply;
///
/// let busy = Reply::status(503, "ServiceUnavailable", "try later").retry_after(5);
/// let from_a_balancer = Reply::raw(502, "<html>Bad Gateway</html>");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub(crate) code: u16,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(String, String)>,
}

impl Reply {
    /// Any body. A code that is no HTTP status (100 to 999) is answered as 500.
    pub fn raw(code: u16, body: impl Into<Bytes>) -> Self {
        Self {
            code,
            body: body.into(),
            headers: Vec::new(),
        }
    }

    /// A `Status` object with this reason, which may be empty, and message.
    #[must_use]
    pub fn status(code: u16, reason: &str, message: &str) -> Self {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
        });
        if !reason.is_empty() {
            status["reason"] = reason.into();
        }
        status["code"] = code.into();
        Self::raw(code, status.to_string()).header("content-type", "application/json")
    }

    /// 500, as a panic or a webhook causes it.
    #[must_use]
    pub fn internal_error() -> Self {
        let message = "Internal error occurred: failed calling webhook";
        Self::status(500, "InternalError", message)
    }

    /// 500, where etcd did not answer: the write may have been committed.
    #[must_use]
    pub fn etcd_timeout() -> Self {
        Self::status(500, "", "etcdserver: request timed out")
    }

    /// 504, where a handler took too long: it goes on, and may still commit.
    #[must_use]
    pub fn handler_timeout() -> Self {
        let message = "Timeout: request did not complete within the allotted timeout";
        Self::status(504, "Timeout", message)
    }

    /// 429, as flow control answers it: plain text, and headers of its own.
    #[must_use]
    pub fn too_many_requests(seconds: u64) -> Self {
        Self::raw(429, "Too many requests, please try again later.\n")
            .header("content-type", "text/plain; charset=utf-8")
            .header(
                "x-kubernetes-pf-flowschema-uid",
                "4cf10d99-6256-4017-8483-aabeb4daa27c",
            )
            .header(
                "x-kubernetes-pf-prioritylevel-uid",
                "d437aa7f-76c3-4477-9f20-b0420d49339b",
            )
            .retry_after(seconds)
    }

    /// 503, as a server that is shutting down answers it.
    #[must_use]
    pub fn shutting_down() -> Self {
        Self::status(503, "ServiceUnavailable", "apiserver is shutting down").retry_after(1)
    }

    /// With one header more. One that HTTP does not allow is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("retry-after", &seconds.to_string())
    }
}
