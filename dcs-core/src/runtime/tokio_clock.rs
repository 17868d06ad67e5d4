use std::time::{Duration, SystemTime};

use futures_core::future::BoxFuture;

use crate::{Clock, Stamp};

/// The clock of a tokio runtime, virtual while that runtime's time is paused.
///
/// All three readings are this one clock, so a suspend cannot be told and a
/// slew is not seen: it is meant for tests and simulations. The wall clock is
/// the time that has passed on the runtime, added to a fixed instant, so that
/// the same run writes the same records.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    origin: tokio::time::Instant,
    wall: SystemTime,
}

impl TokioClock {
    /// A clock that shows zero now, and `2026-01-01T00:00:00Z` on the wall.
    /// Call it within the runtime.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }

    /// A clock that shows zero now, and `wall` on the wall. Call it within the
    /// runtime.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tokio's time enters"
    )]
    pub fn starting_at(wall: SystemTime) -> Self {
        Self {
            origin: tokio::time::Instant::now(),
            wall,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tokio's time enters"
    )]
    fn elapsed(&self) -> Duration {
        tokio::time::Instant::now().saturating_duration_since(self.origin)
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Stamp {
        Stamp::from_single(self.elapsed())
    }

    fn wall(&self) -> SystemTime {
        self.wall + self.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tokio's time enters"
    )]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_runtime_gives_virtual_time() {
        let clock = TokioClock::new();
        let start = clock.now();
        clock.sleep(Duration::from_secs(3600)).await;
        assert!(clock.now().holder_elapsed_since(start) >= Duration::from_secs(3600));
        assert!(clock.wall() >= SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + 3600));
    }
}
