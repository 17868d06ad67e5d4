//! What a request is about: its verb and its object.

use std::fmt;

use http::Method;

use crate::kinds::Kind;
use crate::status::Refusal;

/// What a request does, as a Role would name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// Makes a new object: POST.
    Create,
    /// Replaces an object: PUT.
    Update,
    /// Changes an object: PATCH.
    Patch,
    /// Deletes an object.
    Delete,
    /// Deletes a collection.
    DeleteCollection,
}

impl Verb {
    /// Whether the verb may change something.
    #[must_use]
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        })
    }
}

/// The place that a path names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) verb: Verb,
    pub(crate) kind: Kind,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    /// The path of the status of an object.
    pub(crate) is_status: bool,
}

impl Target {
    /// Where the object is stored.
    pub(crate) fn path(&self) -> String {
        self.path_of(self.name.as_deref().unwrap_or_default())
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether an object that is stored at `path` is in the collection.
    pub(crate) fn holds(&self, path: &str) -> bool {
        match &self.namespace {
            Some(namespace) => path
                .strip_prefix(namespace.as_str())
                .is_some_and(|rest| rest.starts_with('/')),
            None => true,
        }
    }

    /// # Errors
    /// 404 for paths that name no kind, 405 for methods that do not fit.
    pub(crate) fn parse(method: &Method, path: &str, is_watch: bool) -> Result<Self, Refusal> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, rest) = match *parts {
            ["api", "v1", ref rest @ ..] => ("", rest),
            ["apis", group, "v1", ref rest @ ..] => (group, rest),
            _ => return Err(Refusal::no_resource()),
        };
        let (namespace, rest) = match *rest {
            ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() && rest != ["status"] => {
                (Some(namespace), rest)
            }
            ref rest => (None, rest),
        };
        let [plural, rest @ ..] = rest else {
            return Err(Refusal::no_resource());
        };
        let kind = Kind::find(group, plural).ok_or_else(Refusal::no_resource)?;
        let (name, is_status) = match rest {
            [] => (None, false),
            [name] => (Some(*name), false),
            [name, "status"] if kind.facts().has_status => (Some(*name), true),
            _ => return Err(Refusal::no_resource()),
        };
        if namespace.is_some() != kind.facts().namespaced && (namespace.is_some() || name.is_some())
        {
            return Err(Refusal::no_resource());
        }
        let verb = verb(method, name.is_some(), is_status, is_watch)?;
        if verb == Verb::Create && namespace.is_some() != kind.facts().namespaced {
            return Err(Refusal::method_not_allowed());
        }
        Ok(Self {
            verb,
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            is_status,
        })
    }
}

fn verb(method: &Method, named: bool, is_status: bool, is_watch: bool) -> Result<Verb, Refusal> {
    Ok(match (method.as_str(), named) {
        ("GET", true) => Verb::Get,
        ("GET", false) if is_watch => Verb::Watch,
        ("GET", false) => Verb::List,
        ("POST", false) => Verb::Create,
        ("PUT", true) => Verb::Update,
        ("PATCH", true) => Verb::Patch,
        ("DELETE", true) if !is_status => Verb::Delete,
        ("DELETE", false) => Verb::DeleteCollection,
        _ => return Err(Refusal::method_not_allowed()),
    })
}
