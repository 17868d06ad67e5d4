//! The table of kinds: what the server knows of each, and how it treats it.

/// A kind of object that the server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    ConfigMap,
    Endpoints,
    EndpointSlice,
    Lease,
    Namespace,
    Pod,
    Service,
}

/// What distinguishes a kind from the others.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each one is a column of the table"
)]
pub(crate) struct Facts {
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) namespaced: bool,
    /// Top-level fields beside kind, apiVersion and metadata, as they are printed.
    pub(crate) fields: &'static [&'static str],
    /// A PUT of an object that is not there creates it.
    pub(crate) put_creates: bool,
    /// A PUT without a resourceVersion overwrites whatever is there.
    pub(crate) put_overwrites: bool,
    pub(crate) has_generation: bool,
    /// `status` is written through its own path, and ignored elsewhere.
    pub(crate) has_status: bool,
    /// A deletion answers with the object and not with a Status.
    pub(crate) shows_deleted: bool,
    /// The name is one label, without dots.
    pub(crate) name_is_label: bool,
    /// What each answer warns of.
    pub(crate) warning: Option<&'static str>,
}

const PLAIN: Facts = Facts {
    group: "",
    kind: "",
    plural: "",
    namespaced: true,
    fields: &[],
    put_creates: false,
    put_overwrites: true,
    has_generation: false,
    has_status: false,
    shows_deleted: false,
    name_is_label: false,
    warning: None,
};

static CONFIG_MAP: Facts = Facts {
    kind: "ConfigMap",
    plural: "configmaps",
    fields: &["immutable", "data", "binaryData"],
    ..PLAIN
};
static ENDPOINTS: Facts = Facts {
    kind: "Endpoints",
    plural: "endpoints",
    fields: &["subsets"],
    put_creates: true,
    warning: Some(
        "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\"",
    ),
    ..PLAIN
};
static ENDPOINT_SLICE: Facts = Facts {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    fields: &["addressType", "endpoints", "ports"],
    has_generation: true,
    ..PLAIN
};
static LEASE: Facts = Facts {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    fields: &["spec"],
    put_creates: true,
    put_overwrites: false,
    ..PLAIN
};
static NAMESPACE: Facts = Facts {
    kind: "Namespace",
    plural: "namespaces",
    namespaced: false,
    fields: &["spec", "status"],
    has_status: true,
    shows_deleted: true,
    name_is_label: true,
    ..PLAIN
};
static POD: Facts = Facts {
    kind: "Pod",
    plural: "pods",
    fields: &["spec", "status"],
    has_generation: true,
    has_status: true,
    shows_deleted: true,
    ..PLAIN
};
static SERVICE: Facts = Facts {
    kind: "Service",
    plural: "services",
    fields: &["spec", "status"],
    put_creates: true,
    has_status: true,
    shows_deleted: true,
    name_is_label: true,
    ..PLAIN
};

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::ConfigMap,
        Self::Endpoints,
        Self::EndpointSlice,
        Self::Lease,
        Self::Namespace,
        Self::Pod,
        Self::Service,
    ];

    pub(crate) fn facts(self) -> &'static Facts {
        match self {
            Self::ConfigMap => &CONFIG_MAP,
            Self::Endpoints => &ENDPOINTS,
            Self::EndpointSlice => &ENDPOINT_SLICE,
            Self::Lease => &LEASE,
            Self::Namespace => &NAMESPACE,
            Self::Pod => &POD,
            Self::Service => &SERVICE,
        }
    }

    /// The kind that paths name so, in whatever group.
    pub(crate) fn of_plural(plural: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.facts().plural == plural)
    }

    /// Where an object of this kind is stored.
    pub(crate) fn path(self, namespace: &str, name: &str) -> String {
        if self.facts().namespaced {
            format!("{namespace}/{name}")
        } else {
            name.to_owned()
        }
    }

    /// The kind of a resource in a group; all of them are in version v1.
    pub(crate) fn find(group: &str, plural: &str) -> Option<Self> {
        let is = |kind: &Self| kind.facts().group == group && kind.facts().plural == plural;
        Self::ALL.into_iter().find(is)
    }

    pub(crate) fn api_version(self) -> String {
        match self.facts().group {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    /// As messages name the resource: `leases.coordination.k8s.io`.
    pub(crate) fn resource(self) -> String {
        qualified(self.facts().plural, self.facts().group)
    }

    /// As messages name the kind: `Lease.coordination.k8s.io`.
    pub(crate) fn qualified(self) -> String {
        qualified(self.facts().kind, self.facts().group)
    }
}

fn qualified(name: &str, group: &str) -> String {
    match group {
        "" => name.to_owned(),
        group => format!("{name}.{group}"),
    }
}
