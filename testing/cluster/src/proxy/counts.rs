//! What has come and gone.

use super::rules::Way;

/// What a [`Proxy`](super::Proxy) has seen since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connections that were taken, those that have ended too.
    pub connections: u64,
    /// From clients to the server.
    pub requests: Traffic,
    /// From the server to clients.
    pub answers: Traffic,
}

/// The bytes of one way, over all connections. `came - passed` of them are
/// held, or were lost with their connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes that the proxy received.
    pub came: u64,
    /// Bytes that the proxy passed on.
    pub passed: u64,
}

impl Counts {
    pub(super) const fn of(&mut self, way: Way) -> &mut Traffic {
        match way {
            Way::Requests => &mut self.requests,
            Way::Answers => &mut self.answers,
        }
    }
}
