//! A clock that tests set by hand.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use futures_core::future::BoxFuture;

use crate::{Clock, Stamp};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<Readings>);

#[derive(Clone, Copy, Debug)]
struct Readings {
    boottime: Duration,
    monotonic: Duration,
    raw: Duration,
    /// How far each reading moves all clocks on.
    creep: Duration,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        let start = Duration::from_secs(1_000);
        Self(Mutex::new(Readings {
            boottime: start,
            monotonic: start,
            raw: start,
            creep: Duration::ZERO,
        }))
    }

    /// All clocks go on together.
    pub(crate) fn advance(&self, by: Duration) {
        self.advance_apart(by, by);
    }

    /// The slewed clocks go on by `slewed` while the raw one goes on by `raw`.
    pub(crate) fn advance_apart(&self, slewed: Duration, raw: Duration) {
        self.change(|readings| {
            readings.boottime += slewed;
            readings.monotonic += slewed;
            readings.raw += raw;
        });
    }

    /// The machine sleeps: only boottime goes on.
    pub(crate) fn suspend(&self, by: Duration) {
        self.change(|readings| readings.boottime += by);
    }

    /// From now on each reading takes so long.
    pub(crate) fn creep(&self, by: Duration) {
        self.change(|readings| readings.creep = by);
    }

    fn change(&self, change: impl FnOnce(&mut Readings)) {
        change(&mut self.0.lock().unwrap());
    }
}

impl Clock for TestClock {
    fn now(&self) -> Stamp {
        let readings = *self.0.lock().unwrap();
        self.advance(readings.creep);
        Stamp::from_readings(readings.boottime, readings.monotonic, readings.raw)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600) + self.0.lock().unwrap().raw
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}
