//! What the tests of ha-loop share: they run the real program as processes.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part of it, and a test that cannot go on fails"
)]

pub(crate) mod api;
pub(crate) mod cluster;
pub(crate) mod events;
pub(crate) mod judge;
pub(crate) mod patroni;
pub(crate) mod process;
pub(crate) mod proxied;
pub(crate) mod recorder;
pub(crate) mod stub;
pub(crate) mod table;
pub(crate) mod wait;
