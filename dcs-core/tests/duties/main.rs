//! What a leader and its members do beside the election.

#[path = "../support/one_register.rs"]
mod one_register;

mod candidate;
mod initialize;
mod leader;
mod member;
mod once;
mod slots;
mod switchover;
mod sync;
mod world;
