//! A distributed configuration store in memory: what tests of highly available
//! programs run against, in virtual time and with faults.
//!
//! A [`MemoryStore`] is the registers. Each process under test gets a
//! [`MemoryDcs`] of its own, which implements [`Dcs`](dcs_core::Dcs) and has
//! troubles of its own. The only clock is the [`Clock`](dcs_core::Clock) that
//! is handed in, and all chance comes from a seed: under a clock that is
//! virtual the same program gives the same
//! [trace](MemoryStore::trace), byte for byte.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use dcs_core::{Change, Clock, Dcs, LeaderRecord, Outcome, Precondition, TokioClock};
//! use dcs_memory::MemoryStore;
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let clock = Arc::new(TokioClock::new());
//!     let store = MemoryStore::new(clock.clone());
//!     let scope = "demo".parse()?;
//!     let (ours, theirs) = (store.handle(&scope), store.handle(&scope));
//!
//!     // A write whose answer is lost: nobody can know how it ended ...
//!     let change = Change::Leader(Box::new(LeaderRecord::default().into()));
//!     let start = clock.now();
//!     ours.lose_next_answer();
//!     let outcome = ours.write(&change, Precondition::Absent).await;
//!     assert!(matches!(outcome, Outcome::Unknown(_)));
//!
//!     // ... before two seconds are over, which took no time at all ...
//!     let waited = clock.now().holder_elapsed_since(start);
//!     assert_eq!(waited.as_secs(), 2);
//!
//!     // ... but the other process sees it, and comes too late to create.
//!     assert!(theirs.load_leader().await?.revision.is_some());
//!     assert!(theirs.write(&change, Precondition::Absent).await.is_conflict());
//!     Ok(())
//! }
//! ```
//!
//! # What it models
//! - The leader record, the status and the failsafe map are one register, with
//!   one revision. Each other key is a register of its own.
//! - One counter gives all revisions. It starts at 1 and never goes back.
//! - The fence of a key stands beside its value, and stays when that is written
//!   or removed.
//! - Removing a value leaves the register there, with an absent value and a new
//!   revision. Only members' keys are deleted as a whole, and the leader
//!   register by a [third party](MemoryStore::delete_leader).
//! - A write of the leader register is three updates on a watch: the leader,
//!   the status and the failsafe map, all at the new revision.
//! - A watch that is not read costs nothing. Each scope keeps its latest updates
//!   in a [bounded log](MemoryOptions::with_log_capacity); a watch that fell
//!   behind it begins anew with a `Reset`.
//! - A write that leaves the value as it is is a write like any other, or is
//!   answered with the old revision, as Kubernetes does: [`IdenticalWrites`].
//!
//! # What it does not model
//! No request is applied after its deadline: a request that would reach the
//! store later is lost. A dropped future of a write that did not reach the
//! store yet takes the write along.

mod entropy;
mod fence;
mod handle;
mod link;
mod log;
mod memory_store;
#[cfg(feature = "proptest")]
pub mod operation;
mod options;
pub mod sim;
mod store;
mod watch;

pub use entropy::SeededEntropy;
pub use handle::MemoryDcs;
pub use link::Latency;
pub use memory_store::MemoryStore;
pub use options::{IdenticalWrites, MemoryOptions};

/// What errors call this backend.
const BACKEND: &str = "the store in memory";
