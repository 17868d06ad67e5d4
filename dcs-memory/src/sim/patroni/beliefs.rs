//! What Patroni's actors believe, as the judge knows it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use dcs_core::{Config, Revision};

use super::clock::{Instant, OwnClock};
use super::settings::Settings;
use crate::sim::class::Class;
use crate::sim::executor::Nanos;

/// All actors of a history, and who wrote which version of the leader key.
#[derive(Default)]
pub(in crate::sim) struct Patronis {
    actors: Vec<Actor>,
    /// All processes that ever were one: what they sent may still arrive.
    processes: HashSet<usize>,
    writers: Vec<Writer>,
    /// The versions by which a Patroni took a lock whose clock had run ahead
    /// while it waited for that.
    too_early: BTreeSet<usize>,
    /// Members of ours take what Patroni releases (rule P2).
    pub(in crate::sim) takes: bool,
    /// Members of ours go by what the config key says.
    pub(in crate::sim) follows: bool,
    /// The `retry_timeout` that members of ours are told, and the longest one
    /// that the config key has shown to each process.
    pub(in crate::sim) told: Duration,
    shown_retry: BTreeMap<usize, Duration>,
    /// Of each process the version that its watch has shown last, and the last
    /// one that it has shown directly after the one before.
    shown: BTreeMap<usize, [Option<Revision>; 2]>,
    /// Who was seen beside whom, by the version with which the term of ours began.
    seen_beside: HashSet<(usize, usize, usize)>,
}

/// Who wrote a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Writer {
    /// A third party.
    Nobody,
    /// A member of ours, or a program under test.
    Ours(usize),
    /// Patroni, and how long an operation of it may take.
    Patroni(usize, Duration),
}

struct Actor {
    process: usize,
    clock: OwnClock,
    believes: Option<Held>,
}

/// The lock, as Patroni believes in it: for the ttl from the answer on.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Held {
    /// When the first try of the write was sent.
    pub(in crate::sim) sent: Instant,
    /// When it was known to be applied.
    pub(in crate::sim) answered: Instant,
    pub(in crate::sim) ttl: Duration,
    pub(in crate::sim) retry_timeout: Duration,
    /// The version that it stands on.
    pub(in crate::sim) revision: Revision,
}

/// Why Patroni and a member of ours believe at once where that is no fault of
/// our rules: the class that it counts for.
pub(in crate::sim) type Excuse = Class;

impl Patronis {
    pub(in crate::sim) const fn is_empty(&self) -> bool {
        self.actors.is_empty()
    }

    pub(in crate::sim) fn comes(&mut self, process: usize, clock: OwnClock) {
        self.processes.insert(process);
        self.actors.push(Actor {
            process,
            clock,
            believes: None,
        });
    }

    pub(in crate::sim) fn is_one(&self, process: usize) -> bool {
        self.processes.contains(&process)
    }

    /// The process is gone.
    pub(in crate::sim) fn killed(&mut self, process: usize) {
        self.actors.retain(|actor| actor.process != process);
    }

    /// Another version stands there.
    pub(in crate::sim) fn wrote(&mut self, writer: Writer) {
        self.writers.push(writer);
    }

    /// Who wrote the version that stands there, as it has turned out.
    pub(in crate::sim) fn wrote_last(&mut self, writer: Writer) {
        if let Some(last) = self.writers.last_mut() {
            *last = writer;
        }
    }

    /// The version that stands there was taken too early.
    pub(in crate::sim) fn took_too_early(&mut self) {
        self.too_early.extend(self.writers.len().checked_sub(1));
    }

    /// Who wrote the version that stands there.
    pub(in crate::sim) fn last_writer(&self) -> Option<Writer> {
        self.writers.last().copied()
    }

    /// The watch of a process shows a version, and which one it vouches for as
    /// the one before.
    pub(in crate::sim) fn sees(
        &mut self,
        process: usize,
        previous: Option<Revision>,
        revision: Option<Revision>,
    ) {
        let [last, directly] = self.shown.entry(process).or_default();
        if previous.is_some() && previous == *last {
            *directly = revision;
        }
        *last = revision;
    }

    /// The watch of a process shows the config key.
    pub(in crate::sim) fn sees_config(&mut self, process: usize, config: Option<&Config>) {
        let Some(config) = config.filter(|_| self.follows) else {
            return;
        };
        let shown = Settings::default().with_config(config).retry_timeout;
        let longest = self.shown_retry.entry(process).or_default();
        *longest = shown.max(*longest);
    }

