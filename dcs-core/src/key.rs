//! The keys of a scope.

use std::fmt;

use crate::MemberName;

/// One key of a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Key {
    /// Who leads.
    Leader,
    /// How far the leader has got. In the leader's register.
    Status,
    /// Who must agree before a leader goes on without the store. In the leader's register.
    Failsafe,
    /// The dynamic configuration.
    Config,
    /// Whether the first data was made.
    Initialize,
    /// The changes of timeline.
    History,
    /// A request to hand leadership over.
    Failover,
    /// The synchronous standbys.
    Sync,
    /// What a member says of itself.
    Member(MemberName),
}

impl Key {
    /// Whether the register of this key has a fence, so that [`Dcs::fence`](crate::Dcs::fence)
    /// touches it: true of config, initialize, history, failover and sync.
    #[must_use]
    pub const fn has_fence(&self) -> bool {
        match self {
            Self::Config | Self::Initialize | Self::History | Self::Failover | Self::Sync => true,
            Self::Leader | Self::Status | Self::Failsafe | Self::Member(_) => false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => f.write_str("leader"),
            Self::Status => f.write_str("status"),
            Self::Failsafe => f.write_str("failsafe"),
            Self::Config => f.write_str("config"),
            Self::Initialize => f.write_str("initialize"),
            Self::History => f.write_str("history"),
            Self::Failover => f.write_str("failover"),
            Self::Sync => f.write_str("sync"),
            Self::Member(name) => write!(f, "members/{name}"),
        }
    }
}
