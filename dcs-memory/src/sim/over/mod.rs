//! Stores of one's own under simulation: each request goes through the
//! simulated network, and what stands in the store is judged.

mod calls;
mod commits;
mod flow;
mod judged;
mod stood;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Clock, Dcs, Failover, LeaderRecord, MemberName, Scope, Snapshot};

pub use flow::{Broken, Flow};
pub use wire::{Trouble, Wire};

pub(super) use calls::Calls;
pub(super) use commits::nothing;
pub(super) use judged::{Judged, Lease};
pub(super) use stood::Stood;

/// A store that stands outside of the simulator and is reached by requests, for
/// [`Simulation::over`](super::Simulation::over).
///
/// One of these is one store of one history, with all its processes. It has to
/// be as deterministic as the rest: no time but the [`Clock`]s that it is
/// handed, no chance but [`Setting::seed`] and [`Wire::entropy`].
pub trait Backend: Send + Sync {
    /// The store as one process reaches it. Whatever it sends, and whatever it
    /// watches, goes through `wire`.
    fn open(&self, wire: Wire) -> Arc<dyn Dcs>;

    /// What stands in the store now, whatever goes wrong on the way to it.
    fn snapshot(&self) -> Snapshot;

    /// A number that is another one after each change of the store.
    fn version(&self) -> u64;

    /// A third party writes this leader record over whatever stands there, or
    /// deletes it. A record that stands there already gets a new revision.
    fn overwrite_leader(&self, record: Option<&LeaderRecord>);

    /// A third party asks for a hand-over, whatever was asked for before.
    fn overwrite_failover(&self, request: &Failover);

    /// Runs the history, once, by calling `run`: within whatever its processes
    /// have to be polled in, as the context of a runtime that their clients
    /// spawn tasks on.
    fn within(&self, run: &mut dyn FnMut()) {
        run();
    }

    /// Lets go on what the store's clients do outside of the simulator's tasks,
    /// as tasks of a runtime of theirs, until all of it waits. Called before
    /// time goes on.
    fn settle(&self) {}

    /// The history is over: lets go of everything that has a [`Wire`].
    fn end(&self) {}
}

/// What a store is made for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// The scope of the members.
    pub scope: Scope,
    /// All names that members may have.
    pub members: Vec<MemberName>,
    /// The longest that a request may wait for its answer, by the clock of who
    /// asks: a member has to give up what takes longer, and goes on then.
    pub attempt: Duration,
    /// The clock of the store itself: nothing disturbs it.
    pub clock: Arc<dyn Clock>,
    /// The chance of this history.
    pub seed: u64,
}

/// Makes a store for each history.
type Makes = dyn Fn(Setting) -> Arc<dyn Backend> + Send + Sync;

#[derive(Clone)]
pub(super) struct Over(pub(super) Arc<Makes>);

impl fmt::Debug for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Over").finish_non_exhaustive()
    }
}
