//! What a leader and its members have to decide beside the election.
//!
//! Decisions are pure functions of a [`Situation`]: what the store shows, and
//! what time it is. Four things talk to the store: [`initialize`] is the race
//! for the first data, [`MemberKeeper`] keeps a member's own record,
//! [`LeaderDuties`] does the leader's part in one call a turn, and
//! [`Retention`] remembers which slots are kept.
//!
//! Whoever leads is asked for its lease by each write ([`TermKeys`](crate::election::TermKeys)):
//! a decision that comes too late writes nothing.

mod candidate;
mod first_data;
mod history;
pub mod initialize;
mod leader;
mod member;
mod requests;
mod routing;
mod situation;
mod slots;
mod switchover;
mod sync;
mod tags;

pub use candidate::{NotNow, eligibility, may_lead};
pub use first_data::FirstData;
pub use history::line_of_term;
pub use leader::{HandOver, LeaderDuties, Turn};
pub use member::MemberKeeper;
pub use routing::{Routing, is_bootstrapping};
pub use situation::Situation;
pub use slots::{Retention, slot_name};
pub use switchover::{Decision, Why, decide};
pub use sync::choose;
pub use tags::Tags;
