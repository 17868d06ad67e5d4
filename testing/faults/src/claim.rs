//! What a test says of itself.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::catalogue::{Fault, fault};
use crate::record::Record;

/// The claim of one test on one row. Keep it until the end of the test.
///
/// Dropped without a [`hit`](Self::hit) it fails the test.
#[derive(Debug)]
#[must_use = "a claim that is dropped without a hit fails its test"]
pub struct Covered {
    fault: &'static Fault,
    file: &'static str,
    test: String,
    hits: AtomicU64,
}

/// Claims that the running test makes the fault of this row happen and checks
/// what is done about it. Call it in the thread of the test itself.
///
/// # Panics
/// Where the catalogue has no such row, or where the thread is not that of a
/// test of the standard harness, whose name is the test's.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a claim on a row that does not exist is a test that is wrong"
)]
pub fn covers(row: u32) -> Covered {
    let Some(fault) = fault(row) else {
        panic!("the catalogue has no row {row}");
    };
    let test = thread::current().name().unwrap_or_default().to_owned();
    assert!(!test.is_empty(), "a thread without the name of a test");
    Covered {
        fault,
        file: Location::caller().file(),
        test,
        hits: AtomicU64::new(0),
    }
}

impl Covered {
    /// The fault has come about once more.
    pub fn hit(&self) {
        self.hit_times(1);
    }

    /// The fault has come about so many times more.
    pub fn hit_times(&self, times: u64) {
        self.hits.fetch_add(times, Ordering::Relaxed);
    }

    /// How often it has come about so far.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

impl Drop for Covered {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let row = self.fault.row;
        assert!(
            self.hits() > 0,
            "row {row} is claimed, and its fault never came about: {}",
            self.fault.what
        );
        let record = Record {
            row,
            file: self.file.to_owned(),
            test: self.test.clone(),
            hits: self.hits(),
        };
        if let Err(error) = record.keep() {
            panic!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "row 5 is claimed, and its fault never came about")]
    fn a_claim_without_a_hit_fails_its_test() {
        let _claim = covers(5);
    }

    #[test]
    #[should_panic(expected = "the catalogue has no row 999")]
    fn a_row_that_does_not_exist_is_refused() {
        let _claim = covers(999);
    }

    #[test]
    fn a_claim_knows_its_test_and_file() {
        let claim = covers(6);
        assert_eq!(claim.hits(), 0);
        claim.hit_times(2);
        claim.hit();
        assert_eq!(claim.hits(), 3);
        assert!(claim.test.ends_with("a_claim_knows_its_test_and_file"));
        assert!(claim.file.ends_with("testing/faults/src/claim.rs"));
    }
}
