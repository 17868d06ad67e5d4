//! From settings to handles.

use std::sync::Arc;

use dcs_core::{Dcs, MemberName, Scope};

use super::KubernetesSettings;
use crate::store::Store;
use crate::{
    BuildError, Builder, ConfigMapDcs, EndpointsDcs, Group, InvalidName, Mode, Namespace,
    RoleLabels,
};

impl KubernetesSettings {
    /// A builder of a handle on this scope in Endpoints, with all of these
    /// settings but the place of the cluster: see [`cluster`](Self::cluster).
    ///
    /// Without `pod_ip` the address is that of the member's own Pod.
    ///
    /// # Errors
    /// [`BuildError::Name`] where two of the labels have the same key.
    pub fn endpoints(&self, scope: Scope) -> Result<Builder<EndpointsDcs>, BuildError> {
        let mut builder = self.applied_to(EndpointsDcs::builder(scope))?;
        if let Some(ports) = &self.ports {
            builder = builder.ports(ports.iter().cloned());
        }
        Ok(match self.pod_ip {
            Some(ip) => builder.pod_ip(ip),
            None => builder.pod_ip_of_own_pod(),
        })
    }

    /// A builder of a handle on this scope in `ConfigMaps`, likewise.
    ///
    /// # Errors
    /// [`BuildError::Name`] where two of the labels have the same key.
    pub fn config_maps(&self, scope: Scope) -> Result<Builder<ConfigMapDcs>, BuildError> {
        self.applied_to(ConfigMapDcs::builder(scope))
    }

    /// A handle on this scope in the mode that the settings say, in the cluster
    /// that they name: [`connect_to`](Self::connect_to) with [`cluster`](Self::cluster).
    ///
    /// # Errors
    /// [`BuildError::NoCluster`] where there is none, and what `connect_to` fails with.
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
        self.connect_to(config, scope, group, member).await
    }

    /// A handle on this scope in the mode that the settings say. With `member`
    /// it speaks for that member; without one it reads, and writes what no
    /// member owns. For more than that take [`endpoints`](Self::endpoints) or
    /// [`config_maps`](Self::config_maps).
    ///
    /// For a member, [`Builder::refuse_other_mode`] is asked first.
    ///
    /// # Errors
    /// [`BuildError::OtherMode`] where somebody does,
    /// [`BuildError::OtherModeUnreadable`] where that cannot be told, or the
    /// setting that is wrong.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn connect_to(
        &self,
        config: kube::Config,
        scope: Scope,
        group: Option<Group>,
        member: Option<MemberName>,
    ) -> Result<Arc<dyn Dcs>, BuildError> {
        match self.mode() {
            Mode::Endpoints => joined(self.endpoints(scope)?, config, group, member).await,
            Mode::ConfigMap => joined(self.config_maps(scope)?, config, group, member).await,
        }
    }

    fn applied_to<D>(&self, builder: Builder<D>) -> Result<Builder<D>, BuildError> {
        let mut builder = builder
            .config_service(self.mode() == Mode::Endpoints)
            .role_labels(self.labels_of_roles()?)
            .retriable_http_codes(self.retriable_http_codes.iter().flatten().copied())
            .bypass_api_service(self.bypass_api_service.unwrap_or_default());
        builder.namespace = Some(self.namespace_or_default());
        builder.labels = self.labels.clone().unwrap_or_default();
        if let Some(key) = &self.scope_label {
            key.as_str().clone_into(&mut builder.scope_label);
        }
        Ok(builder)
    }

    fn namespace_or_default(&self) -> Namespace {
        let named = self.namespace.as_ref().or(self.pod_namespace.as_ref());
        named.cloned().unwrap_or_else(Namespace::default_one)
    }

    fn labels_of_roles(&self) -> Result<RoleLabels, InvalidName> {
        // The keys are told apart once all of them are there.
        let mut labels = RoleLabels::default();
        if let Some(key) = &self.role_label {
            labels = labels.role_label(key)?;
        }
        if let Some(value) = &self.leader_label_value {
            labels = labels.leader_label_value(value)?;
        }
        if let Some(value) = &self.follower_label_value {
            labels = labels.follower_label_value(value)?;
        }
        if let Some(value) = &self.standby_leader_label_value {
            labels = labels.standby_leader_label_value(value)?;
        }
        if let Some(key) = &self.tmp_role_label {
            labels = labels.tmp_role_label(key)?;
        }
        match &self.bootstrap_labels {
            Some(bootstrap) => labels.bootstrap_labels(bootstrap.clone()),
            None => Ok(labels),
        }
    }
}

async fn joined<D: From<Store> + Dcs + 'static>(
    mut builder: Builder<D>,
    config: kube::Config,
    group: Option<Group>,
    member: Option<MemberName>,
) -> Result<Arc<dyn Dcs>, BuildError> {
    builder.group = group;
    if member.is_some() {
        builder.refuse_other_mode(&config).await?;
    }
    Ok(Arc::new(builder.speaking_for(member).build(config)?))
}
