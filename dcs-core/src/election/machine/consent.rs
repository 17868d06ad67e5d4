//! What failsafe mode asks of those who do not lead (rule F1): to agree that
//! another one goes on, and to acquire only where the map names them.

use std::time::Duration;

use super::{Doing, Machine, Role};
use crate::election::event::{Alarm, EventKind};
use crate::election::failsafe::{FailsafeAnswer, FailsafeRefusal, FailsafeRequest};
use crate::{LeaderRecord, Revision, Stamp, Value};

/// This member agreed that another one leads on, and acquires nothing for so
/// long, on any version and by any shortcut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    since: Stamp,
    wait: Duration,
}

impl Machine {
    /// Whether failsafe mode lets this member send an acquiring write that
    /// expects `expected`. A map binds every member, whether it has the mode
    /// switched on or not: its writer relies on it.
    pub(super) fn failsafe_lets_acquire(&mut self, expected: Option<Revision>) -> bool {
        if self.promise_left(self.decided).is_some() {
            return false;
        }
        // Nothing stands beside an absent record.
        let Some(revision) = expected else {
            return true;
        };
        let lets = match self.map_of(revision) {
            Some(Value::Absent) => true,
            Some(Value::Present(map)) => map.0.is_empty() || map.0.contains_key(self.me.as_str()),
            Some(Value::Malformed(_)) => false,
            // The watch is about to show it.
            None => return false,
        };
        if !lets && self.told.barred != Some(revision) {
            self.told.barred = Some(revision);
            self.say(EventKind::Alarm(Alarm::NotInFailsafeMap { revision }));
        }
        lets
    }

    /// For how long this member has promised to acquire nothing, if it has.
    pub(super) fn promise_left(&self, now: Stamp) -> Option<Duration> {
        let promise = self.failsafe_mode.promise?;
        // T_WAIT may have been raised since.
        let wait = promise.wait.max(self.timing.challenger_wait());
        let left = wait.saturating_sub(now.challenger_elapsed_since(promise.since));
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn answer(&mut self, request: &FailsafeRequest, now: Stamp) -> FailsafeAnswer {
        let refused = self.objection(request);
        if refused.is_none() {
            let left = self.promise_left(now).unwrap_or_default();
            self.failsafe_mode.promise = Some(Promise {
                since: now,
                wait: self.timing.challenger_wait().max(left),
            });
        }
        FailsafeAnswer {
            member: self.me.clone(),
            session: request.session,
            poll: request.poll,
            refused,
        }
    }

    /// Why this member cannot agree that the sender of `request` leads on.
    fn objection(&self, request: &FailsafeRequest) -> Option<FailsafeRefusal> {
        if !self.failsafe_mode.is_on {
            return Some(FailsafeRefusal::Off);
        }
        if request.leader == self.me {
            return Some(FailsafeRefusal::OwnName);
        }
        let newest = self.belief.newest_term();
        if self.belief.remaining(newest, &*self.clock).is_some() {
            return Some(FailsafeRefusal::Leads);
        }
        if self.is_acquiring() {
            return Some(FailsafeRefusal::Acquires);
        }
        let Some(sight) = self.observer.seen() else {
            return Some(FailsafeRefusal::SawNothing);
        };
        let record = match &sight.record {
            Value::Present(record) => record,
            Value::Absent => return Some(FailsafeRefusal::SawAbsence),
            Value::Malformed(_) => return Some(FailsafeRefusal::SawNoClaim),
        };
        if record.holder.is_none() {
            return Some(FailsafeRefusal::SawVacancy);
        }
        let Some(claim) = LeaderRecord::valid_claim(record) else {
            return Some(FailsafeRefusal::SawNoClaim);
        };
        if claim.session != request.session || claim.holder != request.leader {
            return Some(FailsafeRefusal::SawAnother);
        }
        // What this member promises would be too short.
        let is_too_long = claim.clamp > self.timing.challenger_wait();
        is_too_long.then_some(FailsafeRefusal::ClampAboveWait)
    }

    /// Whether what a forgotten acquiring write expected is still what was seen
    /// last. It would open no term, but it would replace the leader.
    fn may_still_acquire(&self) -> bool {
        let seen = self.observer.seen().map(|sight| sight.revision.into());
        seen.is_some() && seen == self.failsafe_mode.forgotten
    }

    /// Whether an acquiring write is under way, or may still be committed.
    pub(crate) fn is_acquiring(&self) -> bool {
        let doing = self.flight.as_ref().map(|flight| &flight.doing);
        let unknown = matches!(&self.role, Role::Follower(unresolved) if !unresolved.is_empty());
        unknown || self.may_still_acquire() || matches!(doing, Some(Doing::Acquire(_)))
    }
}
