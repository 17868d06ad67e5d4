//! An open watch: what has happened, line by line, until it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body::Frame;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::BoxError;
use crate::api::Shared;
use crate::faults::{Disturbance, Lag};
use crate::print::Form;
use crate::select::Selector;
use crate::status::Refusal;
use crate::store::Change;
use crate::target::Target;

/// The server says where it is two seconds before it ends a watch.
const LAST_WORD: Duration = Duration::from_secs(2);

/// A watch as it was asked for.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) selector: Selector,
    pub(crate) form: Form,
    pub(crate) bookmarks: bool,
    pub(crate) lasts: Duration,
    /// The newest revision that the client knows.
    pub(crate) seen: u64,
    /// What comes before anything that happens.
    pub(crate) first: VecDeque<Bytes>,
}

/// The line that ends a watch from a revision that is forgotten.
fn gone(seen: u64, compacted: u64) -> Bytes {
    error_line(&Refusal::expired(
        format!("too old resource version: {seen} ({compacted})"),
        None,
    ))
}

fn error_line(refusal: &Refusal) -> Bytes {
    let event = json!({"type": "ERROR", "object": refusal.to_json()});
    format!("{event}\n").into()
}

/// A watch that is being read.
pub(crate) struct Open {
    shared: Arc<Shared>,
    id: u64,
    call: Call,
    lag: Option<Lag>,
    era: u64,
    changed: watch::Receiver<u64>,
    ends_at: Duration,
    bookmark_at: Duration,
    end: Option<End>,
}

/// How a watch goes on after its last line.
#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Broken,
    Silent,
}

impl Open {
    pub(crate) fn new(shared: &Arc<Shared>, id: u64, call: Call, lag: Option<Lag>) -> Self {
        let changed = shared.changed.subscribe();
        let now = shared.time.now();
        let ends_at = now + call.lasts;
        let every = shared.options.bookmark_interval;
        Self {
            shared: Arc::clone(shared),
            id,
            lag,
            era: shared.lock().store.era(),
            changed,
            ends_at,
            bookmark_at: next_bookmark(now, ends_at, every),
            end: None,
            call,
        }
    }

    /// The body of the answer.
    pub(crate) fn frames(self) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send {
        stream::unfold(self, |mut open| async {
            let frame = open.next().await?;
            Some((frame.map(Frame::data), open))
        })
    }

    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            self.changed.mark_unchanged();
            if self.end.is_none() {
                self.catch_up();
            }
            if let Some(line) = self.call.first.pop_front() {
                return Some(Ok(line));
            }
            match self.end {
                Some(End::Closed) => return None,
                Some(End::Broken) => {
                    self.end = Some(End::Closed);
                    return Some(Err(crate::service::reset()));
                }
                Some(End::Silent) => std::future::pending().await,
                None => self.wait().await,
            }
        }
    }

    async fn wait(&mut self) {
        let due = self.due();
        tokio::select! {
            biased;
            _ = self.changed.changed() => {}
            () = self.shared.time.sleep_until(due) => {}
        }
        let now = self.shared.time.now();
        if now >= self.ends_at {
            self.end = Some(End::Closed);
        } else if now >= self.bookmark_at {
            let every = self.shared.options.bookmark_interval;
            self.bookmark_at = next_bookmark(now, self.ends_at, every);
            if self.call.bookmarks {
                let bookmark =
                    self.call
                        .form
                        .bookmark(self.call.target.kind, self.call.seen, false);
                self.call.first.push_back(bookmark);
            }
        }
    }

    /// When there may be something to do without anything being written.
    fn due(&self) -> Duration {
        let due = self.ends_at.min(self.bookmark_at);
        let Some(Lag::Time(lag)) = self.lag else {
            return due;
        };
        let state = self.shared.lock();
        let next = state.store.since(self.call.seen).first();
        let next = next.map(|change| change.at + lag);
        let time = &self.shared.time;
        let (now, elapsed) = (time.now(), time.elapsed());
        next.map_or(due, |next| due.min(now + next.saturating_sub(elapsed)))
    }

    /// Takes in what was ordered and what was written.
    fn catch_up(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let order = state.watches.get_mut(&self.id);
        if let Some(disturbance) = order.and_then(|watch| watch.order.take()) {
            self.obey(disturbance);
        }
        if state.store.era() != self.era {
            self.end = Some(End::Closed);
        }
        if self.end.is_some() {
            return;
        }
        if self.call.seen < state.store.compacted() {
            self.call
                .first
                .push_back(gone(self.call.seen, state.store.compacted()));
            self.end = Some(End::Closed);
            return;
        }
        let visible = state.visible(self.lag, shared.time.elapsed());
        let changes = state.store.since(self.call.seen).iter();
        for change in changes.take_while(|change| change.revision <= visible) {
            let line = self.call.line(change);
            self.call.first.extend(line);
        }
        self.call.seen = self.call.seen.max(visible);
    }

    fn obey(&mut self, disturbance: Disturbance) {
        self.end = Some(match disturbance {
            Disturbance::Close => End::Closed,
            Disturbance::Break => End::Broken,
            Disturbance::Silence => End::Silent,
            Disturbance::CutLine => {
                let kind = self.call.target.kind;
                let line = self.call.form.bookmark(kind, self.call.seen, false);
                self.call.first.push_back(line.slice(..line.len() / 2));
                End::Broken
            }
            Disturbance::Gone => {
                self.call
                    .first
                    .push_back(gone(self.call.seen, self.call.seen + 1));
                End::Closed
            }
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.lock().watches.remove(&self.id);
    }
}

impl Call {
    /// What a change is to someone who sees only what the selector shows.
    fn line(&self, change: &Change) -> Option<Bytes> {
        if change.kind() != Some(self.target.kind) {
            return None;
        }
        let shown =
            |value: &Value, path: &str| self.target.holds(path) && self.selector.matches(value);
        let old = change
            .old
            .as_ref()
            .filter(|old| shown(&old.value, &old.path));
        let new = change
            .new
            .as_ref()
            .filter(|new| shown(&new.value, &new.path));
        match (old, new) {
            (None, None) => None,
            (None, Some(new)) => Some(self.form.event("ADDED", &new.value, None)),
            (Some(_), Some(new)) => Some(self.form.event("MODIFIED", &new.value, None)),
            (Some(old), None) => Some(self.form.event(
                "DELETED",
                &old.value,
                Some(change.revision),
            )),
        }
    }
}

fn next_bookmark(now: Duration, ends_at: Duration, every: Duration) -> Duration {
    let regular = now + every;
    match ends_at.checked_sub(LAST_WORD) {
        Some(last) if last > now => regular.min(last),
        _ => regular,
    }
}
