//! Who believed when.

use std::time::Duration;

use super::simulation::History;
use super::trace::Mark;

/// A stretch in which a process believed that it leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Belief {
    /// The process.
    pub process: usize,
    /// Since when.
    pub from: Duration,
    /// To when: the first event after its end, or the end of the history.
    pub to: Duration,
}

impl History {
    /// Who believed when, in order of the beginnings. Empty unless the history
    /// was [traced](super::Simulation::traced).
    #[must_use]
    pub fn beliefs(&self) -> Vec<Belief> {
        let mut beliefs: Vec<Belief> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        for (at, mark) in &self.marks {
            let Mark::Belief { process, is, .. } = mark else {
                continue;
            };
            let at = Duration::from_nanos(*at);
            if *is {
                open.push(beliefs.len());
                beliefs.push(Belief {
                    process: *process,
                    from: at,
                    to: self.length,
                });
            } else {
                let ended = open
                    .iter()
                    .position(|index| beliefs[*index].process == *process);
                if let Some(index) = ended.map(|index| open.swap_remove(index)) {
                    beliefs[index].to = at;
                }
            }
        }
        beliefs
    }

    /// For how long two processes believed at once.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        let beliefs = self.beliefs();
        let mut overlap = Duration::ZERO;
        for (index, one) in beliefs.iter().enumerate() {
            for other in beliefs.iter().skip(index + 1) {
                let (from, to) = (one.from.max(other.from), one.to.min(other.to));
                overlap += to.saturating_sub(from);
            }
        }
        overlap
    }
}
