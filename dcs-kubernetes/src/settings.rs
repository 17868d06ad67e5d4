//! What a handle was built with, and the names that follow from it.

use std::net::IpAddr;
use std::time::Duration;

use dcs_core::{Key, MemberName, Scope};

use crate::format::Object as Raw;
use crate::role_labels::RoleLabels;
use crate::{Group, Labels, Namespace, Port};

/// In which kind of object the keys of a scope live. All that the two backends
/// do not share follows from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Endpoints,
    ConfigMap,
}

/// A collection of the Kubernetes API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collection {
    Keys(Kind),
    Pods,
    Services,
}

/// An object of a scope, other than a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Object {
    Leader,
    Config,
    Failover,
    Sync,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) kind: Kind,
    pub(crate) scope: Scope,
    pub(crate) namespace: Namespace,
    /// The cluster labels and, last, the scope label.
    pub(crate) labels: Labels,
    pub(crate) member: Option<MemberName>,
    /// Only and always in Endpoints mode.
    pub(crate) address: Option<Address>,
    /// The group of a Citus cluster that the scope is, if it is one.
    pub(crate) group: Option<Group>,
    pub(crate) role_labels: RoleLabels,
    /// Whether the headless Service of the config object is made.
    pub(crate) config_service: bool,
    /// Statuses that are taken for passing trouble, beside the usual ones.
    pub(crate) retriable: Vec<u16>,
    pub(crate) attempt_timeout: Duration,
}

/// What clients are sent to while this handle's member leads.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) ports: Vec<Port>,
}

impl Kind {
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::ConfigMap => "configmaps",
        }
    }
}

impl Collection {
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Keys(kind) => kind.plural(),
            Self::Pods => "pods",
            Self::Services => "services",
        }
    }

    /// The rule that a Role needs for all that is done to this collection.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Keys(Kind::Endpoints) => {
                "let a Role grant get, list, watch, create and patch on endpoints to this account"
            }
            Self::Keys(Kind::ConfigMap) => {
                "let a Role grant get, list, watch, create and patch on configmaps to this account"
            }
            Self::Pods => "let a Role grant get, list, watch and patch on pods to this account",
            Self::Services => "let a Role grant create on services to this account",
        }
    }
}

impl Object {
    pub(crate) const ALL: [Self; 4] = [Self::Leader, Self::Config, Self::Failover, Self::Sync];

    /// The object whose revision guards `key`; `None` for a member's key.
    pub(crate) const fn of(key: &Key) -> Option<Self> {
        match key {
            Key::Leader | Key::Status | Key::Failsafe => Some(Self::Leader),
            Key::Config | Key::Initialize | Key::History => Some(Self::Config),
            Key::Failover => Some(Self::Failover),
            Key::Sync => Some(Self::Sync),
            _ => None,
        }
    }
}

impl Settings {
    pub(crate) const fn keys(&self) -> Collection {
        Collection::Keys(self.kind)
    }

    /// What all names of the scope's objects begin with.
    pub(crate) fn prefix(&self) -> String {
        match self.group {
            Some(group) => format!("{}-{group}", self.scope),
            None => self.scope.to_string(),
        }
    }

    /// The labels of all objects: those of the selector and, last, the group,
    /// which no selector of Patroni's has.
    pub(crate) fn written_labels(&self) -> impl Iterator<Item = (&str, String)> {
        let group = self.group.map(|group| (Group::LABEL, group.to_string()));
        let labels = self.labels.iter();
        labels
            .map(|(key, value)| (key, value.to_owned()))
            .chain(group)
    }

    /// Whether an object that the selector found is one of this group.
    pub(crate) fn is_in_group(&self, raw: &Raw) -> bool {
        self.group
            .is_none_or(|group| raw.label(Group::LABEL) == Some(&group.to_string()))
    }

    pub(crate) fn object_name(&self, object: Object) -> String {
        let scope = self.prefix();
        match (object, self.kind) {
            // The name of the Service that has no selector.
            (Object::Leader, Kind::Endpoints) => scope,
            (Object::Leader, Kind::ConfigMap) => format!("{scope}-leader"),
            (Object::Config, _) => format!("{scope}-config"),
            (Object::Failover, _) => format!("{scope}-failover"),
            (Object::Sync, _) => format!("{scope}-sync"),
        }
    }

    pub(crate) fn object_named(&self, name: &str) -> Option<Object> {
        Object::ALL
            .into_iter()
            .find(|object| self.object_name(*object) == name)
    }

    /// `Endpoints default/demo`, for messages.
    pub(crate) fn describe(&self, collection: Collection, name: &str) -> String {
        format!("{} {}/{name}", collection.plural(), self.namespace)
    }
}
