//! I4 for stores of one's own: what a process is told of a write is what became
//! of it. Who looks at the store sees its versions and who made them, and not
//! which call did: calls of one process that expect the same revision of the
//! same register are one group, of which the store takes one at the most.

use std::collections::HashMap;

use dcs_core::{Attempt, Change, Key, Outcome, Precondition, Revision};

use super::judged::Lease;

/// The registers that a history writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Register {
    Leader,
    /// Config, and on some stores initialize and history.
    Config,
    Failover,
    Sync,
}

/// Calls that the store can not tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sim) struct Group {
    pub(super) process: usize,
    pub(super) register: Register,
    pub(super) expected: Option<Revision>,
    /// A lease write is known by its attempt as well.
    pub(super) attempt: Option<Attempt>,
}

/// All writes of a history.
#[derive(Default)]
pub(in crate::sim) struct Calls(HashMap<Group, Told>);

#[derive(Default)]
struct Told {
    calls: u32,
    refused: u32,
    /// Touches that change no value.
    fences: u32,
    /// More than one only where it was created, deleted, and created by a copy.
    committed: Vec<Revision>,
    /// The lease writes among them: several only where nothing tells them apart,
    /// as creations without a holder.
    leases: Vec<Lease>,
}

impl Register {
    pub(super) const fn of(key: &Key) -> Option<Self> {
        match key {
            Key::Leader | Key::Status | Key::Failsafe => Some(Self::Leader),
            Key::Config | Key::Initialize | Key::History => Some(Self::Config),
            Key::Failover => Some(Self::Failover),
            Key::Sync => Some(Self::Sync),
            _ => None,
        }
    }
}

impl Group {
    pub(super) fn of_write(
        process: usize,
        change: &Change,
        expected: Precondition,
    ) -> Option<Self> {
        let attempt = match change {
            Change::Leader(write) if write.record.holder.is_some() => {
                write.record.claim.as_ref().map(|claim| claim.attempt)
            }
            _ => None,
        };
        Some(Self {
            process,
            register: Register::of(&change.key())?,
            expected: expected.revision(),
            attempt,
        })
    }

    pub(super) fn of_fence(process: usize, key: &Key, expected: Precondition) -> Option<Self> {
        Some(Self {
            process,
            register: Register::of(key)?,
            expected: expected.revision(),
            attempt: None,
        })
    }
}

impl Calls {
    pub(super) fn begins(&mut self, group: Group, lease: Option<Lease>) {
        let told = self.0.entry(group).or_default();
        told.calls += 1;
        told.leases.extend(lease);
    }

    pub(super) fn begins_fence(&mut self, group: Group) {
        let told = self.0.entry(group).or_default();
        told.calls += 1;
        told.fences += 1;
    }

    /// The store has made a version by a call of this group.
    ///
    /// # Errors
    /// Why that is not as it was told, or will be.
    pub(super) fn committed(&mut self, group: Group, revision: Revision) -> Result<(), String> {
        let Some(told) = self.0.get_mut(&group) else {
            return Err("nobody asked for it".to_owned());
        };
        if let (Some(first), true) = (told.committed.first(), group.expected.is_some()) {
            return Err(format!("it was committed as {first} before"));
        }
        told.committed.push(revision);
        told.is_true()
    }

    /// The lease writes of this group.
    pub(super) fn leases(&self, group: &Group) -> &[Lease] {
        self.0.get(group).map_or(&[], |told| &told.leases)
    }

    /// Whether a touch that changes no value is among them.
    pub(super) fn has_fence(&self, group: &Group) -> bool {
        self.0.get(group).is_some_and(|told| told.fences > 0)
    }

    /// What the process is told.
    ///
    /// # Errors
    /// Why that is not what became of it.
    pub(super) fn told(&mut self, group: Group, outcome: &Outcome) -> Result<(), String> {
        let told = self.0.entry(group).or_default();
        match outcome {
            Outcome::Committed(committed) => {
                let revision = committed.revision;
                if !told.committed.contains(&revision) {
                    return Err(format!(
                        "it is told to be committed as {revision}, and was as {:?}",
                        told.committed
                    ));
                }
                Ok(())
            }
            Outcome::NotCommitted(_) => {
                told.refused += 1;
                told.is_true()
            }
            Outcome::Unknown(_) => Ok(()),
        }
    }
}

impl Told {
    fn is_true(&self) -> Result<(), String> {
        match self.committed.first() {
            Some(revision) if self.refused == self.calls => Err(format!(
                "it is told not to be committed, and was as {revision}"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dcs_core::{Committed, Error};

    use super::*;

    const GROUP: Group = Group {
        process: 2,
        register: Register::Sync,
        expected: None,
        attempt: None,
    };

    fn rev(revision: u128) -> Revision {
        Revision::new(revision).expect("not zero")
    }

    fn on(expected: u128) -> Group {
        Group {
            expected: Some(rev(expected)),
            ..GROUP
        }
    }

    fn begun(group: Group, calls: u32) -> Calls {
        let mut all = Calls::default();
        (0..calls).for_each(|_| all.begins(group, None));
        all
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

    #[test]
    fn what_is_told_as_it_became_is_true() {
        let mut calls = begun(on(2), 1);
        assert_eq!(calls.committed(on(2), rev(3)), Ok(()));
        assert_eq!(calls.told(on(2), &committed(3)), Ok(()));
    }

    #[test]
    fn a_version_that_nobody_asked_for_is_found() {
        assert!(begun(on(2), 1).committed(on(4), rev(5)).is_err());
    }

    #[test]
    fn a_refusal_of_what_was_committed_is_found_before_and_after() {
        let mut calls = begun(on(2), 1);
        assert_eq!(calls.committed(on(2), rev(3)), Ok(()));
        assert!(calls.told(on(2), &refused()).is_err());
        let mut calls = begun(on(2), 1);
        assert_eq!(calls.told(on(2), &refused()), Ok(()));
        assert!(calls.committed(on(2), rev(3)).is_err());
    }

    #[test]
    fn the_refusal_of_one_of_two_calls_is_true_where_the_other_was_committed() {
        let mut calls = begun(on(2), 2);
        assert_eq!(calls.committed(on(2), rev(3)), Ok(()));
        assert_eq!(calls.told(on(2), &refused()), Ok(()));
        assert!(calls.told(on(2), &refused()).is_err(), "not of both");
    }

    #[test]
    fn another_revision_than_the_one_that_was_committed_is_found() {
        let mut calls = begun(on(2), 1);
        assert!(calls.told(on(2), &committed(3)).is_err(), "never applied");
        assert_eq!(calls.committed(on(2), rev(4)), Ok(()));
        assert!(calls.told(on(2), &committed(3)).is_err());
    }

    #[test]
    fn a_second_commit_on_the_same_revision_is_found_and_a_second_creation_is_none() {
        let mut calls = begun(on(2), 2);
        assert_eq!(calls.committed(on(2), rev(3)), Ok(()));
        assert!(calls.committed(on(2), rev(4)).is_err());
        let mut calls = begun(GROUP, 1);
        assert_eq!(calls.committed(GROUP, rev(3)), Ok(()));
        assert_eq!(calls.committed(GROUP, rev(9)), Ok(()));
        assert_eq!(calls.told(GROUP, &committed(3)), Ok(()));
    }
}
