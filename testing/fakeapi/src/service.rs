//! The server as a tower service: one request, through all that goes wrong.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use tower::Service;

use crate::BoxError;
use crate::api::{Shared, Watched};
use crate::faults::{self, Instead, Plan};
use crate::log::Recorded;
use crate::query::Query;
use crate::reply::{Shaped, of_refusal, plain};
use crate::serve::{Answer, Asked, World};
use crate::status::Refusal;
use crate::target::Target;
use crate::watch::Open;

/// Most bytes of a request's body.
const BODY_MAX: usize = 3 << 20;

/// The body of an answer.
pub type FakeBody = UnsyncBoxBody<Bytes, BoxError>;

/// The server, as one client reaches it.
#[derive(Clone, Debug)]
pub struct FakeService {
    shared: Arc<Shared>,
    client: Arc<str>,
}

impl FakeService {
    pub(crate) fn new(shared: Arc<Shared>, client: &str) -> Self {
        let client = client.into();
        Self { shared, client }
    }
}

impl<B> Service<Request<B>> for FakeService
where
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<FakeBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Into::into)?.to_bytes();
            this.exchange(parts, body).await
        })
    }
}

/// The error of a connection that breaks.
pub(crate) fn reset() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer").into()
}

fn refused() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused").into()
}

/// One request on its way through the server.
struct Exchange {
    shared: Arc<Shared>,
    client: Arc<str>,
    /// Its place in the log.
    number: usize,
    asked: Asked,
    plan: Plan,
}

impl FakeService {
    async fn exchange(
        self,
        parts: http::request::Parts,
        body: Bytes,
    ) -> Result<Response<FakeBody>, BoxError> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let target = Target::parse(&parts.method, parts.uri.path(), query.is_set("watch"));
        let recorded = self.recorded(&parts, &body);
        let target = match target {
            Ok(target) => target,
            Err(refusal) => {
                let status = plain(parts.uri.path()).map_or(refusal.code, |_| 200);
                self.shared.lock().log.push(Recorded {
                    status: Some(status),
                    ..recorded
                });
                return Ok(plain(parts.uri.path()).unwrap_or_else(|| of_refusal(&refusal)));
            }
        };
        let (number, plan) = {
            let mut state = self.shared.lock();
            let plan = state.faults.plan(faults::Request {
                client: &self.client,
                target: &target,
            });
            let faults = plan.fired.clone();
            let number = state.log.push(Recorded {
                faults,
                ..recorded.about(&target)
            });
            (number, plan)
        };
        let body = plan
            .edit_request
            .as_ref()
            .and_then(|edit| edit.apply(&body))
            .map_or(body, Bytes::from);
        let asked = Asked {
            target,
            query,
            headers: parts.headers,
            body,
        };
        let (shared, client) = (self.shared, self.client);
        let exchange = Exchange {
            shared,
            client,
            number,
            asked,
            plan,
        };
        if exchange.plan.is_on_its_way() {
            // What was sent arrives, also if nobody waits for it any more.
            return tokio::spawn(exchange.run()).await?;
        }
        exchange.run().await
    }

    fn recorded(&self, parts: &http::request::Parts, body: &[u8]) -> Recorded {
        Recorded {
            at: self.shared.time.elapsed(),
            client: self.client.to_string(),
            method: parts.method.to_string(),
            uri: parts
                .uri
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            headers: listed(&parts.headers),
            body: serde_json::from_slice(body).unwrap_or_default(),
            verb: None,
            kind: "",
            namespace: None,
            name: None,
            status: None,
            answered: None,
            applied: false,
            faults: Vec::new(),
        }
    }
}

