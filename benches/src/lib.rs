//! What the benches measure: a member that leads, a register that is written
//! and an audience that watches it, each driven by hand.
//!
//! No runtime stands between the clock that measures and the code that is
//! measured. Time is a [`ManualClock`], futures are polled here, and what does
//! not answer at the first poll is a defect of the bench.

mod audience;
mod clock;
mod held;
mod member;
mod register;
mod renewal;
mod stub;

pub use audience::Audience;
pub use clock::ManualClock;
pub use held::Held;
pub use member::Member;
pub use register::{Register, leader_record};
pub use renewal::Renewal;
pub use stub::StubDcs;

/// The scope of every bench.
///
/// # Panics
/// Never: the name is fixed and valid.
#[must_use]
pub fn scope() -> dcs_core::Scope {
    "demo".parse().expect("a valid name")
}
