//! Leader election: at most one member believes that it leads.

mod belief;
mod driver;
mod elector;
mod event;
mod failsafe;
mod lease;
mod machine;
mod observer;
mod shared;
mod timing;

pub use driver::Driver;
pub use elector::{ElectionEnded, Elector, ElectorBuilder, Events};
pub use event::{Alarm, ElectionEvent, EventKind, LossReason};
pub use failsafe::{
    FailsafeAnswer, FailsafePoll, FailsafeRefusal, FailsafeRefused, FailsafeRequest,
};
pub use lease::Lease;
pub use machine::ReleasePolicy;
pub use timing::{Adjustment, LeaseTiming, TimingError};
