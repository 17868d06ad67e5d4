//! I4 for stores of one's own: what a process is told of a write is what became
//! of it. Who looks at the store sees its versions and who made them, and not
//! which call did: calls of one process that expect the same revision of the
//! same register are one group, of which the store takes one at the most.

use std::collections::HashMap;

use dcs_core::{Attempt, Change, FencingToken, Key, Outcome, Precondition, Revision};

use super::judged::Lease;
use super::stood::{Register, Stands, Stood};

/// Calls that the store can not tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sim) struct Group {
    pub(super) process: usize,
    pub(super) register: Register,
    pub(super) expected: Option<Revision>,
    /// A lease write is known by its attempt as well.
    pub(super) attempt: Option<Attempt>,
}

/// What a call asks for.
#[derive(Clone)]
pub(super) enum Asked {
    Lease(Lease),
    /// A value of any other register.
    Value(Change),
    /// A touch that changes no value.
    Fence(FencingToken),
}

/// All writes of a history.
#[derive(Default)]
pub(in crate::sim) struct Calls {
    groups: HashMap<Group, Told>,
    /// Whether what is done at the store just now is done by a copy of a request.
    pub(super) by_copy: bool,
}

#[derive(Default)]
struct Told {
    refused: usize,
    calls: Vec<Asked>,
    /// More than one only where it was created, deleted, and created by a copy;
    /// none where the register itself is gone by it.
    committed: Vec<Option<Revision>>,
    /// By a copy of a request: where that comes before the request itself, the
    /// store refuses the latter, and says so.
    by_copy: bool,
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

impl Asked {
    /// Whether this is what makes the one of the other.
    fn makes(&self, before: &Stands, now: &Stands) -> bool {
        match self {
            Self::Lease(lease) => now.is_record(&lease.write.record),
            Self::Value(change) => now.is(change) && now.fence == before.fence,
            Self::Fence(token) => now.value == before.value && now.has_fence(*token),
        }
    }

    /// Whether nothing had to be done for it where this stands.
    fn is_done(&self, now: &Stands) -> bool {
        match self {
            Self::Lease(_) => false,
            Self::Value(change) => now.is(change),
            Self::Fence(token) => now.has_fence(*token),
        }
    }
}

impl Calls {
    pub(super) fn begins(&mut self, group: Group, asked: Asked) {
        self.groups.entry(group).or_default().calls.push(asked);
    }

    /// Whether a call of this group makes the one of the other, and may still.
    pub(super) fn makes(&self, group: &Group, before: &Stands, now: &Stands) -> bool {
        self.groups.get(group).is_some_and(|told| {
            let is_open = group.expected.is_none() || told.committed.is_empty();
            is_open && told.calls.iter().any(|asked| asked.makes(before, now))
        })
    }

    /// The store has made a version by a call of this group, or, without a
    /// revision, has removed its register.
    ///
    /// # Errors
    /// Why that is not as it was told, or will be.
    pub(super) fn committed(
        &mut self,
        group: Group,
        revision: Option<Revision>,
    ) -> Result<(), String> {
        let Some(told) = self.groups.get_mut(&group) else {
            return Err("nobody asked for it".to_owned());
        };
        if let (Some(first), true) = (told.committed.first(), group.expected.is_some()) {
            return Err(format!("it was committed as {} before", shown(*first)));
        }
        told.committed.push(revision);
        told.by_copy |= self.by_copy;
        told.is_true()
    }

    /// The lease writes of this group: several only where nothing tells them
    /// apart, as creations without a holder.
    pub(super) fn leases(&self, group: &Group) -> impl Iterator<Item = &Lease> {
        let calls = self.groups.get(group).map_or(&[][..], |told| &told.calls);
        calls.iter().filter_map(|asked| match asked {
            Asked::Lease(lease) => Some(lease),
            _ => None,
        })
    }

