//! A layer between a handle and a real API server that loses what it is told to.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dcs_conformance::Fault;
use dcs_kubernetes::kube::{self, client::Body};
use futures_util::StreamExt as _;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use tokio::sync::watch;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// The way of one member to the API server.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    state: Arc<Mutex<State>>,
    /// A change of the number ends all watches.
    breaks: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    loses_request: bool,
    loses_answer: bool,
    /// Collections whose next watch is told that its history is gone.
    expired: HashSet<&'static str>,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::default(),
            breaks: watch::Sender::new(0),
        }
    }

    /// A client that goes this way.
    pub(crate) fn client(&self, real: kube::Client) -> kube::Client {
        let namespace = real.default_namespace().to_owned();
        let link = self.clone();
        let service = tower::service_fn(move |request| {
            let (link, real) = (link.clone(), real.clone());
            async move { link.exchange(&real, request).await }
        });
        kube::Client::new(service, namespace)
    }

    pub(crate) fn inject(&self, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        match fault {
            Fault::LoseNextRequest => state.loses_request = true,
            Fault::LoseNextAnswer => state.loses_answer = true,
            Fault::CutOff => state.is_cut = true,
            Fault::Heal => *state = State::default(),
            Fault::BreakWatch => {}
            Fault::BreakWatchWithGap => {
                state.expired.extend(["endpoints", "configmaps", "pods"]);
            }
            other => panic!("{other:?} is not known here"),
        }
        drop(state);
        let ends_watches = [Fault::CutOff, Fault::BreakWatch, Fault::BreakWatchWithGap];
        if ends_watches.contains(&fault) {
            self.breaks.send_modify(|breaks| *breaks += 1);
        }
    }

    async fn exchange(
        &self,
        real: &kube::Client,
        request: Request<Body>,
    ) -> Result<Answer, BoxError> {
        let is_write = request.method() != Method::GET;
        let uri = request.uri().to_string();
        let is_watch = uri.contains("watch=true");
        let breaks = self.breaks.subscribe();
        let loses_answer = {
            let mut state = self.state.lock().unwrap();
            if state.is_cut {
                return Err("cut off".into());
            }
            if is_write && std::mem::take(&mut state.loses_request) {
                return Err("the request was lost".into());
            }
            let expired = state.expired.iter().find(|plural| uri.contains(**plural));
            if let Some(plural) = expired.copied().filter(|_| is_watch) {
                state.expired.remove(plural);
                let gone = body_of(Body::from(b"{\"code\":410}".to_vec()));
                return Ok(Response::builder().status(410).body(gone)?);
            }
            is_write && std::mem::take(&mut state.loses_answer)
        };
        let response = real.send(request).await?;
        if loses_answer {
            // Sent and applied, once its head is there.
            return Err("the answer was lost".into());
        }
        Ok(response.map(|body| {
            if is_watch {
                ended_by(body, breaks)
            } else {
                body_of(body)
            }
        }))
    }
}

fn body_of(body: Body) -> UnsyncBoxBody<Bytes, BoxError> {
    body.map_err(BoxError::from).boxed_unsync()
}

/// Ends with the first break since the request began, also one that came
/// before its answer.
fn ended_by(body: Body, mut breaks: watch::Receiver<u64>) -> UnsyncBoxBody<Bytes, BoxError> {
    let ends = async move {
        let _ = breaks.changed().await;
    };
    let chunks = body.into_data_stream().take_until(Box::pin(ends));
    StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk?)))).boxed_unsync()
}
