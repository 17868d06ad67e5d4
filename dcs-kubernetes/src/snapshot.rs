//! From objects to keys: one object holds several keys, all at its revision.

use dcs_core::{Entry, Error, LeaderUpdate, MemberName, Revision, Snapshot, Update, Value};

use crate::BACKEND;
use crate::format::{self, Object as Raw};
use crate::settings::{Object, Settings};

/// A whole snapshot of all objects and Pods of a scope.
pub(crate) fn whole<'a>(
    settings: &Settings,
    keys: impl IntoIterator<Item = &'a Raw>,
    pods: impl IntoIterator<Item = &'a Raw>,
) -> Result<Snapshot, Error> {
    let mut snapshot = Snapshot::default();
    for raw in keys.into_iter().filter(|raw| settings.is_in_group(raw)) {
        let Some(object) = settings.object_named(&raw.metadata.name) else {
            continue;
        };
        for update in updates(object, Some(raw), revision(raw)?, None) {
            snapshot.apply(update);
        }
    }
    for pod in pods.into_iter().filter(|pod| settings.is_in_group(pod)) {
        if let Some(update) = member_update(pod, revision(pod)?, true) {
            snapshot.apply(update);
        }
    }
    Ok(snapshot)
}

/// What one version of an object says of each of its keys; without `raw`, that
/// the object is gone. `previous` is the leader object's version before it.
pub(crate) fn updates(
    object: Object,
    raw: Option<&Raw>,
    revision: Revision,
    previous: Option<Revision>,
) -> Vec<Update> {
    let of = Reader { raw, revision };
    match object {
        Object::Leader => vec![
            Update::Leader(LeaderUpdate::new(of.entry(format::leader), previous)),
            Update::Status(of.entry(format::status)),
            Update::Failsafe(of.entry(format::failsafe)),
        ],
        Object::Config => vec![
            Update::Config(of.fenced(format::config)),
            Update::Initialize(of.fenced(format::initialize)),
            Update::History(of.fenced(format::history)),
        ],
        Object::Failover => vec![Update::Failover(of.fenced(format::failover))],
        Object::Sync => vec![Update::Sync(of.fenced(format::sync))],
    }
}

/// What one version of a Pod says of its member. A Pod without status is a
/// member that has not spoken yet. `None` for a Pod whose name no member has.
pub(crate) fn member_update(pod: &Raw, revision: Revision, present: bool) -> Option<Update> {
    let name: MemberName = match pod.metadata.name.parse() {
        Ok(name) => name,
        Err(error) => {
            tracing::warn!(%error, "skipping a Pod");
            return None;
        }
    };
    let entry = if present {
        at(revision, format::member(&name, pod))
    } else {
        Entry::absent()
    };
    Some(Update::Member(name, entry))
}

/// The revision of an object that the API server returned.
pub(crate) fn revision(raw: &Raw) -> Result<Revision, Error> {
    raw.revision().map_err(|error| Error::Backend {
        backend: BACKEND,
        source: error.into(),
    })
}

/// An entry of a register that exists.
pub(crate) const fn at<T>(revision: Revision, value: Value<T>) -> Entry<T> {
    Entry {
        revision: Some(revision),
        value,
        fence: Value::Absent,
    }
}

struct Reader<'a> {
    raw: Option<&'a Raw>,
    revision: Revision,
}

impl Reader<'_> {
    fn entry<T>(&self, parse: impl Fn(&Raw) -> Value<T>) -> Entry<T> {
        self.raw
            .map_or_else(Entry::absent, |raw| at(self.revision, parse(raw)))
    }

    fn fenced<T>(&self, parse: impl Fn(&Raw) -> Value<T>) -> Entry<T> {
        Entry {
            fence: self.raw.map_or(Value::Absent, format::fence),
            ..self.entry(parse)
        }
    }
}
