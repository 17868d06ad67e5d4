//! The failover key: a request to hand leadership over.

use crate::{MemberName, Timestamp};

/// A request to hand leadership over, consumed once.
///
/// A request without leader and candidate asks for nothing; Patroni leaves one
/// behind when it clears the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failover {
    /// Only if this member leads.
    pub leader: Option<MemberName>,
    /// Who is to lead next; anyone if absent.
    pub candidate: Option<MemberName>,
    /// Not before this instant; at once if absent.
    pub scheduled_at: Option<Timestamp>,
}

impl Failover {
    /// A request to hand over from `leader` to `candidate`, at once.
    #[must_use]
    pub const fn switchover(leader: Option<MemberName>, candidate: Option<MemberName>) -> Self {
        Self {
            leader,
            candidate,
            scheduled_at: None,
        }
    }

    /// The same request, not before `instant`.
    #[must_use]
    pub const fn not_before(mut self, instant: Timestamp) -> Self {
        self.scheduled_at = Some(instant);
        self
    }

    /// Whether anything is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.leader.is_none() && self.candidate.is_none()
    }
}
