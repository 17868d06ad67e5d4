//! The sync key: who may follow the leader without losing anything.

/// The sync key: which members hold all that the leader has confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncState {
    /// The leader that wrote it; `None` where synchronous mode is off.
    pub leader: Option<String>,
    /// The synchronous standbys, sorted.
    pub sync_standby: Vec<String>,
    /// How many of them a candidate must have asked, where that was said: ask
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

    /// How many of the other standbys a candidate must have found not to be
    /// ahead of itself: 0 in priority mode, and where there is no leader or no
    /// number, as Patroni reads it.
    #[must_use]
    pub fn quorum(&self) -> u32 {
        self.leader.as_ref().and(self.quorum).unwrap_or_default()
    }

    /// Whether synchronous mode is off: nobody leads in it.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.leader.as_ref().is_none_or(String::is_empty)
    }

    /// Whether this member is a synchronous standby, in any case of letters.
    #[must_use]
    pub fn matches(&self, member: &str) -> bool {
        let names = self.sync_standby.iter();
        !self.is_off()
            && names
                .into_iter()
                .any(|name| name.eq_ignore_ascii_case(member))
    }

    /// Whether this member wrote it as the leader, in any case of letters.
    #[must_use]
    pub fn leader_matches(&self, member: &str) -> bool {
        let leader = self.leader.as_deref().unwrap_or_default();
        !leader.is_empty() && leader.eq_ignore_ascii_case(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_counts_only_with_a_leader_and_a_number() {
        let mut state = SyncState::new("a", vec!["b".to_owned()], 2);
        assert_eq!(state.quorum(), 2);
        state.quorum = None;
        assert_eq!(state.quorum(), 0);
        state.quorum = Some(2);
        state.leader = None;
        assert_eq!(state.quorum(), 0);
    }

    #[test]
    fn members_are_matched_in_any_case_of_letters() {
        let state = SyncState::new("Demo-0", vec!["demo-1".to_owned()], 0);
        assert!(state.leader_matches("demo-0") && state.matches("DEMO-1"));
        assert!(!state.matches("demo-0") && !state.leader_matches("demo-1"));
        assert!(!SyncState::default().leader_matches(""));
    }

    #[test]
    fn without_a_leader_nobody_is_synchronous() {
        let mut state = SyncState::new("", vec!["b".to_owned()], 0);
        assert!(state.is_off() && !state.matches("b"));
        state.leader = None;
        assert!(state.is_off() && !state.matches("b"));
    }
}
