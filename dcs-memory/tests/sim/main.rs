//! The simulator: it does what it says, the same way each time.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod page;
mod replay;
mod shrink;
mod support;