    /// The longest `retry_timeout` that a member of ours knows of.
    pub(in crate::sim) fn knows(&self, process: usize) -> Duration {
        let shown = self.shown_retry.get(&process).copied();
        self.told.max(shown.unwrap_or_default())
    }

    /// Whether the unbroken watch of a process has shown this version directly
    /// after the one before.
    pub(in crate::sim) fn was_seen_released(
        &self,
        process: usize,
        revision: Option<Revision>,
    ) -> bool {
        let shown = self.shown.get(&process);
        shown.is_some_and(|[_, directly]| *directly == revision)
    }

    /// It believes, or does not any more.
    pub(in crate::sim) fn believes(&mut self, process: usize, held: Option<Held>) {
        for actor in &mut self.actors {
            if actor.process == process {
                actor.believes = held;
            }
        }
    }

    /// Who believes at this instant.
    pub(in crate::sim) fn believers(&self, now: Nanos) -> impl Iterator<Item = usize> {
        let all = self.actors.iter();
        all.filter(move |actor| actor.held(now).is_some())
            .map(|actor| actor.process)
    }

    /// Of those who believe beside a member of ours: each, and why it may.
    /// `version` says the number of a revision's version in the past, `ours`
    /// that of the last write of the member, a `process`, and `took` that with
    /// which its term began.
    pub(in crate::sim) fn beside(
        &self,
        now: Nanos,
        (process, took, ours): (usize, usize, usize),
        version: impl Fn(Revision) -> usize,
    ) -> Vec<(usize, Option<Excuse>)> {
        let believing = self.actors.iter().filter_map(|actor| {
            let (held, at) = actor.held(now)?;
            let theirs = version(held.revision);
            let excuse = if !held.is_as_assumed(at) || self.took_any_too_early(ours, theirs) {
                Some(Class::PatroniClock)
            } else if theirs < took && held.retry_timeout > self.knows(process) {
                Some(Class::PatroniRetryUnknown)
            } else if self.has_any(theirs, ours, |writer| writer == Writer::Nobody) {
                Some(Class::PatroniEdited)
            } else if self.takes && self.overtakes_itself(actor.process, theirs, took) {
                Some(Class::PatroniBesidePatroni)
            } else {
                None
            };
            Some((actor.process, excuse))
        });
        believing.collect()
    }

    /// Notes that a member of ours, in this term, and a Patroni believe at once.
    /// Whether that is new.
    pub(in crate::sim) fn begins_beside(&mut self, who: (usize, usize, usize)) -> bool {
        self.seen_beside.insert(who)
    }

    /// Whether another Patroni wrote between this one and the member of ours.
    fn overtakes_itself(&self, process: usize, theirs: usize, took: usize) -> bool {
        let is_another = |writer| matches!(writer, Writer::Patroni(other, _) if other != process);
        theirs < took && self.has_any(theirs, took, is_another)
    }

    /// Whether Patroni took the lock too early since the last write of ours.
    fn took_any_too_early(&self, ours: usize, theirs: usize) -> bool {
        ours < theirs && self.too_early.range(ours + 1..=theirs).next().is_some()
    }

    /// Whether somebody of these wrote a version between two.
    fn has_any(&self, one: usize, other: usize, is: impl Fn(Writer) -> bool) -> bool {
        let (first, last) = (one.min(other), one.max(other));
        let between = self.writers.get(first + 1..last).unwrap_or_default();
        between.iter().any(|writer| is(*writer))
    }

    /// The last version that this process wrote.
    pub(in crate::sim) fn last_of(&self, process: usize) -> Option<usize> {
        let mut writers = self.writers.iter();
        writers.rposition(|writer| *writer == Writer::Ours(process))
    }
}

impl Actor {
    /// What it believes in, and the instant by its clock.
    fn held(&self, now: Nanos) -> Option<(Held, Instant)> {
        let held = self.believes?;
        let at = self.clock.read(now);
        (at.since(held.answered) < held.ttl).then_some((held, at))
    }
}

impl Held {
    /// Whether Patroni's clock and its way to the store have been as it takes
    /// them to be: the answer came within its `retry_timeout`, and its clock
    /// has counted what passed since the sending.
    fn is_as_assumed(&self, now: Instant) -> bool {
        self.answered.since(self.sent) <= self.retry_timeout && now.was_not_slow_since(self.sent)
    }
}

#[cfg(test)]
#[path = "beliefs_tests.rs"]
mod tests;
