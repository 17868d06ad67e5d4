//! What may be chosen when a server is made.

use std::sync::Arc;
use std::time::Duration;

use crate::time::Clock;

/// How a server is made.
///
/// ```
/// use dcs_fakeapi::{FakeApi, Options};
///
/// let older = FakeApi::with_options(Options::new().streaming_lists(false).first_revision(1000));
/// assert_eq!(older.revision(), 1001);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) seed: u64,
    pub(crate) first_revision: u64,
    pub(crate) streaming_lists: bool,
    pub(crate) bookmark_interval: Duration,
    pub(crate) user: String,
    pub(crate) keep_requests: usize,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

impl Options {
    /// A server as of Kubernetes 1.36.
    #[must_use]
    pub fn new() -> Self {
        Self {
            seed: 0,
            first_revision: 0,
            streaming_lists: true,
            bookmark_interval: Duration::from_secs(60),
            user: "system:serviceaccount:default:default".to_owned(),
            keep_requests: usize::MAX,
            clock: None,
        }
    }

    /// Where uids and generated names come from; 0 unless it is set. The same
    /// seed and the same requests bring the same names.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The revision before that of the first object, which is the namespace
    /// `default`.
    #[must_use]
    pub const fn first_revision(mut self, revision: u64) -> Self {
        self.first_revision = revision;
        self
    }

    /// Whether watches may begin with a list (`sendInitialEvents`). Without it
    /// they are refused with 422, as by older servers.
    #[must_use]
    pub const fn streaming_lists(mut self, streaming_lists: bool) -> Self {
        self.streaming_lists = streaming_lists;
        self
    }

    /// Time between two bookmarks of a watch: a minute unless it is set. One
    /// more comes two seconds before the watch ends.
    #[must_use]
    pub const fn bookmark_interval(mut self, interval: Duration) -> Self {
        self.bookmark_interval = interval;
        self
    }

    /// How many requests [`FakeApi::requests`](crate::FakeApi::requests)
    /// remembers, with their bodies: all of them unless it is set.
    #[must_use]
    pub const fn keep_requests(mut self, count: usize) -> Self {
        self.keep_requests = count;
        self
    }

    /// The time that the server goes by: that of the tokio runtime unless it is
    /// set. Faults that delay a request or repeat it later need a runtime with
    /// any clock: what was sent arrives although nobody waits for it.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The user whom [`Action::Forbid`](crate::Action::Forbid) speaks of.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
