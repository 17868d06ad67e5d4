//! A conditional write that tells false conflicts from real ones.

use crate::{
    Change, Config, Dcs, Entry, Failover, History, Initialize, Key, Revision, Snapshot, SyncState,
    WriteError,
};

/// How often one write follows a register that others move without changing
/// the key. Each time costs a read and a write.
pub(crate) const MOST_MOVES: usize = 64;

/// A value of one of the keys that have a fence, and so a revision that may be
/// shared with other keys: config, initialize, history, failover and sync. It
/// joins a value to its key, for [`DcsExt::write_key`](crate::DcsExt::write_key).
///
/// ```
/// use dcs_core::{Config, Key, SharedValue, SyncState};
///
/// assert_eq!(Config::KEY, Key::Config);
/// assert_eq!(SyncState::change(None).key(), Key::Sync);
/// ```
pub trait SharedValue: Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The key.
    const KEY: Key;

    /// What a read of all keys found under this one.
    fn entry(all: Snapshot) -> Entry<Self>;

    /// The write of this value; `None` removes what stands there.
    fn change(value: Option<Self>) -> Change;
}

macro_rules! shared_values {
    ($($value:ident, $key:ident, $field:ident);*) => {$(
        impl SharedValue for $value {
            const KEY: Key = Key::$key;

            fn entry(all: Snapshot) -> Entry<Self> {
                all.$field
            }

            fn change(value: Option<Self>) -> Change {
                Change::$key(value)
            }
        }
    )*};
}
shared_values!(
    Config, Config, config;
    Initialize, Initialize, initialize;
    History, History, history;
    Failover, Failover, failover;
    SyncState, Sync, sync
);

/// How a write ended that nobody but this process knows to have failed.
#[derive(Debug)]
pub(crate) enum Replaced<T> {
    /// It stands at this revision.
    Done(Revision),
    /// It was not applied: something else stands there.
    Overtaken(Entry<T>),
}

/// Whether a write that was decided on `seen` and lost is as right on `now`:
/// the register moved, and of this key nothing changed.
///
/// The fence counts as much as the value. A leader that touches the register
/// before its first write changes nothing else of it, and does so to have every
/// earlier write refused: repeated past that touch, the write of an earlier
/// leader would land after all.
pub(crate) fn only_moved<T: PartialEq>(seen: &Entry<T>, now: &Entry<T>) -> bool {
    now.revision != seen.revision && now.value == seen.value && now.fence == seen.fence
}

/// Writes what was decided on `seen`, as long as others only move the register.
/// A write of unknown outcome is not repeated. Where a lost write cannot be
/// looked into, it is lost.
pub(crate) async fn replace<D, T>(
    dcs: &D,
    change: &Change,
    mut seen: Entry<T>,
) -> Result<Replaced<T>, WriteError>
where
    D: Dcs + ?Sized,
    T: SharedValue,
{
    for _ in 0..=MOST_MOVES {
        let outcome = dcs.write(change, seen.precondition()).await;
        match outcome.into_result() {
            Ok(revision) => return Ok(Replaced::Done(revision)),
            Err(WriteError::NotCommitted(error)) if error.is_conflict() => {}
            Err(error) => return Err(error),
        }
        let now = T::entry(dcs.load().await.map_err(WriteError::NotCommitted)?);
        if !only_moved(&seen, &now) {
            return Ok(Replaced::Overtaken(now));
        }
        seen = now;
    }
    Ok(Replaced::Overtaken(seen))
}
