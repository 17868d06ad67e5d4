//! What a proxy does to the bytes that come to it.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// One of the two ways through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a connection has these two ways and no third"
)]
pub enum Way {
    /// From the client to the server.
    Requests,
    /// From the server to the client.
    Answers,
}

impl Way {
    /// The whole connection.
    pub const BOTH: [Self; 2] = [Self::Requests, Self::Answers];
}

/// What is in force; by default nothing is wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    pub(super) is_cut: bool,
    /// Nothing passes on connections with a smaller number.
    pub(super) first_alive: u64,
    requests: Flow,
    answers: Flow,
}

/// What is in force on one way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    pub(super) delay: Duration,
    pub(super) is_frozen: bool,
    /// Bytes a second, where they trickle.
    pub(super) rate: Option<NonZeroU32>,
}

/// The bytes that passed last on one way of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) at: Instant,
    pub(super) bytes: u32,
}

impl Rules {
    /// What is in force on this way of the connection of this number.
    pub(super) const fn flow(&self, way: Way, connection: u64) -> Flow {
        let mut flow = match way {
            Way::Requests => self.requests,
            Way::Answers => self.answers,
        };
        flow.is_frozen |= connection < self.first_alive;
        flow
    }

    pub(super) const fn flow_mut(&mut self, way: Way) -> &mut Flow {
        match way {
            Way::Requests => &mut self.requests,
            Way::Answers => &mut self.answers,
        }
    }
}

impl Flow {
    /// When the next bytes of what came at `came` may pass, after those that
    /// passed last; `None` while everything is held.
    pub(super) fn due(self, came: Instant, last: Option<Passed>) -> Option<Instant> {
        let due = came + self.delay;
        let after_last = self.rate.zip(last).map(|(rate, last)| {
            let took = Duration::from_secs(last.bytes.into()) / rate.get();
            last.at + took
        });
        (!self.is_frozen).then(|| after_last.map_or(due, |after| due.max(after)))
    }

    /// How many bytes may pass at once: ten times a second some.
    pub(super) fn most(self) -> u32 {
        self.rate.map_or(u32::MAX, |rate| rate.get().div_ceil(10))
    }
}

/// Waits until the proxy is cut or gone.
pub(super) async fn until_cut(mut rules: watch::Receiver<Rules>) {
    // An error says that the proxy is gone.
    let _ = rules.wait_for(|rules| rules.is_cut).await;
}
