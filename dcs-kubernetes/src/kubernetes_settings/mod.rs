//! Patroni's settings of Kubernetes: the section `kubernetes` of its file, and
//! its environment variables.

mod apply;
mod cluster;
mod error;
mod file;
mod table;
mod values;

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::table::{ALL, Setting};
use crate::{LabelKey, Labels, Mode, Namespace, Port};

pub use error::{FileError, SettingError};
pub use file::PatroniFile;

/// Patroni's settings of Kubernetes, under Patroni's names.
///
/// Every one may be absent; what then holds stands at the field. Unknown names
/// are kept aside, see [`unknown`](Self::unknown). An empty text and null say
/// what absence does.
///
/// ```
/// use dcs_kubernetes::{KubernetesSettings, Mode};
///
/// let file = KubernetesSettings::from_yaml("
///   use_endpoints: on
///   labels: {application: patroni}
///   retriable_http_codes: 401, 403
/// ")?;
/// let environment = KubernetesSettings::from_lookup(|name| {
///     (name == "PATRONI_KUBERNETES_USE_ENDPOINTS").then(|| "false".to_owned())
/// })?;
/// let settings = environment.over(file);
/// assert_eq!(settings.mode(), Mode::ConfigMap);
/// assert_eq!(settings.retriable_http_codes, Some(vec![401, 403]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
#[non_exhaustive]
pub struct KubernetesSettings {
    /// The namespace of objects and Pods; `POD_NAMESPACE` of the environment
    /// by default, and else `default`.
    pub namespace: Option<Namespace>,
    /// Labels of all objects and Pods of the scope; none by default.
    pub labels: Option<Labels>,
    /// The key of the label whose value is the scope; `cluster-name` by default.
    pub scope_label: Option<LabelKey>,
    /// The key of the label of Pods that says who leads; `role` by default.
    pub role_label: Option<LabelKey>,
    /// Its value on the leader's Pod; `primary` by default.
    pub leader_label_value: Option<String>,
    /// Its value on the other Pods; `replica` by default.
    pub follower_label_value: Option<String>,
    /// Its value on the leader's Pod of a standby cluster; `primary` by default.
    pub standby_leader_label_value: Option<String>,
    /// The key of a second label that has the default values; none by default.
    pub tmp_role_label: Option<LabelKey>,
    /// Labels of a Pod while its data is made; none by default.
    pub bootstrap_labels: Option<Labels>,
    /// Whether keys live in Endpoints; in `ConfigMaps` by default.
    pub use_endpoints: Option<bool>,
    /// The address of this member; that of its Pod by default.
    pub pod_ip: Option<IpAddr>,
    /// The ports of this member; 5432 without a name by default.
    pub ports: Option<Vec<Port>>,
    /// The file with the certificate authority of the API server; by default
    /// the service account's, or the kubeconfig's.
    pub cacert: Option<PathBuf>,
    /// Whether API servers are talked to directly; off by default.
    pub bypass_api_service: Option<bool>,
    /// Statuses that are taken for passing trouble, beside 408, 429 and 5xx.
    pub retriable_http_codes: Option<Vec<u16>>,
    /// The context of the kubeconfig; its current one by default.
    pub context: Option<String>,
    unknown: Vec<String>,
    pod_namespace: Option<Namespace>,
}

impl KubernetesSettings {
    /// The settings in a YAML (or JSON) object: what stands below `kubernetes`
    /// in Patroni's file.
    ///
    /// # Errors
    /// [`FileError`], where the text is no YAML object or a setting is wrong.
    pub fn from_yaml(text: &str) -> Result<Self, FileError> {
        let settings: Option<Map<String, Value>> = serde_saphyr::from_str(text)?;
        Ok(Self::try_from(settings.unwrap_or_default())?)
    }

