//! Revisions, and the preconditions and fencing tokens made of them.

use std::fmt;
use std::num::NonZeroU128;
use std::str::FromStr;

/// The version of a register that a write produced.
///
/// Revisions are positive, grow with each committed write of the same key and
/// are never used again, also when the key was deleted and created anew. On
/// Kubernetes this is the resourceVersion, which is comparable as a number
/// within one resource type (KEP-5504).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(NonZeroU128);

/// What a conditional write expects to find. There is no "anything" variant:
/// no write of this library overwrites what it has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: a key is there, at one revision, or it is not"
)]
pub enum Precondition {
    /// The register does not exist: the write creates it.
    Absent,
    /// The register stands at exactly this revision.
    Matches(Revision),
}

/// A number that strictly grows from one term of leadership to the next.
///
/// It is the revision of the write that acquired the leader key. Hand it to
/// the resources that the leader writes to; a resource that refuses tokens
/// smaller than the largest one seen cannot be hurt by a leader of the past:
/// [`TokenGate`](crate::fencing::TokenGate) does that. Its text is a decimal number.
/// Tokens of different backends or Kubernetes kinds are not comparable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(Revision);

/// Why a text is no revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{value:?} is no revision: use a positive decimal number without leading zeros, below 2^128"
)]
#[non_exhaustive]
pub struct RevisionError {
    /// The refused text, cut to 80 characters.
    pub value: String,
}

impl Revision {
    /// The revision with this number, or `None` for zero.
    #[must_use]
    pub const fn new(number: u128) -> Option<Self> {
        match NonZeroU128::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0.get()
    }
}

impl Precondition {
    /// The revision that is expected, or `None` for absence.
    #[must_use]
    pub const fn revision(self) -> Option<Revision> {
        match self {
            Self::Absent => None,
            Self::Matches(revision) => Some(revision),
        }
    }
}

impl From<Option<Revision>> for Precondition {
    fn from(revision: Option<Revision>) -> Self {
        revision.map_or(Self::Absent, Self::Matches)
    }
}

impl FencingToken {
    /// The token of the term whose acquiring write has this revision. The
    /// election makes it; others read back what was stored.
    #[must_use]
    pub const fn new(acquired_at: Revision) -> Self {
        Self(acquired_at)
    }

    /// The token with this number, or `None` for zero: what a resource stored.
    #[must_use]
    pub const fn from_number(number: u128) -> Option<Self> {
        match Revision::new(number) {
            Some(acquired_at) => Some(Self(acquired_at)),
            None => None,
        }
    }

    /// The number to hand to a resource.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0.get()
    }
}

impl FromStr for Revision {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, RevisionError> {
        let error = || RevisionError {
            value: text.chars().take(80).collect(),
        };
        if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        text.parse().ok().and_then(Self::new).ok_or_else(error)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_positive_plain_decimal_number_is_a_revision() {
        for bad in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            "1.0",
            "x",
            " 1",
            "340282366920938463463374607431768211456",
        ] {
            assert!(bad.parse::<Revision>().is_err(), "{bad:?}");
        }
        let largest: Revision = u128::MAX.to_string().parse().unwrap();
        assert_eq!(largest.get(), u128::MAX);
    }

    #[test]
    fn revisions_compare_as_numbers_and_not_as_text() {
        let small: Revision = "9".parse().unwrap();
        let large: Revision = "10".parse().unwrap();
        assert!(small < large);
    }
}
