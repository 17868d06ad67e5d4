//! Traits, keys and election rules of a distributed configuration store,
//! without I/O.

mod cache;
mod clock;
mod dcs;
pub mod election;
mod entropy;
mod error;
mod ext;
mod key;
#[cfg(feature = "mock")]
mod mock;
mod name;
mod outcome;
mod record;
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
    Attempt, Claim, Config, Failover, Failsafe, HexError, History, Initialize, LeaderRecord,
    LeaderWrite, MemberRecord, ReleaseHash, ReleaseMark, Secret, Session, Status, SyncState,
};
pub use revision::{FencingToken, Precondition, Revision, RevisionError};
#[cfg(feature = "tokio")]
pub use runtime::{OsEntropy, SystemClock, TokioClock};
pub use snapshot::{Entry, Snapshot, Value};
pub use timestamp::{Timestamp, TimestampError};
pub use watch::{LeaderUpdate, Update, WatchEvent};
