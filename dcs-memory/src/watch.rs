//! The stream of changes that one handle sees.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Dcs, Error, Key, LeaderUpdate, Revision, Update, WatchEvent, WatchStream};
use futures_util::StreamExt;
use futures_util::future::select;
use futures_util::stream::unfold;

use crate::handle::MemoryDcs;
use crate::log::Found;

/// Shortest silence: a watch that re-opens without a pause would never let
/// virtual time go on.
pub(crate) const SHORTEST_SILENCE: Duration = Duration::from_millis(1);

pub(crate) struct Watch {
    handle: MemoryDcs,
    silence: Duration,
    /// The number of the first update that was not delivered; `None` while the
    /// watch has to begin anew.
    next: Option<u64>,
    /// The breaks and gaps of the connection that this watch has seen.
    breaks: u64,
    gaps: u64,
    /// How long the update with this number is under way, drawn once.
    delay: Option<(u64, Duration)>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and gone at the end of a turn"
)]
enum Step {
    Item(WatchEvent),
    Wait(Duration),
    Nothing,
}

impl Watch {
    pub(crate) fn open(handle: MemoryDcs, silence: Duration) -> WatchStream {
        let (breaks, gaps) = {
            let link = handle.link();
            (link.breaks, link.gaps)
        };
        let watch = Self {
            handle,
            silence: silence.max(SHORTEST_SILENCE),
            next: None,
            breaks,
            gaps,
            delay: None,
        };
        unfold(watch, |mut watch| async move {
            let item = watch.next().await;
            Some((item, watch))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<WatchEvent, Error> {
        let shared = Arc::clone(self.handle.shared());
        let since = shared.clock.now();
        let opening = match self.next {
            Some(_) => Duration::ZERO,
            None => self.handle.link().delivery(),
        };
        loop {
            // Before the look at the store: what happens between the look and
            // the wait then ends the wait.
            let changed = shared.changed.notified();
            let waited = shared.clock.now().holder_elapsed_since(since);
            let quiet = self.silence.saturating_sub(waited);
            let rest = match self.step(opening.saturating_sub(waited)) {
                Step::Item(event) => {
                    self.handle.note(|| {
                        format!(
                            "watch: {}",
                            describe(&event, |revision| format!("{revision:?}"))
                        )
                    });
                    return Ok(event);
                }
                Step::Nothing if quiet.is_zero() => return self.nothing_heard(),
                Step::Nothing => quiet,
                Step::Wait(rest) => rest,
            };
            select(pin!(changed), shared.clock.sleep(rest)).await;
        }
    }

    fn step(&mut self, opening: Duration) -> Step {
        if !self.is_connected() {
            return Step::Nothing;
        }
        let number = match self.next {
            Some(number) => number,
            None if opening.is_zero() => return self.begin_anew(),
            None => return Step::Wait(opening),
        };
        let way = self.delay_of(number);
        let now = self.handle.shared().clock.now();
        let mut inner = self.handle.shared().lock();
        let logged = match inner.registers.keys(self.handle.scope()).log.get(number) {
            Found::Next(logged) => logged.clone(),
            Found::Nothing => return Step::Nothing,
            Found::Gap => {
                drop(inner);
                return self.begin_anew();
            }
        };
        let rest = way.saturating_sub(now.holder_elapsed_since(logged.at));
        if !rest.is_zero() {
            return Step::Wait(rest);
        }
        self.next = Some(number + 1);
        Step::Item(WatchEvent::Changed(logged.update))
    }

    /// Whether anything gets through. A broken connection is resumed here.
    fn is_connected(&mut self) -> bool {
        let (is_cut, breaks, gaps) = {
            let link = self.handle.link();
            (link.is_cut, link.breaks, link.gaps)
        };
        if is_cut {
            return false;
        }
        if self.gaps != gaps {
            self.next = None;
        } else if self.breaks != breaks {
            self.handle.note(|| "watch: resumes".to_owned());
        }
        (self.breaks, self.gaps) = (breaks, gaps);
        true
    }

    fn begin_anew(&mut self) -> Step {
        let mut inner = self.handle.shared().lock();
        let keys = inner.registers.keys(self.handle.scope());
        self.next = Some(keys.log.next());
        Step::Item(WatchEvent::Reset(Box::new(keys.now.clone())))
    }

    fn delay_of(&mut self, number: u64) -> Duration {
        match self.delay {
            Some((drawn_for, way)) if drawn_for == number => way,
            _ => {
                let way = self.handle.link().delivery();
                self.delay = Some((number, way));
                way
            }
        }
    }

    fn nothing_heard(&self) -> Result<WatchEvent, Error> {
        if self.handle.link().is_cut {
            self.handle.note(|| "watch: cannot be opened".to_owned());
            return Err(self.handle.no_answer());
        }
        self.handle.note(|| "watch: alive".to_owned());
        Ok(WatchEvent::Alive)
    }
}

/// A watch item in words, with revisions as `show` tells them.
pub(crate) fn describe(event: &WatchEvent, show: impl Fn(Option<Revision>) -> String) -> String {
    let update = match event {
        WatchEvent::Reset(snapshot) => {
            return format!("reset, leader {}", show(snapshot.leader.revision));
        }
        WatchEvent::Alive => return "alive".to_owned(),
        WatchEvent::Changed(update) => update,
    };
    let (key, revision) = match update {
        Update::Leader(LeaderUpdate {
            entry, previous, ..
        }) => {
            return format!("leader {} to {}", show(*previous), show(entry.revision));
        }
        Update::Status(entry) => (Key::Status, entry.revision),
        Update::Failsafe(entry) => (Key::Failsafe, entry.revision),
        Update::Config(entry) => (Key::Config, entry.revision),
        Update::Initialize(entry) => (Key::Initialize, entry.revision),
        Update::History(entry) => (Key::History, entry.revision),
        Update::Failover(entry) => (Key::Failover, entry.revision),
        Update::Sync(entry) => (Key::Sync, entry.revision),
        Update::Member(name, entry) => (Key::Member(name.clone()), entry.revision),
        _ => return "a key that this version does not know".to_owned(),
    };
    format!("{key} {}", show(revision))
}
