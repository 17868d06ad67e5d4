//! How requests are spaced out when they fail.

use std::time::Duration;

use super::Machine;
use super::attempt::Sent;
use crate::election::event::EventKind;
use crate::election::observer::Read;
use crate::election::outage::SHORTEST_PAUSE;
use crate::{Error, Key, Stamp};

/// No request before `length` has passed since `from`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    pub(super) from: Stamp,
    pub(super) length: Duration,
}

impl Machine {
    /// Notes a failed request: the next one comes after a pause.
    pub(super) fn failed(&mut self, what: &'static str, error: &Error, now: Stamp) {
        self.say(EventKind::trouble(what, error));
        let asked = match error {
            Error::Unavailable {
                retry_after: Some(asked),
                ..
            } => *asked,
            _ => Duration::ZERO,
        };
        self.space_out(asked, now);
    }

    /// Notes a lease write that was refused, other than by a conflict. What was
    /// too large beside the lease is left out from now on, and the next one may
    /// follow at once: the lease is worth more than what it carries.
    pub(super) fn refused(&mut self, what: &'static str, sent: &Sent, error: &Error, now: Stamp) {
        let Error::TooLarge { key, .. } = error else {
            return self.failed(what, error, now);
        };
        // Where the lease itself is named, either may be the one.
        let leaves_status = *key == Key::Status || *key == Key::Leader;
        let leaves_map = *key == Key::Failsafe || *key == Key::Leader && sent.status.is_none();
        if leaves_status && sent.status.is_some() {
            // Another one may have been set while this one was under way.
            self.status
                .take_if(|status| Some(&*status) == sent.status.as_ref());
        } else if leaves_map && sent.failsafe.is_some() {
            self.failsafe
                .take_if(|map| Some(&*map) == sent.failsafe.as_ref());
        } else {
            return self.failed(what, error, now);
        }
        self.say(EventKind::trouble(what, error));
    }

    /// The next request comes after a pause, which doubles each time.
    pub(super) fn space_out(&mut self, asked: Duration, now: Stamp) {
        let longest = self.timing.longest_pause();
        let doubled = SHORTEST_PAUSE * 2_u32.pow(self.failures.min(6));
        let jitter = u32::try_from(self.entropy.bits() % 512).unwrap_or_default();
        let jittered = doubled * (768 + jitter) / 1024;
        self.failures += 1;
        self.pause = Some(Pause {
            from: now,
            length: jittered.max(asked).min(longest),
        });
    }

    /// Notes a write of unknown outcome: it is read back at once, and the next
    /// write comes after a pause.
    pub(super) fn unknown(&mut self, what: &'static str, error: &Error, now: Stamp) {
        self.failed(what, error, now);
        self.pause_after_read = self.pause.take();
        self.must_read = Some(Read::Plain);
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.pause_after_read = None;
    }
}

impl Pause {
    pub(super) fn left(self, now: Stamp) -> Duration {
        self.length
            .saturating_sub(now.challenger_elapsed_since(self.from))
    }
}
