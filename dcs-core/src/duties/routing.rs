//! Which role clients are sent to a member in.

use crate::MemberRecord;

/// The role in which clients reach a member. A store that routes by labels
/// writes it as one: see the docs of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Routing {
    /// The member leads.
    Leader,
    /// The member leads a cluster that follows another cluster.
    StandbyLeader,
    /// The member has this role, such as `replica`.
    Role(String),
    /// Nobody is sent to the member: it does not run.
    Nowhere,
}

impl Routing {
    /// How clients reach the member of this record, which `leads` or does not,
    /// as Patroni labels its Pods: whoever leads is reached as the leader, a
    /// member that runs in the role that it has, and a primary that does not
    /// lead by nobody.
    ///
    /// ```
    /// use dcs_core::MemberRecord;
    /// use dcs_core::duties::Routing;
    ///
    /// let record = MemberRecord::new("demo-0".parse()?, serde_json::Map::new())
    ///     .with("state", "running")
    ///     .with("role", "replica");
    /// assert_eq!(Routing::of(&record, false), Routing::Role("replica".to_owned()));
    /// assert_eq!(Routing::of(&record, true), Routing::Leader);
    /// # Ok::<(), dcs_core::NameError>(())
    /// ```
    #[must_use]
    pub fn of(record: &MemberRecord, leads: bool) -> Self {
        match record.role() {
            Some("standby_leader") if leads => Self::StandbyLeader,
            _ if leads => Self::Leader,
            Some(role) if record.is_running() && !record.is_primary() => {
                Self::Role(role.to_owned())
            }
            _ => Self::Nowhere,
        }
    }
}

/// Whether a member in this state is being made: the states in which Patroni
/// gives its Pod the bootstrap labels.
#[must_use]
pub fn is_bootstrapping(state: &str) -> bool {
    let states = [
        "initializing new cluster",
        "running custom bootstrap script",
        "starting after custom bootstrap",
        "creating replica",
    ];
    states.contains(&state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: &str, state: &str, leads: bool) -> Routing {
        let record = MemberRecord::new("demo-0".parse().unwrap(), serde_json::Map::new());
        Routing::of(&record.with("role", role).with("state", state), leads)
    }

    #[test]
    fn whoever_leads_is_reached_as_the_leader_in_any_state() {
        assert_eq!(of("primary", "running", true), Routing::Leader);
        assert_eq!(of("replica", "starting", true), Routing::Leader);
        assert_eq!(
            of("standby_leader", "running", true),
            Routing::StandbyLeader
        );
    }

    #[test]
    fn a_follower_is_reached_in_its_role_while_it_runs() {
        let role = |role: &str| Routing::Role(role.to_owned());
        for raw in [
            "replica",
            "demoted",
            "promoted",
            "standby_leader",
            "uninitialized",
        ] {
            assert_eq!(of(raw, "running", false), role(raw));
            assert_eq!(of(raw, "stopped", false), Routing::Nowhere, "{raw}");
        }
    }

    #[test]
    fn a_primary_that_does_not_lead_is_reached_by_nobody() {
        assert_eq!(of("primary", "running", false), Routing::Nowhere);
        assert_eq!(of("master", "running", false), Routing::Nowhere);
    }

    #[test]
    fn a_member_is_bootstrapping_in_four_states() {
        assert!(is_bootstrapping("creating replica"));
        assert!(!is_bootstrapping("running") && !is_bootstrapping("initdb failed"));
    }
}
