//! What an outage of the store takes of a lease.

use std::time::Duration;

use super::timing::LeaseTiming;

/// The pause after a request that failed: at first, and at most.
pub(super) const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl LeaseTiming {
    /// The longest pause after a request that failed.
    pub(super) fn longest_pause(&self) -> Duration {
        longest_pause(self.attempt_timeout())
    }

    /// How long the store may be away without the leader being demoted, however
    /// it is away and whenever that begins, less the time of two requests: never
    /// less than `retry_timeout`.
    ///
    /// It begins just before a renewal, `loop_wait` after the one before, and
    /// ends just after a request was sent that hangs until its attempt is given
    /// up; after a pause the next one has to be answered before the work stops.
    #[must_use]
    pub fn outage_survived(&self) -> Duration {
        let room = self.holder_span().saturating_sub(self.stop_time());
        room.saturating_sub(self.loop_wait())
            .saturating_sub(self.attempt_timeout() + self.longest_pause())
    }
}

/// An outage of `retry_timeout`, one attempt that hangs, and a pause.
pub(super) fn outage_of(retry_timeout: Duration) -> Duration {
    let attempt = retry_timeout / 2;
    retry_timeout + attempt + longest_pause(attempt)
}

/// The longest `retry_timeout` for which [`outage_of`] is at most `room`.
pub(super) fn retry_timeout_in(room: Duration) -> Duration {
    let less_a_pause_of = |pause| room.saturating_sub(pause) * 2 / 3;
    if room >= outage_of(LONGEST_PAUSE * 2) {
        less_a_pause_of(LONGEST_PAUSE)
    } else if room >= outage_of(SHORTEST_PAUSE * 2) {
        room / 2
    } else {
        less_a_pause_of(SHORTEST_PAUSE)
    }
}

fn longest_pause(attempt: Duration) -> Duration {
    attempt.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}
