//! I4: what a process is told of a write is what became of it.

use std::collections::HashMap;

use dcs_core::{Outcome, Precondition, Revision};

/// One arrival of a write at the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The same bytes once more, whose answer nobody gets.
    pub(super) is_copy: bool,
    /// What the store answered, if it was a success.
    pub(super) revision: Option<Revision>,
    /// Whether anything in the store is another than before.
    pub(super) changed: bool,
}

/// Every write of a history, by process and number.
#[derive(Default)]
pub(super) struct Outcomes(HashMap<(usize, u64), Write>);

#[derive(Default)]
struct Write {
    original: Option<Arrival>,
    copy: Option<Arrival>,
    told: Option<Told>,
    on_absence: bool,
}

#[derive(Clone, Copy)]
enum Told {
    Committed(Revision),
    /// Refused by the store, or before it had left.
    Not {
        had_left: bool,
    },
}

impl Outcomes {
    /// Whether what the process was told, or will be, can still be true.
    pub(super) fn arrives(
        &mut self,
        id: (usize, u64),
        expected: Precondition,
        arrival: Arrival,
    ) -> bool {
        let write = self.0.entry(id).or_default();
        write.on_absence = expected.revision().is_none();
        let place = if arrival.is_copy {
            &mut write.copy
        } else {
            &mut write.original
        };
        *place = Some(arrival);
        write.is_true()
    }

    /// Whether what the process is told now is true.
    pub(super) fn told(&mut self, id: (usize, u64), had_left: bool, outcome: &Outcome) -> bool {
        let write = self.0.entry(id).or_default();
        write.told = match outcome {
            Outcome::Committed(committed) => Some(Told::Committed(committed.revision)),
            Outcome::NotCommitted(_) => Some(Told::Not { had_left }),
            Outcome::Unknown(_) => None,
        };
        write.is_true()
    }
}

impl Write {
    fn is_true(&self) -> bool {
        let arrivals = [self.original, self.copy].into_iter().flatten();
        let applied = arrivals.clone().filter(|arrival| arrival.changed).count();
        let refused = arrivals.filter(|arrival| arrival.revision.is_none());
        // A creation that is deleted in between may be applied by its copy, too.
        if (applied > 1 && !self.on_absence) || refused.into_iter().any(|arrival| arrival.changed) {
            return false;
        }
        match (self.told, self.original) {
            (None, _) => true,
            (Some(Told::Committed(revision)), original) => {
                original.is_some_and(|original| original.revision == Some(revision))
            }
            // A copy that came first may have been applied: the store then
            // refuses the original, and says so.
            (Some(Told::Not { had_left: true }), original) => {
                original.is_some_and(|original| original.revision.is_none())
            }
            (Some(Told::Not { had_left: false }), original) => original.is_none() && applied == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dcs_core::{Committed, Error};

    use super::*;

    const ID: (usize, u64) = (2, 7);

    fn rev(revision: u128) -> Revision {
        Revision::new(revision).expect("not zero")
    }

    fn committed(revision: u128) -> Outcome {
        Outcome::Committed(Committed::new(rev(revision)))
    }

    fn refused() -> Outcome {
        Outcome::NotCommitted(Error::Timeout {
            backend: "nobody",
            after: Duration::ZERO,
        })
    }

    fn applied(is_copy: bool, revision: u128) -> Arrival {
        Arrival {
            is_copy,
            revision: Some(rev(revision)),
            changed: true,
        }
    }

    fn conflict(is_copy: bool) -> Arrival {
        Arrival {
            is_copy,
            revision: None,
            changed: false,
        }
    }

    /// Whether all of it is true: what arrived before the process was told, what
    /// it was told, and what arrived after that.
    fn is_true(
        before: &[Arrival],
        (had_left, told): (bool, &Outcome),
        after: Option<Arrival>,
    ) -> bool {
        let mut outcomes = Outcomes::default();
        let expected = Precondition::Matches(rev(2));
        let mut all = before
            .iter()
            .all(|arrival| outcomes.arrives(ID, expected, *arrival));
        all &= outcomes.told(ID, had_left, told);
        all && after.is_none_or(|arrival| outcomes.arrives(ID, expected, arrival))
    }

    #[test]
    fn a_write_that_was_applied_as_told_is_true() {
        assert!(is_true(&[applied(false, 3)], (true, &committed(3)), None));
    }

    #[test]
    fn a_write_that_is_said_to_be_applied_and_never_was_is_found() {
        assert!(!is_true(&[], (true, &committed(3)), None));
        assert!(!is_true(&[conflict(false)], (true, &committed(3)), None));
    }

    #[test]
    fn a_write_that_was_applied_as_another_revision_is_found() {
        assert!(!is_true(&[applied(false, 4)], (true, &committed(3)), None));
    }

    #[test]
    fn a_write_that_is_applied_twice_is_found_also_after_it_was_told() {
        let both = [applied(true, 3), applied(false, 4)];
        assert!(!is_true(&both, (true, &committed(4)), None));
        let copy = Some(applied(true, 4));
        assert!(!is_true(&[applied(false, 3)], (true, &committed(3)), copy));
    }

    #[test]
    fn a_write_that_is_said_to_be_refused_and_was_applied_is_found() {
        assert!(!is_true(&[applied(false, 3)], (true, &refused()), None));
    }

    #[test]
    fn a_write_that_never_left_and_arrives_all_the_same_is_found() {
        let late = Some(applied(false, 3));
        assert!(!is_true(&[], (false, &refused()), late));
        assert!(is_true(&[], (false, &refused()), None));
    }

    #[test]
    fn a_write_that_its_copy_was_applied_before_is_refused_in_truth() {
        let both = [applied(true, 3), conflict(false)];
        assert!(is_true(&both, (true, &refused()), None));
    }

    #[test]
    fn a_write_that_the_store_refused_and_applied_is_found() {
        let changed = Arrival {
            changed: true,
            ..conflict(false)
        };
        assert!(!is_true(&[changed], (true, &refused()), None));
    }

    #[test]
    fn a_copy_that_changes_nothing_is_no_second_write() {
        let copy = Arrival {
            changed: false,
            ..applied(true, 3)
        };
        assert!(is_true(
            &[applied(false, 3)],
            (true, &committed(3)),
            Some(copy)
        ));
    }
}
