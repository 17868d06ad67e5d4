//! What users call in comfort, for every backend.

use std::future::Future;

use serde_json::{Map, Value};

use crate::replace::{Replaced, SharedValue, replace};
use crate::{
    Config, Dcs, Entry, Error, Failover, Initialize, Key, LeaderRecord, MemberName, MemberRecord,
    Revision, Status, WriteError,
};

/// How often a read-modify-write begins anew when others write in between.
const MOST_TRIES: usize = 16;

/// Comfort over [`Dcs`], the same for every backend: the bodies stand in one
/// blanket implementation, so no backend can change them.
pub trait DcsExt: Dcs {
    /// Reads the leader record: for display and routing. Whether *this* process
    /// leads is for its own lease to say.
    ///
    /// # Errors
    /// What [`Dcs::load_leader`] fails with, and [`Error::Malformed`].
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    fn leader(&self) -> impl Future<Output = Result<Option<LeaderRecord>, Error>> + Send;

    /// Reads the dynamic configuration; `None` where there is none.
    ///
    /// # Errors
    /// What [`Dcs::load`] fails with, and [`Error::Malformed`].
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    fn config(&self) -> impl Future<Output = Result<Option<Config>, Error>> + Send;

    /// Reads what a member says of itself; `None` where it says nothing.
    ///
    /// # Errors
    /// What [`Dcs::load`] fails with, and [`Error::Malformed`].
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    fn member(
        &self,
        name: &MemberName,
    ) -> impl Future<Output = Result<Option<MemberRecord>, Error>> + Send;

    /// Writes `value` in place of what was read as `seen`; `None` removes it.
    /// Returns the revision, or `None` where the key was changed meanwhile, and
    /// then nothing was written.
    ///
    /// Several keys may share one revision, and a write of another one of them
    /// then refuses this write. That is no conflict: where value and
    /// [fence](Entry::fence) of this key are still as they were in `seen`, the
    /// write is sent again on the new revision, up to 64 times. A write of
    /// unknown outcome is never sent again.
    ///
    /// # Errors
    /// [`WriteError`] where the store fails; after an unknown outcome read the
    /// key before writing again.
    ///
    /// # Cancel safety
    /// If the future is dropped the write may still be applied.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::Arc;
    /// # use dcs_core::{Dcs, DcsExt, Initialize, TokioClock};
    /// # let store = dcs_memory::MemoryStore::new(Arc::new(TokioClock::new()));
    /// # let dcs = store.handle(&"demo".parse()?);
    /// let seen = dcs.load().await?.initialize;
    /// let first = dcs.write_key(Some(Initialize::InProgress), &seen).await?;
    /// assert!(first.is_some());
    /// let late = dcs.write_key(Some(Initialize::InProgress), &seen).await?;
    /// assert!(late.is_none(), "somebody was first");
    /// # Ok(()) }
    /// ```
    fn write_key<T: SharedValue>(
        &self,
        value: Option<T>,
        seen: &Entry<T>,
    ) -> impl Future<Output = Result<Option<Revision>, WriteError>> + Send;

    /// Puts a whole configuration in place of whatever stands there, also of
    /// what cannot be read. To change a part use [`DcsExt::patch_config`].
    ///
    /// # Errors
    /// As for [`DcsExt::edit_config`].
    ///
    /// # Cancel safety
    /// If the future is dropped the configuration may still be written.
    fn put_config(
        &self,
        config: Config,
    ) -> impl Future<Output = Result<Revision, EditError>> + Send;

    /// Merges `patch` into the configuration that stands there, as
    /// [`Config::merge`] does: null removes a setting, an object is merged, and
    /// anything else replaces. Returns the revision that then stands; nothing is
    /// written where the patch changes nothing.
    ///
    /// # Errors
    /// [`EditError::Absent`] where there is no configuration yet: one that holds
    /// nothing but the patch would keep the first leader from writing its own.
    /// Else as for [`DcsExt::edit_config`].
    ///
    /// # Cancel safety
    /// If the future is dropped the patch may still be applied, once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::Arc;
    /// # use dcs_core::{DcsExt, TokioClock};
    /// # use serde_json::json;
    /// # let store = dcs_memory::MemoryStore::new(Arc::new(TokioClock::new()));
    /// # let dcs = store.handle(&"demo".parse()?);
    /// dcs.put_config(r#"{"ttl":30,"pause":true}"#.parse()?).await?;
    /// let patch = json!({"ttl": 60, "pause": null});
    /// dcs.patch_config(patch.as_object().unwrap()).await?;
    /// assert_eq!(dcs.config().await?.unwrap().to_string(), r#"{"ttl":60}"#);
    /// # Ok(()) }
    /// ```
    fn patch_config(
        &self,
        patch: &Map<String, Value>,
    ) -> impl Future<Output = Result<Option<Revision>, EditError>> + Send;

