//! One attempt to write the leader record as its holder.

use std::time::Duration;

use crate::election::belief::Deadline;
use crate::election::seeded::{Bug, planted};
use crate::{
    Attempt, Claim, Committed, Entry, Failsafe, FencingToken, LeaderRecord, LeaderWrite, Revision,
    Secret, Stamp, Status, Timestamp,
};

use super::{Machine, Role};

/// What was sent, kept until its outcome is known.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) record: LeaderRecord,
    pub(super) secret: Secret,
    /// The revision that it replaces; `None` creates the record.
    pub(super) expected: Option<Revision>,
    /// L_h of the ttl that it was sent with.
    pub(super) span: Duration,
    /// Read before the bytes left (rule H1); set when the answer comes in.
    pub(super) when: Option<Stamp>,
    /// The failsafe map that stands once it is applied; `None` if not known.
    pub(super) map: Option<Failsafe>,
    /// What else the write carries.
    pub(super) status: Option<Status>,
    pub(super) failsafe: Option<Failsafe>,
}

/// The fields of a record that stay over a term.
#[derive(Clone, Copy)]
pub(super) struct Lasting {
    pub(super) acquire_time: Option<Timestamp>,
    pub(super) transitions: u64,
    pub(super) secret: Secret,
    /// Known from the answer to the acquiring write on.
    pub(super) token: Option<FencingToken>,
}

impl Sent {
    pub(super) fn at(self: Box<Self>, when: Stamp) -> Box<Self> {
        Box::new(Self {
            when: Some(when),
            ..*self
        })
    }

    /// To where this write carries belief, once it is known to be committed.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let span = if planted(Bug::NeverDemotes) {
            Duration::from_secs(u32::MAX.into())
        } else {
            self.span
        };
        self.when.map(|when| Deadline::after(when, span))
    }

    /// The write of this attempt, with what else stands in the register.
    pub(super) fn write(&self) -> LeaderWrite {
        LeaderWrite {
            record: self.record.clone(),
            status: self.status.clone(),
            failsafe: self.failsafe.clone(),
        }
    }

    /// Which of these attempts stands there, if any (rule H5).
    pub(super) fn position(attempts: &[Self], entry: &Entry<LeaderRecord>) -> Option<usize> {
        #[cfg(dcs_seeded_bugs)]
        if let Some(newest) = super::seeded::newest_of_the_session(attempts, entry) {
            return Some(newest);
        }
        attempts.iter().position(|sent| sent.is(entry))
    }

    /// This attempt, found committed by a reading that was received at `now`:
    /// it counts from its own sending.
    pub(super) fn found(self, now: Stamp) -> Self {
        if planted(Bug::ReadBackFromReadTime) {
            let when = Some(now);
            return Self { when, ..self };
        }
        self
    }

    /// Whether `entry` is this very attempt: nonce, session, holder, ttl and
    /// renewTime are the ones sent (rule H2).
    pub(super) fn is(&self, entry: &Entry<LeaderRecord>) -> bool {
        entry.get().is_some_and(|record| self.is_record(record))
    }

    /// Whether the ack is of this write and of a new version.
    pub(super) fn was_acked_by(&self, committed: &Committed) -> bool {
        let returned = committed.leader.as_ref().and_then(|value| value.present());
        let is_new = Some(committed.revision) > self.expected || planted(Bug::IdenticalRenewals);
        is_new && returned.is_some_and(|record| self.is_record(record))
    }

    fn is_record(&self, record: &LeaderRecord) -> bool {
        let ours: Option<&Claim> = self.record.claim.as_ref();
        let same_holder = record.holder == self.record.holder;
        if planted(Bug::OneIdentity) {
            return same_holder;
        }
        let same_holder = same_holder || planted(Bug::ClaimSurvivesPatroni);
        ours.is_some() && record.valid_claim() == ours && same_holder
    }
}

impl Machine {
    /// A new attempt over `replaced`. Each one has a new nonce and shows a
    /// later `renewTime`, so no two of them are the same bytes (rule H4).
    pub(super) fn attempt(
        &self,
        expected: Option<Revision>,
        replaced: Option<&LeaderRecord>,
        lasting: Lasting,
    ) -> Sent {
        let shown = replaced.and_then(|record| record.renew_time);
        let renew_time = self.wall().after(shown);
        let ttl = self.timing.ttl();
        let ids = (self.session, Attempt::from_bits(self.entropy.bits()));
        let spans = (ttl, self.timing.clamp());
        let hash = lasting.secret.hash();
        let claim = Claim::new(ids, self.me.clone(), spans, renew_time, hash);
        let record = LeaderRecord {
            holder: Some(self.me.clone()),
            ttl: Some(whole_seconds(self.shown_ttl(ttl))),
            acquire_time: lasting.acquire_time.or(Some(renew_time)),
            renew_time: Some(renew_time),
            transitions: Some(lasting.transitions),
            claim: Some(claim.with_token(lasting.token)),
            released: None,
        };
        Sent {
            record,
            secret: lasting.secret,
            expected,
            span: self.timing.span_of(ttl),
            when: None,
            map: self.map_after_write_on(expected),
            status: self.status.clone(),
            failsafe: self.failsafe.clone(),
        }
    }

    /// The ttl that a record shows: never less than this member believes for as
    /// it is sent (rule P3). Patroni goes by it, and a longer one of an earlier
    /// write may carry belief further than a new shorter one.
    fn shown_ttl(&self, ttl: Duration) -> Duration {
        let Role::Leader(term) = &self.role else {
            return ttl;
        };
        let believed = self.belief.remaining(term.number, &*self.clock);
        let believed = believed.filter(|_| !planted(Bug::ShownTtlTooShort));
        ttl.max(self.timing.wait_of(believed.unwrap_or_default()))
    }
}

/// The ttl as records show it: whole seconds, rounded up.
pub(super) fn whole_seconds(ttl: Duration) -> Duration {
    let up = u64::from(ttl.subsec_nanos() > 0);
    Duration::from_secs(ttl.as_secs() + up)
}
