//! What a leader and its members do beside the election.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/one_register.rs"]
mod one_register;

mod candidate;
mod first_data;
mod initialize;
mod leader;
mod member;
mod once;
mod slots;
mod switchover;
mod sync;
mod world;
