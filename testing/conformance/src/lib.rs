//! The conformance suite that every backend of `dcs-core` passes.
//!
//! A backend brings along a [`Harness`]: how to open a fresh scope, and how to
//! make things go wrong. [`conformance_tests!`] then makes one `#[test]` for
//! every case. A case waits for what has to happen and never for time to pass,
//! so a backend with virtual time is done in milliseconds and one with a server
//! as fast as it answers.
//!
//! What a harness [cannot run](Harness::cannot_run) is listed with its reason,
//! by the test of the same name and by `every_exception_is_a_case`.
//!
//! The suite has teeth: for nearly every case there is a backend in
//! `tests/teeth` with one behaviour broken, which fails that case and no other.
//!
//! # Guarantees
#![doc = include_str!("../docs/guarantees.md")]

mod case;
mod cases;
mod guarantee;
mod harness;
mod list;
mod samples;
mod support;

pub use case::{Case, Run, case, cases, check_exceptions};
pub use guarantee::{Guarantee, guarantee_table, guarantees};
pub use harness::{Controls, Fault, Harness, World};
