//! The watch of one collection: lists, watches, resumes, and lists again only
//! where the server no longer knows what happened in between.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dcs_core::{BoxError, Error, Revision, Stamp};
use futures_core::stream::BoxStream;
use futures_util::stream;
use http::StatusCode;

use super::backoff::{Backoff, jitter};
use super::lines::{Lines, Stop};
use super::seen::Seen;
use crate::BACKEND;
use crate::client::{Answer, Call, Context, before, read, status_of};
use crate::format::{Event, Object, Status};
use crate::settings::Collection;
use crate::store::Store;

/// Seconds after which the server ends a watch: this, and up to ten more, so
/// that not all members begin anew at once.
const WATCH_SECONDS: u64 = 50;
const WATCH_JITTER: u64 = 11;
/// A watch that lasted this long was no failure, even if nothing came.
const LASTED: Duration = Duration::from_secs(1);

/// All members lose a history at the same instant, and each lists all objects
/// then: they do so within this time.
const SPREAD: Duration = Duration::from_secs(1);

/// So often in a row a watch may say nothing, or the server not know the revision
/// yet that it is to begin at. Both pass where the server is only behind. Where
/// the store went back in time they do not, and only a list shows that.
const MOST_FRUITLESS: u32 = 2;

/// What a feed says.
#[derive(Debug)]
pub(super) enum Said {
    /// All there is; what happened since the last version seen is lost.
    Listed(Vec<Object>),
    /// A new version. `continues` unless the object appeared out of nothing.
    Put {
        object: Object,
        revision: Revision,
        continues: bool,
    },
    /// Gone, or without its labels.
    Gone { object: Object, revision: Revision },
    /// The server is there.
    Alive,
    /// A try failed. The next one follows after a wait.
    Failed(Error),
}

pub(super) fn feed(
    store: Arc<Store>,
    collection: Collection,
    silence: Duration,
    patience: Duration,
) -> BoxStream<'static, Said> {
    let feed = Feed {
        store,
        collection,
        silence,
        patience,
        state: State::Lost,
        seen: Seen::default(),
        backoff: Backoff::new(),
        pause: None,
        fruitless: 0,
    };
    Box::pin(stream::unfold(feed, |mut feed| async {
        let said = feed.next().await;
        Some((said, feed))
    }))
}

struct Feed {
    store: Arc<Store>,
    collection: Collection,
    silence: Duration,
    /// The longest that a server's request to wait is heeded.
    patience: Duration,
    state: State,
    seen: Seen,
    backoff: Backoff,
    /// What to wait before the next request.
    pause: Option<Duration>,
    /// Watches in a row that brought nothing from a server that was there.
    fruitless: u32,
}

enum State {
    /// Nothing is known: list.
    Lost,
    /// All is known up to what was seen last: watch from there.
    Behind,
    /// Watching.
    Open {
        lines: Lines,
        since: Stamp,
        /// Whether it has brought anything new.
        is_of_use: bool,
    },
}

impl Feed {
    async fn next(&mut self) -> Said {
        loop {
            if let Some(pause) = self.pause.take() {
                self.store.clock.sleep(pause).await;
            }
            let said = match &mut self.state {
                State::Lost => Some(self.list().await),
                State::Behind => self.open().await,
                State::Open { .. } => self.read().await,
            };
            if let Some(said) = said {
                return said;
            }
        }
    }

    async fn list(&mut self) -> Said {
        let listed = match self.store.list(self.collection).await {
            Ok(listed) => listed,
            Err(error) => return self.failed(error),
        };
        match self.seen.take_list(listed.revision, &listed.items) {
            Ok(()) => {
                self.state = State::Behind;
                Said::Listed(listed.items)
            }
            Err(source) => self.failed(Error::Backend {
                backend: BACKEND,
                source,
            }),
        }
    }

    async fn open(&mut self) -> Option<Said> {
        let Some(from) = self.seen.last() else {
            self.state = State::Lost;
            return None;
        };
        let entropy = &*self.store.entropy;
        let spread = u64::from(entropy.bits().to_be_bytes()[0]) % WATCH_JITTER;
        let settings = &self.store.settings;
        let call = Call::watch(settings, self.collection, from, WATCH_SECONDS + spread);
        let context = self.store.context(&call, None, None);
        let body = match self.store.streams.open(settings, call).await {
            Ok(Ok(body)) => body,
            Ok(Err(answer)) if answer.status == StatusCode::GONE => {
                self.lose();
                return None;
            }
            Ok(Err(answer)) => {
                if status_of(&answer).has_cause("ResourceVersionTooLarge") {
                    self.brings_nothing();
                }
                return Some(self.failed(refused(answer, &context)));
            }
            Err(failure) => return Some(self.failed(failure.into_error())),
        };
        self.state = State::Open {
            lines: Lines::new(body),
            since: self.store.clock.now(),
            is_of_use: false,
        };
        Some(Said::Alive)
    }

