//! Backends with one behaviour broken each: the suite finds every one, by the
//! case that is named for it and by no other.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod broken;
mod fencing;
mod flaws;
mod ground;
mod reads;
#[path = "../support/mod.rs"]
mod support;
mod watching;
mod writes;

use std::panic::{AssertUnwindSafe, catch_unwind};

use dcs_conformance::{Harness, cases};

use fencing::FENCING;
use flaws::{FLAWS, Flaw};
use ground::BrokenHarness;
use support::MemoryHarness;

#[test]
fn each_broken_backend_fails_the_case_that_is_named_for_it_and_no_other() {
    std::panic::set_hook(Box::new(|_| ()));
    let judged: Vec<_> = all_flaws()
        .map(|(flaw, named)| (flaw, named, failures(|| BrokenHarness::new(*flaw))))
        .collect();
    let _ = std::panic::take_hook();
    println!("{:<40} found by", "broken");
    for (flaw, _, failed) in &judged {
        println!("{:<40} {}", format!("{flaw:?}"), failed.join(", "));
    }
    let wrong: Vec<_> = judged
        .iter()
        .filter(|(_, named, failed)| failed[..] != [**named])
        .map(|(flaw, named, failed)| format!("{flaw:?}: not {named}, but {failed:?}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The wrapper around a broken backend breaks nothing by itself.
#[test]
fn a_wrapped_backend_without_a_flaw_passes_every_case() {
    assert_eq!(failures(|| BrokenHarness::new(Flaw::None)), [""; 0]);
    assert_eq!(failures(MemoryHarness::with_latency), [""; 0]);
}

#[test]
fn nearly_every_case_has_a_broken_backend() {
    let named = |name: &str| all_flaws().any(|(_, found_by)| *found_by == name);
    let without: Vec<_> = cases()
        .iter()
        .map(|c| c.name)
        .filter(|name| !named(name))
        .collect();
    println!("cases without a broken backend: {without:#?}");
    assert!(without.len() <= 2);
}

fn all_flaws() -> impl Iterator<Item = &'static (Flaw, &'static str)> {
    FLAWS.iter().chain(FENCING)
}

fn failures<H: Harness>(harness: impl Fn() -> H) -> Vec<&'static str> {
    cases()
        .iter()
        .filter(|case| catch_unwind(AssertUnwindSafe(|| case.check(harness()))).is_err())
        .map(|case| case.name)
        .collect()
}
