//! Where Patroni may lead, too: nobody believes for longer than the record says
//! (rule P3).

use std::time::Duration;

use super::{Machine, Role};
use crate::Stamp;
use crate::election::belief::Deadline;
use crate::election::seeded::{Bug, planted};

impl Machine {
    /// A renewal is about to leave that carries a holder for `span`. Members of
    /// ours wait for T_WAIT, whatever a record shows; Patroni waits for the ttl
    /// that it shows, and cannot know that an earlier write showed a longer one.
    /// Counted from before the sending, so that belief can only end too early.
    pub(super) fn shows_to_patroni(&mut self, span: Duration, now: Stamp) {
        let Role::Leader(term) = &mut self.role else {
            return;
        };
        if self.beside.is_none() || planted(Bug::LongerThanShown) {
            return;
        }
        let shown = Deadline::after(now, span);
        term.deadline = self.belief.shorten(term.number, shown, term.deadline);
    }
}
