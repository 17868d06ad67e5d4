//! What is left of a history when all is gone that it does not need.

use std::fmt;

use super::judge::Violation;
use super::simulation::{History, Simulation};

/// A history made small: few faults, and still the same invariant broken.
///
/// Prints as the violation, the seed, the faults, and how to replay it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shrunk {
    /// Gives the small history again, with the same program: seed, members,
    /// length and plan.
    pub simulation: Simulation,
    /// The small history. Its [`faults`](History::faults) are the list.
    pub history: History,
    /// What is broken in it: the same invariant as in the history that was
    /// shrunk, perhaps of others and at another instant.
    pub violation: Violation,
    /// How many faults the history had that was shrunk.
    pub faults_before: usize,
    /// How many histories were run to get here.
    pub replays: usize,
    /// Whether nothing simpler was left to try. If not, the bound on replays
    /// has ended it, and a larger one may lead to a smaller list.
    pub is_smallest: bool,
    pub(super) hint: Option<String>,
}

impl fmt::Display for Shrunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let History {
            seed,
            nodes,
            faults,
            ..
        } = &self.history;
        writeln!(f, "{}", self.violation)?;
        writeln!(
            f,
            "seed {seed}, {nodes} members, {} of {} faults left after {} replays:",
            faults.len(),
            self.faults_before,
            self.replays
        )?;
        for fault in faults {
            writeln!(f, "{fault}")?;
        }
        if !self.is_smallest {
            writeln!(
                f,
                "the bound of {} replays has ended it: more may leave less",
                self.replays
            )?;
        }
        match &self.hint {
            Some(hint) => writeln!(f, "replay by: {hint}"),
            None => Ok(()),
        }
    }
}

/// Why a history was not shrunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotShrunk {
    /// Nothing is broken in it.
    #[error(
        "the history of seed {seed} has no violation: shrink one whose `verdict()` is an error"
    )]
    NoViolation {
        /// Its seed.
        seed: u64,
    },
    /// The same faults, carried out again, gave another history.
    #[error(
        "seed {seed} does not replay: {expected}, but the same faults gave {}; the program is \
         another one, or takes time or chance from elsewhere than its `Node`",
        found.as_ref().map_or_else(|| "no violation".to_owned(), ToString::to_string)
    )]
    NotReplayed {
        /// The seed.
        seed: u64,
        /// What was broken in the history.
        expected: Violation,
        /// What is broken in the replay, if anything is.
        found: Option<Violation>,
    },
}
