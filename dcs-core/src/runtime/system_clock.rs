use std::time::{Duration, SystemTime};

use futures_core::future::BoxFuture;

use crate::{Clock, Stamp};

/// The clocks of the operating system, with timers of tokio.
///
/// On Linux these are `CLOCK_BOOTTIME`, `CLOCK_MONOTONIC` and
/// `CLOCK_MONOTONIC_RAW`. The raw clock is never slewed, so a drift of 1 %
/// covers it. Elsewhere the one monotonic clock of the standard library serves
/// as all three; it may be slewed (chrony: by up to 8.3 %), so give
/// [`LeaseTiming`](crate::election::LeaseTiming) a drift of 9 % there.
///
/// Needs a tokio runtime with its timer enabled.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// The clocks of the operating system.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Stamp {
        read()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the real wall clock enters"
    )]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where real sleep enters"
    )]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Boottime and monotonic are read close together, since their difference tells
/// a suspend: by as long as a pause tears them apart it comes out too large. So
/// a torn reading is taken again, and of a few torn ones the least torn counts.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn read() -> Stamp {
    use rustix::time::{ClockId, clock_gettime};

    const BRACKET: Duration = Duration::from_millis(1);
    const TRIES: usize = 4;

    let elapsed = |id| {
        let now = clock_gettime(id);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
    };
    let reading = || {
        let monotonic = elapsed(ClockId::Monotonic);
        let boottime = elapsed(ClockId::Boottime);
        let torn = elapsed(ClockId::Monotonic).saturating_sub(monotonic);
        let stamp = Stamp::from_readings(boottime, monotonic, elapsed(ClockId::MonotonicRaw));
        (torn, stamp)
    };
    let mut best = reading();
    for _ in 1..TRIES {
        if best.0 < BRACKET {
            break;
        }
        let next = reading();
        if next.0 < best.0 {
            best = next;
        }
    }
    best.1
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn read() -> Stamp {
    use std::sync::OnceLock;
    use std::time::Instant;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where real time enters"
    )]
    let now = Instant::now();
    Stamp::from_single(now.saturating_duration_since(*ORIGIN.get_or_init(|| now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_goes_forward_by_both_measures() {
        let clock = SystemClock::new();
        let start = clock.now();
        while clock.now().challenger_elapsed_since(start).is_zero() {
            std::hint::spin_loop();
        }
        assert!(clock.now().holder_elapsed_since(start) > Duration::ZERO);
    }
}
