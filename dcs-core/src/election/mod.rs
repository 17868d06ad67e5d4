//! Leader election: at most one member believes that it leads.

mod belief;
mod driver;
mod elector;
mod event;
mod keys;
mod lease;
mod machine;
mod observer;
#[cfg(not(dcs_seeded_bugs))]
pub(crate) mod seeded;
#[cfg(dcs_seeded_bugs)]
#[doc(hidden)]
pub mod seeded;
mod shared;
mod term_error;
mod timing;

pub use driver::Driver;
pub use elector::{ElectionEnded, Elector, ElectorBuilder, Events};
pub use event::{Alarm, ElectionEvent, EventKind, LossReason};
pub use keys::TermKeys;
pub use lease::Lease;
pub use machine::ReleasePolicy;
pub use term_error::TermError;
pub use timing::{Adjustment, LeaseTiming, TimingError};
