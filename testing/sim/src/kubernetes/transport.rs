//! The requests of one process, as `kube::Client` sends them, on their way
//! through the simulated network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use dcs_fakeapi::{Action, BoxError, FakeApi, FakeBody, FakeService, Faults, Lag, On, Reply};
use dcs_memory::sim::{Broken, Wire};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use http::request::Parts;
use http::{Method, Request, Response, Uri};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use tower::Service;

use super::answers::{self, Answer, reset};

/// The way of one process to the fake API server.
#[derive(Clone)]
pub(super) struct Transport {
    wire: Wire,
    fake: FakeApi,
    /// The revisions from before which no watch of this path can go on.
    gone: Arc<Mutex<BTreeMap<String, u64>>>,
}

/// What the server says: at once and whole, or line by line.
pub(super) enum Said {
    Whole(u16, Bytes),
    Lines(FakeBody),
}

impl Transport {
    pub(super) fn new(wire: Wire, fake: FakeApi) -> Self {
        let gone = Arc::default();
        Self { wire, fake, gone }
    }

    async fn exchange(self, request: Request<kube::client::Body>) -> Result<Answer, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let what = || match parts.uri.path_and_query() {
            Some(path) => format!("{} {path}", parts.method),
            None => parts.method.to_string(),
        };
        let asked = Asked {
            fake: self.fake.clone(),
            parts: parts.clone(),
            body,
        };
        if parts.method != Method::GET {
            return match self.wire.write(what, move || asked.served(None)).await {
                Ok(said) => Ok(said?.answer()),
                Err(trouble) => answers::of(trouble),
            };
        }
        let path = parts.uri.path().to_owned();
        // A list is always current, which is what Kubernetes promises of one that
        // names no revision; a single object may be read from behind.
        let answer = if asked.is_list() {
            let (this, path) = (self.clone(), path.clone());
            let serve = move || match asked.watches_from() {
                Some(from) if from < this.known_from(&path) => asked.served(Some(Action::Gone)),
                _ => asked.served(None),
            };
            self.wire.read(what, serve).await
        } else {
            let behind = |versions| Action::Stale(Lag::Revisions(versions));
            let serve = move |stale| asked.served((stale > 0).then(|| behind(stale)));
            self.wire.read_from_behind(what, serve).await
        };
        match answer {
            Ok(said) => Ok(match said? {
                Said::Lines(body) => self.watch(path, body),
                whole @ Said::Whole(..) => whole.answer(),
            }),
            Err(trouble) => answers::of(trouble),
        }
    }

    /// The lines of a watch, as they arrive.
    fn watch(&self, path: String, body: FakeBody) -> Answer {
        let this = self.clone();
        let lines = self.wire.stream(body.into_data_stream());
        let frames = lines.map(move |line| match line {
            Ok(line) => line.map(Frame::data),
            Err(Broken::Gap) => {
                this.forgets(&path);
                if this.is_told_later() {
                    Err(reset())
                } else {
                    Ok(Frame::data(answers::gone_line()))
                }
            }
            Err(_) => Err(reset()),
        });
        Response::new(StreamBody::new(frames).boxed_unsync())
    }

    /// What has happened up to now is gone for watches of this path.
    fn forgets(&self, path: &str) {
        self.gone().insert(path.to_owned(), self.fake.revision());
    }

    fn known_from(&self, path: &str) -> u64 {
        self.gone().get(path).copied().unwrap_or_default()
    }

    /// Every second gap is told when the watch is opened again.
    fn is_told_later(&self) -> bool {
        self.wire.entropy().bits() & 1 == 0
    }

    fn gone(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service<Request<kube::client::Body>> for Transport {
    type Response = Answer;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Answer, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}

/// A request at the server.
struct Asked {
    fake: FakeApi,
    parts: Parts,
    body: Bytes,
}

impl Asked {
    /// What the server says, if need be with something done to this request.
    ///
    /// # Errors
    /// What the fake could not do: none of that is part of a history.
    fn served(&self, fault: Option<Action>) -> Result<Said, BoxError> {
        let Some(fault) = fault else {
            return answered(self.fake.service(), self.request());
        };
        self.fake.set_faults(Faults::new().on(On::any(), fault));
        let said = answered(self.fake.service(), self.request());
        self.fake.clear_faults();
        said
    }

    /// The revision that a watch goes on from; none of what is no watch.
    fn watches_from(&self) -> Option<u64> {
        let uri = &self.parts.uri;
        if !is_watch(uri) {
            return None;
        }
        let (_, from) = parameters(uri).find(|(name, _)| *name == "resourceVersion")?;
        from.parse().ok()
    }

    /// `/api/v1/namespaces/NAMESPACE/PLURAL`, without the name of an object.
    fn is_list(&self) -> bool {
        self.parts.uri.path().split('/').count().is_multiple_of(2)
    }

    fn request(&self) -> Request<Full<Bytes>> {
        Request::from_parts(self.parts.clone(), Full::new(self.body.clone()))
    }
}

impl Said {
    fn answer(self) -> Answer {
        match self {
            Self::Whole(status, body) => Reply::raw(status, body).into(),
            Self::Lines(body) => Response::new(body),
        }
    }
}

/// The server answers at once.
pub(super) fn answered(
    mut service: FakeService,
    request: Request<Full<Bytes>>,
) -> Result<Said, BoxError> {
    let is_watch = is_watch(request.uri());
    let late = "the fake server does not answer at once";
    let response: Response<FakeBody> = service.call(request).now_or_never().ok_or(late)??;
    let status = response.status();
    if is_watch && status.is_success() {
        return Ok(Said::Lines(response.into_body()));
    }
    let body = response
        .into_body()
        .collect()
        .now_or_never()
        .ok_or(late)??;
    Ok(Said::Whole(status.as_u16(), body.to_bytes()))
}

fn is_watch(uri: &Uri) -> bool {
    parameters(uri).any(|parameter| parameter == ("watch", "true"))
}

fn parameters(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    let query = uri.query().unwrap_or_default();
    query.split('&').filter_map(|part| part.split_once('='))
}
