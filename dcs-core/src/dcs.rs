//! The contract between this library and a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;

use crate::{
    Config, Entry, Error, Failover, FencingToken, History, Initialize, Key, LeaderRecord,
    LeaderWrite, MemberName, MemberRecord, Outcome, Precondition, Scope, Snapshot, SyncState,
    WatchEvent,
};

/// The stream that [`Dcs::watch`] returns.
pub type WatchStream = BoxStream<'static, Result<WatchEvent, Error>>;

/// A distributed configuration store, seen by one process for one scope.
///
/// This trait is the contract with *authors of backends*: compare-and-swap
/// registers and a change stream, nothing else. No rule of election, expiry or
/// retry belongs into a backend. Each duty has an id (`G-...`), and the crate
/// `dcs-conformance` has the cases that check it. Users call
/// [`DcsExt`](crate::DcsExt) and [`Elector`](crate::election::Elector).
///
/// ### To ensure correctness
/// - **G-CAS**: of any number of writes that expect the same revision of a
///   register at most one is committed.
/// - **G-REV**: a committed write has a revision larger than every earlier one
///   of the same key, also after a deletion and a new creation.
/// - **G-OUT**: [`Outcome::Committed`] and [`Outcome::NotCommitted`] are facts.
///   Whatever is not certain is [`Outcome::Unknown`]. No write is sent twice
///   behind the caller's back.
///   A write of exactly the bytes that stand there may be answered with the
///   revision it expected, as Kubernetes does: that is no new version, and the
///   election takes it for unknown.
/// - **G-FRESH**: [`load`](Dcs::load) and [`load_leader`](Dcs::load_leader) see
///   every write that was acknowledged to anyone before they were called.
/// - **G-WATCH**: a watch begins with [`WatchEvent::Reset`], then says every
///   version of the leader register once, in order: the record, and right after
///   it status and failsafe of the same revision, also where they did not
///   change. What it cannot vouch for it begins anew with another `Reset`. It may
///   begin without the members, if it says so (`Snapshot::members_unknown`).
/// - **G-VALUE**: what was written comes back as it was written: every field,
///   the order of JSON objects, and what this library does not know.
/// - **G-KEY**: a write changes its own key and no other. Only status and
///   failsafe share a write with the leader key, and stay as they are where it
///   does not give them. Scopes do not see each other.
/// - **G-FENCE**: a touch by [`fence`](Dcs::fence) is a write like any other,
///   with a precondition and a new revision; it stores its token beside the
///   values of the register and changes none of them. Later writes leave the
///   token in place. The leader register is never touched.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Dcs: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The scope whose keys this store holds.
    fn scope(&self) -> &Scope;

    /// What sets this store apart.
    fn capabilities(&self) -> Capabilities;

    /// Reads every key afresh.
    ///
    /// # Errors
    /// Any [`Error`] that says why nothing could be read. A single key that
    /// cannot be read is no error but a [`Value::Malformed`](crate::Value::Malformed) entry.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    async fn load(&self) -> Result<Snapshot, Error>;

    /// Reads the leader key afresh: what resolves a write of unknown outcome.
    ///
    /// # Errors
    /// As for [`load`](Dcs::load).
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error>;

    /// Writes one shared key if its register is as expected.
    ///
    /// One call is one request: no retry, no second attempt. It ends by a
    /// deadline of the backend's own.
    ///
    /// # Cancel safety
    /// If the future is dropped the write may still be applied, now or later:
    /// take it for [`Outcome::Unknown`].
    async fn write(&self, change: &Change, expected: Precondition) -> Outcome;

    /// Touches the register of a shared key if it is as expected: stores
    /// `token` beside its values as their [fence](Entry::fence), and leaves the
    /// values as they are. An absent register is created without a value. A
    /// store that keeps several keys in one register has one fence for them.
    ///
    /// Any token is stored, also one that is smaller than the one that stands
    /// there: a backend compares no tokens.
    ///
    /// [`Error::Refused`], not committed, for leader, status, failsafe and
    /// member keys: what stands there is guarded by the lease itself, or has
    /// one writer. One call is one request, as for [`write`](Dcs::write).
    ///
    /// # Cancel safety
    /// If the future is dropped the touch may still be applied, now or later:
    /// take it for [`Outcome::Unknown`].
    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome;

    /// Writes this member's own key, whatever stands there: a key with one
    /// writer needs no precondition.
    ///
    /// # Cancel safety
    /// If the future is dropped the write may still be applied. Write again.
    async fn put_member(&self, record: &MemberRecord) -> Outcome;

    /// Removes a member's own key. Removing an absent one is
    /// [`Error::Missing`], not committed.
    ///
    /// # Cancel safety
    /// If the future is dropped the key may still be removed. Remove it again.
    async fn delete_member(&self, name: &MemberName) -> Outcome;

    /// What changes from now on, beginning with all that is there.
    ///
    /// The stream never ends by itself: it resumes, begins anew, and yields an
    /// error for each try that failed. It re-opens its connection when nothing
    /// at all was heard for `silence`.
    ///
    /// # Cancel safety
    /// The stream may be dropped between any two items.
    fn watch(&self, silence: Duration) -> WatchStream;
}

