//! I4, which no program can break: it takes a store that does.

use super::*;

const ID: (usize, u64) = (2, 7);

fn at(revision: u128) -> Committed {
    Committed::new(Revision::new(revision).expect("not zero"))
}

fn refused() -> Outcome {
    Outcome::NotCommitted(Error::Timeout {
        backend: "nobody",
        after: Duration::ZERO,
    })
}

fn found(runs: &[u128], refused_before: bool, outcome: &Outcome) -> Option<Invariant> {
    let mut judge = Judge::default();
    for revision in runs {
        judge.ran(ID, &Ok(at(*revision)));
    }
    judge.reported(5, ID, refused_before, outcome);
    Some(judge.violation?.invariant)
}

fn committed(revision: u128) -> Outcome {
    Outcome::Committed(at(revision))
}

#[test]
fn a_write_that_was_applied_once_as_reported_is_true() {
    assert_eq!(found(&[3], false, &committed(3)), None);
}

#[test]
fn a_write_that_was_reported_and_never_applied_is_found() {
    let expected = Some(Invariant::TrueOutcomes);
    assert_eq!(found(&[], false, &committed(3)), expected);
}

#[test]
fn a_write_that_was_applied_as_another_revision_is_found() {
    let expected = Some(Invariant::TrueOutcomes);
    assert_eq!(found(&[4], false, &committed(3)), expected);
}

#[test]
fn a_write_that_was_applied_twice_is_found() {
    let expected = Some(Invariant::TrueOutcomes);
    assert_eq!(found(&[3, 4], false, &committed(4)), expected);
}

#[test]
fn a_write_that_was_refused_and_applied_is_found() {
    let expected = Some(Invariant::TrueOutcomes);
    assert_eq!(found(&[3], true, &refused()), expected);
}

#[test]
fn a_copy_that_changes_nothing_is_no_second_write() {
    assert_eq!(found(&[3, 3], false, &committed(3)), None);
}
