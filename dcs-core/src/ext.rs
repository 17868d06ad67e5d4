//! What users call in comfort, for every backend.

use std::fmt;
use std::future::Future;

use crate::{
    Change, Config, Dcs, Entry, Error, Failover, Initialize, Key, LeaderRecord, MemberName,
    MemberRecord, Revision, Status, WriteError,
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

    /// Changes the dynamic configuration, as often as others write in between.
    /// `edit` is given what stands there and returns what is to stand there, or
    /// `None` to leave it alone. Returns the revision that then stands.
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
    /// has consumed or replaced it meanwhile.
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

    async fn edit_config<F>(&self, mut edit: F) -> Result<Option<Revision>, EditError>
    where
        F: FnMut(Option<&Config>) -> Option<Config> + Send,
    {
        for _ in 0..MOST_TRIES {
            let read = |source| EditError::Read {
                key: Key::Config,
                source,
            };
            let entry = self.load().await.map_err(read)?.config;
            let current = entry.readable(Key::Config).map_err(read)?;
            let Some(next) = edit(current) else {
                return Ok(entry.revision);
            };
            if let Some(revision) = write(self, Change::Config(Some(next)), &entry).await? {
                return Ok(Some(revision));
            }
        }
        Err(EditError::Contended {
            key: Key::Config,
            tries: MOST_TRIES,
        })
    }

    async fn request_failover(&self, request: Failover) -> Result<Revision, EditError> {
        for _ in 0..MOST_TRIES {
            let read = |source| EditError::Read {
                key: Key::Failover,
                source,
            };
            let entry = self.load().await.map_err(read)?.failover;
            let change = Change::Failover(Some(request.clone()));
            if let Some(revision) = write(self, change, &entry).await? {
                return Ok(revision);
            }
        }
        Err(EditError::Contended {
            key: Key::Failover,
            tries: MOST_TRIES,
        })
    }

    async fn consume_failover(&self, seen: &Entry<Failover>) -> Result<bool, WriteError> {
        let outcome = self
            .write(&Change::Failover(None), seen.precondition())
            .await;
        match outcome.into_result() {
            Ok(_) => Ok(true),
            Err(WriteError::NotCommitted(error)) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
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

/// The revision that was written, or `None` where someone else wrote first.
async fn write<D, T>(
    dcs: &D,
    change: Change,
    entry: &Entry<T>,
) -> Result<Option<Revision>, EditError>
where
    D: Dcs + ?Sized,
    T: fmt::Debug + Sync,
{
    let key = change.key();
    match dcs.write(&change, entry.precondition()).await.into_result() {
        Ok(revision) => Ok(Some(revision)),
        Err(WriteError::NotCommitted(error)) if error.is_conflict() => Ok(None),
        Err(source) => Err(EditError::Write { key, source }),
    }
}