    /// Changes the dynamic configuration, as often as others change it in between.
    /// `edit` is given what stands there and returns what is to stand there, or
    /// `None` to leave it alone. Returns the revision that then stands. Writes
    /// of other keys in between do not call `edit` again: see [`DcsExt::write_key`].
    ///
    /// # Errors
    /// [`EditError::Read`] and [`EditError::Write`] where the store fails,
    /// [`EditError::Contended`] where others were faster 16 times.
    ///
    /// # Cancel safety
    /// If the future is dropped one edit may still be applied.
    fn edit_config<F>(
        &self,
        edit: F,
    ) -> impl Future<Output = Result<Option<Revision>, EditError>> + Send
    where
        F: FnMut(Option<&Config>) -> Option<Config> + Send;

    /// Asks the cluster to hand leadership over: what the members then do is
    /// theirs to decide. Replaces an earlier request that was not consumed.
    ///
    /// # Errors
    /// As for [`DcsExt::edit_config`].
    ///
    /// # Cancel safety
    /// If the future is dropped the request may still be written.
    fn request_failover(
        &self,
        request: Failover,
    ) -> impl Future<Output = Result<Revision, EditError>> + Send;

    /// Consumes the request that was read as `seen`. False where someone else
    /// has consumed, replaced or [fenced](Entry::fence) it meanwhile.
    ///
    /// # Errors
    /// [`WriteError`] where the store fails; after an unknown outcome read again.
    ///
    /// # Cancel safety
    /// If the future is dropped the request may still be consumed.
    fn consume_failover(
        &self,
        seen: &Entry<Failover>,
    ) -> impl Future<Output = Result<bool, WriteError>> + Send;

    /// Whether the first data was made, and its id.
    ///
    /// # Errors
    /// What [`Dcs::load`] fails with, and [`Error::Malformed`].
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    fn initialized(&self) -> impl Future<Output = Result<Option<Initialize>, Error>> + Send;

    /// How far the leader has got; `None` where it never said.
    ///
    /// # Errors
    /// What [`Dcs::load`] fails with, and [`Error::Malformed`].
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    fn status(&self) -> impl Future<Output = Result<Option<Status>, Error>> + Send;
}

/// Why a read-modify-write failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Nothing was written: the key could not be read.
    #[error("{key} could not be read, so nothing was written")]
    Read {
        /// The key.
        key: Key,
        /// The cause.
        source: Error,
    },
    /// The write failed, or its outcome is unknown.
    #[error("{key} could not be written")]
    Write {
        /// The key.
        key: Key,
        /// The cause.
        source: WriteError,
    },
    /// Nothing was written: there is nothing that could be changed.
    #[error("there is no {key} to change: write a whole one first, or wait until the leader has")]
    Absent {
        /// The key.
        key: Key,
    },
    /// Nothing was written: others wrote each time in between.
    #[error("{key} was changed by others {tries} times in a row: try again later")]
    Contended {
        /// The key.
        key: Key,
        /// How often it was tried.
        tries: usize,
    },
}

impl<D: Dcs + ?Sized> DcsExt for D {
    async fn leader(&self) -> Result<Option<LeaderRecord>, Error> {
        self.load_leader()
            .await?
            .readable(Key::Leader)
            .map(Option::<&_>::cloned)
    }

    async fn config(&self) -> Result<Option<Config>, Error> {
        self.load()
            .await?
            .config
            .readable(Key::Config)
            .map(Option::<&_>::cloned)
    }

