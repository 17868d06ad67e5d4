//! The suite over the store in memory, at once and with latency.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod support;

mod at_once {
    dcs_conformance::conformance_tests!(crate::support::MemoryHarness::default());
}

mod with_latency {
    dcs_conformance::conformance_tests!(crate::support::MemoryHarness::with_latency());
}
