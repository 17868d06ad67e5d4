//! The race for making the first data of a cluster.
//!
//! One member of all that find the initialize key absent gets to make the data;
//! the others wait until it says that it is done, or gives up.

use std::sync::Arc;

use crate::{Dcs, DcsExt, EditError, Entry, Initialize, Key, Revision, WriteError};

/// How often an end begins anew when others write in between.
const MOST_TRIES: usize = 16;

/// How the race stands.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: the race is won, lost, or was over before"
)]
#[must_use = "a race that was won has to be finished or cancelled"]
pub enum Race {
    /// This member makes the first data.
    Won(Bootstrap),
    /// Another member does, or began to and has not said how it ended.
    Running,
    /// The data was made, and has this id.
    Done(String),
}

/// The right to make the first data. Finish or cancel it: dropped it leaves the
/// key as it is, and every member waits until someone removes it, since nobody
/// else can know that the work has stopped.
#[derive(Debug)]
#[must_use = "every other member waits for `finish` or `cancel`"]
pub struct Bootstrap {
    dcs: Arc<dyn Dcs>,
}

/// Why a bootstrap did not end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// Stop, and leave what was made aside: another member has made the data, or
    /// someone has taken the right away.
    #[error("initialize was changed by others while the data was made: do not use what was made")]
    Lost {
        /// What stands there now.
        found: Option<Initialize>,
    },
    /// The key could not be read or written; the right is still there, and the
    /// same call may be made again.
    #[error(transparent)]
    Edit(EditError),
}

/// Enters the race. One member wins, whoever else enters at the same time and
/// whatever else is written.
///
/// A member that leads needs no race: a leader that finds the key gone puts its
/// own id back by [`LeaderDuties`](super::LeaderDuties). **Followers never do.**
///
/// # Errors
/// [`EditError`] where the store fails. After an unknown outcome this member
/// has not won, also if its write is applied: nobody could tell it from
/// another's. Enter again; if then nobody ever finishes, remove the key.
///
/// # Cancel safety
/// If the future is dropped the key may be written all the same, as after an
/// unknown outcome.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # use dcs_core::TokioClock;
/// # use dcs_core::duties::initialize::{self, Race};
/// # let store = dcs_memory::MemoryStore::new(Arc::new(TokioClock::new()));
/// # let dcs = Arc::new(store.handle(&"demo".parse()?));
/// let Race::Won(bootstrap) = initialize::begin(dcs.clone()).await? else {
///     panic!("nobody else is there");
/// };
/// assert!(matches!(initialize::begin(dcs.clone()).await?, Race::Running));
/// // ... make the data ...
/// bootstrap.finish("7186662553319358497").await?;
/// assert!(matches!(initialize::begin(dcs).await?, Race::Done(_)));
/// # Ok(()) }
/// ```
pub async fn begin(dcs: Arc<dyn Dcs>) -> Result<Race, EditError> {
    let entry = read(&*dcs).await?;
    let found = entry.readable(Key::Initialize).map_err(unread)?;
    match found {
        Some(Initialize::InProgress) => return Ok(Race::Running),
        Some(Initialize::Done(id)) => return Ok(Race::Done(id.clone())),
        None => {}
    }
    let mut entry = entry;
    for _ in 0..MOST_TRIES {
        let written = dcs.write_key(Some(Initialize::InProgress), &entry).await;
        if written.map_err(unwritten)?.is_some() {
            return Ok(Race::Won(Bootstrap { dcs }));
        }
        entry = read(&*dcs).await?;
        match entry.readable(Key::Initialize).map_err(unread)? {
            Some(Initialize::InProgress) => return Ok(Race::Running),
            Some(Initialize::Done(id)) => return Ok(Race::Done(id.clone())),
            None => {}
        }
    }
    Err(contended())
}

impl Bootstrap {
    /// Says that the data was made and has this id, which ends the race.
    /// `id` is Patroni's system identifier: digits, where Patroni is to read it.
    ///
    /// # Errors
    /// [`BootstrapError::Lost`] where the key was changed meanwhile.
    /// [`BootstrapError::Edit`] where the store fails: call it again. What is
    /// found to stand there already with this id counts as finished.
    ///
    /// # Cancel safety
    /// If the future is dropped the id may still be written. Call it again.
    pub async fn finish(&self, id: &str) -> Result<Revision, BootstrapError> {
        let done = Initialize::Done(id.to_owned());
        self.end(Some(done)).await
    }

    /// Gives up, so that another member can make the data: the key is removed.
    ///
    /// # Errors
    /// As for [`Bootstrap::finish`].
    ///
    /// # Cancel safety
    /// If the future is dropped the key may still be removed. Call it again.
    pub async fn cancel(&self) -> Result<(), BootstrapError> {
        self.end(None).await?;
        Ok(())
    }

    /// Writes the end over what only the winner has put there.
    async fn end(&self, end: Option<Initialize>) -> Result<Revision, BootstrapError> {
        for _ in 0..MOST_TRIES {
            let entry = read(&*self.dcs).await?;
            let found = entry.readable(Key::Initialize).map_err(unread)?;
            if found == end.as_ref()
                && let Some(stands) = entry.revision
            {
                return Ok(stands);
            }
            if found != Some(&Initialize::InProgress) {
                let found = found.cloned();
                return Err(BootstrapError::Lost { found });
            }
            let written = self.dcs.write_key(end.clone(), &entry).await;
            if let Some(revision) = written.map_err(unwritten)? {
                return Ok(revision);
            }
        }
        Err(contended().into())
    }
}

impl From<EditError> for BootstrapError {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

async fn read(dcs: &dyn Dcs) -> Result<Entry<Initialize>, EditError> {
    let all = dcs.load().await.map_err(unread)?;
    Ok(all.initialize)
}

const fn unread(source: crate::Error) -> EditError {
    let key = Key::Initialize;
    EditError::Read { key, source }
}

const fn unwritten(source: WriteError) -> EditError {
    let key = Key::Initialize;
    EditError::Write { key, source }
}

const fn contended() -> EditError {
    EditError::Contended {
        key: Key::Initialize,
        tries: MOST_TRIES,
    }
}
