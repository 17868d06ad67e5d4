//! Time: that of tokio unless another clock was handed in, beginning at a fixed
//! date.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

/// When every server begins: 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

/// The time that a server goes by.
///
/// Without one it is that of the tokio runtime that asks it, which a test
/// pauses. Tests that run in virtual time of their own, without tokio's, hand in
/// theirs: [`Options::clock`](crate::Options::clock).
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time since a moment that stays the same; it never goes back.
    fn now(&self) -> Duration;

    /// Waits until [`now`](Self::now) shows `due`; not at all if it does.
    fn sleep_until(&self, due: Duration) -> BoxFuture<'static, ()>;
}

/// The time of one server. A clone is the same one.
#[derive(Clone, Debug)]
pub(crate) struct Time(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    /// The first moment that anyone asked for.
    began: OnceLock<Duration>,
}

impl Time {
    pub(crate) fn new(clock: Option<Arc<dyn Clock>>) -> Self {
        Self(Arc::new(Inner {
            clock: clock.unwrap_or_else(|| Arc::new(OfTokio::default())),
            began: OnceLock::new(),
        }))
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.clock.now()
    }

    /// How long the server has been there.
    pub(crate) fn elapsed(&self) -> Duration {
        let now = self.now();
        now.saturating_sub(*self.0.began.get_or_init(|| now))
    }

    /// The same, before anyone asked: a server may be made outside of the
    /// runtime that it is used in, and its clock is that of the runtime.
    pub(crate) fn elapsed_so_far(&self) -> Duration {
        self.0
            .began
            .get()
            .map_or(Duration::ZERO, |_| self.elapsed())
    }

    /// The date in whole seconds, `later` from now.
    pub(crate) fn stamp(&self, later: Duration) -> String {
        let elapsed = (self.elapsed_so_far() + later).as_secs();
        let seconds = START.saturating_add_unsigned(elapsed);
        Timestamp::from_second(seconds)
            .unwrap_or_default()
            .to_string()
    }

    /// Waits until `due`; not at all for an instant that has passed.
    pub(crate) async fn sleep_until(&self, due: Duration) {
        self.0.clock.sleep_until(due).await;
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            self.sleep_until(self.now() + duration).await;
        }
    }
}

/// The clock of the runtime, which a test pauses.
#[derive(Debug, Default)]
struct OfTokio {
    /// The first moment that anyone asked for.
    first: OnceLock<Instant>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of the runtime, which a test pauses"
)]
impl Clock for OfTokio {
    fn now(&self) -> Duration {
        let now = Instant::now();
        now.saturating_duration_since(*self.first.get_or_init(|| now))
    }

    fn sleep_until(&self, due: Duration) -> BoxFuture<'static, ()> {
        let first = *self.first.get_or_init(Instant::now);
        Box::pin(tokio::time::sleep_until(first + due))
    }
}
