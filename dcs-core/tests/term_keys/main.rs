//! The scope's own keys, written by leaders that may be stopped at any point.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chaos;
mod failover;
mod fencing;
mod old_leader;
mod process;
mod trouble;
mod world;
