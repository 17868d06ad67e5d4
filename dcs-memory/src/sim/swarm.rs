//! How often what goes wrong, drawn anew for each history.

/// A recipe for histories: which faults, how often. Each history draws its own
/// rates from it, some of them zero, so that rare combinations get room (swarm
/// testing).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Swarm {
    /// Some of everything; a hostile writer in a third of the histories.
    #[default]
    Mixed,
    /// Nothing goes wrong.
    Calm,
    /// A hostile writer in every history, and ambushes.
    Hostile,
    /// Clocks at the bounds of their drift, leaders cut off again and again.
    Drift,
    /// Clocks slewed forth and back.
    Slews,
    /// Machines that sleep.
    Suspends,
    /// Many releases, watches with gaps, lost answers, released terms replayed.
    Releases,
    /// Messages that are late or lost, and nothing else.
    Late,
    /// New scopes: the key is deleted again and again.
    Deletions,
    /// Settings change while records are in flight, and records are rolled back.
    Settings,
    /// Messages are late by no more than an attempt may take; ambushes.
    Slow,
    /// The first process asserts a first bootstrap, and the key is deleted later.
    Bootstrap,
    /// T_CLAMP of some members exceeds T_WAIT of others, which therefore never
    /// acquire.
    Clamps,
    /// Someone who follows other rules takes and renews the key.
    Foreign,
    /// Failsafe mode: a leader that is cut off goes on while all members agree.
    Failsafe,
    /// Leases that are over are kept until the same member leads again.
    Leftovers,
    /// Of the [library's own members](super::Simulation::run_members) the first
    /// one or two lead by Patroni's loop, the others beside it. Programs under
    /// test get the faults of it, and no Patroni.
    Patroni,
}

impl Swarm {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Mixed,
        Self::Calm,
        Self::Hostile,
        Self::Drift,
        Self::Slews,
        Self::Suspends,
        Self::Releases,
        Self::Late,
        Self::Deletions,
        Self::Settings,
        Self::Slow,
        Self::Bootstrap,
        Self::Clamps,
        Self::Foreign,
        Self::Failsafe,
        Self::Leftovers,
        Self::Patroni,
    ];

    /// Its name on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Calm => "calm",
            Self::Hostile => "hostile",
            Self::Drift => "drift",
            Self::Slews => "slews",
            Self::Suspends => "suspends",
            Self::Releases => "releases",
            Self::Late => "late",
            Self::Deletions => "deletions",
            Self::Settings => "settings",
            Self::Slow => "slow",
            Self::Bootstrap => "bootstrap",
            Self::Clamps => "clamps",
            Self::Foreign => "foreign",
            Self::Failsafe => "failsafe",
            Self::Leftovers => "leftovers",
            Self::Patroni => "patroni",
        }
    }
}
