//! The keys of a scope from lists of the API server, saved or just fetched.

mod error;
mod items;

use std::collections::BTreeSet;

use dcs_core::{Scope, Snapshot};
use serde_json::Value;

use self::items::{Item, Sort};
use crate::builder::Builder;
use crate::format::name;
use crate::settings::{Object, Settings};
use crate::snapshot;
use crate::{EndpointsDcs, Group, LabelKey, Labels, Mode};

pub use error::SavedError;

/// One scope as lists of Endpoints, `ConfigMaps` and Pods showed it, read
/// without asking a server for anything.
///
/// ```
/// use dcs_kubernetes::{Mode, Saved, Selection};
///
/// let list = serde_json::json!({"kind": "EndpointsList", "items": [{"metadata": {
///     "name": "demo",
///     "resourceVersion": "7",
///     "labels": {"application": "dcs", "cluster-name": "demo"},
///     "annotations": {"leader": "demo-0", "ttl": "30"},
/// }}]});
/// let saved = Saved::read(&[list], &Selection::default())?;
/// assert_eq!(saved.mode(), Mode::Endpoints);
/// assert_eq!(saved.snapshot().holder().map(|name| name.as_str()), Some("demo-0"));
/// # Ok::<(), dcs_kubernetes::SavedError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Saved {
    scope: Scope,
    mode: Mode,
    labels: Labels,
    snapshot: Snapshot,
}

/// Which scope of several to read, and how to know it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Selection {
    /// The scope; the only one that is there by default.
    pub scope: Option<Scope>,
    /// In which kind of object it lives; found by itself by default.
    pub mode: Option<Mode>,
    /// The group of a Citus cluster; by default objects without group.
    pub group: Option<Group>,
    /// The key of the label whose value is the scope; `cluster-name` by default.
    pub scope_label: Option<LabelKey>,
}

impl Saved {
    /// Reads lists as `kubectl get -o json` or the API itself gives them: lists
    /// of Endpoints, `ConfigMaps` or Pods, lists of several kinds, or single
    /// objects. Objects of other scopes, and other objects, are passed over.
    ///
    /// An object counts for its mode where it has an annotation of the leader
    /// or of the config: a Service of the scope's name has Endpoints too.
    ///
    /// # Errors
    /// [`SavedError`], where a list is none, where there is no scope or more
    /// than one, and where the scope is there in both modes.
    pub fn read(lists: &[Value], selection: &Selection) -> Result<Self, SavedError> {
        let scope_label = match &selection.scope_label {
            Some(key) => key.as_str(),
            None => "cluster-name",
        };
        let mut items = items::all(lists)?;
        items.retain(|item| item.group() == selection.group.map(|group| group.to_string()));
        let scope = match &selection.scope {
            Some(scope) => scope.clone(),
            None => only_scope(&items, scope_label)?,
        };
        items.retain(|item| item.label(scope_label) == Some(scope.as_str()));
        let settings = |mode: Mode| settings(&scope, mode, selection);
        let found = |mode| Ok(evidence(&items, mode, &settings(mode)?));
        let mode = match selection.mode {
            Some(mode) => mode,
            None => match (found(Mode::Endpoints)?, found(Mode::ConfigMap)?) {
                (Some(endpoints), Some(config_map)) => {
                    return Err(SavedError::BothModes {
                        scope,
                        endpoints,
                        config_map,
                    });
                }
                (Some(_), None) => Mode::Endpoints,
                (None, Some(_)) => Mode::ConfigMap,
                (None, None) => return Err(SavedError::NoScope { scope: Some(scope) }),
            },
        };
        let settings = settings(mode)?;
        let of = |sort| {
            let items = items.iter().filter(move |item| item.sort == sort);
            items.map(|item| item.raw.clone()).collect::<Vec<_>>()
        };
        let (keys, pods) = (of(Sort::Keys(mode)), of(Sort::Pod));
        Ok(Self {
            snapshot: snapshot::whole(&settings, &keys, &pods).map_err(SavedError::Unreadable)?,
            labels: common_labels(&items, mode, &settings)?,
            scope,
            mode,
        })
    }

    /// The scope.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// In which kind of object it lives.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The labels that all its objects and Pods have in common, the scope's
    /// own among them: what a [`Builder`] is to be given to see the same.
    #[must_use]
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Every key, each with the revision that it had.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

fn settings(scope: &Scope, mode: Mode, selection: &Selection) -> Result<Settings, SavedError> {
    let mut builder = Builder::<EndpointsDcs>::new(scope.clone(), mode.into());
    if let Some(key) = &selection.scope_label {
        builder = builder.scope_label(key);
    }
    builder.group = selection.group;
    builder.settings("default").map_err(SavedError::Selection)
}

/// The one scope that any object or Pod is labelled with.
fn only_scope(items: &[Item], scope_label: &str) -> Result<Scope, SavedError> {
    let scopes = items.iter().filter_map(|item| item.label(scope_label));
    let scopes: BTreeSet<&str> = scopes.collect();
    let mut found = scopes.iter();
    match (found.next(), found.next()) {
        (Some(scope), None) => scope.parse().map_err(SavedError::Name),
        (None, _) => Err(SavedError::NoScope { scope: None }),
        (Some(_), Some(_)) => Err(SavedError::Scopes {
            found: scopes.into_iter().map(str::to_owned).collect(),
        }),
    }
}

/// The name of an object that only a member, or an administrator of this mode,
/// can have written: the leader's before the config's.
fn evidence(items: &[Item], mode: Mode, settings: &Settings) -> Option<String> {
    let telling: [(Object, &[&str]); 2] = [
        (
            Object::Leader,
            &[name::LEADER, name::RENEW_TIME, name::ACQUIRE_TIME],
        ),
        (
            Object::Config,
            &[name::CONFIG, name::INITIALIZE, name::HISTORY],
        ),
    ];
    telling.into_iter().find_map(|(object, annotations)| {
        let name = settings.object_name(object);
        let mut items = items.iter();
        let item = items.find(|item| item.is(Sort::Keys(mode), &name))?;
        let mut annotations = annotations.iter();
        let tells = annotations.any(|annotation| item.raw.annotation(annotation).is_some());
        tells.then_some(name)
    })
}

fn common_labels(items: &[Item], mode: Mode, settings: &Settings) -> Result<Labels, SavedError> {
    let of_scope = |item: &&Item| match item.sort {
        Sort::Pod => true,
        sort @ Sort::Keys(_) => {
            sort == Sort::Keys(mode) && settings.object_named(&item.raw.metadata.name).is_some()
        }
    };
    let mut of_scope = items.iter().filter(of_scope);
    let mut common = of_scope
        .next()
        .map_or_else(Default::default, |first| first.labels.clone());
    for item in of_scope {
        common.retain(|key, value| item.label(key) == Some(value));
    }
    common.remove(Group::LABEL);
    Labels::new(common).map_err(|error| SavedError::Selection(error.into()))
}
