//! From settings to handles.

use std::sync::Arc;

use dcs_core::{Dcs, MemberName, Scope};

use super::KubernetesSettings;
use crate::role_labels::RoleLabels;
use crate::store::Store;
use crate::{BuildError, Builder, ConfigMapDcs, EndpointsDcs, Group, LabelKey, Mode, Namespace};

impl KubernetesSettings {
    /// A builder of a handle on this scope in Endpoints, with all of these
    /// settings but the place of the cluster: see [`cluster`](Self::cluster).
    ///
    /// Without `pod_ip` the address is that of the member's own Pod.
    pub fn endpoints(&self, scope: Scope) -> Builder<EndpointsDcs> {
        let mut builder = self.applied_to(EndpointsDcs::builder(scope));
        if let Some(ports) = &self.ports {
            builder = builder.ports(ports.iter().cloned());
        }
        match self.pod_ip {
            Some(ip) => builder.pod_ip(ip),
            None => builder.pod_ip_of_own_pod(),
        }
    }

    /// A builder of a handle on this scope in `ConfigMaps`, likewise.
    pub fn config_maps(&self, scope: Scope) -> Builder<ConfigMapDcs> {
        self.applied_to(ConfigMapDcs::builder(scope))
    }

    /// A handle on this scope in the cluster and in the mode that the settings
    /// say. With `member` it speaks for that member; without one it reads, and
    /// writes what no member owns. For more than that take
    /// [`endpoints`](Self::endpoints) or [`config_maps`](Self::config_maps).
    ///
    /// # Errors
    /// [`BuildError::NoCluster`] where there is none, or the setting that is wrong.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn connect(
        &self,
        scope: Scope,
        group: Option<Group>,
        member: Option<MemberName>,
    ) -> Result<Arc<dyn Dcs>, BuildError> {
        let config = self.cluster().await?;
        Ok(match self.mode() {
            Mode::Endpoints => {
                let builder = self.endpoints(scope).for_member(group, member);
                Arc::new(builder.build(config)?)
            }
            Mode::ConfigMap => {
                let builder = self.config_maps(scope).for_member(group, member);
                Arc::new(builder.build(config)?)
            }
        })
    }

    fn applied_to<D: From<Store>>(&self, builder: Builder<D>) -> Builder<D> {
        let mut builder = builder
            .namespace(self.namespace_or_default())
            .labels(self.labels.clone().unwrap_or_default())
            .retriable_http_codes(self.retriable_http_codes.iter().flatten().copied())
            .bypass_api_service(self.bypass_api_service.unwrap_or_default());
        if let Some(key) = &self.scope_label {
            builder = builder.scope_label(key);
        }
        builder.config_service = self.mode() == Mode::Endpoints;
        builder.role_labels = self.labels_of_roles();
        builder
    }

    fn namespace_or_default(&self) -> Namespace {
        let named = self.namespace.as_ref().or(self.pod_namespace.as_ref());
        named.cloned().unwrap_or_else(Namespace::default_one)
    }

    fn labels_of_roles(&self) -> RoleLabels {
        let defaults = RoleLabels::default();
        let key = |key: &Option<LabelKey>| key.as_ref().map(|key| key.as_str().to_owned());
        let value = |value: &Option<String>, or: String| value.clone().unwrap_or(or);
        RoleLabels {
            role: key(&self.role_label).unwrap_or(defaults.role),
            leader: value(&self.leader_label_value, defaults.leader),
            follower: value(&self.follower_label_value, defaults.follower),
            standby_leader: value(&self.standby_leader_label_value, defaults.standby_leader),
            tmp_role: key(&self.tmp_role_label),
            bootstrap: self.bootstrap_labels.clone().unwrap_or_default(),
        }
    }
}

impl<D: From<Store>> Builder<D> {
    fn for_member(mut self, group: Option<Group>, member: Option<MemberName>) -> Self {
        self.group = group;
        match member {
            Some(member) => self.member(member),
            None => self,
        }
    }
}
