//! What has to hold of our members where Patroni leads, too.

use std::time::Duration;

use dcs_core::{Revision, Update, WatchEvent};

use super::beliefs::Writer;
use crate::sim::class::Class;
use crate::sim::executor::{Nanos, lock};
use crate::sim::judge::{Invariant, Judge, told};
use crate::sim::net::nanos;
use crate::sim::world::World;

/// What rounding may take from a wait of half a minute and more.
const ROUNDING: Nanos = 50_000;

impl World {
    /// Rule P1: what Patroni wrote is not replaced before everybody is over who
    /// may believe in it: `(T + R) / (1 - rho)` in real time. Rule P2: what
    /// Patroni itself released may be replaced at once where that is asked for.
    pub(in crate::sim) fn leaves_patroni_alone(&self, process: usize) {
        let mut judge = lock(&self.judge);
        let Some(Writer::Patroni(_, retry_timeout)) = judge.patronis.last_writer() else {
            return;
        };
        if judge.patronis.is_one(process) {
            return;
        }
        let Some(record) = judge.past.last().and_then(|entry| entry.get()) else {
            return;
        };
        if record.valid_claim().is_some() {
            // Our own, whose version Patroni has moved.
            return;
        }
        let is_released = record.holder.is_none();
        let ttl = record.ttl.unwrap_or_default();
        let least = believed_for(ttl + retry_timeout);
        let known = judge.patronis.knows(process);
        let stood = self.now() - judge.newest_since;
        let has_waited = stood + ROUNDING >= least;
        let has_as_known = known < retry_timeout && stood + ROUNDING >= believed_for(ttl + known);
        let was_seen = judge.patronis.was_seen_released(process, judge.newest());
        let class = match (is_released, has_waited) {
            (false, _) => Class::PatroniOvertaken,
            (true, true) => Class::PatroniReleaseWaited,
            (true, false) => Class::PatroniReleaseTaken,
        };
        let class = if !has_waited && has_as_known {
            Class::PatroniRetryUnknown
        } else {
            class
        };
        let may_take = is_released && judge.patronis.takes && was_seen;
        if !(has_waited || has_as_known || may_take) {
            let holder = record.holder.clone();
            let (stood, least) = <(_, _)>::from([stood, least].map(Duration::from_nanos));
            let what = format!(
                "p{process} replaces a version of Patroni ({holder:?}) after {stood:.3?}, not {least:.3?}"
            );
            judge.fail(self.now(), Invariant::LeftAlone, what);
        }
        drop(judge);
        self.counts(class);
    }
}

impl World {
    /// A watch has shown something to a process.
    pub(in crate::sim) fn has_shown(&self, process: usize, event: &WatchEvent) {
        if self.rates.patroni.is_none() {
            return;
        }
        let patronis = &mut lock(&self.judge).patronis;
        match event {
            WatchEvent::Reset(all) => {
                patronis.sees(process, None, all.leader.revision);
                patronis.sees_config(process, all.config.get());
            }
            WatchEvent::Changed(Update::Config(entry)) => {
                patronis.sees_config(process, entry.get());
            }
            WatchEvent::Changed(Update::Leader(update)) => {
                patronis.sees(process, update.previous, update.entry.revision);
            }
            _ => {}
        }
    }
}

impl Judge {
    /// The version that stands there.
    fn newest(&self) -> Option<Revision> {
        self.past.last().and_then(|entry| entry.revision)
    }

    /// A member of ours believes: no Patroni does that kept to what it assumes.
    pub(in crate::sim) fn check_beside_patroni(&mut self, now: Nanos, index: usize) {
        let judged = &self.judged[index];
        let version = |revision: Revision| {
            let mut past = self.past.iter();
            past.rposition(|entry| entry.revision == Some(revision))
                .unwrap_or_default()
        };
        let took = judged.open.and_then(Revision::new).map_or(0, version);
        let last = self.patronis.last_of(judged.process).unwrap_or(took);
        let beside = self
            .patronis
            .beside(now, (judged.process, took, last), version);
        let name = told(judged);
        for (process, excuse) in beside {
            if let Some(class) = excuse {
                let ours = self.judged[index].process;
                if self.patronis.begins_beside((ours, took, process)) {
                    let (made, hit) = self.hits.entry(class).or_default();
                    (*made, *hit) = (*made + 1, *hit + 1);
                }
            } else {
                let what = format!("Patroni p{process} and {name} believe");
                self.fail(now, Invariant::BesidePatroni, what);
            }
        }
    }
}

/// For how long in real time somebody may believe who counts a span by a clock
/// that is slow by the drift that is allowed for.
fn believed_for(span: Duration) -> Nanos {
    nanos(span) / 990 * 1000
}
