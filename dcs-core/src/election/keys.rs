//! The scope's own keys, as the leader of one term writes them.

use std::sync::Arc;

use super::shared::{OpenTerm, Shared};
use super::term_error::TermError;
use crate::replace::{MOST_MOVES, SharedValue, only_moved};
use crate::{
    Change, Config, Dcs, EditError, Entry, Error, Failover, FencingToken, History, Initialize, Key,
    Outcome, Precondition, Revision, Snapshot, SyncState, Value, WriteError,
};

/// How often a write begins anew when others write in between.
const MOST_TRIES: usize = 16;

/// The scope's own keys, written by the leader of one term and of no earlier
/// one. Begin with [`Lease::keys`](super::Lease::keys).
///
/// The first write of a key in a term *touches* it: the key gets this term's
/// token as its [fence](Entry::fence) and with it a new revision, so every write
/// that an older leader has under way is refused. That happens before the first
/// write and not with the election, so a term costs a request for each key that
/// it writes and none for the others. What is read before the touch may still be
/// changed by an older leader: [`TermKeys::fence`] touches without writing.
///
/// Each write reads the key, stops if the fence is of a newer term, asks the
/// lease *after* the revision was received that the write expects, touches where
/// the fence is not this term's, and writes on exactly that revision. Where a
/// write of another key moved the revision, and value and fence of this key are
/// as they were, it goes on from the new revision without deciding anew.
///
/// What is fenced stands in the store, so clones share it, and it is touched
/// once. Writers without a lease, as [`DcsExt`](crate::DcsExt) and `patronictl`
/// are, go on as before and leave the fence in place.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use dcs_core::election::{Elector, LeaseTiming};
/// # use dcs_core::{DcsExt, SyncState, TokioClock};
/// # use dcs_memory::{MemoryStore, SeededEntropy};
/// # let clock = Arc::new(TokioClock::new());
/// # let dcs = Arc::new(MemoryStore::new(clock.clone()).handle(&"demo".parse()?));
/// # let [ttl, loop_wait, retry] = [30, 10, 10].map(Duration::from_secs);
/// # let timing = LeaseTiming::new(ttl, loop_wait, retry)?;
/// # let chance = Arc::new(SeededEntropy::new(1));
/// # let (elector, driver) = Elector::builder(dcs.clone(), "anna".parse()?, timing, clock, chance).build();
/// # tokio::spawn(driver.run());
/// let lease = elector.acquire().await?;
/// let keys = lease.keys();
/// keys.edit_sync(|_| Some(SyncState::new("anna", vec!["ben".to_owned()], 1))).await?;
///
/// lease.release().await;
/// let late = keys.edit_config(|now| now.cloned()).await;
/// assert!(late.is_err(), "another member may lead by now");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TermKeys {
    dcs: Arc<dyn Dcs>,
    shared: Arc<Shared>,
    term: OpenTerm,
}

/// What is to become of a key that was read.
enum Step {
    /// It stays as it is, fence included.
    Leave,
    /// It gets the fence of this term and keeps its value.
    Fence,
    /// It gets the fence, and then a value.
    Write(Change),
}

/// How a touch ended.
enum Touch {
    /// The key is fenced by this term, and a write expects this revision.
    Done(Revision),
    /// Someone else was first.
    Overtaken,
    /// It may be applied: only reading back tells.
    Unknown(Error),
}

/// How one decision ended.
enum Settled<T> {
    /// It stands at this revision.
    Done(Revision),
    /// It was not applied: something else stands there, which was read.
    Overtaken(Entry<T>),
    /// The touch may be applied: only reading back tells.
    Unknown(Error),
}

impl TermKeys {
    pub(super) const fn new(dcs: Arc<dyn Dcs>, shared: Arc<Shared>, term: OpenTerm) -> Self {
        Self { dcs, shared, term }
    }

    /// The token that these keys are fenced with.
    #[must_use]
    pub const fn token(&self) -> FencingToken {
        self.term.token
    }

