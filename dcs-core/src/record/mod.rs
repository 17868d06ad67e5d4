//! What stands under each key.

mod claim;
mod config;
mod config_view;
mod failover;
mod history;
mod leader;
mod member;
pub(crate) mod read;
mod small;
mod status;
mod sync;

pub(crate) use claim::as_text;
pub use claim::{Attempt, Claim, HexError, ReleaseHash, ReleaseMark, Secret, Session};
pub use config::Config;
pub use config_view::{ConfigView, Rejected, SynchronousMode};
pub use failover::Failover;
pub use history::{History, HistoryLine};
pub use leader::{LeaderRecord, LeaderWrite};
pub use member::MemberRecord;
pub use small::{Failsafe, Initialize};
pub use status::{Slots, Status};
pub use sync::SyncState;
