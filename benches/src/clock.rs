use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use dcs_core::{Clock, Stamp};
use futures_util::future::BoxFuture;

/// The wall clock at reading zero: the first second of 2026.
const WALL_AT_ZERO: Duration = Duration::from_secs(1_767_225_600);

/// A clock that stands still until it is moved. A clone is the same clock.
///
/// It wakes nobody: whoever moves it polls what may be due.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward. It holds 584 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(self.nanos().saturating_add(by), Relaxed);
    }

    fn nanos(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Stamp {
        Stamp::from_single(Duration::from_nanos(self.nanos()))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + WALL_AT_ZERO + Duration::from_nanos(self.nanos())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let until = self.nanos().saturating_add(nanos);
        Box::pin(poll_fn(move |_| {
            if clock.nanos() < until {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }))
    }
}
