//! The labels on Pods that Services select the leader and the followers by.

use dcs_core::duties::Routing;
use serde_json::{Map, Value};

use crate::{InvalidName, LabelKey, Labels};

/// What stands in which label of a member's Pod, as Patroni's settings of
/// these names say. A Service with a selector routes by it.
///
/// The labels are written with a member's own key, where the record says how
/// clients are routed ([`MemberRecord::routed`](dcs_core::MemberRecord::routed)),
/// and never without it.
///
/// ```
/// use dcs_kubernetes::RoleLabels;
///
/// // As Spilo and the operator around it have it.
/// let labels = RoleLabels::default()
///     .role_label(&"spilo-role".parse()?)?
///     .leader_label_value("master")?;
/// # let _ = labels;
/// # Ok::<(), dcs_kubernetes::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the labels do nothing until a builder is given them"]
pub struct RoleLabels {
    /// `role_label`: the key.
    pub(crate) role: String,
    /// `leader_label_value`.
    pub(crate) leader: String,
    /// `follower_label_value`.
    pub(crate) follower: String,
    /// `standby_leader_label_value`.
    pub(crate) standby_leader: String,
    /// `tmp_role_label`: a second key, with the default values.
    pub(crate) tmp_role: Option<String>,
    /// `bootstrap_labels`: on a Pod while it makes its data.
    pub(crate) bootstrap: Labels,
}

impl Default for RoleLabels {
    fn default() -> Self {
        Self {
            role: "role".to_owned(),
            leader: "primary".to_owned(),
            follower: "replica".to_owned(),
            standby_leader: "primary".to_owned(),
            tmp_role: None,
            bootstrap: Labels::default(),
        }
    }
}

impl RoleLabels {
    /// `role_label`: the key of the label; `role` by default.
    ///
    /// # Errors
    /// [`InvalidName`] where another of these labels has the key.
    pub fn role_label(mut self, key: &LabelKey) -> Result<Self, InvalidName> {
        key.as_str().clone_into(&mut self.role);
        self.distinct()
    }

    /// `leader_label_value`: what it says of the leader; `primary` by default.
    ///
    /// # Errors
    /// [`InvalidName`] where Kubernetes takes no such value.
    pub fn leader_label_value(mut self, value: &str) -> Result<Self, InvalidName> {
        self.leader = checked(value)?;
        Ok(self)
    }

    /// `follower_label_value`: what it says of a replica; `replica` by default.
    ///
    /// # Errors
    /// [`InvalidName`] where Kubernetes takes no such value.
    pub fn follower_label_value(mut self, value: &str) -> Result<Self, InvalidName> {
        self.follower = checked(value)?;
        Ok(self)
    }

    /// `standby_leader_label_value`: what it says of the leader of a cluster
    /// that follows another one; `primary` by default.
    ///
    /// # Errors
    /// [`InvalidName`] where Kubernetes takes no such value.
    pub fn standby_leader_label_value(mut self, value: &str) -> Result<Self, InvalidName> {
        self.standby_leader = checked(value)?;
        Ok(self)
    }

    /// `tmp_role_label`: the key of a second label, which says the same with
    /// the default values. For changing key or values under running clients.
    ///
    /// # Errors
    /// [`InvalidName`] where another of these labels has the key.
    pub fn tmp_role_label(mut self, key: &LabelKey) -> Result<Self, InvalidName> {
        self.tmp_role = Some(key.as_str().to_owned());
        self.distinct()
    }

    /// `bootstrap_labels`: on the Pod while its member makes its data, and
    /// removed afterwards; none by default.
    ///
    /// # Errors
    /// [`InvalidName`] where one of them has the key of another of these labels.
    pub fn bootstrap_labels(mut self, labels: Labels) -> Result<Self, InvalidName> {
        self.bootstrap = labels;
        self.distinct()
    }

    /// The key of each label.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let roles = [Some(&*self.role), self.tmp_role.as_deref()];
        let bootstrap = self.bootstrap.iter().map(|(key, _)| key);
        roles.into_iter().flatten().chain(bootstrap)
    }

    /// Two values under one key: the one would be the other's end.
    fn distinct(self) -> Result<Self, InvalidName> {
        let mut keys: Vec<_> = self.keys().collect();
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(InvalidName::new(
                "label key",
                pair[0],
                "the role label, the second one and the bootstrap labels need a key of their own each",
            ));
        }
        Ok(self)
    }
}

fn checked(value: &str) -> Result<String, InvalidName> {
    Labels::new([("role", value)]).map(|_| value.to_owned())
}

/// States in which a member makes its data.
const BOOTSTRAP_STATES: [&str; 4] = [
    "initializing new cluster",
    "running custom bootstrap script",
    "starting after custom bootstrap",
    "creating replica",
];

impl RoleLabels {
    /// What is to stand on the Pod of a member that clients reach in this role
    /// while it is in this state; null removes.
    ///
    /// # Errors
    /// What is wrong with a role that is no value of a label.
    pub(crate) fn on_pod(
        &self,
        routing: &Routing,
        state: Option<&str>,
    ) -> Result<Map<String, Value>, String> {
        let (role, tmp) = match routing {
            Routing::Leader => (Some(&*self.leader), Some("primary")),
            Routing::StandbyLeader => (Some(&*self.standby_leader), Some("primary")),
            Routing::Role(role) => self.of_follower(role)?,
            _ => (None, None),
        };
        let mut labels = Map::new();
        labels.insert(self.role.clone(), role.into());
        if let Some(key) = &self.tmp_role {
            labels.insert(key.clone(), tmp.into());
        }
        let bootstraps = state.is_some_and(|state| BOOTSTRAP_STATES.contains(&state));
        for (key, value) in self.bootstrap.iter() {
            let value = bootstraps.then_some(value);
            labels.insert(key.to_owned(), value.into());
        }
        Ok(labels)
    }

    /// None of the labels on the Pod.
    pub(crate) fn removed(&self) -> Map<String, Value> {
        let keys = self.keys().map(str::to_owned);
        keys.map(|key| (key, Value::Null)).collect()
    }

    /// A member that does not lead never carries what selects the leader.
    fn of_follower<'a>(
        &'a self,
        role: &'a str,
    ) -> Result<(Option<&'a str>, Option<&'a str>), String> {
        checked(role).map_err(|why| why.to_string())?;
        let value = if role == "replica" {
            &*self.follower
        } else {
            role
        };
        let of_leader = [&*self.leader, "primary", "master"];
        let of_standby_leader = role == "standby_leader" && role == self.standby_leader;
        if of_leader.contains(&role) || of_leader.contains(&value) || of_standby_leader {
            return Ok((None, None));
        }
        Ok((Some(value), Some(role)))
    }
}
