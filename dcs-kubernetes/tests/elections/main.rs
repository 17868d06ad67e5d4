//! Elections over both backends on the fake API server, in virtual time, each
//! under one fault of the catalogue (`docs/faults.md`).
//!
//! In all of them nobody believes beside another one: that is looked at a
//! hundred times a second.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod cluster;
mod handed_in;
mod links;
mod servers;
#[path = "../support/mod.rs"]
mod support;
mod verbs;
