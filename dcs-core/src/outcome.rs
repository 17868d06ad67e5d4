//! The three outcomes of a write.

use crate::{Error, LeaderRecord, Revision, Value};

/// How a write ended. There are three ways, never two.
#[derive(Debug)]
#[must_use = "a write may have failed, or may have succeeded without anyone knowing"]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made a request, and moved twice"
)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: three outcomes, never two and never four"
)]
pub enum Outcome {
    /// It was applied, once.
    Committed(Committed),
    /// It was not applied and never will be.
    NotCommitted(Error),
    /// It may have been applied, or may be applied later. Only reading back
    /// tells, and only where what was written can be told from what others write.
    Unknown(Error),
}

/// What the store said of a write that it applied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The revision that the write produced.
    pub revision: Revision,
    /// For a write of the leader register: the record as the store returned it.
    /// A store that alters what it is given is found out by comparing it.
    pub leader: Option<Value<LeaderRecord>>,
}

impl Committed {
    /// A write of another key than the leader's.
    #[must_use]
    pub const fn new(revision: Revision) -> Self {
        Self {
            revision,
            leader: None,
        }
    }

    /// A write of the leader register, with the record that the store returned.
    #[must_use]
    pub const fn leader(revision: Revision, returned: Value<LeaderRecord>) -> Self {
        Self {
            revision,
            leader: Some(returned),
        }
    }
}

impl Outcome {
    /// The revision of a committed write.
    ///
    /// # Errors
    /// The error of the two other outcomes, as a [`WriteError`] that still tells them apart.
    pub fn into_result(self) -> Result<Revision, WriteError> {
        match self {
            Self::Committed(committed) => Ok(committed.revision),
            Self::NotCommitted(error) => Err(WriteError::NotCommitted(error)),
            Self::Unknown(error) => Err(WriteError::Unknown(error)),
        }
    }

    /// Whether the write lost against another one.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::NotCommitted(error) if error.is_conflict())
    }
}

/// Why a write did not end as committed.
#[derive(Debug, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: what is left of three outcomes without success"
)]
pub enum WriteError {
    /// The write was not applied and never will be.
    #[error("the write was not applied")]
    NotCommitted(#[source] Error),
    /// The write may have been applied: read the key before writing again.
    #[error("the outcome of the write is unknown: read the key before writing again")]
    Unknown(#[source] Error),
}

impl WriteError {
    /// The cause.
    #[must_use]
    pub const fn error(&self) -> &Error {
        match self {
            Self::NotCommitted(error) | Self::Unknown(error) => error,
        }
    }
}
