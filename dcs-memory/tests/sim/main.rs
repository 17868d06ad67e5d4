//! The simulator: it does what it says, the same way each time.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod clocks;
mod edits;
mod elsewhere;
mod executor;
mod hits;
mod judge;
mod lying;
mod messages;
mod own_store;
mod page;
mod patroni;
mod processes;
mod replay;
mod shrink;
mod support;
mod watches;
