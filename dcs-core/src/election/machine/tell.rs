//! What is said of what was seen, once each.

use std::time::Duration;

use super::{Machine, Output, Role};
use crate::election::event::{Alarm, ElectionEvent, EventKind};
use crate::election::observer::Sight;
use crate::{Entry, LeaderRecord, MemberName, Revision, Stamp, Timestamp, Value};

/// What was said already and is not said twice.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Empty before anything was told; then the holder, or nobody.
    pub(super) holder: Vec<Option<MemberName>>,
    pub(super) waiting: Option<Revision>,
    pub(super) alarmed: Option<Revision>,
    pub(super) blocked: bool,
    /// Who of Patroni holds the key for longer than T_WAIT.
    pub(super) long: Option<(MemberName, Duration)>,
    /// The version that failsafe mode keeps this member from.
    pub(super) barred: Option<Revision>,
}

impl Machine {
    pub(super) fn tell_holder(&mut self, entry: &Entry<LeaderRecord>) {
        if let (Value::Malformed(why), true) = (&entry.value, self.told.alarmed != entry.revision) {
            self.told.alarmed = entry.revision;
            self.say(EventKind::Alarm(Alarm::MalformedLeader {
                why: why.clone(),
            }));
        }
        let holder = entry.get().and_then(|record| record.holder.clone());
        if self.told.holder.first() != Some(&holder) {
            self.told.holder = vec![holder.clone()];
            self.say(EventKind::Leader {
                holder,
                revision: entry.revision,
            });
        }
    }

    /// Patroni holds the key for a ttl that is longer than T_WAIT.
    pub(super) fn tell_of_a_long_ttl(&mut self, sight: &Sight) {
        let wait = self.timing.challenger_wait();
        let record = sight.record.present().filter(|_| self.beside.is_some());
        let foreign = record.filter(|record| record.valid_claim().is_none());
        let long = foreign.and_then(|record| {
            let ttl = record.ttl.filter(|ttl| *ttl > wait)?;
            Some((record.holder.clone()?, ttl))
        });
        if self.told.long == long {
            return;
        }
        self.told.long.clone_from(&long);
        if let Some((holder, ttl)) = long {
            self.say(EventKind::Alarm(Alarm::PatroniTtlAboveWait {
                holder,
                ttl,
                wait,
            }));
        }
    }

    pub(super) fn tell_of_meddling(&mut self, now: Stamp) {
        let blocked = self.observer.blocked(self.timing.challenger_wait(), now);
        let blocked = blocked.filter(|_| matches!(self.role, Role::Follower(_)));
        if let (Some(changes), false) = (blocked, self.told.blocked) {
            self.say(EventKind::Alarm(Alarm::FailoverBlocked { changes }));
        }
        self.told.blocked = blocked.is_some();
    }

    pub(super) fn say(&mut self, kind: EventKind) {
        self.say_at(self.wall(), kind);
    }

    pub(super) fn say_at(&mut self, at: Timestamp, kind: EventKind) {
        self.out
            .push_back(Output::Event(ElectionEvent { at, kind }));
    }

    pub(super) fn wall(&self) -> Timestamp {
        Timestamp::from_system_time(self.clock.wall())
    }
}