    async fn read(&mut self) -> Option<Said> {
        let State::Open {
            lines,
            since,
            is_of_use,
        } = &mut self.state
        else {
            return None;
        };
        let mut silence = self.store.clock.sleep(self.silence);
        let Some(line) = before(&mut silence, lines.next()).await else {
            self.state = State::Behind;
            self.brings_nothing();
            return None;
        };
        match line {
            Ok(line) => {
                let before = self.seen.last();
                let said = self.take_line(&line);
                if self.seen.last() > before {
                    self.is_of_use();
                }
                if self.seen.is_full() {
                    self.lose();
                }
                said
            }
            Err(Stop::Ended(error)) => {
                let age = self.store.clock.now().challenger_elapsed_since(*since);
                let worked = *is_of_use || age >= LASTED;
                self.state = State::Behind;
                self.ended(error, worked)
            }
            Err(Stop::TooLong) => Some(self.unreadable("a line is too long".into())),
        }
    }

    /// Only what is new makes the next wait short again: a server that says at
    /// once what is wrong, each time, would be asked without end.
    fn is_of_use(&mut self) {
        self.backoff.reset();
        if let State::Open { is_of_use, .. } = &mut self.state {
            *is_of_use = true;
        }
    }

    fn brings_nothing(&mut self) {
        self.fruitless += 1;
        if self.fruitless > MOST_FRUITLESS {
            self.fruitless = 0;
            self.lose();
        }
    }

    /// The end of a watch is its normal course. What matters is that one which
    /// ends at once is not opened again at once, over and over.
    fn ended(&mut self, error: Option<BoxError>, worked: bool) -> Option<Said> {
        let Some(source) = error else {
            if !worked {
                self.pause = Some(self.backoff.wait(&*self.store.entropy));
            }
            return None;
        };
        Some(self.failed(Error::Unavailable {
            backend: BACKEND,
            retry_after: None,
            source,
        }))
    }

    fn take_line(&mut self, line: &Bytes) -> Option<Said> {
        let event: Event = match serde_json::from_slice(line) {
            Ok(event) => event,
            Err(error) => return Some(self.unreadable(error.into())),
        };
        if event.kind == "ERROR" {
            return self.take_error(event.object);
        }
        self.fruitless = 0;
        let object: Object = match serde_json::from_value(event.object) {
            Ok(object) => object,
            Err(error) => return Some(self.unreadable(error.into())),
        };
        let revision = match object.revision() {
            Ok(revision) => revision,
            Err(error) => return Some(self.unreadable(error.into())),
        };
        match &*event.kind {
            "BOOKMARK" => {
                self.seen.advance(revision);
                Some(Said::Alive)
            }
            "ADDED" | "MODIFIED" | "DELETED" if self.is_of_others(&object) => {
                self.seen.advance(revision);
                Some(Said::Alive)
            }
            "ADDED" | "MODIFIED" => self.seen.is_new(&object, revision).then(|| Said::Put {
                continues: event.kind == "MODIFIED",
                object,
                revision,
            }),
            "DELETED" => {
                let new = self.seen.is_new_or_last(&object, revision);
                new.then_some(Said::Gone { object, revision })
            }
            other => Some(self.unreadable(format!("event {other:?}").into())),
        }
    }

    /// Whether an object carries the labels and holds no key of the scope.
    fn is_of_others(&self, object: &Object) -> bool {
        let named = self.store.settings.object_named(&object.metadata.name);
        self.collection != Collection::Pods && named.is_none()
    }

    fn take_error(&mut self, object: serde_json::Value) -> Option<Said> {
        let status: Status = serde_json::from_value(object).unwrap_or_default();
        if status.code == Some(410) {
            self.lose();
            return None;
        }
        self.state = State::Behind;
        Some(self.failed(Error::Unavailable {
            backend: BACKEND,
            retry_after: None,
            source: format!("the watch ended: {}", status.text()).into(),
        }))
    }

    /// A version that cannot be read is a version that is missed: list anew.
    fn unreadable(&mut self, source: BoxError) -> Said {
        self.state = State::Lost;
        self.failed(Error::Backend {
            backend: BACKEND,
            source,
        })
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        let entropy = &*self.store.entropy;
        let wait = self.backoff.wait(entropy);
        self.pause = Some(wait.max(jitter(SPREAD, entropy)));
    }

    fn failed(&mut self, error: Error) -> Said {
        let wait = self.backoff.wait(&*self.store.entropy);
        let asked = match &error {
            Error::Unavailable { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        self.pause = Some(wait.max(asked.min(self.patience)));
        Said::Failed(error)
    }
}

/// The reason in an answer that is no success.
fn refused(answer: Answer, context: &Context) -> Error {
    match read::<serde_json::Value>(Ok(answer), context) {
        Err(error) => error,
        Ok(_) => Error::Missing {
            what: context.object.clone(),
            advice: "create the namespace, or name another one",
        },
    }
}
