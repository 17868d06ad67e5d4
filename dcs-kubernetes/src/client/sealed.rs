//! Requests that no layer of a client can send twice.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use http::{Request, Response};
use kube::client::Body;
use tokio::runtime::Handle;

/// Gives requests bodies that cannot be copied. A clone is the same one.
///
/// A client of the caller's making may send again what was refused: kube's does,
/// by default, 15 times and for as long as `Retry-After` says. The second sending
/// of a write that was applied is refused for its old revision, and that answer
/// would tell of a committed write that it was not. kube sends again what it can
/// copy ([`Body::try_clone`]): bytes that it was given, and not what came out of
/// a client. So this goes through one that gives back what it gets.
#[derive(Clone, Default)]
pub(crate) struct Seal(Arc<OnceLock<kube::Client>>);

impl Seal {
    /// kube's client begins in a tokio runtime: in this one, if there is one, or
    /// else in that of the first request. The one whose requests it seals lives
    /// no longer either.
    pub(crate) fn new() -> Self {
        let seal = Self::default();
        if Handle::try_current().is_ok() {
            seal.client();
        }
        seal
    }

    /// The same request, with a body that cannot be copied.
    pub(super) async fn seal(&self, request: Request<Body>) -> kube::Result<Request<Body>> {
        let (parts, body) = request.into_parts();
        let client = self.client().clone();
        let body = client.send(Request::new(body)).await?;
        Ok(Request::from_parts(parts, body.into_body()))
    }

    fn client(&self) -> &kube::Client {
        self.0.get_or_init(|| {
            let back = tower::service_fn(|request: Request<Body>| async {
                Ok::<_, Infallible>(Response::new(request.into_body()))
            });
            kube::Client::new(back, "")
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    async fn body(body: Body) -> Body {
        let seal = Seal::new();
        let sealed = seal.seal(Request::new(body)).await;
        sealed.unwrap().into_body()
    }

    #[tokio::test]
    async fn what_is_sealed_cannot_be_copied_and_says_the_same_at_the_same_length() {
        let text = || Body::from(b"{}".to_vec());
        assert!(text().try_clone().is_some());
        let sealed = body(text()).await;
        assert!(sealed.try_clone().is_none());
        assert_eq!(sealed.size_hint().exact(), Some(2));
        assert_eq!(sealed.collect().await.unwrap().to_bytes(), "{}");
    }

    #[test]
    fn a_seal_that_was_made_outside_of_a_runtime_begins_with_the_first_request() {
        let seal = Seal::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let request = Request::new(Body::from(b"{}".to_vec()));
            let sealed = seal.seal(request).await.unwrap();
            assert!(sealed.into_body().try_clone().is_none());
        });
    }

    #[tokio::test]
    async fn a_request_without_a_body_stays_without_one() {
        let sealed = body(Body::empty()).await;
        assert!(sealed.try_clone().is_none());
        assert!(sealed.is_end_stream());
        assert_eq!(sealed.size_hint().exact(), Some(0));
    }
}
