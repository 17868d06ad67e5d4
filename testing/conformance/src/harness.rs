//! What a backend brings along to be put through the suite.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{Clock, Dcs, MemberName};
use futures::future::BoxFuture;

/// Opens fresh scopes on a backend, and says how its futures are run.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// Runs a case to its end: on a runtime with paused time where the backend
    /// is virtual, on one with real time where it is a server.
    fn block_on(&self, case: BoxFuture<'static, ()>);

    /// A fresh, empty scope with `members` handles on it.
    ///
    /// # Panics
    /// Where the backend cannot be reached: a case that cannot run has failed.
    async fn open(&self, members: usize) -> World;

    /// Cases that this backend cannot run, each with the reason. They are
    /// listed, never passed in silence.
    fn cannot_run(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
}

/// One scope, as each of its members sees it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "harness authors build it")]
pub struct World {
    /// One handle a member, each with its own connection.
    pub handles: Vec<Arc<dyn Dcs>>,
    /// The members' names, in the order of the handles. Where members are
    /// external (Pods), their places exist already.
    pub members: Vec<MemberName>,
    /// What the suite does to the backend behind the handles' backs.
    pub controls: Box<dyn Controls>,
}

/// What the suite does to a backend behind its handles' backs.
#[async_trait]
pub trait Controls: fmt::Debug + Send + Sync {
    /// The clock that the handles live by.
    fn clock(&self) -> Arc<dyn Clock>;

    /// The silence after which a watch re-opens; long enough never to matter by itself.
    fn silence(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Makes something go wrong for one member from now on.
    async fn inject(&self, member: usize, fault: Fault);

    /// A third party deletes the leader register, whatever its revision.
    async fn delete_leader(&self);

    /// A third party changes the leader register without touching what this
    /// library wrote there: a foreign bump of the revision.
    async fn bump_leader(&self);
}

/// What can go wrong for one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The member's next write never reaches the store; the member cannot know.
    LoseNextRequest,
    /// The member's next write is committed, and its answer is lost.
    LoseNextAnswer,
    /// The member cannot reach the store at all, and learns so by an error or
    /// by a deadline. Watches fall silent or yield errors.
    CutOff,
    /// The member reaches the store again.
    Heal,
    /// The member's watch connection breaks and can be resumed without loss.
    BreakWatch,
    /// The member's watch connection breaks, and what happens until it is open
    /// again is no longer known to the store.
    BreakWatchWithGap,
}