impl Exchange {
    async fn run(mut self) -> Result<Response<FakeBody>, BoxError> {
        let time = self.shared.time.clone();
        time.sleep(self.plan.before).await;
        if let Some(instead) = self.plan.instead.take() {
            return self.answered_by(instead).await;
        }
        if self.plan.twice {
            let _ = self.serve();
        }
        let answer = self.serve();
        if let Some(delay) = self.plan.replay {
            self.replay_after(delay);
        }
        time.sleep(self.plan.after).await;
        if let Some(then) = self.plan.then.take() {
            return self.answered_by(then).await;
        }
        let response = match answer {
            Ok(Answer::Object(code, body)) => self.shaped().object(code, body),
            Ok(Answer::Watch(call)) => {
                let shared = &self.shared;
                let id = self.register();
                let open = Open::new(shared, id, *call, self.plan.lag);
                self.shaped().watch(open.frames())
            }
            Err(refusal) => {
                let body = format!("{}\n", refusal.to_json()).into();
                self.shaped().object(refusal.code, body)
            }
        };
        Ok(self.noted(response))
    }

    /// Carries the request out, now.
    fn serve(&self) -> Result<Answer, Refusal> {
        if self.asked.body.len() > BODY_MAX {
            return Err(Refusal::too_large(BODY_MAX));
        }
        let (shared, time) = (&self.shared, &self.shared.time);
        let mut state = shared.lock();
        let state = &mut *state;
        let before = state.store.revision();
        let mut world = World {
            visible: state.visible(self.plan.lag, time.elapsed()),
            store: &mut state.store,
            rng: &mut state.rng,
            time,
            streaming_lists: shared.options.streaming_lists,
        };
        let answer = world.serve(&self.asked);
        if state.store.revision() != before {
            if let Some(recorded) = state.log.get_mut(self.number) {
                recorded.applied = true;
            }
            shared.wake();
        }
        answer
    }

    fn replay_after(&self, delay: std::time::Duration) {
        let replay = Self {
            shared: Arc::clone(&self.shared),
            client: Arc::clone(&self.client),
            number: self.number,
            asked: self.asked.clone(),
            plan: Plan::default(),
        };
        tokio::spawn(async move {
            replay.shared.time.sleep(delay).await;
            let _ = replay.serve();
        });
    }

    async fn answered_by(&self, instead: Instead) -> Result<Response<FakeBody>, BoxError> {
        let response = match instead {
            Instead::Reset => return Err(reset()),
            Instead::Refused => return Err(refused()),
            Instead::Silence => return std::future::pending().await,
            Instead::Reply(reply) => self.shaped().reply(&reply),
            Instead::Unauthorized => of_refusal(&Refusal::unauthorized()),
            Instead::Forbidden => of_refusal(&self.forbidden()),
            Instead::Gone => {
                let revision = self.shared.lock().store.revision();
                let asked = self.asked.query.get("resourceVersion");
                let message = format!("too old resource version: {asked} ({revision})");
                of_refusal(&Refusal::expired(message, None))
            }
        };
        Ok(self.noted(response))
    }

    fn forbidden(&self) -> Refusal {
        let target = &self.asked.target;
        let facts = target.kind.facts();
        let place = match &target.namespace {
            Some(namespace) => format!("in the namespace {namespace:?}"),
            None => "at the cluster scope".to_owned(),
        };
        let status = if target.is_status { "/status" } else { "" };
        let what = format!(
            "User {:?} cannot {} resource \"{}{status}\" in API group {:?} {place}",
            self.shared.options.user, target.verb, facts.plural, facts.group
        );
        Refusal::forbidden(target.kind, target.name.as_deref(), &what)
    }

    fn shaped(&self) -> Shaped<'_> {
        Shaped {
            plan: &self.plan,
            time: &self.shared.time,
            warning: self.asked.target.kind.facts().warning,
        }
    }

    fn register(&self) -> u64 {
        let mut state = self.shared.lock();
        let id = state.next_watch;
        state.next_watch += 1;
        let watched = Watched {
            client: self.client.to_string(),
            target: self.asked.target.clone(),
            order: self.plan.watch,
        };
        state.watches.insert(id, watched);
        id
    }

    fn noted(&self, response: Response<FakeBody>) -> Response<FakeBody> {
        if let Some(recorded) = self.shared.lock().log.get_mut(self.number) {
            recorded.status = Some(response.status().as_u16());
            recorded.answered = response.body().size_hint().exact();
        }
        response
    }
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}
