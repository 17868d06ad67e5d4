//! What the tests of the simulator have in common.

use std::time::Duration;

use dcs_core::election::{Elector, LeaseTiming};
use dcs_memory::sim::Node;

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn timing() -> LeaseTiming {
    LeaseTiming::new(seconds(15), seconds(5), seconds(4)).unwrap()
}

pub(crate) fn elector(node: &Node) -> Elector {
    node.elector(timing())
}
