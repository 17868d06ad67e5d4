//! Requests that no layer of a client can send twice.

use std::convert::Infallible;

use http::{Request, Response};
use kube::client::Body;

/// The same request, with a body that cannot be copied.
///
/// A client of the caller's making may send again what was refused: kube's does,
/// by default, 15 times and for as long as `Retry-After` says. The second sending
/// of a write that was applied is refused for its old revision, and that answer
/// would tell of a committed write that it was not. kube sends again what it can
/// copy ([`Body::try_clone`]): bytes that it was given, and not what came out of
/// a client. So this goes through one that gives back what it gets.
pub(super) async fn sealed(request: Request<Body>) -> kube::Result<Request<Body>> {
    let (parts, body) = request.into_parts();
    let back = tower::service_fn(|request: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    });
    // Made anew each time: a client lives no longer than the runtime it began in.
    let body = kube::Client::new(back, "").send(Request::new(body)).await?;
    Ok(Request::from_parts(parts, body.into_body()))
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    async fn body(body: Body) -> Body {
        sealed(Request::new(body)).await.unwrap().into_body()
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

    #[tokio::test]
    async fn a_request_without_a_body_stays_without_one() {
        let sealed = body(Body::empty()).await;
        assert!(sealed.try_clone().is_none());
        assert!(sealed.is_end_stream());
        assert_eq!(sealed.size_hint().exact(), Some(0));
    }
}
