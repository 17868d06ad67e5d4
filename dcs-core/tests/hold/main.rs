//! What users hold of an election, over the store in memory in virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::unchecked_time_subtraction,
    reason = "a test whose time goes back has failed"
)]

mod away;
mod config_key;
mod events;
mod giving_up;
mod late;
mod lead;
mod overrun;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod timing;
mod wishes;
