//! What a proxy does to the bytes that come to it.

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
    requests: Flow,
    answers: Flow,
}

/// What is in force on one way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    pub(super) delay: Duration,
    pub(super) is_frozen: bool,
}

impl Rules {
    pub(super) const fn flow(&self, way: Way) -> Flow {
        match way {
            Way::Requests => self.requests,
            Way::Answers => self.answers,
        }
    }

    pub(super) const fn flow_mut(&mut self, way: Way) -> &mut Flow {
        match way {
            Way::Requests => &mut self.requests,
            Way::Answers => &mut self.answers,
        }
    }
}

impl Flow {
    /// When what came at `came` may pass; `None` while everything is held.
    pub(super) fn due(self, came: Instant) -> Option<Instant> {
        (!self.is_frozen).then(|| came + self.delay)
    }
}

/// Waits until the proxy is cut or gone.
pub(super) async fn until_cut(mut rules: watch::Receiver<Rules>) {
    // An error says that the proxy is gone.
    let _ = rules.wait_for(|rules| rules.is_cut).await;
}
