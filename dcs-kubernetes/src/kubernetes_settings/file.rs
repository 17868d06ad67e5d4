//! Patroni's own file, as far as a member of another program needs it.

use std::path::Path;

use dcs_core::{Config, MemberName, Scope};
use serde_json::{Map, Value};

use super::values::{shown, text};
use super::{FileError, KubernetesSettings, SettingError};
use crate::{Group, Namespace};

/// What a file of Patroni (`patroni.yml`) says of its cluster and of this
/// member, with the environment over it.
///
/// ```
/// use dcs_kubernetes::PatroniFile;
///
/// let file = PatroniFile::parse("
/// scope: demo
/// name: demo-0
/// kubernetes:
///   labels: {application: patroni}
///   use_endpoints: true
/// tags: {nofailover: true}
/// bootstrap: {dcs: {ttl: 30}}
/// ")?;
/// assert_eq!(file.scope.unwrap().as_str(), "demo");
/// # Ok::<(), dcs_kubernetes::FileError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PatroniFile {
    /// `scope`, or `PATRONI_SCOPE`.
    pub scope: Option<Scope>,
    /// `name`, or `PATRONI_NAME`: the name of this member's Pod.
    pub name: Option<MemberName>,
    /// `kubernetes`. A `namespace` at the top of the file stands over the one
    /// in it, as Patroni copies it there.
    pub kubernetes: KubernetesSettings,
    /// `tags`.
    pub tags: Map<String, Value>,
    /// `bootstrap.dcs`: the first value of the config key.
    pub bootstrap: Option<Config>,
    /// `postgresql.connect_address`: where clients reach this member.
    pub connect_address: Option<String>,
    /// `restapi.connect_address`: where this member's own API is reached.
    pub api_address: Option<String>,
    /// `citus.group`.
    pub group: Option<Group>,
    top_namespace: Option<Namespace>,
}

impl PatroniFile {
    /// Reads a file, and the environment over it.
    ///
    /// # Errors
    /// [`FileError`], where the file cannot be read or a setting is wrong.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| FileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::parse(&text)?.with_lookup(|name| std::env::var(name).ok())?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`FileError`], where it is no YAML object or a setting is wrong.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let root: Option<Map<String, Value>> = serde_saphyr::from_str(text)?;
        let root = Value::Object(root.unwrap_or_default());
        let at = |path: &'static str| At {
            path,
            value: root.pointer(path),
        };
        let kubernetes = at("/kubernetes").map()?.unwrap_or_default();
        let mut file = Self {
            scope: at("/scope").parsed()?,
            name: at("/name").parsed()?,
            kubernetes: KubernetesSettings::try_from(kubernetes)?,
            tags: at("/tags").map()?.unwrap_or_default(),
            bootstrap: at("/bootstrap/dcs").map()?.map(Config::new),
            connect_address: at("/postgresql/connect_address").text()?,
            api_address: at("/restapi/connect_address").text()?,
            group: at("/citus/group").parsed()?,
            top_namespace: at("/namespace").parsed()?,
        };
        file.settle();
        Ok(file)
    }

    /// The same with the variables that `lookup` knows over it: those of
    /// [`KubernetesSettings::from_lookup`], `PATRONI_SCOPE`, `PATRONI_NAME`,
    /// `PATRONI_CITUS_GROUP`, `PATRONI_POSTGRESQL_CONNECT_ADDRESS` and
    /// `PATRONI_RESTAPI_CONNECT_ADDRESS`.
    ///
    /// # Errors
    /// [`SettingError`] for the first variable that is wrong.
    pub fn with_lookup(
        mut self,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingError> {
        let environment = KubernetesSettings::from_lookup(&lookup)?;
        self.kubernetes = environment.over(self.kubernetes);
        let api_address = variable(&lookup, "PATRONI_RESTAPI_CONNECT_ADDRESS")?;
        let connect_address = variable(&lookup, "PATRONI_POSTGRESQL_CONNECT_ADDRESS")?;
        self.scope = variable(&lookup, "PATRONI_SCOPE")?.or(self.scope);
        self.name = variable(&lookup, "PATRONI_NAME")?.or(self.name);
        self.group = variable(&lookup, "PATRONI_CITUS_GROUP")?.or(self.group);
        self.connect_address = connect_address.or(self.connect_address);
        self.api_address = api_address.or(self.api_address);
        self.top_namespace = variable(&lookup, "PATRONI_NAMESPACE")?.or(self.top_namespace);
        self.settle();
        Ok(self)
    }

    fn settle(&mut self) {
        if let Some(namespace) = &self.top_namespace {
            self.kubernetes.namespace = Some(namespace.clone());
        }
    }
}

fn variable<T: std::str::FromStr<Err: std::fmt::Display>>(
    lookup: impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<Option<T>, SettingError> {
    let value = lookup(name).map(Value::from);
    let at = At {
        path: name,
        value: value.as_ref(),
    };
    at.parsed()
}

/// A value, and where it stands.
struct At<'a> {
    path: &'static str,
    value: Option<&'a Value>,
}

impl At<'_> {
    fn map(&self) -> Result<Option<Map<String, Value>>, SettingError> {
        match self.value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(fields.clone())),
            Some(other) => Err(self.wrong(other, "use a map: {key: value}".to_owned())),
        }
    }

    fn text(&self) -> Result<Option<String>, SettingError> {
        match self.value {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let text = text(value).map_err(|why| self.wrong(value, why))?;
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
        }
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
    ) -> Result<Option<T>, SettingError> {
        let parse = |text: String| {
            let wrong = |error: T::Err| self.wrong(&Value::from(text.clone()), error.to_string());
            text.parse().map_err(wrong)
        };
        self.text()?.map(parse).transpose()
    }

    fn wrong(&self, value: &Value, why: String) -> SettingError {
        let path = self.path.trim_start_matches('/').replace('/', ".");
        SettingError::new(path, &shown(value), why)
    }
}
