//! Leader election: at most one member believes that it leads.

mod belief;
mod beside_patroni;
mod driver;
mod elector;
mod eligibility;
mod event;
mod failsafe;
mod foreign;
mod former_lock;
mod keys;
mod lead;
mod lease;
mod machine;
mod observer;
mod outage;
#[cfg(not(dcs_seeded_bugs))]
pub(crate) mod seeded;
#[cfg(dcs_seeded_bugs)]
#[doc(hidden)]
pub mod seeded;
mod shared;
mod term;
mod term_error;
mod timing;
mod wishes;
mod work;

pub use beside_patroni::{BesidePatroni, PatroniRelease};
pub use driver::Driver;
pub use elector::{ElectionEnded, Elector, ElectorBuilder, Events};
pub use eligibility::{Eligibility, Priority, PriorityError};
pub use event::{Alarm, ElectionEvent, EventKind, LossReason};
pub use failsafe::{
    FailsafeAnswer, FailsafePoll, FailsafeRefusal, FailsafeRefused, FailsafeRequest,
};
pub use keys::TermKeys;
pub use lead::{Led, OneTerm};
pub use lease::Lease;
pub use machine::ReleasePolicy;
pub use term::Term;
pub use term_error::TermError;
pub use timing::{Adjustment, LeaseTiming, TimingError};
pub use work::{Overrun, OverrunHook};
