//! The one place where this crate reads a clock and sleeps: it waits for real
//! processes, and no injected time moves those.

use std::time::{Duration, Instant};

/// Calls `probe` until it gives an answer or `limit` has passed.
///
/// The probe runs at least once, and once more after the last pause, so that a
/// machine which was asleep does not turn a good answer into a timeout.
pub(crate) fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    const PAUSE: Duration = Duration::from_millis(25);
    let started = now();
    loop {
        let last = started.elapsed() >= limit;
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if last {
            return None;
        }
        pause(PAUSE);
    }
}

/// The clock of the runtime, by which the proxy delays real bytes. A test can
/// pause it.
#[expect(
    clippy::disallowed_methods,
    reason = "says when bytes came on a real connection"
)]
pub(crate) fn tokio_now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Waits on the same clock; not at all for an instant that has passed.
#[expect(
    clippy::disallowed_methods,
    reason = "bytes on a real connection come late by this"
)]
pub(crate) async fn sleep_until(due: tokio::time::Instant) {
    tokio::time::sleep_until(due).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounds the wait for a real process"
)]
fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process that is no child of ours tells nobody when it ends"
)]
fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_without_time_still_asks_once() {
        assert_eq!(poll(Duration::ZERO, || Some(7)), Some(7));
    }

    #[test]
    fn a_poll_gives_up_after_its_limit() {
        let mut asked = 0;
        let answer = poll(Duration::ZERO, || {
            asked += 1;
            None::<()>
        });
        assert_eq!((answer, asked), (None, 1));
    }
}
