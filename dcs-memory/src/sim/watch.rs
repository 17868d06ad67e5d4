//! The stream of changes that one process sees.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dcs_core::{Clock, Error, Snapshot, Stamp, WatchEvent};
use futures_util::Stream;
use futures_util::future::BoxFuture;

use super::chance::chance;
use super::class::Class;
use super::clock::NodeClock;
use super::executor::{Alarm, Nanos, lock};
use super::world::{Happened, World};
use crate::BACKEND;
use crate::log::Found;
use crate::watch::{SHORTEST_SILENCE, describe};

/// How long it takes at most to open a broken connection anew.
const REOPEN: Nanos = 1_000_000_000;

pub(super) struct SimWatch {
    world: Arc<World>,
    process: usize,
    clock: NodeClock,
    silence: Duration,
    /// When something was heard last.
    heard: Stamp,
    /// The number of the first update that was not delivered; `None` while the
    /// watch has to begin anew.
    next: Option<u64>,
    opening: Option<Opening>,
    /// The first update that a gap has passed over, until the watch begins anew.
    missed_from: Option<u64>,
    /// What has happened to the connection, as far as it was noticed.
    noticed: Happened,
    is_silent: bool,
    /// Nothing arrives before.
    not_before: Nanos,
    /// The same after a break, until something has arrived.
    resumes: Option<Nanos>,
    /// When the update with this number arrives, settled once, and how late that is.
    arrival: Option<(u64, Nanos, Nanos)>,
    alarm: Option<Alarm>,
    quiet: Option<BoxFuture<'static, ()>>,
}

/// A read of everything, with which a stretch begins.
enum Opening {
    Asked(Nanos),
    Answered(Nanos, Box<Snapshot>, u64),
}

#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and gone at the end of a turn"
)]
enum Step {
    Item(WatchEvent),
    Until(Nanos),
    Nothing,
}

impl SimWatch {
    pub(super) fn open(world: Arc<World>, process: usize, silence: Duration) -> Self {
        let clock = world.clock_of(process);
        let noticed = world.with_link(process, |link| link.happened);
        Self {
            heard: clock.now(),
            clock,
            process,
            silence: silence.max(SHORTEST_SILENCE),
            next: None,
            opening: None,
            missed_from: None,
            noticed,
            is_silent: false,
            not_before: 0,
            resumes: None,
            arrival: None,
            alarm: None,
            quiet: None,
            world,
        }
    }

    fn step(&mut self) -> Step {
        let (is_cut, opened_at) = self.notice();
        if is_cut || self.is_silent {
            return Step::Nothing;
        }
        let now = self.world.now();
        match self.next {
            Some(number) => self.deliver(number, now, opened_at),
            None => self.begin(now),
        }
    }

    /// Takes in what has happened to the connection. Whether it is cut, and
    /// since when it is not any more.
    fn notice(&mut self) -> (bool, Nanos) {
        let (now, is_cut, opened_at) = self.world.with_link(self.process, |link| {
            (link.happened, !link.cut_answers.is_empty(), link.opened_at)
        });
        let before = std::mem::replace(&mut self.noticed, now);
        if now.gaps != before.gaps {
            self.note(|| "breaks with a gap");
            self.missed_from = self.missed_from.or(self.next);
            (self.next, self.opening, self.is_silent) = (None, None, false);
        }
        let connections = now.breaks + now.healings;
        if connections != before.breaks + before.healings {
            self.note(|| "breaks and resumes");
            self.is_silent = false;
            let mut rng = chance(self.world.seed ^ connections, [self.process as u64, 1]);
            self.not_before = self.world.now() + rng.u64(0..REOPEN);
            self.resumes = (now.healings == before.healings).then_some(self.not_before);
            self.arrival = None;
        }
        if now.silences != before.silences {
            self.note(|| "falls silent");
            self.is_silent = true;
        }
        (is_cut, opened_at)
    }

