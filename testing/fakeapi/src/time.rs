//! Time: that of tokio, so that a test can pause it, beginning at a fixed date.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// When every server begins: 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

#[derive(Debug, Default)]
pub(crate) struct Time {
    /// The first moment that anyone asked for.
    began: OnceLock<Instant>,
}

impl Time {
    /// How long the server has been there.
    pub(crate) fn elapsed(&self) -> Duration {
        let now = now();
        now.saturating_duration_since(*self.began.get_or_init(|| now))
    }

    /// The same, before anyone asked: a server may be made outside of the
    /// runtime that it is used in, and its clock is that of the runtime.
    pub(crate) fn elapsed_so_far(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, |_| self.elapsed())
    }

    /// The date in whole seconds, `later` from now.
    pub(crate) fn stamp(&self, later: Duration) -> String {
        let elapsed = (self.elapsed_so_far() + later).as_secs();
        let seconds = START.saturating_add_unsigned(elapsed);
        Timestamp::from_second(seconds)
            .unwrap_or_default()
            .to_string()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of the runtime, which a test pauses"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits until `due`; not at all for an instant that has passed.
#[expect(
    clippy::disallowed_methods,
    reason = "waits on the clock of the runtime, which a test pauses"
)]
pub(crate) async fn sleep_until(due: Instant) {
    tokio::time::sleep_until(due).await;
}

pub(crate) async fn sleep(duration: Duration) {
    if !duration.is_zero() {
        sleep_until(now() + duration).await;
    }
}
