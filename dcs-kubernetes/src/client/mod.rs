//! Our own stack above `kube::Client`: one attempt a call, one deadline an
//! attempt, bounded bodies, and the HTTP status still there to be judged.

mod judge;
mod request;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dcs_core::{BoxError, Clock};
use futures_util::future::{self, BoxFuture, Either};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;

use crate::settings::Settings;

pub(crate) use judge::{Context, read, written};
pub(crate) use request::Call;

/// Longest answer that is read; a list of 500 members is far below it.
const BODY_MAX: usize = 8 << 20;

/// Sends single attempts.
#[derive(Clone)]
pub(crate) struct Client {
    http: kube::Client,
    clock: Arc<dyn Clock>,
    user_agent: Option<HeaderValue>,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The status of an answer counts even where its body was cut off.
    pub(crate) body: Result<Bytes, BoxError>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Not a byte of the request went out.
    NotSent(BoxError),
    /// There are no credentials to send it with.
    NoCredentials(BoxError),
    /// It may have arrived.
    Lost(BoxError),
    /// It may have arrived, and may still be applied.
    Timeout(Duration),
}

impl Client {
    pub(crate) fn new(
        http: kube::Client,
        clock: Arc<dyn Clock>,
        user_agent: Option<HeaderValue>,
    ) -> Self {
        Self {
            http,
            clock,
            user_agent,
        }
    }

    /// One attempt, its body included, within the deadline.
    pub(crate) async fn attempt(&self, settings: &Settings, call: Call) -> Result<Answer, Failure> {
        let mut deadline = self.clock.sleep(settings.attempt_timeout);
        let response = self.head(settings, call, &mut deadline).await?;
        Ok(Answer::of(response, &mut deadline).await)
    }

    /// An attempt whose answer, if it is a success, has a body that does not
    /// end. The deadline is then for its head only.
    pub(crate) async fn open(
        &self,
        settings: &Settings,
        call: Call,
    ) -> Result<Result<Body, Answer>, Failure> {
        let mut deadline = self.clock.sleep(settings.attempt_timeout);
        let response = self.head(settings, call, &mut deadline).await?;
        if response.status().is_success() {
            return Ok(Ok(response.into_body()));
        }
        Ok(Err(Answer::of(response, &mut deadline).await))
    }

    async fn head(
        &self,
        settings: &Settings,
        call: Call,
        deadline: &mut BoxFuture<'static, ()>,
    ) -> Result<http::Response<Body>, Failure> {
        let request = call
            .into_http(settings, self.user_agent.as_ref())
            .map_err(|error| Failure::NotSent(error.into()))?;
        let answer = before(deadline, self.http.send(request)).await;
        let answer = answer.ok_or(Failure::Timeout(settings.attempt_timeout))?;
        answer.map_err(Failure::of)
    }
}

impl Answer {
    async fn of(response: http::Response<Body>, deadline: &mut BoxFuture<'static, ()>) -> Self {
        let (parts, body) = response.into_parts();
        let late = || Err("the answer was not complete within the deadline".into());
        Self {
            status: parts.status,
            headers: parts.headers,
            body: before(deadline, collect(body)).await.unwrap_or_else(late),
        }
    }
}

/// The output of `future`, unless the deadline comes first.
pub(crate) async fn before<F: Future>(
    deadline: &mut BoxFuture<'static, ()>,
    future: F,
) -> Option<F::Output> {
    match future::select(pin!(future), deadline).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Failure {
    fn of(error: kube::Error) -> Self {
        if found::<kube::client::AuthError>(&error).is_some() {
            return Self::NoCredentials(error.into());
        }
        let hyper = found::<hyper_util::client::legacy::Error>(&error);
        if hyper.is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return Self::NotSent(error.into());
        }
        Self::Lost(error.into())
    }
}

/// Reads a body that ends, up to the largest that is accepted.
async fn collect(mut body: Body) -> Result<Bytes, BoxError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > BODY_MAX {
            return Err(format!("the answer is longer than {BODY_MAX} bytes").into());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The first error of this type in the chain of causes.
fn found<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|e| e.downcast_ref())
}
