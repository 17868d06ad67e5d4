//! The sync key: who may follow the leader without losing anything.

/// The sync key: which members hold all that the leader has confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncState {
    /// The leader that wrote it; `None` where synchronous mode is off.
    pub leader: Option<String>,
    /// The synchronous standbys, sorted.
    pub sync_standby: Vec<String>,
    /// How many of them must confirm, where that was said: ask
    /// [`quorum`](Self::quorum).
    pub quorum: Option<u32>,
}

impl SyncState {
    /// The state that `leader` writes for these standbys.
    #[must_use]
    pub fn new(leader: &str, mut sync_standby: Vec<String>, quorum: u32) -> Self {
        sync_standby.sort();
        Self {
            leader: Some(leader.to_owned()),
            sync_standby,
            quorum: Some(quorum),
        }
    }

    /// How many standbys must confirm: 0 in priority mode, and where there is
    /// no leader or no number, as Patroni reads it.
    #[must_use]
    pub fn quorum(&self) -> u32 {
        self.leader.as_ref().and(self.quorum).unwrap_or_default()
    }
}
