//! A simulator: clusters of programs in virtual time, with faults, from a seed.
//!
//! Begin with [`Simulation`].

mod answer;
mod beliefs;
mod chance;
mod class;
mod clock;
mod edit;
mod edits;
mod executor;
mod failsafe;
mod fate;
mod fault;
mod happen;
mod hits;
mod judge;
mod member;
mod net;
mod node;
mod outcomes;
mod over;
mod own_key;
mod patroni;
mod peers;
mod picture;
mod rates;
mod shrink;
mod shrunk;
mod simpler;
mod simulation;
mod store_bugs;
mod story;
#[cfg(feature = "proptest")]
pub mod strategy;
mod swarm;
mod trace;
mod trouble;
mod watch;
mod wishes;
mod world;

pub use beliefs::Belief;
pub use chance::history_seed;
pub use class::Class;
pub use edit::Edit;
pub use fate::Fate;
pub use fault::{Fault, Planned};
pub use judge::{Counts, Invariant, Violation};
pub use node::{Acting, Node};
pub use over::{Backend, Broken, Flow, Setting, Trouble, Wire};
pub use peers::{Question, Questions};
pub use shrink::{Progress, Shrink};
pub use shrunk::{NotShrunk, Shrunk};
pub use simulation::{History, Simulation};
pub use swarm::Swarm;
