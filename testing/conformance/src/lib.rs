//! The conformance suite that every backend of `dcs-core` passes.

mod harness;

pub use harness::{Controls, Fault, Harness, World};