    /// Changes the config key, as often as others write in between. `edit` is
    /// given what stands there and returns what is to stand there, or `None` to
    /// leave it alone; then the key is not touched either. Returns the revision
    /// that then stands.
    ///
    /// # Errors
    /// [`TermError::Superseded`] and [`TermError::LeaseOver`] where this process
    /// leads no more, [`TermError::Edit`] as [`DcsExt::edit_config`](crate::DcsExt::edit_config),
    /// and where the fence cannot be read.
    ///
    /// # Cancel safety
    /// If the future is dropped the touch and one edit may still be applied, now
    /// or later, each on the revision it was decided on. The key is never left
    /// half written; the next call goes on from what stands there.
    pub async fn edit_config(
        &self,
        mut edit: impl FnMut(Option<&Config>) -> Option<Config> + Send,
    ) -> Result<Option<Revision>, TermError> {
        self.change(|now: Option<&Config>| Some(Some(edit(now)?)))
            .await
    }

    /// Changes the sync key, as [`TermKeys::edit_config`] does the config key.
    ///
    /// # Errors
    /// As for [`TermKeys::edit_config`].
    ///
    /// # Cancel safety
    /// As for [`TermKeys::edit_config`].
    pub async fn edit_sync(
        &self,
        mut edit: impl FnMut(Option<&SyncState>) -> Option<SyncState> + Send,
    ) -> Result<Option<Revision>, TermError> {
        self.change(|now: Option<&SyncState>| Some(Some(edit(now)?)))
            .await
    }

    /// Changes the history key, as [`TermKeys::edit_config`] does the config key.
    /// If the store finds it too large it is written once more, without the
    /// oldest lines that were too many.
    ///
    /// # Errors
    /// As for [`TermKeys::edit_config`].
    ///
    /// # Cancel safety
    /// As for [`TermKeys::edit_config`].
    pub async fn edit_history(
        &self,
        mut edit: impl FnMut(Option<&History>) -> Option<History> + Send,
    ) -> Result<Option<Revision>, TermError> {
        let mut size = 0;
        let whole = |now: Option<&History>| {
            let next = edit(now)?;
            size = next.size();
            Some(Some(next))
        };
        let result = self.change(whole).await;
        let Some(surplus) = result.as_ref().err().and_then(TermError::surplus) else {
            return result;
        };
        let room = size.saturating_sub(surplus);
        let smaller = |now: Option<&History>| {
            let mut next = edit(now)?;
            next.fit(room);
            Some(Some(next))
        };
        self.change(smaller).await
    }

    /// Changes the initialize key, as [`TermKeys::edit_config`] does the config
    /// key: for a leader that finds it gone, and knows the id of the data.
    ///
    /// # Errors
    /// As for [`TermKeys::edit_config`].
    ///
    /// # Cancel safety
    /// As for [`TermKeys::edit_config`].
    pub async fn edit_initialize(
        &self,
        mut edit: impl FnMut(Option<&Initialize>) -> Option<Initialize> + Send,
    ) -> Result<Option<Revision>, TermError> {
        self.change(|now: Option<&Initialize>| Some(Some(edit(now)?)))
            .await
    }

    /// Removes the value of a key, whatever it is; one that is not there is left
    /// alone. The fence stays. Returns the revision that then stands.
    ///
    /// # Errors
    /// [`TermError::NoFence`] for leader, status, failsafe and member keys, else
    /// as for [`TermKeys::edit_config`].
    ///
    /// # Cancel safety
    /// As for [`TermKeys::edit_config`].
    pub async fn remove(&self, key: Key) -> Result<Option<Revision>, TermError> {
        match key {
            Key::Config => self.change(removed::<Config>).await,
            Key::Initialize => self.change(removed::<Initialize>).await,
            Key::History => self.change(removed::<History>).await,
            Key::Failover => self.change(removed::<Failover>).await,
            Key::Sync => self.change(removed::<SyncState>).await,
            Key::Leader | Key::Status | Key::Failsafe | Key::Member(_) => {
                Err(TermError::NoFence { key })
            }
        }
    }

    /// Changes the failover key, as [`TermKeys::edit_config`] does the config key.
    ///
    /// # Errors
    /// As for [`TermKeys::edit_config`].
    ///
    /// # Cancel safety
    /// As for [`TermKeys::edit_config`].
    pub async fn edit_failover(
        &self,
        mut edit: impl FnMut(Option<&Failover>) -> Option<Failover> + Send,
    ) -> Result<Option<Revision>, TermError> {
        self.change(|now: Option<&Failover>| Some(Some(edit(now)?)))
            .await
    }