    /// The settings of the process's environment. See [`from_lookup`](Self::from_lookup).
    ///
    /// # Errors
    /// [`SettingError`] for the first variable that is wrong.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The settings of environment variables: `PATRONI_KUBERNETES_` and the
    /// name of the setting in capitals. Maps and lists are YAML, with or
    /// without their braces. An empty variable counts as absent.
    ///
    /// `PATRONI_RETRIABLE_HTTP_CODES`, which Patroni documents and does not
    /// read, counts where the other name is absent; `POD_NAMESPACE` where
    /// nothing else names a namespace. `PATRONI_NAMESPACE` stands over all other
    /// namespaces: it is the prefix of keys in other stores, and Patroni copies
    /// it here, where it is set.
    ///
    /// # Errors
    /// [`SettingError`] for the first variable that is wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let mut settings = Self::default();
        let lookup = |name: &str| lookup(name).filter(|text| !text.trim().is_empty());
        for setting in &ALL {
            let mut names = setting.environment().into_iter();
            let found = names.find_map(|name| Some((lookup(&name)?, name)));
            if let Some((text, name)) = found {
                let value = setting.parse_text(&text);
                let taken = value.and_then(|value| setting.take(&mut settings, &value));
                taken.map_err(|why| SettingError::new(name, &text, why))?;
            }
        }
        let namespace = |variable: &str| -> Result<Option<Namespace>, SettingError> {
            let wrong = |text: &str, why| SettingError::new(variable.to_owned(), text, why);
            let parse =
                |text: String| values::name(&text.as_str().into()).map_err(|why| wrong(&text, why));
            lookup(variable).map(parse).transpose()
        };
        settings.pod_namespace = namespace("POD_NAMESPACE")?;
        settings.namespace = namespace("PATRONI_NAMESPACE")?.or(settings.namespace);
        Ok(settings)
    }

    /// These settings, and where one of them is absent, the one of `others`:
    /// the environment's over the file's. Of `labels` and `bootstrap_labels` each
    /// label is a setting of its own, as in Patroni.
    #[must_use]
    pub fn over(self, others: Self) -> Self {
        Self {
            namespace: self.namespace.or(others.namespace),
            labels: both(self.labels, others.labels),
            scope_label: self.scope_label.or(others.scope_label),
            role_label: self.role_label.or(others.role_label),
            leader_label_value: self.leader_label_value.or(others.leader_label_value),
            follower_label_value: self.follower_label_value.or(others.follower_label_value),
            standby_leader_label_value: self
                .standby_leader_label_value
                .or(others.standby_leader_label_value),
            tmp_role_label: self.tmp_role_label.or(others.tmp_role_label),
            bootstrap_labels: both(self.bootstrap_labels, others.bootstrap_labels),
            use_endpoints: self.use_endpoints.or(others.use_endpoints),
            pod_ip: self.pod_ip.or(others.pod_ip),
            ports: self.ports.or(others.ports),
            cacert: self.cacert.or(others.cacert),
            bypass_api_service: self.bypass_api_service.or(others.bypass_api_service),
            retriable_http_codes: self.retriable_http_codes.or(others.retriable_http_codes),
            context: self.context.or(others.context),
            unknown: [self.unknown, others.unknown].concat(),
            pod_namespace: self.pod_namespace.or(others.pod_namespace),
        }
    }

    /// Names that stood among the settings and mean nothing here: a word of
    /// warning is due, since a setting that is spelled wrong is not obeyed.
    #[must_use]
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// In which kind of object the keys live.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.use_endpoints {
            Some(true) => Mode::Endpoints,
            _ => Mode::ConfigMap,
        }
    }

    /// Every setting: its name in the file, and its variables, the first of
    /// which wins.
    pub fn names() -> impl Iterator<Item = (&'static str, Vec<String>)> {
        ALL.iter()
            .map(|setting| (setting.name, setting.environment()))
    }
}

fn both(labels: Option<Labels>, others: Option<Labels>) -> Option<Labels> {
    match (labels, others) {
        (Some(labels), Some(others)) => Some(labels.over(others)),
        (labels, others) => labels.or(others),
    }
}

impl TryFrom<Map<String, Value>> for KubernetesSettings {
    type Error = SettingError;

    fn try_from(given: Map<String, Value>) -> Result<Self, SettingError> {
        let mut settings = Self::default();
        for (name, value) in given {
            let absent =
                value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
            match Setting::named(&name) {
                _ if absent => {}
                Some(setting) => setting.take(&mut settings, &value).map_err(|why| {
                    let name = format!("kubernetes.{name}");
                    SettingError::new(name, &values::shown(&value), why)
                })?,
                None => settings.unknown.push(name),
            }
        }
        Ok(settings)
    }
}
