//! Bounded waiting for what other processes do: no injected time moves those.

use std::time::Duration;

use dcs_core::{Clock, SystemClock, Timestamp};

/// The limit of a wait whose length is not what the test is about: only a
/// program that hangs takes so long, on whatever machine.
pub(crate) const PATIENCE: Duration = seconds(60);

const PAUSE: Duration = Duration::from_millis(20);

/// Asks `probe` until it answers; `None` once `limit` has passed. It is asked
/// once more after the last pause, so a busy machine spoils no good answer.
pub(crate) async fn poll<T>(
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let clock = SystemClock::new();
    let began = clock.now();
    loop {
        let is_last = clock.now().challenger_elapsed_since(began) >= limit;
        if let Some(answer) = probe().await {
            return Some(answer);
        }
        if is_last {
            return None;
        }
        clock.sleep(PAUSE).await;
    }
}

/// As [`poll`], and fails the test where there is no answer in time.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    match poll(limit, probe).await {
        Some(answer) => answer,
        None => panic!("not within {limit:?}: {what}"),
    }
}

/// The host's wall clock, on which the programs stamp their events.
pub(crate) fn now_ms() -> i64 {
    Timestamp::from_system_time(SystemClock::new().wall()).as_millis()
}

/// Lets a span of time pass that is itself what a test is about.
pub(crate) async fn pass(span: Duration) {
    SystemClock::new().sleep(span).await;
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap()
}