    /// Consumes this request, if it still stands. False where another one stands,
    /// or none. Compared is the request and not its revision, which a touch moves.
    ///
    /// # Errors
    /// As for [`TermKeys::edit_config`]; after a write of unknown outcome read again.
    ///
    /// # Cancel safety
    /// As for [`TermKeys::edit_config`].
    pub async fn consume_failover(&self, request: &Failover) -> Result<bool, TermError> {
        let (stood, _) = self.consume(request).await?;
        Ok(stood)
    }

    /// The same, and the revision at which it no longer stands.
    pub(crate) async fn consume(
        &self,
        request: &Failover,
    ) -> Result<(bool, Option<Revision>), TermError> {
        let mut stood = false;
        let consume = |now: Option<&Failover>| {
            stood = now == Some(request);
            stood.then_some(None)
        };
        let at = self.change(consume).await?;
        Ok((stood, at))
    }

    /// Touches a key without writing it, unless this term has done so already.
    /// No write that was decided before that can land any more, so what is read
    /// afterwards is what this term can build on.
    ///
    /// # Errors
    /// [`TermError::NoFence`] for leader, status, failsafe and member keys, else
    /// as for [`TermKeys::edit_config`]. A value that cannot be read is no error.
    ///
    /// # Cancel safety
    /// If the future is dropped the touch may still be applied.
    pub async fn fence(&self, key: Key) -> Result<(), TermError> {
        if !key.has_fence() {
            return Err(TermError::NoFence { key });
        }
        let pick = {
            let key = key.clone();
            move |all| without_value(all, &key)
        };
        self.carry_out(key, pick, |_| Ok(Step::Fence)).await?;
        Ok(())
    }

    /// `edit` says what is to stand there, where it is to be changed.
    async fn change<T: SharedValue>(
        &self,
        mut edit: impl FnMut(Option<&T>) -> Option<Option<T>> + Send,
    ) -> Result<Option<Revision>, TermError> {
        let decide = |entry: &Entry<T>| {
            let next = edit(entry.readable(T::KEY)?);
            Ok(next.map_or(Step::Leave, |next| Step::Write(T::change(next))))
        };
        self.carry_out(T::KEY, T::entry, decide).await
    }

    async fn carry_out<T: PartialEq + Send + Sync>(
        &self,
        key: Key,
        pick: impl Fn(Snapshot) -> Entry<T> + Send + Sync,
        mut decide: impl FnMut(&Entry<T>) -> Result<Step, Error> + Send,
    ) -> Result<Option<Revision>, TermError> {
        let (mut unknown, mut found) = (None, None);
        let mut moves = MOST_MOVES;
        for _ in 0..MOST_TRIES {
            let entry = match found.take() {
                Some(entry) => entry,
                None => self.read(&key, &pick).await?,
            };
            self.check_fence(&key, &entry)?;
            self.check_lease(&key)?;
            let change = match decide(&entry).map_err(|error| unread(&key, error))? {
                Step::Leave => return Ok(entry.revision),
                Step::Fence => None,
                Step::Write(change) => Some(change),
            };
            let what = (&key, change.as_ref());
            unknown = match self.settle(what, entry, &pick, &mut moves).await? {
                Settled::Done(revision) => return Ok(Some(revision)),
                Settled::Overtaken(entry) => {
                    found = Some(entry);
                    None
                }
                Settled::Unknown(error) => Some(error),
            };
        }
        Err(given_up(key, unknown))
    }

    /// Carries one decision out, as long as others only move the register.
    async fn settle<T: PartialEq + Send + Sync>(
        &self,
        (key, change): (&Key, Option<&Change>),
        mut entry: Entry<T>,
        pick: impl Fn(Snapshot) -> Entry<T> + Send + Sync,
        moves: &mut usize,
    ) -> Result<Settled<T>, TermError> {
        loop {
            match self.touch(key, &entry).await? {
                Touch::Unknown(error) => return Ok(Settled::Unknown(error)),
                Touch::Overtaken => {}
                Touch::Done(revision) => {
                    let Some(change) = change else {
                        return Ok(Settled::Done(revision));
                    };
                    if let Some(written) = self.write(change, revision).await? {
                        return Ok(Settled::Done(written));
                    }
                    entry.revision = Some(revision);
                    entry.fence = Value::Present(self.term.token);
                }
            }
            let now = self.read(key, &pick).await?;
            if *moves == 0 || !only_moved(&entry, &now) {
                return Ok(Settled::Overtaken(now));
            }
            *moves -= 1;
            entry = now;
        }
    }

