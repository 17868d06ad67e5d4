//! What stands under each key.

mod claim;
mod config;
mod failover;
mod leader;
mod member;
mod small;
mod status;

pub(crate) use claim::as_text;
pub use claim::{Attempt, Claim, HexError, ReleaseHash, ReleaseMark, Secret, Session};
pub use config::Config;
pub use failover::Failover;
pub use leader::{LeaderRecord, LeaderWrite};
pub use member::MemberRecord;
pub use small::{Failsafe, History, Initialize, SyncState};
pub use status::Status;
