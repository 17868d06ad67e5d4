//! The catalogue of faults that a store on Kubernetes has to live with, and
//! which test makes which of them happen.
//!
//! A test claims the rows that it covers and counts each time that the fault
//! came about. One that claims a row and never met its fault fails: it would
//! prove nothing.
//!
//! ```
//! let lost = dcs_faults::covers(6);
//! for request in 0..3 {
//!     if request == 1 {
//!         lost.hit();
//!     }
//! }
//! assert_eq!(lost.hits(), 1);
//! ```
//!
//! `cargo xtask faults` runs the tests and writes `docs/faults.md` from what
//! they claimed.

mod catalogue;
mod claim;
mod record;
mod table;

pub use catalogue::{FAULTS, Fault, fault};
pub use claim::{Covered, covers};
pub use record::{RECORDS, Record, RecordError, read};
pub use table::{Claimed, table};
