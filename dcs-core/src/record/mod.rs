//! What stands under each key.

mod claim;
mod config;
mod failover;
mod history;
mod leader;
mod member;
mod small;
mod status;
mod sync;

pub(crate) use claim::as_text;
pub use claim::{Attempt, Claim, HexError, ReleaseHash, ReleaseMark, Secret, Session};
pub use config::Config;
pub use failover::Failover;
pub use history::History;
pub use leader::{LeaderRecord, LeaderWrite};
pub use member::MemberRecord;
pub use small::{Failsafe, Initialize};
pub use status::{Slots, Status};
pub use sync::SyncState;
