//! Giving a term up on purpose (rule H7, release).

use std::time::Duration;

use super::{Ask, Doing, Machine, Role};
use crate::election::event::EventKind;
use crate::election::observer::Read;
use crate::election::seeded::{Bug, planted};
use crate::{
    Change, Error, LeaderRecord, LeaderWrite, Outcome, Precondition, ReleaseMark, Revision, Stamp,
};

/// A release that was sent, and may be sent again, its record unchanged, on the
/// same revision. On any other one it never is: it might release somebody else.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) write: LeaderWrite,
    pub(super) expected: Revision,
    pub(super) began: Stamp,
}

impl Machine {
    /// Closes the term, then tells everyone. No write of this term is under way,
    /// and the revision was received while the term was open. A renewal of
    /// unknown outcome may still be committed: then the release is refused,
    /// since it expects the revision that the renewal replaced.
    pub(super) fn give_up(&mut self, now: Stamp) {
        let Role::Leader(term) = &self.role else {
            return;
        };
        let (expected, last) = (term.known, term.last.clone());
        let named = term.successor.clone();
        let successor = named.or_else(|| self.turn.successor.clone());
        self.end_term(Duration::ZERO, |token| EventKind::Released { token });
        // A new term may not build on an ack from before a release (rule H9).
        if !planted(Bug::AttemptRevivedAfterRelease) {
            self.acked = None;
        }
        #[cfg(dcs_seeded_bugs)]
        self.believe_while_releasing();
        let Some(renew_time) = last.record.renew_time else {
            return;
        };
        let mark = ReleaseMark::new(last.secret, expected, renew_time);
        let record = LeaderRecord {
            holder: None,
            released: Some(mark.to(successor)),
            ..last.record
        };
        let write = LeaderWrite {
            record,
            status: self.status.clone(),
            failsafe: None,
        };
        self.role = Role::Releasing(Box::new(Release {
            write,
            expected,
            began: now,
        }));
    }

    /// Sends the release, the same one each time, as long as it is worth it.
    pub(super) fn release_again(&mut self, now: Stamp) {
        let Role::Releasing(release) = &self.role else {
            return;
        };
        // The first one may have had to wait for the work of the term to stop.
        let patience = self.timing.retry_timeout() + self.timing.stop_time();
        if now.holder_elapsed_since(release.began) >= patience {
            self.role = Role::Follower(Vec::new());
            #[cfg(dcs_seeded_bugs)]
            self.release_is_over();
            return;
        }
        let change = Change::Leader(Box::new(release.write.clone()));
        let expected = Precondition::Matches(release.expected);
        self.ask(Doing::Release, Ask::Write(change, expected));
    }

    pub(super) fn release_written(&mut self, outcome: Outcome, now: Stamp) {
        match outcome {
            Outcome::Committed(_) => self.released(),
            Outcome::NotCommitted(error)
                if error.is_conflict() && planted(Bug::ReleaseRetriedOnNewerRevision) =>
            {
                self.must_read = Some(Read::Plain);
            }
            // Someone wrote after us, or an earlier try of ours was committed:
            // what stands there is not ours to release. The ttl ends it.
            Outcome::NotCommitted(error) if error.is_conflict() => self.released(),
            Outcome::NotCommitted(error @ Error::TooLarge { .. }) if self.has_status() => {
                self.say(EventKind::trouble("releasing the lease", &error));
                if let Role::Releasing(release) = &mut self.role {
                    release.write.status = None;
                }
            }
            Outcome::NotCommitted(error) | Outcome::Unknown(error) => {
                self.failed("releasing the lease", &error, now);
            }
        }
    }

    /// Whether the release carries more than it needs to.
    fn has_status(&self) -> bool {
        matches!(&self.role, Role::Releasing(release) if release.write.status.is_some())
    }

    pub(super) fn released(&mut self) {
        self.succeeded();
        self.role = Role::Follower(Vec::new());
        #[cfg(dcs_seeded_bugs)]
        self.release_is_over();
    }
}
