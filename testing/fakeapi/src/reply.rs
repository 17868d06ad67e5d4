//! Answers as HTTP responses, with bodies that come as faults want them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde_json::json;

use crate::BoxError;
use crate::faults::{BodyFault, Edit, Plan, Reply};
use crate::service::{FakeBody, reset};
use crate::status::Refusal;
use crate::time::Time;

/// Bytes at a time of a body that trickles.
const TRICKLE: usize = 16;

/// Makes responses of one request.
pub(crate) struct Shaped<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) time: &'a Time,
    pub(crate) warning: Option<&'static str>,
}

impl Shaped<'_> {
    pub(crate) fn object(&self, code: u16, body: Bytes) -> Response<FakeBody> {
        let edited = self
            .plan
            .edit_answer
            .as_ref()
            .and_then(|edit| edit.apply(&body));
        let body = edited.map_or(body, Bytes::from);
        let mut response = response(code, self.body(body));
        self.warn(&mut response);
        response
    }

    pub(crate) fn watch(
        &self,
        frames: impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + 'static,
    ) -> Response<FakeBody> {
        let frames = match self.plan.edit_answer.clone() {
            Some(edit) => frames
                .map(move |frame| frame.map(|frame| edited(frame, &edit)))
                .boxed(),
            None => frames.boxed(),
        };
        let frames = match self.plan.body {
            None => frames,
            Some(BodyFault::Trickle(pause)) => {
                let time = self.time.clone();
                let later = move |frame| {
                    let time = time.clone();
                    async move {
                        time.sleep(pause).await;
                        frame
                    }
                };
                frames.then(later).boxed()
            }
            Some(fault) => cut(frames, matches!(fault, BodyFault::Cut)).boxed(),
        };
        let mut response = response(200, StreamBody::new(frames).boxed_unsync());
        self.warn(&mut response);
        response
    }

    /// An answer in place of the server's.
    pub(crate) fn reply(&self, reply: &Reply) -> Response<FakeBody> {
        let response: Response<FakeBody> = reply.clone().into();
        response.map(|_| self.body(reply.body.clone()))
    }

    /// A body that comes as the plan wants it.
    fn body(&self, body: Bytes) -> FakeBody {
        let half = body.slice(..body.len() / 2);
        match self.plan.body {
            None => whole(body),
            Some(BodyFault::Truncate) => whole(half),
            Some(BodyFault::Cut) => {
                let frames = [Ok(Frame::data(half)), Err(reset())];
                StreamBody::new(stream::iter(frames)).boxed_unsync()
            }
            Some(BodyFault::Trickle(pause)) => {
                let frames = trickle(body, self.time.clone(), pause);
                StreamBody::new(frames).boxed_unsync()
            }
        }
    }

    fn warn(&self, response: &mut Response<FakeBody>) {
        if let Some(warning) = self.warning {
            let warning = HeaderValue::from_static(warning);
            response
                .headers_mut()
                .insert(http::header::WARNING, warning);
        }
    }
}

impl From<Reply> for Response<FakeBody> {
    /// The answer, for transports of one's own.
    fn from(reply: Reply) -> Self {
        let mut response = response(reply.code, whole(reply.body));
        let headers = response.headers_mut();
        headers.remove(http::header::CONTENT_TYPE);
        for (name, value) in &reply.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        response
    }
}

pub(crate) fn of_refusal(refusal: &Refusal) -> Response<FakeBody> {
    let body = format!("{}\n", refusal.to_json());
    response(refusal.code, whole(body.into()))
}

/// Paths that name no kind.
pub(crate) fn plain(path: &str) -> Option<Response<FakeBody>> {
    let body = match path {
        "/healthz" | "/livez" | "/readyz" => "ok".to_owned(),
        "/version" => json!({
            "major": "1",
            "minor": "36",
            "gitVersion": "v1.36.3",
            "gitCommit": "dcs-fakeapi",
            "gitTreeState": "",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "none",
            "compiler": "none",
            "platform": "none",
        })
        .to_string(),
        _ => return None,
    };
    Some(response(200, whole(body.into())))
}

fn response(code: u16, body: FakeBody) -> Response<FakeBody> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    let uncached = HeaderValue::from_static("no-cache, private");
    response
        .headers_mut()
        .insert(http::header::CACHE_CONTROL, uncached);
    response
}

fn whole(body: Bytes) -> FakeBody {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn trickle(
    body: Bytes,
    time: Time,
    pause: Duration,
) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> {
    stream::unfold((body, time), move |(mut rest, time)| async move {
        if rest.is_empty() {
            return None;
        }
        time.sleep(pause).await;
        let piece = rest.split_to(rest.len().min(TRICKLE));
        Some((Ok(Frame::data(piece)), (rest, time)))
    })
}

/// The first line, in part, and then the end of the connection.
fn cut(
    lines: impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + 'static,
    breaks: bool,
) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send {
    let first = lines.take(1).map(|line| {
        line.map(|line| match line.into_data() {
            Ok(data) => Frame::data(data.slice(..data.len() / 2)),
            Err(other) => other,
        })
    });
    let end = breaks.then(|| Err(reset()));
    first.chain(stream::iter(end))
}

fn edited(frame: Frame<Bytes>, edit: &Edit) -> Frame<Bytes> {
    match frame.into_data() {
        Ok(data) => match edit.apply(&data) {
            Some(mut line) => {
                line.push(b'\n');
                Frame::data(line.into())
            }
            None => Frame::data(data),
        },
        Err(other) => other,
    }
}
