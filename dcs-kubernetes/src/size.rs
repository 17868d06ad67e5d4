//! How large an object may become: judged before a write is sent.

use std::collections::BTreeMap;
use std::sync::Mutex;

use dcs_core::{Error, Key, Precondition, Revision};

use crate::format::{Annotation, Object as Raw, name};
use crate::memory::lock;
use crate::settings::Object;

/// Most bytes that all annotations of one object may have, keys and values.
pub(crate) const LIMIT: usize = 256 << 10;
/// What status and failsafe must leave free of that, so that the lock, which
/// stands beside them, can always be renewed and released.
pub(crate) const RESERVE: usize = 8 << 10;

const LOCK: [&str; 7] = [
    name::LEADER,
    name::TTL,
    name::RENEW_TIME,
    name::ACQUIRE_TIME,
    name::TRANSITIONS,
    name::CLAIM,
    name::RELEASED,
];
const STATUS: [&str; 3] = [name::OPTIME, name::SLOTS, name::RETAIN_SLOTS];
const FAILSAFE: [&str; 1] = [name::FAILSAFE];

/// Bytes by annotation, its key among them.
type Bytes = BTreeMap<String, usize>;

/// How large the objects of the scope were last seen. Without the version that
/// a write expects, only what it brings itself is counted: the server has the
/// last word.
#[derive(Debug, Default)]
pub(crate) struct Sizes(Mutex<BTreeMap<Object, (Revision, Bytes)>>);

impl Sizes {
    /// What a version of `object` says, unless a newer one is known.
    pub(crate) fn learn(&self, object: Object, raw: &Raw) {
        let Ok(revision) = raw.revision() else {
            return;
        };
        let mut known = lock(&self.0);
        if known.get(&object).is_some_and(|(at, _)| *at > revision) {
            return;
        }
        let bytes = raw.annotations();
        let bytes = bytes.map(|(key, value)| (key.to_owned(), key.len() + value.len()));
        known.insert(object, (revision, bytes.collect()));
    }

    /// Judges what `patch` makes of the version that is expected.
    ///
    /// # Errors
    /// [`Error::TooLarge`] of the key that is to blame.
    pub(crate) fn check(
        &self,
        object: Object,
        key: &Key,
        patch: &[Annotation],
        expected: Precondition,
    ) -> Result<(), Error> {
        let mut bytes = self.at(object, expected);
        for (name, value) in patch {
            match value {
                Some(value) => bytes.insert((*name).to_owned(), name.len() + value.len()),
                None => bytes.remove(*name),
            };
        }
        if object == Object::Leader {
            check_reserve(&bytes, patch)?;
        }
        within(LIMIT, bytes.values().sum(), key)
    }

    fn at(&self, object: Object, expected: Precondition) -> Bytes {
        let known = lock(&self.0);
        let found = known.get(&object);
        let found = found.filter(|(at, _)| expected == Precondition::Matches(*at));
        found.map(|(_, bytes)| bytes.clone()).unwrap_or_default()
    }
}

/// A write that brings no status and no map may use the reserve: it is the
/// lock's.
fn check_reserve(bytes: &Bytes, patch: &[Annotation]) -> Result<(), Error> {
    let brought = |names: &[&str]| -> usize {
        let own = patch.iter().filter(|(name, _)| names.contains(name));
        let values = own.filter_map(|(_, value)| value.as_ref());
        values.map(String::len).sum()
    };
    let (status, failsafe) = (brought(&STATUS), brought(&FAILSAFE));
    let blamed = match (status, failsafe) {
        (0, 0) => return Ok(()),
        _ if status >= failsafe => Key::Status,
        _ => Key::Failsafe,
    };
    let beside = bytes.iter().filter(|(name, _)| !LOCK.contains(&&***name));
    let beside = beside.map(|(_, bytes)| bytes).sum();
    within(LIMIT - RESERVE, beside, &blamed)
}

fn within(limit: usize, actual: usize, key: &Key) -> Result<(), Error> {
    if actual <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        key: key.clone(),
        limit,
        actual,
    })
}
