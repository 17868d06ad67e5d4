//! Traits, keys and election rules of a distributed configuration store,
//! without I/O.
//!
//! A highly available program needs a place where its members agree: who leads,
//! how they are configured, who is there. This crate has the rules of that
//! place, once, for every store: [`Dcs`] is what a store has to offer
//! (compare-and-swap registers and a watch), [`election`] decides on top of it
//! who leads. `dcs-memory` and `dcs-kubernetes` are stores.
//!
//! # Tour
//!
//! In order of need:
//!
//! - [`Elector`](election::Elector) and [`Lease`](election::Lease): lead, know
//!   for how long, stop in time, hand over.
//! - [`FencingToken`]: what to hand to the resources that the leader writes to,
//!   and [`fencing`]: what a resource does with it.
//! - [`Lease::keys`](election::Lease::keys): the scope's own keys, written by
//!   the leader of this term and refused to every earlier one.
//! - [`DcsExt`]: read and change the config key, ask for a failover.
//! - [`duties`]: what a leader and its members have to decide beside the election.
//! - [`ClusterView`]: the newest view of all keys, without requests.
//! - [`Dcs`]: the contract for a store of your own; `dcs-conformance` checks it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use dcs_core::election::{Elector, LeaseTiming};
//! use dcs_core::TokioClock;
//! use dcs_memory::{MemoryStore, SeededEntropy};
//!
//! let clock = Arc::new(TokioClock::new());
//! let store = MemoryStore::new(clock.clone());
//! let dcs = Arc::new(store.handle(&"demo".parse()?));
//! let seconds = Duration::from_secs;
//! let timing = LeaseTiming::new(seconds(30), seconds(10), seconds(10))?;
//! let chance = Arc::new(SeededEntropy::new(1));
//!
//! let (elector, driver) = Elector::builder(dcs, "anna".parse()?, timing, clock, chance).build();
//! tokio::spawn(driver.run());
//!
//! let lease = elector.acquire().await?;
//! println!("leading with token {} for {:?}", lease.token(), lease.remaining());
//! assert!(elector.is_leader());
//! lease.release().await;
//! assert!(!elector.is_leader());
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! At most one member believes that it leads, whatever happens to messages,
//! processes, wall clocks and the content of the record, as long as revisions
//! are never reused and clocks keep their rate within a bound. The rules, the
//! assumptions and the proof stand in `docs/election.md` of the repository.
//!
//! No lease is a fence by itself: a process can be stopped between asking and
//! acting. Hand the token on.
//!
//! # Features
//!
//! - `tokio`: `SystemClock`, timers, the operating
//!   system's randomness. Without it no runtime is chosen.
//! - `mock`: `MockDcs`, made by mockall.

mod cache;
mod clock;
mod dcs;
pub mod duties;
pub mod election;
mod entropy;
mod error;
mod ext;
pub mod fencing;
mod key;
#[cfg(feature = "mock")]
mod mock;
mod name;
mod outcome;
mod record;
mod replace;
mod revision;
#[cfg(feature = "tokio")]
mod runtime;
mod snapshot;
#[cfg(test)]
mod test_clock;
mod timestamp;
mod watch;

pub use cache::{ClusterFeed, ClusterView};
pub use clock::{Clock, SUSPEND_LIMIT, Stamp};
pub use dcs::{Capabilities, Change, Dcs, WatchStream};
pub use entropy::Entropy;
pub use error::{BoxError, Error};
pub use ext::{DcsExt, EditError};
pub use key::Key;
#[cfg(feature = "mock")]
pub use mock::MockDcs;
pub use name::{MemberName, NameError, Scope};
pub use outcome::{Committed, Outcome, WriteError};
pub use record::{
    Attempt, Claim, Config, ConfigView, Failover, Failsafe, HexError, History, HistoryLine,
    Initialize, LeaderRecord, LeaderWrite, MemberRecord, Rejected, ReleaseHash, ReleaseMark,
    Secret, Session, Slots, Status, SyncState, SynchronousMode,
};
pub use replace::SharedValue;
pub use revision::{FencingToken, Precondition, Revision, RevisionError};
#[cfg(feature = "tokio")]
pub use runtime::{OsEntropy, SystemClock, TokioClock};
pub use snapshot::{Entry, Snapshot, Value};
pub use timestamp::{Timestamp, TimestampError};
pub use watch::{LeaderUpdate, Update, WatchEvent};
