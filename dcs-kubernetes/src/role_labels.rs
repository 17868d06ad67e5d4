//! The labels on Pods that Services select the leader and the followers by.

use crate::Labels;

/// What stands in which label of a Pod, as Patroni's settings of these names say.
#[derive(Clone, Debug)]
pub(crate) struct RoleLabels {
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