    async fn read<T>(
        &self,
        key: &Key,
        pick: impl Fn(Snapshot) -> Entry<T> + Send + Sync,
    ) -> Result<Entry<T>, TermError> {
        let all = self.dcs.load().await;
        all.map(pick).map_err(|error| unread(key, error))
    }

    /// Stores this term's token, unless it stands there already. One whose
    /// outcome is unknown is read back by the next try.
    async fn touch<T: Sync>(&self, key: &Key, entry: &Entry<T>) -> Result<Touch, TermError> {
        let token = self.term.token;
        if let Some(revision) = entry.revision
            && entry.fence == Value::Present(token)
        {
            return Ok(Touch::Done(revision));
        }
        self.check_lease(key)?;
        match self.dcs.fence(key, token, entry.precondition()).await {
            Outcome::Committed(committed) => Ok(Touch::Done(committed.revision)),
            Outcome::NotCommitted(error) if error.is_conflict() => Ok(Touch::Overtaken),
            Outcome::NotCommitted(error) => {
                Err(unwritten(key.clone(), WriteError::NotCommitted(error)))
            }
            Outcome::Unknown(error) => Ok(Touch::Unknown(error)),
        }
    }

    /// The revision that was written, or `None` where someone else wrote first.
    async fn write(&self, change: &Change, on: Revision) -> Result<Option<Revision>, TermError> {
        let key = change.key();
        self.check_lease(&key)?;
        let outcome = self.dcs.write(change, Precondition::Matches(on)).await;
        match outcome.into_result() {
            Ok(revision) => Ok(Some(revision)),
            Err(WriteError::NotCommitted(error)) if error.is_conflict() => Ok(None),
            Err(source) => Err(unwritten(key, source)),
        }
    }

    /// A touch replaces no fence but one of an older term: since it expects the
    /// revision of this very entry, fences never go back.
    fn check_fence<T>(&self, key: &Key, entry: &Entry<T>) -> Result<(), TermError> {
        let token = self.term.token;
        match &entry.fence {
            Value::Present(newest) if *newest > token => Err(TermError::Superseded {
                key: key.clone(),
                token,
                newest: *newest,
            }),
            Value::Malformed(why) => {
                let error = Error::Malformed {
                    key: key.clone(),
                    revision: entry.revision,
                    why: why.clone(),
                };
                Err(unread(key, error))
            }
            Value::Present(_) | Value::Absent => Ok(()),
        }
    }

    /// Asked before each request, and so after the receipt of the revision that
    /// the request expects: asked before it, a leader that slept in between
    /// would write on what its successor left (rule H6).
    fn check_lease(&self, key: &Key) -> Result<(), TermError> {
        if self.shared.remaining(self.term.number).is_some() {
            return Ok(());
        }
        Err(TermError::LeaseOver {
            key: key.clone(),
            token: self.term.token,
        })
    }
}

/// Removes what stands there.
#[expect(clippy::option_option, reason = "whether to change it, and to what")]
fn removed<T>(now: Option<&T>) -> Option<Option<T>> {
    now.map(|_| None)
}

/// The register of a key, whose value does not matter.
fn without_value(all: Snapshot, key: &Key) -> Entry<()> {
    fn bare<T>(entry: Entry<T>) -> Entry<()> {
        Entry {
            revision: entry.revision,
            value: Value::Absent,
            fence: entry.fence,
        }
    }
    match key {
        Key::Config => bare(all.config),
        Key::Initialize => bare(all.initialize),
        Key::History => bare(all.history),
        Key::Failover => bare(all.failover),
        Key::Sync => bare(all.sync),
        Key::Leader | Key::Status | Key::Failsafe | Key::Member(_) => Entry::absent(),
    }
}

fn unread(key: &Key, source: Error) -> TermError {
    let key = key.clone();
    EditError::Read { key, source }.into()
}

fn unwritten(key: Key, source: WriteError) -> TermError {
    EditError::Write { key, source }.into()
}

/// A touch that stayed without an answer says more than that others wrote.
fn given_up(key: Key, unknown: Option<Error>) -> TermError {
    let Some(error) = unknown else {
        let tries = MOST_TRIES;
        return EditError::Contended { key, tries }.into();
    };
    unwritten(key, WriteError::Unknown(error))
}
