//! An API server in process that answers as a test says, and remembers what it
//! was asked.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dcs_core::{Entropy, TokioClock};
use dcs_kubernetes::kube::{self, client::Body};
use dcs_kubernetes::{Builder, ConfigMapDcs, EndpointsDcs};
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use serde_json::{Value, json};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// What comes back.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer with a JSON body.
    Json(u16, Value),
    /// An answer with this body and these headers.
    Raw(u16, String, Vec<(&'static str, &'static str)>),
    /// Chunks, and then silence.
    Open(Vec<String>),
    /// Chunks, and then the end.
    Closed(Vec<String>),
    /// Chunks, and then a broken connection.
    Broken(Vec<String>),
    /// No answer at all.
    Hang,
    /// The connection breaks after the request was sent.
    Reset,
}

/// What was asked so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Asked {
        self.all().pop().unwrap()
    }
}

impl Asked {
    pub(crate) fn is_watch(&self) -> bool {
        self.uri.contains("watch=true")
    }

    pub(crate) fn is_of_pods(&self) -> bool {
        self.uri.contains("/pods")
    }
}

/// A client whose server answers each request by `answer`.
pub(crate) fn client(
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (kube::Client, Log) {
    let log = Log::default();
    let seen = log.clone();
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (seen, answer) = (seen.clone(), Arc::clone(&answer));
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(BoxError::from)?.to_bytes();
            let asked = Asked {
                method: parts.method,
                uri: parts.uri.to_string(),
                headers: parts.headers,
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            let reply = answer(&asked);
            seen.0.lock().unwrap().push(asked);
            respond(reply).await
        }
    });
    (kube::Client::new(service, "default"), log)
}

pub(crate) fn endpoints(client: kube::Client) -> EndpointsDcs {
    let ip: IpAddr = "192.0.2.10".parse().unwrap();
    let builder = EndpointsDcs::builder("demo".parse().unwrap()).pod_ip(ip);
    builder.tuned().build_with_client(client).unwrap()
}

pub(crate) fn configmaps(client: kube::Client) -> ConfigMapDcs {
    let builder = ConfigMapDcs::builder("demo".parse().unwrap());
    builder.tuned().build_with_client(client).unwrap()
}

/// An object as the API server returns it, as metadata.
pub(crate) fn object(name: &str, revision: u64, annotations: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "metadata": {
        "name": name,
        "resourceVersion": revision.to_string(),
        "labels": {"application": "dcs", "cluster-name": "demo"},
        "annotations": annotations,
    }})
}

pub(crate) fn list(revision: u64, items: &[Value]) -> Reply {
    Reply::Json(
        200,
        json!({"metadata": {"resourceVersion": revision.to_string()}, "items": items}),
    )
}

/// One line of a watch.
pub(crate) fn line(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

/// The settings that both builders have.
pub(crate) trait Tuned {
    #[must_use]
    fn tuned(self) -> Self;
}

macro_rules! tuned {
    ($($backend:ty),*) => {$(
        impl Tuned for Builder<$backend> {
            fn tuned(self) -> Self {
                self.namespace("default".parse().unwrap())
                    .labels("application=dcs".parse().unwrap())
                    .member("demo-0".parse().unwrap())
                    .user_agent("test/1 (demo-0)")
                    .attempt_timeout(Duration::from_secs(2))
                    .clock(Arc::new(TokioClock::new()))
                    .entropy(Arc::new(Fixed))
            }
        }
    )*};
}
tuned!(EndpointsDcs, ConfigMapDcs);

#[derive(Debug)]
struct Fixed;

impl Entropy for Fixed {
    fn bits(&self) -> u128 {
        u128::MAX / 2
    }
}

async fn respond(reply: Reply) -> Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError> {
    let (status, chunks, end) = match reply {
        Reply::Json(status, value) => (status, vec![value.to_string()], None),
        Reply::Raw(status, text, headers) => {
            let mut response = Response::builder().status(status);
            for (key, value) in headers {
                response = response.header(key, value);
            }
            return Ok(response.body(body_of(vec![text], None))?);
        }
        Reply::Open(chunks) => (200, chunks, Some(Ending::Silence)),
        Reply::Closed(chunks) => (200, chunks, None),
        Reply::Broken(chunks) => (200, chunks, Some(Ending::Break)),
        Reply::Hang => return std::future::pending().await,
        Reply::Reset => return Err("connection reset by peer".into()),
    };
    Ok(Response::builder()
        .status(status)
        .body(body_of(chunks, end))?)
}

#[derive(Clone, Copy)]
enum Ending {
    Silence,
    Break,
}

fn body_of(chunks: Vec<String>, ending: Option<Ending>) -> UnsyncBoxBody<Bytes, BoxError> {
    let chunks = chunks
        .into_iter()
        .map(|chunk| Ok(Frame::data(chunk.into())));
    let chunks = stream::iter(chunks.collect::<Vec<Result<_, BoxError>>>());
    let rest = match ending {
        None => stream::empty().boxed(),
        Some(Ending::Silence) => stream::pending().boxed(),
        Some(Ending::Break) => {
            let error: BoxError = "connection reset by peer".into();
            stream::once(async { Err(error) }).boxed()
        }
    };
    StreamBody::new(chunks.chain(rest)).boxed_unsync()
}
