//! Our own stack above `kube::Client`: one attempt a call, one deadline an
//! attempt, bounded bodies, and the HTTP status still there to be judged. After
//! an attempt that was not answered the next one has new connections.

mod credentials;
mod judge;
mod own;
mod request;
mod sealed;
mod servers;

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

use crate::seeded::{Bug, planted};
use crate::settings::Settings;

pub(crate) use judge::{Context, read, status_of, written};
pub(crate) use own::Own;
pub(crate) use request::{Call, PAGE};
pub(crate) use sealed::Seal;
pub(crate) use servers::{ServerList, Servers};

use self::own::Trouble;
use self::servers::{Found, Sent};

/// Longest answer that is read. One object is far below it, and a list of 500
/// members too, unless they are flooded: then smaller pages are asked for.
const BODY_MAX: usize = 4 << 20;

/// An answer is longer than [`BODY_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {BODY_MAX} bytes")]
struct TooLong;

/// Sends single attempts.
#[derive(Clone)]
pub(crate) struct Client {
    servers: Servers,
    clock: Arc<dyn Clock>,
    user_agent: Option<HeaderValue>,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Whether the settings list the status as passing trouble.
    pub(crate) is_listed: bool,
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
        servers: Servers,
        clock: Arc<dyn Clock>,
        user_agent: Option<HeaderValue>,
    ) -> Self {
        Self {
            servers,
            clock,
            user_agent,
        }
    }

    /// One attempt, its body included, within the deadline.
    pub(crate) async fn attempt(&self, settings: &Settings, call: Call) -> Result<Answer, Failure> {
        self.refresh(settings, &call).await;
        let mut deadline = self.clock.sleep(settings.attempt_timeout);
        let (sent, response) = self.head(settings, &call, &mut deadline).await?;
        let unanswered = Unanswered::on(&self.servers, sent);
        let answer = Answer::of(settings, response, &mut deadline).await;
        if answer.body.is_ok() {
            unanswered.ends();
        }
        Ok(answer)
    }

    /// An attempt whose answer, if it is a success, has a body that does not
    /// end. The deadline is then for its head only.
    pub(crate) async fn open(
        &self,
        settings: &Settings,
        call: Call,
    ) -> Result<Result<Body, Answer>, Failure> {
        self.refresh(settings, &call).await;
        let mut deadline = self.clock.sleep(settings.attempt_timeout);
        let (_, response) = self.head(settings, &call, &mut deadline).await?;
        if response.status().is_success() {
            return Ok(Ok(response.into_body()));
        }
        Ok(Err(Answer::of(settings, response, &mut deadline).await))
    }

    /// Sends the request, and once more where its credentials were refused and
    /// others could be read: what got a 401 was not carried out.
    async fn head(
        &self,
        settings: &Settings,
        call: &Call,
        deadline: &mut BoxFuture<'static, ()>,
    ) -> Result<(Sent, http::Response<Body>), Failure> {
        let is_denied =
            |response: &http::Response<Body>| response.status() == StatusCode::UNAUTHORIZED;
        let way = self.servers.choose(self.patience(settings)).await;
        let first = self.once(settings, call, way, deadline).await;
        let first = match first {
            Err(Failure::Lost(_)) if planted(Bug::BlindRetry) => {
                let again = self.servers.choose(self.patience(settings)).await;
                self.once(settings, call, again, deadline).await
            }
            first => first,
        };
        let (sent, response) = first?;
        if !is_denied(&response) {
            self.servers.denied_again(sent, false);
            return Ok((sent, response));
        }
        let way = self.servers.after_denial(sent, self.patience(settings));
        let Some(way) = way.await else {
            return Ok((sent, response));
        };
        let (sent, response) = self.once(settings, call, way, deadline).await?;
        self.servers.denied_again(sent, is_denied(&response));
        Ok((sent, response))
    }

    async fn once(
        &self,
        settings: &Settings,
        call: &Call,
        (sent, http): (Sent, kube::Client),
        deadline: &mut BoxFuture<'static, ()>,
    ) -> Result<(Sent, http::Response<Body>), Failure> {
        let request = call
            .to_http(settings, self.user_agent.as_ref())
            .map_err(|error| Failure::NotSent(error.into()))?;
        let exchange = async {
            let request = match self.servers.seal() {
                Some(seal) => seal.seal(request).await,
                None => Ok(request),
            };
            let request = request.map_err(|error| Failure::NotSent(error.into()))?;
            http.send(request).await.map_err(Failure::of)
        };
        let unanswered = Unanswered::on(&self.servers, sent);
        let answer = before(deadline, exchange).await;
        unanswered.ends();
        let answer = answer.ok_or(Failure::Timeout(settings.attempt_timeout));
        let answer = answer.flatten();
        if let Some(trouble) = answer.as_ref().err().and_then(Failure::trouble) {
            self.servers.failed(sent, trouble);
        }
        Ok((sent, answer?))
    }

    /// How long a request waits for a command that brings new credentials: it
    /// leaves time to be sent with the old ones.
    fn patience(&self, settings: &Settings) -> BoxFuture<'static, ()> {
        self.clock.sleep(settings.attempt_timeout / 2)
    }

    /// Reads the list of API servers again, where that is due. Only what is
    /// long waits for it, never a write and never a read of the lock.
    async fn refresh(&self, settings: &Settings, call: &Call) {
        if !matches!(call.verb(), "list" | "watch") {
            return;
        }
        let Some(list) = self.servers.due() else {
            return;
        };
        let mut request = http::Request::get(ServerList::PATH)
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::ACCEPT_ENCODING, "identity");
        if let Some(user_agent) = &self.user_agent {
            request = request.header(http::header::USER_AGENT, user_agent);
        }
        let Ok(request) = request.body(Body::empty()) else {
            return;
        };
        let mut deadline = self.clock.sleep(settings.attempt_timeout);
        let (sent, http) = self.servers.choose(self.patience(settings)).await;
        let Some(Ok(response)) = before(&mut deadline, http.send(request)).await else {
            return self.servers.failed(sent, Trouble::Unanswered);
        };
        let answer = Answer::of(settings, response, &mut deadline).await;
        if answer.status == StatusCode::FORBIDDEN {
            return list.refused();
        }
        let body = answer.body.ok().filter(|_| answer.status.is_success());
        if let Some(found) = body.and_then(|body| serde_json::from_slice::<Found>(&body).ok()) {
            list.saw(&found);
        }
    }
}

