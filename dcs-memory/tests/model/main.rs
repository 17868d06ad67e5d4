//! The store against a model of it: any requests of two processes, one after
//! the other, with third parties, losses and broken watches.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod reference;
mod system;

use proptest::test_runner::{Config, RngSeed};
use proptest_state_machine::prop_state_machine;
use system::Tested;

fn config() -> Config {
    Config {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..Config::with_cases(200)
    }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn a_store_that_gives_identical_writes_a_new_revision_is_as_its_model(
        sequential 1..80 => Tested<false>
    );

    #[test]
    fn a_store_that_keeps_the_revision_of_identical_writes_is_as_its_model(
        sequential 1..80 => Tested<true>
    );
}
