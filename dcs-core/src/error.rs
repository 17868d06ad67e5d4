//! Why a request to a store failed, sorted by what the caller can do about it.

use std::time::Duration;

use crate::{Key, Revision};

/// Any error, kept as the source of ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request failed. The first line of each variant is the advice.
///
/// For a write, whether it may have been applied all the same is not said here
/// but by the [`Outcome`](crate::Outcome) that carries the error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Read again and decide anew: someone else wrote first.
    #[error("{key} is not at the expected revision: read it again and decide anew")]
    Conflict {
        /// The key.
        key: Key,
        /// The revision that was found, where the store said so.
        found: Option<Revision>,
    },

    /// Try again later: the store was not reached, or refused for now.
    #[error("{backend} is not available: check that it runs and can be reached")]
    Unavailable {
        /// The backend.
        backend: &'static str,
        /// What the store asked us to wait.
        retry_after: Option<Duration>,
        /// The cause.
        source: BoxError,
    },

    /// Try again: no answer within the deadline.
    #[error("{backend} gave no answer within {after:?}")]
    Timeout {
        /// The backend.
        backend: &'static str,
        /// The deadline.
        after: Duration,
    },

    /// Fix the credentials: the store does not know who we are.
    #[error("{backend} does not accept our credentials: check the token or the client certificate")]
    Unauthenticated {
        /// The backend.
        backend: &'static str,
        /// The cause.
        source: BoxError,
    },

    /// Grant the right: the store knows us and said no.
    #[error("access to {what} was denied: {advice}")]
    PermissionDenied {
        /// What was to be done to what.
        what: String,
        /// The way out.
        advice: &'static str,
        /// The cause.
        source: BoxError,
    },

    /// Repair or remove the value: it cannot be read, and is never overwritten in silence.
    #[error("the value of {key} at revision {revision:?} is malformed: {why}; repair or remove it")]
    Malformed {
        /// The key.
        key: Key,
        /// The revision of the register it stands in.
        revision: Option<Revision>,
        /// Which part is wrong.
        why: String,
    },

    /// Choose another scope, or label the object: it belongs to someone else.
    #[error("{object} exists and is not ours: {why}; choose another scope or label the object")]
    Foreign {
        /// The object.
        object: String,
        /// What it lacks.
        why: String,
    },

    /// Make the value smaller: it exceeds what the store holds.
    #[error("the value of {key} is too large: {actual} bytes, {limit} are allowed")]
    TooLarge {
        /// The key.
        key: Key,
        /// Bytes that are allowed.
        limit: usize,
        /// Bytes that were to be written.
        actual: usize,
    },

    /// Correct the value: the store refused it.
    #[error("{backend} refused the value of {key}: {why}")]
    Refused {
        /// The backend.
        backend: &'static str,
        /// The key.
        key: Key,
        /// What the store said.
        why: String,
    },

    /// Create what is missing first: the member's own place in the store.
    #[error("{what} does not exist: {advice}")]
    Missing {
        /// What is missing.
        what: String,
        /// The way out.
        advice: &'static str,
    },

    /// Look at the source: none of the above.
    #[error("{backend} failed")]
    Backend {
        /// The backend.
        backend: &'static str,
        /// The cause.
        source: BoxError,
    },
}

impl Error {
    /// Whether someone else wrote first.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Whether the same request may succeed later without anyone's help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Timeout { .. } | Self::Backend { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stays_small_enough_to_return_by_value() {
        assert!(size_of::<Error>() <= 128, "{}", size_of::<Error>());
    }

    #[test]
    fn an_error_does_not_repeat_its_source() {
        let error = Error::Backend {
            backend: "memory",
            source: "the cause".into(),
        };
        assert!(!error.to_string().contains("the cause"));
    }
}
