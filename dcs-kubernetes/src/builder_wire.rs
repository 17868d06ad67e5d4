//! What a builder is told about the objects beside the lock.

use crate::settings::{Object, Settings};
use crate::{Builder, Group, InvalidName, RoleLabels};

/// Longest name of an object that a Service may have the name of.
const NAME_MAX: usize = 63;

impl<D> Builder<D> {
    /// The group of a Citus cluster that the scope is here; none by default.
    ///
    /// It becomes part of all names, `SCOPE-GROUP`, and a label on all objects.
    /// Pods of other groups, which share the scope's label, are not members.
    pub fn group(mut self, group: Group) -> Self {
        self.group = Some(group);
        self
    }

    /// The labels on Pods that Services route by. Patroni's defaults by default.
    pub fn role_labels(mut self, labels: RoleLabels) -> Self {
        self.role_labels = labels;
        self
    }

    /// Whether the headless Service `SCOPE-config` is made, which keeps the
    /// endpoints controller from deleting the Endpoints of that name. Off by
    /// default; nothing in `ConfigMap` mode.
    ///
    /// It takes the right to create Services. One refusal is enough: it is
    /// not asked for again.
    pub fn config_service(mut self, wanted: bool) -> Self {
        self.config_service = wanted;
        self
    }
}

/// What only all settings together can be wrong in.
pub(crate) fn check(settings: &Settings) -> Result<(), InvalidName> {
    let found_by = |key: &str| settings.written_labels().any(|(known, _)| known == key);
    if let Some(key) = settings.role_labels.keys().find(|key| found_by(key)) {
        return Err(InvalidName::new(
            "role label",
            key,
            "the objects of the scope are found by the label of this key: choose another one",
        ));
    }
    let name = settings.object_name(Object::Failover);
    if name.len() > NAME_MAX {
        return Err(InvalidName::new(
            "object name",
            &name,
            "use a shorter scope: it has at most 63 characters, the group and the ending among them",
        ));
    }
    Ok(())
}
