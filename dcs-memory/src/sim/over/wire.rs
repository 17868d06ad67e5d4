//! One process's way to a store of one's own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Clock, Entropy, MemberName};
use futures_util::Stream;
use futures_util::future::{Either, select};

use super::flow::Flow;
use crate::sim::chance::{chance, mix};
use crate::sim::class::Class;
use crate::sim::executor::{Nanos, lock};
use crate::sim::net::nanos;
use crate::sim::node::Node;
use crate::sim::world::World;

/// One process's way to the store: its requests are delayed, lost, repeated and
/// refused on it. A clone is the same way.
#[derive(Clone)]
pub struct Wire(Node);

/// What becomes of a request, other than its answer. Who asks may be told that
/// in any of the ways in which real servers, and whatever stands before them,
/// tell it: `chance` is for choosing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The store refuses it, and says so: it was not carried out, and never
    /// will be.
    Refused {
        /// Any number.
        chance: u64,
    },
    /// It does not arrive, and who asks hears that something is wrong.
    RequestLost {
        /// Any number.
        chance: u64,
    },
    /// It is carried out, and who asks hears that something is wrong.
    AnswerLost {
        /// Any number.
        chance: u64,
    },
}

impl Wire {
    pub(in crate::sim) const fn of(node: Node) -> Self {
        Self(node)
    }

    /// The number of the process in this history, from 0.
    #[must_use]
    pub const fn process(&self) -> usize {
        self.0.process()
    }

    /// The name of the member that the process is.
    #[must_use]
    pub const fn name(&self) -> &MemberName {
        self.0.name()
    }

    /// The clock of the machine that the process runs on.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock()
    }

    /// The chance of the process.
    #[must_use]
    pub fn entropy(&self) -> Arc<dyn Entropy> {
        self.0.entropy()
    }

    /// Sends a request that changes nothing and shows what stands there now.
    /// `serve` answers it at the store, each time that it arrives. `what` is its
    /// line in the trace.
    ///
    /// The answer may never come: who asks has to have a deadline.
    ///
    /// # Errors
    /// [`Trouble`].
    ///
    /// # Cancel safety
    /// The request may still arrive.
    pub async fn read<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> String + Send,
        serve: impl Fn() -> T + Send + Sync + 'static,
    ) -> Result<T, Trouble> {
        self.send(false, what, move |_| serve()).await
    }

    /// The same for a read of the leader record that the store may answer from
    /// behind: `serve` answers it as the store was so many of its versions ago,
    /// 0 to 4; 0 is now.
    ///
    /// # Errors
    /// [`Trouble`].
    ///
    /// # Cancel safety
    /// The request may still arrive.
    pub async fn read_from_behind<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> String + Send,
        serve: impl Fn(u64) -> T + Send + Sync + 'static,
    ) -> Result<T, Trouble> {
        let world = Arc::clone(self.world());
        self.send(false, what, move |versions| {
            if versions > 0 {
                world.reads_from_behind(versions);
            }
            serve(versions)
        })
        .await
    }

    /// Sends a request that may change something. `serve` carries it out at the
    /// store, each time that it arrives, and returns at once. `what` is its line in
    /// the trace.
    ///
    /// The answer may never come: who asks has to have a deadline.
    ///
    /// # Errors
    /// [`Trouble`].
    ///
    /// # Cancel safety
    /// The request may still arrive, and be carried out.
    pub async fn write<T: Send + 'static>(
        &self,
        what: impl FnOnce() -> String + Send,
        serve: impl Fn() -> T + Send + Sync + 'static,
    ) -> Result<T, Trouble> {
        self.send(true, what, move |_| serve()).await
    }

    /// What comes from a stream at the store, as it arrives here.
    pub fn stream<S: Stream + Send>(&self, stream: S) -> Flow<S> {
        Flow::new(Arc::clone(self.world()), self.process(), stream)
    }

    /// Adds a line to the trace of the history.
    pub fn note(&self, line: impl FnOnce() -> String) {
        let process = self.process();
        self.world().note(|| format!("p{process} {}", line()));
    }

    async fn send<T: Send + 'static>(
        &self,
        is_write: bool,
        what: impl FnOnce() -> String + Send,
        serve: impl Fn(u64) -> T + Send + Sync + 'static,
    ) -> Result<T, Trouble> {
        let (world, process) = (self.world(), self.process());
        let fated = world.fate(process, is_write);
        let (number, fate, ways) = fated;
        world.note(|| format!("p{process} #{number} {}", what()));
        let mut rng = chance(world.seed ^ mix(number), [process as u64, 3]);
        let (is_told, chance) = (rng.bool(), rng.u64(..));
        if fate.is_refused {
            self.passes(ways[0] + ways[1]).await;
            world.refuses(process, number);
            return Err(Trouble::Refused { chance });
        }
        let stale = u64::try_from(fate.stale).unwrap_or(0);
        let run = move |world: &World, is_copy| {
            let answer = serve(stale);
            if is_write {
                lock(&world.judge).calls.by_copy = is_copy;
                world.takes_in(Some(process));
            }
            answer
        };
        let answer = world.exchange(process, fated, Arc::new(run));
        let told = if fate.is_lost {
            Trouble::RequestLost { chance }
        } else {
            Trouble::AnswerLost { chance }
        };
        if !(is_told && (fate.is_lost || fate.loses_answer)) {
            return Ok(answer.await);
        }
        let heard = self.passes(ways[0] + nanos(fate.late) + ways[1]);
        match select(answer, std::pin::pin!(heard)).await {
            Either::Left((answer, _)) => Ok(answer),
            Either::Right(_) => Err(told),
        }
    }

    const fn world(&self) -> &Arc<World> {
        self.0.world()
    }

    /// Waits for so long in real time.
    async fn passes(&self, wait: Nanos) {
        self.world().time.sleep(Duration::from_nanos(wait)).await;
    }
}

impl World {
    /// It changes something where the leader record was another one then.
    fn reads_from_behind(&self, versions: u64) {
        self.made(Class::StaleRead);
        let versions = usize::try_from(versions).unwrap_or(usize::MAX);
        let now = self.leader().revision;
        let old = lock(&self.judge).version_before(versions);
        if old.is_some_and(|old| old.revision != now) {
            self.hit(Class::StaleRead);
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wire").field(&self.0).finish()
    }
}
