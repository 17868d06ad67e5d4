//! Whether, and how eagerly, a member takes leadership.

/// The number of levels below the highest priority.
const LEVELS: u8 = 10;

/// Whether a member takes leadership when it is free, and after whom.
///
/// It has no part in the safety of the election: it can only make a member
/// wait longer than it has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: never, or after those of a higher priority"
)]
pub enum Eligibility {
    /// It never does, also if nobody else is left (Patroni's `nofailover`). If
    /// it leads, it gives the term up.
    Never,
    /// It does, after leaving members of a higher priority some time.
    Priority(Priority),
}

/// How long a member leaves others time before it takes leadership: 0 to 10,
/// and 10 by default, which leaves them none.
///
/// For each level below 10 it waits a tenth of `loop_wait` longer than it has
/// to, so one `loop_wait` in all at level 0, both after a crash and after a
/// release. Then it takes leadership like any other: if those of a higher
/// priority are dead, no more than that is lost. Levels are told apart if what
/// lies between them is longer than what else decides who is first: the
/// stagger among many members (at most 1 s), and a request.
///
/// ```
/// use dcs_core::election::Priority;
///
/// assert!(Priority::new(0)? < Priority::HIGHEST);
/// assert!(Priority::new(11).is_err());
/// # Ok::<(), dcs_core::election::PriorityError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

/// Why a number is no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a priority of {level} is not allowed: use 0 (last) to 10 (first)")]
#[non_exhaustive]
pub struct PriorityError {
    /// The refused number.
    pub level: u8,
}

impl Priority {
    /// Leaves the others the most time: one `loop_wait`.
    pub const LOWEST: Self = Self(0);
    /// Leaves nobody any time.
    pub const HIGHEST: Self = Self(LEVELS);

    /// The priority of this level.
    ///
    /// # Errors
    /// [`PriorityError`] above 10.
    pub const fn new(level: u8) -> Result<Self, PriorityError> {
        if level > LEVELS {
            return Err(PriorityError { level });
        }
        Ok(Self(level))
    }

    /// The level: 0 to 10.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.0
    }

    /// What is waited of a `loop_wait`, so that others can go first.
    pub(super) fn deference(self, loop_wait: std::time::Duration) -> std::time::Duration {
        loop_wait * u32::from(LEVELS - self.0) / u32::from(LEVELS)
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::HIGHEST
    }
}

impl Default for Eligibility {
    fn default() -> Self {
        Self::Priority(Priority::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_above_ten_is_refused_with_the_range() {
        let error = Priority::new(11).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a priority of 11 is not allowed: use 0 (last) to 10 (first)"
        );
    }
}
