//! Why the leader of a term did not write a key.

use crate::{EditError, Error, FencingToken, Key, WriteError};

/// Why the leader of a term did not write a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TermError {
    /// Stop: a newer term has fenced the key. Nothing was written.
    #[error(
        "{key} is fenced with token {newest}, and ours is {token}: another member leads; stop the work and acquire the lease anew (objects that were copied from another cluster keep its fences: remove them)"
    )]
    Superseded {
        /// The key.
        key: Key,
        /// The token of this term.
        token: FencingToken,
        /// The token that was found.
        newest: FencingToken,
    },
    /// Stop: the lease is over. The value was not written.
    #[error("the lease with token {token} is over, so {key} was not written: acquire it anew")]
    LeaseOver {
        /// The key.
        key: Key,
        /// The token of this term.
        token: FencingToken,
    },
    /// Choose another key: the lease itself guards leader, status and failsafe,
    /// and a member's key has one writer.
    #[error("{key} has no fence: fence config, initialize, history, failover or sync")]
    NoFence {
        /// The key.
        key: Key,
    },
    /// As for any other writer.
    #[error(transparent)]
    Edit(Box<EditError>),
}

impl TermError {
    /// Whether this process leads no more, so that the work has to stop.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Superseded { .. } | Self::LeaseOver { .. })
    }

    /// How many bytes too large the value was.
    pub(super) fn surplus(&self) -> Option<usize> {
        let Self::Edit(error) = self else { return None };
        match &**error {
            EditError::Write {
                source: WriteError::NotCommitted(Error::TooLarge { limit, actual, .. }),
                ..
            } => Some(actual.saturating_sub(*limit)),
            _ => None,
        }
    }
}

impl From<EditError> for TermError {
    fn from(error: EditError) -> Self {
        Self::Edit(Box::new(error))
    }
}