impl Answer {
    /// Whether it is longer than what is read.
    pub(crate) fn is_too_long(&self) -> bool {
        let error = self.body.as_ref().err();
        error.is_some_and(|error| error.downcast_ref::<TooLong>().is_some())
    }

    async fn of(
        settings: &Settings,
        response: http::Response<Body>,
        deadline: &mut BoxFuture<'static, ()>,
    ) -> Self {
        let (parts, body) = response.into_parts();
        let late = || Err("the answer was not complete within the deadline".into());
        Self {
            status: parts.status,
            is_listed: settings.retriable.contains(&parts.status.as_u16()),
            headers: parts.headers,
            body: before(deadline, collect(body)).await.unwrap_or_else(late),
        }
    }
}

/// A request under way. Dropped before that is over, as by a caller with a
/// deadline of its own, it has put its client in doubt: the connections of a
/// client that nobody waits for any more may all be dead.
struct Unanswered<'a> {
    servers: &'a Servers,
    sent: Option<Sent>,
}

impl<'a> Unanswered<'a> {
    const fn on(servers: &'a Servers, sent: Sent) -> Self {
        Self {
            servers,
            sent: Some(sent),
        }
    }

    fn ends(mut self) {
        self.sent = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.servers.failed(sent, Trouble::Unanswered);
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
    /// What it says of the client that the request went through.
    const fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::NotSent(_) => Some(Trouble::Unreached),
            Self::NoCredentials(_) => None,
            Self::Lost(_) | Self::Timeout(_) => Some(Trouble::Unanswered),
        }
    }

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
            return Err(TooLong.into());
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
