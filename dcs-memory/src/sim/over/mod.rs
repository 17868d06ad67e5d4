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
/// handed, no chance but [`Setting::seed`] and [`Wire::entropy`]. What a client
/// changes at the store it changes in what it hands to [`Wire::write`]: all that
/// is another then than before is taken for the work of its process.
///
/// Here a client of a store that happens to be a
/// [`MemoryStore`](crate::MemoryStore); its other methods are like `write`:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use std::time::Duration;
///
/// use dcs_core::*;
/// use dcs_memory::sim::{Backend, Setting, Simulation, Swarm, Trouble, Wire};
/// use dcs_memory::{MemoryDcs, MemoryStore};
/// use futures_util::future::{Either, FutureExt as _, select};
/// # use futures_util::stream::{self, StreamExt as _};
///
/// struct Server(MemoryStore, Setting, Arc<AtomicU64>);
///
/// # #[derive(Clone)]
/// struct Client {
///     wire: Wire,
///     server: MemoryDcs,
///     versions: Arc<AtomicU64>,
///     attempt: Duration,
/// }
///
/// impl Backend for Server {
///     fn open(&self, wire: Wire) -> Arc<dyn Dcs> {
///         Arc::new(Client {
///             wire,
///             server: self.0.handle(&self.1.scope),
///             versions: Arc::clone(&self.2),
///             attempt: self.1.attempt,
///         })
///     }
///
///     fn snapshot(&self) -> Snapshot {
///         self.0.snapshot(&self.1.scope)
///     }
///
///     fn version(&self) -> u64 {
///         self.2.load(Relaxed)
///     }
///
///     fn overwrite_leader(&self, record: Option<&LeaderRecord>) {
///         self.2.fetch_add(1, Relaxed);
///         match record {
///             Some(record) => drop(self.0.edit_leader(&self.1.scope, |now| *now = record.clone())),
///             None => drop(self.0.delete_leader(&self.1.scope)),
///         }
///     }
///
///     fn overwrite_failover(&self, request: &Failover) {
///         self.2.fetch_add(1, Relaxed);
///         let (change, now) = (Change::Failover(Some(request.clone())), self.snapshot());
///         let server = self.0.handle(&self.1.scope);
///         let written = server.write(&change, now.failover.precondition());
///         assert!(written.now_or_never().is_some());
///     }
/// }
///
/// impl Client {
///     /// Whatever does not come in time is lost.
///     async fn within<T>(&self, sent: impl Future<Output = T>) -> Option<T> {
///         let late = self.wire.clock().sleep(self.attempt);
///         match select(std::pin::pin!(sent), late).await {
///             Either::Left((answer, _)) => Some(answer),
///             Either::Right(_) => None,
///         }
///     }
///
///     async fn send(
///         &self,
///         run: impl Fn(&MemoryDcs) -> Option<Outcome> + Send + Sync + 'static,
///     ) -> Outcome {
///         let (server, versions) = (self.server.clone(), Arc::clone(&self.versions));
///         let sent = self.wire.write(|| "write".to_owned(), move || {
///             versions.fetch_add(1, Relaxed);
///             run(&server).expect("it answers at once")
///         });
///         match self.within(sent).await {
///             Some(Ok(outcome)) => outcome,
///             Some(Err(Trouble::Refused { .. })) => Outcome::NotCommitted(self.late()),
///             // Lost on the way, or late: nobody knows.
///             _ => Outcome::Unknown(self.late()),
///         }
///     }
/// #     fn late(&self) -> Error {
/// #         Error::Timeout { backend: "mine", after: self.attempt }
/// #     }
/// }
/// # impl std::fmt::Display for Client {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("mine") }
/// # }
/// # impl std::fmt::Debug for Client {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("mine") }
/// # }
/// # #[async_trait::async_trait]
/// impl Dcs for Client {
///     async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
///         let change = change.clone();
///         self.send(move |server| server.write(&change, expected).now_or_never()).await
///     }
///     // ...
/// #     fn scope(&self) -> &Scope { self.server.scope() }
/// #     fn capabilities(&self) -> Capabilities { Capabilities::default() }
/// #     async fn load(&self) -> Result<Snapshot, Error> {
/// #         let server = self.server.clone();
/// #         let read = move || server.load().now_or_never().unwrap().unwrap();
/// #         let answer = self.within(self.wire.read(|| "load".to_owned(), read)).await;
/// #         answer.and_then(Result::ok).ok_or_else(|| self.late())
/// #     }
/// #     async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
/// #         Ok(self.load().await?.leader)
/// #     }
/// #     async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
/// #         let key = key.clone();
/// #         self.send(move |server| server.fence(&key, token, expected).now_or_never()).await
/// #     }
/// #     async fn put_member(&self, record: &MemberRecord) -> Outcome {
/// #         let record = record.clone();
/// #         self.send(move |server| server.put_member(&record).now_or_never()).await
/// #     }
/// #     async fn delete_member(&self, name: &MemberName) -> Outcome {
/// #         let name = name.clone();
/// #         self.send(move |server| server.delete_member(&name).now_or_never()).await
/// #     }
/// #     fn watch(&self, silence: Duration) -> WatchStream {
/// #         let client = self.clone();
/// #         let opened = move || {
/// #             let shown = client.wire.stream(client.server.watch(silence));
/// #             shown.take_while(|shown| std::future::ready(shown.is_ok())).filter_map(async |shown| shown.ok())
/// #         };
/// #         stream::repeat_with(opened).flatten().boxed()
/// #     }
/// }
///
/// let simulation = Simulation::new(7).faults(Swarm::Late).over(|setting| {
///     let store = MemoryStore::new(Arc::clone(&setting.clock));
///     Arc::new(Server(store, setting, Arc::default()))
/// });
/// let history = simulation.run_members();
/// assert!(history.verdict().is_ok(), "{history}");
/// ```
pub trait Backend: Send + Sync {
    /// The store as one process reaches it. Whatever it sends, and whatever it
    /// watches, goes through `wire`.
    fn open(&self, wire: Wire) -> Arc<dyn Dcs>;

    /// What stands in the store now, whatever goes wrong on the way to it, read
    /// as clients read it. The judge compares what processes read and write with
    /// it: all keys but those of members.
    fn snapshot(&self) -> Snapshot;

    /// A number that is another one after each change of the store. While it is
    /// the same the judge does not look.
    fn version(&self) -> u64;

    /// A third party writes this leader record over whatever stands there, or
    /// deletes it. A record that stands there already gets a new revision. A
    /// store that shows something else afterwards breaks [`Invariant::Own`](super::Invariant::Own).
    fn overwrite_leader(&self, record: Option<&LeaderRecord>);

    /// A third party asks for a hand-over, whatever was asked for before: the
    /// failover key gets a new revision.
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
