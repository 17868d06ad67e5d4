//! Why saved lists could not be read.

use dcs_core::{Error, NameError, Scope};

use crate::BuildError;

/// Why saved lists could not be read as one scope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// Save what the API server answers, as JSON.
    #[error(
        "{} is no list of Endpoints, ConfigMaps or Pods: save one with `kubectl get endpoints,pods -o json`",
        .kind.as_deref().unwrap_or("JSON without kind")
    )]
    NotAList {
        /// The kind that was found, cut to 80 characters.
        kind: Option<String>,
    },
    /// Save the list again: an object in it is none.
    #[error("the object {name:?} cannot be read")]
    Object {
        /// Its name, as far as it has one, cut to 80 characters.
        name: String,
        /// What is wrong with it.
        #[source]
        why: serde_json::Error,
    },
    /// Save the list again: an object in it has no readable resourceVersion.
    #[error(transparent)]
    Unreadable(Error),
    /// Look elsewhere, or name another scope, group or scope label.
    #[error(
        "there is no {} here: no Endpoints and no ConfigMap with its label and a key of it (a Citus cluster is found by its group)",
        .scope.as_ref().map_or_else(|| "scope".to_owned(), |scope| format!("scope {scope}"))
    )]
    NoScope {
        /// The scope that was asked for, if one was.
        scope: Option<Scope>,
    },
    /// Say which scope is meant.
    #[error("there are several scopes here ({}): name one", .found.join(", "))]
    Scopes {
        /// Their names, sorted.
        found: Vec<String>,
    },
    /// Say which mode is meant, and remove what the other one left behind.
    #[error(
        "scope {scope} is here in both modes, in Endpoints {endpoints} and in ConfigMap {config_map}: say which one is meant"
    )]
    BothModes {
        /// The scope.
        scope: Scope,
        /// The name of the Endpoints that has a key of the scope.
        endpoints: String,
        /// The name of the `ConfigMap` that has one.
        config_map: String,
    },
    /// The only scope has a name that this library does not take.
    #[error(transparent)]
    Name(NameError),
    /// Correct the selection.
    #[error(transparent)]
    Selection(BuildError),
}
