//! Elections in this process, over both backends, on a real API server whose
//! connections fail or which restarts: rows of `docs/faults.md`.
//!
//! That no two members ever believed at once is judged by what they said, as in
//! `measured.rs`, where the members are processes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod handles;
mod links;
mod outages;
mod restarts;
mod scope;
#[path = "../support/mod.rs"]
mod support;
mod timed;
mod world;
