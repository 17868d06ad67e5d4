//! The objects, their one counter of revisions, and what happened to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::kinds::Kind;

/// One version of one object.
#[derive(Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) kind: Kind,
    /// `namespace/name`, or the name alone; lists are in its order.
    pub(crate) path: String,
    pub(crate) revision: u64,
    /// The whole object, its resourceVersion included.
    pub(crate) value: Value,
}

/// One step of the history.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    /// When, counted from the start of the server.
    pub(crate) at: Duration,
    pub(crate) old: Option<Arc<Stored>>,
    pub(crate) new: Option<Arc<Stored>>,
}

impl Change {
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.any().map(|stored| stored.kind)
    }

    fn any(&self) -> Option<&Arc<Stored>> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

/// All objects of one kind, in the order of lists.
pub(crate) type View = BTreeMap<String, Arc<Stored>>;

#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    /// What happened up to here is forgotten.
    compacted: u64,
    objects: BTreeMap<Kind, View>,
    changes: Vec<Change>,
    /// A change of the number says that history itself was changed.
    era: u64,
}

impl Store {
    pub(crate) fn new(revision: u64) -> Self {
        Self {
            revision,
            compacted: 0,
            objects: BTreeMap::new(),
            changes: Vec::new(),
            era: 0,
        }
    }

    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) const fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(crate) const fn era(&self) -> u64 {
        self.era
    }

    pub(crate) fn get(&self, kind: Kind, path: &str) -> Option<&Arc<Stored>> {
        self.objects.get(&kind)?.get(path)
    }

    /// Stores a version at the next revision.
    pub(crate) fn put(
        &mut self,
        kind: Kind,
        path: &str,
        mut value: Value,
        at: Duration,
    ) -> Arc<Stored> {
        self.revision += 1;
        value["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let stored = Arc::new(Stored {
            kind,
            path: path.to_owned(),
            revision: self.revision,
            value,
        });
        let view = self.objects.entry(kind).or_default();
        let old = view.insert(path.to_owned(), Arc::clone(&stored));
        self.changes.push(Change {
            revision: self.revision,
            at,
            old,
            new: Some(Arc::clone(&stored)),
        });
        stored
    }

    /// Removes an object; that is a revision of its own.
    pub(crate) fn remove(&mut self, kind: Kind, path: &str, at: Duration) {
        let view = self.objects.entry(kind).or_default();
        if let Some(old) = view.remove(path) {
            self.revision += 1;
            self.changes.push(Change {
                revision: self.revision,
                at,
                old: Some(old),
                new: None,
            });
        }
    }

    /// All objects of a kind as they were at `revision`; `None` where that is
    /// forgotten.
    pub(crate) fn view_at(&self, kind: Kind, revision: u64) -> Option<View> {
        if revision < self.compacted {
            return None;
        }
        let mut view = self.objects.get(&kind).cloned().unwrap_or_default();
        for change in self.since(revision).iter().rev() {
            if change.kind() != Some(kind) {
                continue;
            }
            match (&change.old, change.any()) {
                (Some(old), _) => view.insert(old.path.clone(), Arc::clone(old)),
                (None, Some(new)) => view.remove(&new.path),
                (None, None) => None,
            };
        }
        Some(view)
    }

    /// What happened after `revision`, oldest first.
    pub(crate) fn since(&self, revision: u64) -> &[Change] {
        let first = self
            .changes
            .partition_point(|change| change.revision <= revision);
        &self.changes[first..]
    }

    /// The newest revision that was there at `at`.
    pub(crate) fn revision_at(&self, at: Duration) -> u64 {
        let count = self.changes.partition_point(|change| change.at <= at);
        match (count.checked_sub(1), self.changes.len()) {
            (_, len) if len == count => self.revision,
            (Some(last), _) => self.changes[last].revision,
            (None, _) => self.compacted,
        }
    }

    /// Forgets what happened up to `revision`.
    pub(crate) fn compact(&mut self, revision: u64) {
        let revision = revision.min(self.revision);
        self.compacted = self.compacted.max(revision);
        let compacted = self.compacted;
        self.changes.retain(|change| change.revision > compacted);
    }

    /// Goes back to how it was at `revision`, and counts on from there: what
    /// comes next takes revisions that were used before. `false` where that is
    /// forgotten, or not yet there.
    pub(crate) fn restore(&mut self, revision: u64) -> bool {
        if revision > self.revision || revision < self.compacted {
            return false;
        }
        for kind in Kind::ALL {
            if let Some(view) = self.view_at(kind, revision) {
                self.objects.insert(kind, view);
            }
        }
        self.changes.retain(|change| change.revision <= revision);
        self.revision = revision;
        self.era += 1;
        true
    }

    /// Lets revisions pass, as writes to other objects of the cluster do.
    pub(crate) const fn skip(&mut self, revisions: u64) {
        self.revision += revisions;
    }
}
