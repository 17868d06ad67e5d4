//! What third parties do to the leader register.

use std::fmt;

use super::class::Class;

/// What a third party does to the leader register.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit {
    /// Deletes it.
    Delete,
    /// Removes the holder.
    Wipe,
    /// Writes it as it is: another revision.
    Bump,
    /// Writes what stood there so many versions ago.
    RollBack {
        /// How many versions back, from 1.
        versions: usize,
    },
    /// Writes a release mark with a secret of its own.
    ForgeRelease,
    /// Writes the last version that was released, and then its release, again.
    ReplayRelease,
    /// Writes the last release mark again over what stands there.
    ReplayMark,
    /// Writes another ttl.
    Ttl {
        /// The ttl in seconds.
        seconds: u64,
    },
    /// Writes another holder.
    Stranger,
    /// Renews the record as Patroni does: a new `renewTime`, the rest as it was.
    Renew,
}

impl Edit {
    pub(super) const fn class(&self) -> Class {
        match self {
            Self::Delete => Class::Delete,
            Self::Wipe => Class::Wipe,
            Self::Bump => Class::Bump,
            Self::RollBack { .. } => Class::RollBack,
            Self::ForgeRelease => Class::ForgedRelease,
            Self::ReplayRelease => Class::ReplayedRelease,
            Self::ReplayMark => Class::ReplayedMark,
            Self::Ttl { .. } => Class::TtlEdit,
            Self::Stranger => Class::Stranger,
            Self::Renew => Class::ForeignRenewal,
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete => f.write_str("deletes the leader record"),
            Self::Wipe => f.write_str("wipes the holder"),
            Self::Bump => f.write_str("writes the leader record as it is"),
            Self::RollBack { versions } => {
                write!(f, "writes the leader record of {versions} versions ago")
            }
            Self::ForgeRelease => f.write_str("forges a release"),
            Self::ReplayRelease => f.write_str("writes a released term and its release again"),
            Self::ReplayMark => f.write_str("writes an old release mark again"),
            Self::Ttl { seconds } => write!(f, "writes a ttl of {seconds} s"),
            Self::Stranger => f.write_str("writes another holder"),
            Self::Renew => f.write_str("renews the leader record by rules of its own"),
        }
    }
}
