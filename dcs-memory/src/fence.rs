//! The token that stands beside the value of a register.

use dcs_core::{
    Committed, Entry, Error, FencingToken, Key, Precondition, Revision, Scope, Snapshot, Stamp,
    Update, Value,
};

use crate::BACKEND;
use crate::store::{Keys, Registers};

impl Registers {
    /// One conditional touch of the register of one shared key.
    pub(crate) fn fence(
        &mut self,
        scope: &Scope,
        (key, expected): (&Key, Precondition),
        token: FencingToken,
        at: Stamp,
    ) -> Result<Committed, Error> {
        // Before the precondition: no revision makes a fence of such a key right.
        if !key.has_fence() {
            return Err(no_fence(key));
        }
        let updates = |keys: &Keys, revision| {
            let update = touch(&keys.now, key, revision, token).ok_or_else(|| no_fence(key))?;
            Ok(vec![update])
        };
        let revision = self.write_if(scope, (key, expected), at, updates)?;
        Ok(Committed::new(revision))
    }
}

/// What a touch makes of a key.
fn touch(now: &Snapshot, key: &Key, revision: Revision, token: FencingToken) -> Option<Update> {
    fn touched<T: Clone>(old: &Entry<T>, revision: Revision, token: FencingToken) -> Entry<T> {
        Entry {
            revision: Some(revision),
            value: old.value.clone(),
            fence: Value::Present(token),
        }
    }
    Some(match key {
        Key::Config => Update::Config(touched(&now.config, revision, token)),
        Key::Initialize => Update::Initialize(touched(&now.initialize, revision, token)),
        Key::History => Update::History(touched(&now.history, revision, token)),
        Key::Failover => Update::Failover(touched(&now.failover, revision, token)),
        Key::Sync => Update::Sync(touched(&now.sync, revision, token)),
        _ => return None,
    })
}

fn no_fence(key: &Key) -> Error {
    Error::Refused {
        backend: BACKEND,
        key: key.clone(),
        why: "it has no fence: fence config, initialize, history, failover or sync".to_owned(),
    }
}
