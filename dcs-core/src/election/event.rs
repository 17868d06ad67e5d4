//! What an elector tells of the election.

use std::time::Duration;

use super::timing::Adjustment;
use crate::{Error, FencingToken, MemberName, Revision, Timestamp};

/// One thing that happened, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElectionEvent {
    /// When, by the wall clock. For [`EventKind::Lost`] and
    /// [`EventKind::Released`] the instant at which belief **ended**, which may
    /// lie before the event was noticed.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// This member leads from now on.
    Elected {
        /// The token of the term.
        token: FencingToken,
        /// To where belief reaches, unless it is renewed.
        until: Timestamp,
    },
    /// The lease was renewed.
    Renewed {
        /// The token of the term.
        token: FencingToken,
        /// To where belief now reaches.
        until: Timestamp,
    },
    /// Everyone who might lead agreed that this member goes on without the
    /// store, by [`Elector::failsafe_extend`](super::Elector::failsafe_extend).
    Extended {
        /// The token of the term.
        token: FencingToken,
        /// To where belief now reaches.
        until: Timestamp,
    },
    /// The term is over without a release.
    Lost {
        /// The token of the term.
        token: FencingToken,
        /// Why.
        why: LossReason,
    },
    /// The term was given up on purpose.
    Released {
        /// The token of the term.
        token: FencingToken,
    },
    /// Another holder stands in the record, or nobody. For display and routing.
    Leader {
        /// Who; `None` where the key is vacant, released, absent or not readable.
        holder: Option<MemberName>,
        /// The revision that shows it.
        revision: Option<Revision>,
    },
    /// Nobody leads, and this member has to wait before it may try: what it has
    /// seen might belong to a holder that still believes. The first election
    /// of a new scope takes this long.
    Waiting {
        /// For how long, unless something changes.
        remaining: Duration,
    },
    /// A setting was changed for this process, so that a
    /// healthy leader outlives an outage of `retry_timeout`, or because the ttl
    /// exceeds `max_ttl`.
    Adjusted(Adjustment),
    /// Something that needs a person.
    Alarm(Alarm),
    /// A request failed. The elector goes on.
    Trouble {
        /// What was tried.
        what: &'static str,
        /// Why it failed, with its causes.
        why: String,
    },
}

/// Why a term ended without a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossReason {
    /// It was not renewed in time.
    Expired,
    /// The record was replaced by someone else.
    Replaced,
    /// The record was deleted.
    Deleted,
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// A member claims a longer ttl than this one waits for, so this one does
    /// not acquire. Raise `max_ttl` here, or lower it there.
    ClampAboveWait {
        /// The member that claims it.
        holder: MemberName,
        /// T_CLAMP there.
        clamp: Duration,
        /// T_WAIT here.
        wait: Duration,
    },
    /// Patroni holds the key for a longer ttl than this member waits for its own
    /// kind. It waits longer for that member, so nobody follows it sooner: see
    /// [`BesidePatroni`](super::BesidePatroni). Raise `max_ttl` here, or lower
    /// the ttl there. Told once until holder or ttl are others.
    PatroniTtlAboveWait {
        /// Who holds the key.
        holder: MemberName,
        /// The ttl in the record.
        ttl: Duration,
        /// T_WAIT here.
        wait: Duration,
    },
    /// The store showed an older revision than before: it was restored from a
    /// copy, or moved. Fencing tokens may repeat.
    StoreWentBack,
    /// Something else than this library keeps changing the leader record, and
    /// each change makes everyone wait anew: nobody can take over. Find it and
    /// stop it.
    FailoverBlocked {
        /// How often it was changed since the last lease write.
        changes: u32,
    },
    /// The leader record cannot be read. It is replaced once the wait is over.
    MalformedLeader {
        /// Which part is wrong.
        why: String,
    },
    /// The store did not return what was written: something alters writes.
    AlteredWrite,
    /// This member would acquire, and the failsafe map of the record does not
    /// name it, or cannot be read: only members that the map names may acquire.
    /// If none of them will come back, remove the map while nobody leads.
    NotInFailsafeMap {
        /// The version with that map.
        revision: Revision,
    },
}

impl EventKind {
    pub(crate) fn trouble(what: &'static str, error: &Error) -> Self {
        Self::Trouble {
            what,
            why: with_causes(error),
        }
    }
}

/// An error and its causes, each once: some errors tell their cause themselves.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_an_error_tells_itself_is_told_once() {
        let inner = std::io::Error::other("the cause");
        let outer = std::io::Error::other(format!("it failed: {inner}"));
        let error = Error::Backend {
            backend: "the store",
            source: outer.into(),
        };
        assert_eq!(
            with_causes(&error),
            "the store failed: it failed: the cause"
        );
    }
}