    /// Whether a touch that changes no value is among them.
    pub(super) fn has_fence(&self, group: &Group) -> bool {
        let calls = self.groups.get(group).map_or(&[][..], |told| &told.calls);
        calls.iter().any(|asked| matches!(asked, Asked::Fence(_)))
    }

    /// What the process is told.
    ///
    /// # Errors
    /// Why that is not what became of it.
    pub(super) fn told(
        &mut self,
        group: Group,
        asked: &Asked,
        outcome: &Outcome,
        stood: &Stood,
    ) -> Result<(), String> {
        let told = self.groups.entry(group).or_default();
        let revision = match outcome {
            Outcome::Committed(committed) => committed.revision,
            Outcome::NotCommitted(_) => {
                told.refused += 1;
                return told.is_true();
            }
            Outcome::Unknown(_) => return Ok(()),
        };
        let stands = stood.get(group.register, revision);
        let is_done = || stands.is_some_and(|stands| asked.is_done(stands));
        let is_lease = matches!(asked, Asked::Lease(_));
        if told.committed.contains(&Some(revision)) {
            if is_lease || is_done() {
                return Ok(());
            }
            return Err(format!(
                "it is told to be committed as {revision}, where another one stood: {stands:?}"
            ));
        }
        // A store may leave what is there already as it is.
        let is_kept = group.expected == Some(revision) && is_done();
        if is_kept || told.committed.contains(&None) {
            return Ok(());
        }
        let were: Vec<_> = told.committed.iter().copied().map(shown).collect();
        Err(format!(
            "it is told to be committed as {revision}, and was as [{}]",
            were.join(", ")
        ))
    }
}

impl Told {
    fn is_true(&self) -> Result<(), String> {
        match self.committed.first() {
            Some(revision) if self.refused == self.calls.len() && !self.by_copy => Err(format!(
                "it is told not to be committed, and was as {}",
                shown(*revision)
            )),
            _ => Ok(()),
        }
    }
}

fn shown(revision: Option<Revision>) -> String {
    revision.map_or_else(|| "a removal".to_owned(), |revision| revision.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dcs_core::{Committed, Config, Error};

    use super::*;

    const GROUP: Group = Group {
        process: 2,
        register: Register::Config,
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
        (0..calls).for_each(|_| all.begins(group, asked(1)));
        all
    }

    fn config(count: u64) -> Change {
        let mut config = Config::default();
        let settings = config.settings_mut();
        settings.insert("count".to_owned(), count.into());
        Change::Config(Some(config))
    }

    fn asked(count: u64) -> Asked {
        Asked::Value(config(count))
    }

    /// This value stood there as these.
    fn stood(count: u64, revisions: [u128; 2]) -> Stood {
        let mut all = Stood::default();
        for revision in revisions {
            all.take_in(Register::Config, rev(revision), of(count));
        }
        all
    }

    fn of(count: u64) -> Stands {
        Stands {
            value: Some(config(count)),
            fence: dcs_core::Value::Absent,
        }
    }

    fn tell(calls: &mut Calls, group: Group, outcome: &Outcome) -> Result<(), String> {
        calls.told(group, &asked(1), outcome, &stood(1, [3, 9]))
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
        assert_eq!(calls.committed(on(2), Some(rev(3))), Ok(()));
        assert_eq!(tell(&mut calls, on(2), &committed(3)), Ok(()));
    }

    #[test]
    fn a_version_that_nobody_asked_for_is_found() {
        assert!(begun(on(2), 1).committed(on(4), Some(rev(5))).is_err());
    }

    #[test]
    fn a_refusal_of_what_was_committed_is_found_before_and_after() {
        let mut calls = begun(on(2), 1);
        assert_eq!(calls.committed(on(2), Some(rev(3))), Ok(()));
        assert!(tell(&mut calls, on(2), &refused()).is_err());
        let mut calls = begun(on(2), 1);
        assert_eq!(tell(&mut calls, on(2), &refused()), Ok(()));
        assert!(calls.committed(on(2), Some(rev(3))).is_err());
    }

    #[test]
    fn the_refusal_of_one_of_two_calls_is_true_where_the_other_was_committed() {
        let mut calls = begun(on(2), 2);
        assert_eq!(calls.committed(on(2), Some(rev(3))), Ok(()));
        assert_eq!(tell(&mut calls, on(2), &refused()), Ok(()));
        assert!(tell(&mut calls, on(2), &refused()).is_err(), "not of both");
    }

    #[test]
    fn another_revision_than_the_one_that_was_committed_is_found() {
        let mut calls = begun(on(2), 1);
        assert!(
            tell(&mut calls, on(2), &committed(3)).is_err(),
            "never applied"
        );
        assert_eq!(calls.committed(on(2), Some(rev(4))), Ok(()));
        assert!(tell(&mut calls, on(2), &committed(3)).is_err());
    }

    #[test]
    fn a_second_commit_on_the_same_revision_is_found_and_a_second_creation_is_none() {
        let mut calls = begun(on(2), 2);
        assert_eq!(calls.committed(on(2), Some(rev(3))), Ok(()));
        assert!(calls.committed(on(2), Some(rev(4))).is_err());
        let mut calls = begun(GROUP, 1);
        assert_eq!(calls.committed(GROUP, Some(rev(3))), Ok(()));
        assert_eq!(calls.committed(GROUP, Some(rev(9))), Ok(()));
        assert_eq!(tell(&mut calls, GROUP, &committed(3)), Ok(()));
    }

    #[test]
    fn one_of_two_calls_is_told_of_the_others_commit_and_is_found() {
        let mut calls = begun(on(2), 1);
        calls.begins(on(2), asked(2));
        assert_eq!(calls.committed(on(2), Some(rev(3))), Ok(()));
        assert_eq!(tell(&mut calls, on(2), &committed(3)), Ok(()));
        let other = calls.told(on(2), &asked(2), &committed(3), &stood(1, [3, 9]));
        assert!(other.is_err());
    }

    #[test]
    fn a_store_may_keep_what_stands_there_already_and_nothing_else() {
        let mut calls = begun(on(3), 1);
        assert_eq!(tell(&mut calls, on(3), &committed(3)), Ok(()));
        let other = calls.told(on(3), &asked(2), &committed(3), &stood(1, [3, 9]));
        assert!(other.is_err());
    }

    #[test]
    fn a_removal_has_any_revision() {
        let mut calls = begun(on(2), 1);
        assert_eq!(calls.committed(on(2), None), Ok(()));
        assert_eq!(tell(&mut calls, on(2), &committed(7)), Ok(()));
        assert!(tell(&mut calls, on(2), &refused()).is_err());
    }

    #[test]
    fn a_request_that_its_copy_was_committed_before_is_refused_in_truth() {
        let mut calls = begun(on(2), 1);
        calls.by_copy = true;
        assert_eq!(calls.committed(on(2), Some(rev(3))), Ok(()));
        assert_eq!(tell(&mut calls, on(2), &refused()), Ok(()));
    }

    #[test]
    fn what_a_call_makes_is_its_value_or_its_fence_and_nothing_beside_it() {
        let token = |revision| FencingToken::new(rev(revision));
        let touched = Stands {
            fence: dcs_core::Value::Present(token(5)),
            ..of(1)
        };
        assert!(asked(2).makes(&of(1), &of(2)));
        assert!(!asked(2).makes(&of(1), &of(3)), "another value");
        assert!(!asked(1).makes(&of(1), &touched), "a fence beside it");
        assert!(Asked::Fence(token(5)).makes(&of(1), &touched));
        assert!(!Asked::Fence(token(6)).makes(&of(1), &touched));
        assert!(!Asked::Fence(token(5)).makes(&of(2), &touched), "a value");
    }
}