    fn begin(&mut self, now: Nanos) -> Step {
        let mut rng = chance(self.world.seed ^ now, [self.process as u64, 2]);
        let mut way = || rng.u64(0..20_000_000);
        match &self.opening {
            None => {
                let cannot = self
                    .world
                    .with_link(self.process, |link| !link.cut_requests.is_empty());
                if cannot {
                    return Step::Nothing;
                }
                let at = now + way();
                self.opening = Some(Opening::Asked(at));
                Step::Until(at)
            }
            Some(Opening::Asked(at) | Opening::Answered(at, ..)) if *at > now => Step::Until(*at),
            Some(Opening::Asked(_)) => {
                let mut registers = lock(&self.world.registers);
                let keys = registers.keys(&self.world.scope);
                let answer = (Box::new(keys.now.clone()), keys.log.next());
                let at = now + way();
                self.opening = Some(Opening::Answered(at, answer.0, answer.1));
                Step::Until(at)
            }
            Some(Opening::Answered(..)) => {
                let Some(Opening::Answered(_, snapshot, next)) = self.opening.take() else {
                    return Step::Nothing;
                };
                let missed_from = self.missed_from.take();
                if missed_from.is_some_and(|from| self.world.hides_any(from, next)) {
                    self.world.hit(Class::WatchGap);
                }
                self.next = Some(next);
                Step::Item(WatchEvent::Reset(snapshot))
            }
        }
    }

    fn deliver(&mut self, number: u64, now: Nanos, opened_at: Nanos) -> Step {
        let (update, committed) = {
            let mut registers = lock(&self.world.registers);
            match registers.keys(&self.world.scope).log.get(number) {
                Found::Next(logged) => (logged.update.clone(), logged.at),
                Found::Nothing => return Step::Nothing,
                Found::Gap => {
                    drop(registers);
                    self.next = None;
                    return self.begin(now);
                }
            }
        };
        let at = committed.holder_elapsed_since(Stamp::from_single(Duration::ZERO));
        let at = super::net::nanos(at);
        let (arrives, late) = match self.arrival {
            Some((settled, arrives, late)) if settled == number => (arrives, late),
            _ => {
                let (quick, late) = self.world.delivery(self.process, at);
                let earliest = self.not_before.max(opened_at);
                (earliest.max(at + quick + late), late)
            }
        };
        self.arrival = Some((number, arrives, late));
        if arrives > now {
            return Step::Until(arrives);
        }
        if late > 0 {
            self.world.hit(Class::LateWatch);
        }
        if self.resumes.take() == Some(arrives) {
            self.world.hit(Class::BrokenWatch);
        }
        self.next = Some(number + 1);
        self.not_before = now;
        Step::Item(WatchEvent::Changed(update))
    }

    /// Nothing was heard for long: the connection is opened anew.
    fn reopen(&mut self) -> Result<WatchEvent, Error> {
        self.heard = self.clock.now();
        self.quiet = None;
        let is_cut = self.world.with_link(self.process, |link| {
            !link.cut_answers.is_empty() || !link.cut_requests.is_empty()
        });
        if is_cut {
            self.note(|| "cannot be opened");
            return Err(Error::Timeout {
                backend: BACKEND,
                after: self.silence,
            });
        }
        if self.is_silent {
            if self.is_behind() {
                self.world.hit(Class::SilentWatch);
            }
            self.is_silent = false;
        }
        self.note(|| "alive");
        Ok(WatchEvent::Alive)
    }

    fn is_behind(&self) -> bool {
        let mut registers = lock(&self.world.registers);
        let next = registers.keys(&self.world.scope).log.next();
        self.next.is_some_and(|number| number < next)
    }

    fn note(&self, what: impl FnOnce() -> &'static str) {
        let process = self.process;
        self.world.note(|| format!("p{process} watch {}", what()));
    }
}

impl Stream for SimWatch {
    type Item = Result<WatchEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match this.step() {
                Step::Item(event) => {
                    this.heard = this.clock.now();
                    (this.alarm, this.quiet) = (None, None);
                    this.world.has_shown(this.process, &event);
                    this.world
                        .note(|| format!("p{} watch {}", this.process, describe(&event, number)));
                    return Poll::Ready(Some(Ok(event)));
                }
                Step::Until(at) if at > this.world.now() => {
                    let waker = context.waker().clone();
                    this.alarm = Some(this.world.executor.alarm(at, waker));
                }
                Step::Until(_) => continue,
                Step::Nothing => this.alarm = None,
            }
            let waited = this.clock.now().holder_elapsed_since(this.heard);
            let rest = this.silence.saturating_sub(waited);
            if rest.is_zero() {
                return Poll::Ready(Some(this.reopen()));
            }
            let clock = &this.clock;
            let quiet = this.quiet.get_or_insert_with(|| clock.sleep(rest));
            if quiet.as_mut().poll(context).is_ready() {
                this.quiet = None;
                continue;
            }
            this.world.watches(this.process, context.waker());
            return Poll::Pending;
        }
    }
}

fn number(revision: Option<dcs_core::Revision>) -> String {
    revision.map_or_else(|| "absent".to_owned(), |revision| revision.to_string())
}