    async fn member(&self, name: &MemberName) -> Result<Option<MemberRecord>, Error> {
        let snapshot = self.load().await?;
        let Some(entry) = snapshot.members.get(name) else {
            return Ok(None);
        };
        entry
            .readable(Key::Member(name.clone()))
            .map(Option::<&_>::cloned)
    }

    async fn write_key<T: SharedValue>(
        &self,
        value: Option<T>,
        seen: &Entry<T>,
    ) -> Result<Option<Revision>, WriteError> {
        let replaced = replace(self, &T::change(value), seen.clone()).await?;
        Ok(match replaced {
            Replaced::Done(revision) => Some(revision),
            Replaced::Overtaken(_) => None,
        })
    }

    async fn put_config(&self, config: Config) -> Result<Revision, EditError> {
        put(self, config).await
    }

    async fn patch_config(
        &self,
        patch: &Map<String, Value>,
    ) -> Result<Option<Revision>, EditError> {
        let merge = |now: Option<&Config>| {
            let now = now.ok_or(EditError::Absent { key: Key::Config })?;
            let mut next = now.clone();
            Ok(next.merge(patch).then_some(next))
        };
        edit(self, merge).await
    }

    async fn edit_config<F>(&self, mut change: F) -> Result<Option<Revision>, EditError>
    where
        F: FnMut(Option<&Config>) -> Option<Config> + Send,
    {
        edit(self, |now: Option<&_>| Ok(change(now))).await
    }

    async fn request_failover(&self, request: Failover) -> Result<Revision, EditError> {
        put(self, request).await
    }

    async fn consume_failover(&self, seen: &Entry<Failover>) -> Result<bool, WriteError> {
        let consumed = self.write_key(None, seen).await?;
        Ok(consumed.is_some())
    }

    async fn initialized(&self) -> Result<Option<Initialize>, Error> {
        self.load()
            .await?
            .initialize
            .readable(Key::Initialize)
            .map(Option::<&_>::cloned)
    }

    async fn status(&self) -> Result<Option<Status>, Error> {
        self.load()
            .await?
            .status
            .readable(Key::Status)
            .map(Option::<&_>::cloned)
    }
}

/// Reads a key, decides and writes, and begins anew where others changed it.
async fn edit<D, T, F>(dcs: &D, mut decide: F) -> Result<Option<Revision>, EditError>
where
    D: Dcs + ?Sized,
    T: SharedValue,
    F: FnMut(Option<&T>) -> Result<Option<T>, EditError> + Send,
{
    let mut entry = read::<D, T>(dcs).await?;
    for _ in 0..MOST_TRIES {
        let now = entry.readable(T::KEY).map_err(unread::<T>)?;
        let Some(next) = decide(now)? else {
            return Ok(entry.revision);
        };
        match replace(dcs, &T::change(Some(next)), entry)
            .await
            .map_err(unwritten::<T>)?
        {
            Replaced::Done(revision) => return Ok(Some(revision)),
            Replaced::Overtaken(now) => entry = now,
        }
    }
    Err(contended::<T>())
}

/// Writes a value in place of whatever stands there.
async fn put<D, T>(dcs: &D, value: T) -> Result<Revision, EditError>
where
    D: Dcs + ?Sized,
    T: SharedValue,
{
    let change = T::change(Some(value));
    let mut entry = read::<D, T>(dcs).await?;
    for _ in 0..MOST_TRIES {
        match replace(dcs, &change, entry).await.map_err(unwritten::<T>)? {
            Replaced::Done(revision) => return Ok(revision),
            Replaced::Overtaken(now) => entry = now,
        }
    }
    Err(contended::<T>())
}

/// What stands under the key of `T`.
async fn read<D, T>(dcs: &D) -> Result<Entry<T>, EditError>
where
    D: Dcs + ?Sized,
    T: SharedValue,
{
    let all = dcs.load().await.map_err(unread::<T>)?;
    Ok(T::entry(all))
}

/// Nothing was written, since this could not be read.
fn unread<T: SharedValue>(source: Error) -> EditError {
    let key = T::KEY;
    EditError::Read { key, source }
}

fn unwritten<T: SharedValue>(source: WriteError) -> EditError {
    let key = T::KEY;
    EditError::Write { key, source }
}

fn contended<T: SharedValue>() -> EditError {
    EditError::Contended {
        key: T::KEY,
        tries: MOST_TRIES,
    }
}
