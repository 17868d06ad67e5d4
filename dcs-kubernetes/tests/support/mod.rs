//! What the tests of this crate share.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part of it, and a test that cannot go on fails"
)]

pub(crate) mod fake;
pub(crate) mod faults;
pub(crate) mod golden;
pub(crate) mod renewal;
pub(crate) mod samples;
pub(crate) mod scripted;
pub(crate) mod server;
pub(crate) mod web;
