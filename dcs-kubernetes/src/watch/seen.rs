//! How far a feed has got.

use std::collections::BTreeMap;

use dcs_core::{BoxError, Revision};

use crate::format::Object;

/// Lists older than what was seen that are refused before they are believed.
const STALE_LISTS: u32 = 5;
/// So many names may come, beside as many as a list had, before a new list lets
/// those that are gone be forgotten.
const NAMES: usize = 20_000;

/// How far the feed has got. Nothing that it says is older than what it said.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Watch from here.
    last: Option<Revision>,
    /// Nothing at or below this is new.
    floor: Option<Revision>,
    /// Above the floor, by object, also of objects that are gone.
    objects: BTreeMap<String, Revision>,
    listed: usize,
    stale_lists: u32,
}

impl Seen {
    /// Where a watch goes on.
    pub(super) const fn last(&self) -> Option<Revision> {
        self.last
    }

    /// A list is read afresh, so one that is older than what was seen means
    /// that the server went back in time. That is refused a few times, in case
    /// only one replica is behind; then it is what everyone sees.
    pub(super) fn take_list(
        &mut self,
        revision: Revision,
        items: &[Object],
    ) -> Result<(), BoxError> {
        let stale = self.last.is_some_and(|last| revision < last);
        if stale && self.stale_lists < STALE_LISTS {
            self.stale_lists += 1;
            return Err(format!("a list at {revision} is older than what was seen").into());
        }
        if stale {
            tracing::error!(%revision, last = ?self.last, "the store has gone back in time");
        }
        for item in items {
            item.revision()?;
        }
        *self = Self {
            last: Some(revision),
            floor: Some(revision),
            listed: items.len(),
            ..Self::default()
        };
        Ok(())
    }

    pub(super) fn advance(&mut self, revision: Revision) {
        self.last = self.last.max(Some(revision));
    }

    /// Whether names have come and gone without end.
    pub(super) fn is_full(&self) -> bool {
        self.objects.len() > self.listed + NAMES
    }

    pub(super) fn is_new(&mut self, object: &Object, revision: Revision) -> bool {
        let newest = self.newest(object);
        if newest.is_some_and(|newest| revision <= newest) {
            return false;
        }
        self.put(object, revision);
        true
    }

    /// A deletion may carry the revision of the version that it ends.
    pub(super) fn is_new_or_last(&mut self, object: &Object, revision: Revision) -> bool {
        let known = self.objects.get(&object.metadata.name).copied();
        if known.is_none_or(|known| known != revision) {
            return self.is_new(object, revision);
        }
        true
    }

    fn newest(&self, object: &Object) -> Option<Revision> {
        self.objects
            .get(&object.metadata.name)
            .copied()
            .max(self.floor)
    }

    fn put(&mut self, object: &Object, revision: Revision) {
        self.objects.insert(object.metadata.name.clone(), revision);
        self.advance(revision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str, revision: u32) -> (Object, Revision) {
        let metadata = json!({"name": name, "resourceVersion": revision.to_string()});
        let object = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        (object, at(revision))
    }

    fn at(revision: u32) -> Revision {
        Revision::new(revision.into()).unwrap()
    }

    fn is_new(seen: &mut Seen, name: &str, revision: u32) -> bool {
        let (object, revision) = object(name, revision);
        seen.is_new(&object, revision)
    }

    #[test]
    fn a_version_that_was_seen_or_replaced_is_not_new() {
        let mut seen = Seen::default();
        seen.take_list(at(10), &[]).unwrap();
        assert!(!is_new(&mut seen, "a", 10), "the list had it");
        assert!(is_new(&mut seen, "a", 12));
        assert!(!is_new(&mut seen, "a", 12), "twice");
        assert!(!is_new(&mut seen, "a", 11), "out of order");
        assert!(
            is_new(&mut seen, "b", 11),
            "another object has an order of its own"
        );
        assert_eq!(seen.last(), Some(at(12)));
    }

    #[test]
    fn nothing_older_than_a_deletion_brings_an_object_back() {
        let mut seen = Seen::default();
        seen.take_list(at(10), &[]).unwrap();
        assert!(is_new(&mut seen, "a", 11));
        let (gone, revision) = object("a", 11);
        assert!(seen.is_new_or_last(&gone, revision));
        assert!(!is_new(&mut seen, "a", 11));
        let (gone, revision) = object("a", 9);
        assert!(!seen.is_new_or_last(&gone, revision));
    }

    #[test]
    fn a_list_from_the_past_is_refused_until_nothing_else_comes() {
        let mut seen = Seen::default();
        seen.take_list(at(10), &[]).unwrap();
        for _ in 0..STALE_LISTS {
            assert!(seen.take_list(at(9), &[]).is_err());
        }
        seen.take_list(at(9), &[]).unwrap();
        assert_eq!(seen.last(), Some(at(9)));
    }

    #[test]
    fn names_that_come_and_go_without_end_are_forgotten_with_a_new_list() {
        let mut seen = Seen::default();
        seen.take_list(at(10), &[object("a", 10).0]).unwrap();
        for number in 0..=u32::try_from(NAMES).unwrap() {
            assert!(!seen.is_full(), "{number}");
            is_new(&mut seen, &number.to_string(), 11 + number);
        }
        assert!(!seen.is_full(), "the one that the list had");
        is_new(&mut seen, "b", 99_999);
        assert!(seen.is_full());
        seen.take_list(at(100_000), &[]).unwrap();
        assert!(!seen.is_full());
    }
}
