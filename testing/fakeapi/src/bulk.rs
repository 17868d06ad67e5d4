//! Objects by the thousand, past the requests that would make them.

use std::time::Duration;

use serde_json::Value;

use crate::FakeApi;
use crate::kinds::Kind;
use crate::object::{self, meta};
use crate::serve::uid;

impl FakeApi {
    /// Stores an object in the place of whatever has its name, as one revision
    /// and without the checks that a request goes through: for the many objects
    /// that a test begins with, and for changing them. What a server fills in is
    /// filled in. Returns its revision; `None` where no kind has this plural, or
    /// the object has no name or a field of a wrong type.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn put_object(&self, plural: &str, namespace: &str, mut object: Value) -> Option<u64> {
        let kind = Kind::of_plural(plural)?;
        let path = kind.path(namespace, meta(&object, "name")?);
        if kind.facts().namespaced {
            object["metadata"]["namespace"] = namespace.into();
        }
        object::fill_in(kind, &mut object, None);
        let mut object = object::typed(kind, &object).ok()?;
        let mut state = self.0.lock();
        if meta(&object, "uid").is_none() {
            let uid = uid(&mut state.rng);
            object::created(kind, &mut object, uid, self.0.time.stamp(Duration::ZERO));
        }
        let at = self.0.time.elapsed_so_far();
        let stored = state.store.put(kind, &path, object, at);
        drop(state);
        self.0.wake();
        Some(stored.revision)
    }
}
