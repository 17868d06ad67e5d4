//! What a stream at the store shows to one process: late, in order, or not.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;

use crate::sim::class::Class;
use crate::sim::executor::{Alarm, Nanos};
use crate::sim::world::{Happened, World};

/// A stream at the store, as one process sees it, for a watch. It never goes on
/// after an error.
pub struct Flow<S: Stream> {
    world: Arc<World>,
    process: usize,
    inner: Pin<Box<S>>,
    /// What has left the store: when it arrives, and whether that is late.
    under_way: VecDeque<(Nanos, bool, S::Item)>,
    /// What had happened to the connections of the process.
    noticed: Happened,
    is_silent: bool,
    has_ended: bool,
    is_over: bool,
    alarm: Option<Alarm>,
}

/// How a stream ended that did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broken {
    /// Its connection broke: it can be opened anew where it stood.
    Connection,
    /// What comes next is gone: the store has forgotten it.
    Gap,
}

impl<S: Stream> Flow<S> {
    pub(super) fn new(world: Arc<World>, process: usize, stream: S) -> Self {
        let noticed = world.with_link(process, |link| link.happened);
        Self {
            world,
            process,
            inner: Box::pin(stream),
            under_way: VecDeque::new(),
            noticed,
            is_silent: false,
            has_ended: false,
            is_over: false,
            alarm: None,
        }
    }

    /// What has happened to the connection. Whether nothing passes just now.
    fn notice(&mut self) -> Result<bool, Broken> {
        let (now, is_cut) = self.world.with_link(self.process, |link| {
            (link.happened, !link.cut_answers.is_empty())
        });
        let before = std::mem::replace(&mut self.noticed, now);
        if now.gaps != before.gaps {
            self.world.hit(Class::WatchGap);
            return Err(Broken::Gap);
        }
        if now.breaks != before.breaks {
            self.world.hit(Class::BrokenWatch);
            return Err(Broken::Connection);
        }
        if now.healings != before.healings {
            return Err(Broken::Connection);
        }
        self.is_silent |= now.silences != before.silences;
        Ok(is_cut || self.is_silent)
    }

    /// Takes in what has left the store.
    fn pull(&mut self, context: &mut Context<'_>) {
        while !self.has_ended {
            let Poll::Ready(item) = self.inner.as_mut().poll_next(context) else {
                return;
            };
            let Some(item) = item else {
                self.has_ended = true;
                return;
            };
            if self.is_silent {
                self.world.hit(Class::SilentWatch);
            }
            let now = self.world.now();
            let (quick, late) = self.world.delivery(self.process, now);
            let before = self.under_way.back().map_or(0, |last| last.0);
            let arrives = before.max(now + quick + late);
            self.under_way.push_back((arrives, late > 0, item));
        }
    }
}

impl<S: Stream> Stream for Flow<S> {
    type Item = Result<S::Item, Broken>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        let is_held = match this.notice() {
            Ok(is_held) => is_held,
            Err(broken) => {
                this.is_over = true;
                return Poll::Ready(Some(Err(broken)));
            }
        };
        this.pull(context);
        this.world.watches(this.process, context.waker());
        if is_held {
            return Poll::Pending;
        }
        let opened_at = this.world.with_link(this.process, |link| link.opened_at);
        match this.under_way.front() {
            None if this.has_ended => {
                this.is_over = true;
                Poll::Ready(None)
            }
            None => Poll::Pending,
            Some((arrives, ..)) if (*arrives).max(opened_at) > this.world.now() => {
                let (at, waker) = ((*arrives).max(opened_at), context.waker().clone());
                this.alarm = Some(this.world.executor.alarm(at, waker));
                Poll::Pending
            }
            Some(_) => {
                let item = this.under_way.pop_front();
                Poll::Ready(item.map(|(_, is_late, item)| {
                    if is_late {
                        this.world.hit(Class::LateWatch);
                    }
                    Ok(item)
                }))
            }
        }
    }
}

impl<S: Stream> Unpin for Flow<S> {}

impl<S: Stream> std::fmt::Debug for Flow<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}