/// One change of one shared key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The leader record, and with it status and failsafe where given.
    Leader(Box<LeaderWrite>),
    /// The config key; `None` removes it.
    Config(Option<Config>),
    /// The initialize key; `None` removes it.
    Initialize(Option<Initialize>),
    /// The history key; `None` removes it.
    History(Option<History>),
    /// The failover key; `None` clears the request.
    Failover(Option<Failover>),
    /// The sync key; `None` removes it.
    Sync(Option<SyncState>),
}

/// What sets a store apart from another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The write that changes the leader also changes where traffic goes.
    pub routes_traffic: bool,
    /// Each member has a place in the store that someone else makes (a Pod).
    pub members_are_external: bool,
}

impl Capabilities {
    /// The same, and the write that changes the leader also changes where traffic goes.
    #[must_use]
    pub const fn with_routes_traffic(mut self, yes: bool) -> Self {
        self.routes_traffic = yes;
        self
    }

    /// The same, and each member has a place in the store that someone else makes.
    #[must_use]
    pub const fn with_members_are_external(mut self, yes: bool) -> Self {
        self.members_are_external = yes;
        self
    }
}

impl Change {
    /// The key that is written.
    #[must_use]
    pub const fn key(&self) -> Key {
        match self {
            Self::Leader(_) => Key::Leader,
            Self::Config(_) => Key::Config,
            Self::Initialize(_) => Key::Initialize,
            Self::History(_) => Key::History,
            Self::Failover(_) => Key::Failover,
            Self::Sync(_) => Key::Sync,
        }
    }
}

macro_rules! forward_through {
    ($pointer:ident) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<D: Dcs + ?Sized> Dcs for $pointer<D> {
            fn scope(&self) -> &Scope {
                (**self).scope()
            }

            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            async fn load(&self) -> Result<Snapshot, Error> {
                (**self).load().await
            }

            async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
                (**self).load_leader().await
            }

            async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
                (**self).write(change, expected).await
            }

            async fn fence(
                &self,
                key: &Key,
                token: FencingToken,
                expected: Precondition,
            ) -> Outcome {
                (**self).fence(key, token, expected).await
            }

            async fn put_member(&self, record: &MemberRecord) -> Outcome {
                (**self).put_member(record).await
            }

            async fn delete_member(&self, name: &MemberName) -> Outcome {
                (**self).delete_member(name).await
            }

            fn watch(&self, silence: Duration) -> WatchStream {
                (**self).watch(silence)
            }
        }
    };
}
forward_through!(Arc);
forward_through!(Box);
