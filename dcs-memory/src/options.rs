use std::time::Duration;

/// How a [`MemoryStore`](crate::MemoryStore) behaves.
///
/// ```
/// use dcs_memory::MemoryOptions;
///
/// let options = MemoryOptions::default().with_seed(7).with_trace();
/// assert_eq!(options, MemoryOptions::default().with_trace().with_seed(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    pub(crate) seed: u64,
    pub(crate) deadline: Duration,
    pub(crate) log_capacity: usize,
    pub(crate) identical_writes: IdenticalWrites,
    pub(crate) trace: bool,
}

/// What a write does that would leave the value as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: the revision changes or it does not"
)]
pub enum IdenticalWrites {
    /// It is a write like any other: the revision grows.
    #[default]
    NewRevision,
    /// It is acknowledged with the revision that stands there already, as an
    /// API server of Kubernetes answers. A trap: such an answer does not tell
    /// whether this write or an earlier one put the value there, so whoever
    /// counts it as a renewal counts wrong.
    KeepRevision,
}

impl MemoryOptions {
    /// The same with another seed, from which all jitter is drawn.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same with another time after which a request without an answer
    /// ends; 2 s by default. A handle can have [one of its own](crate::MemoryDcs::set_deadline).
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same with another number of updates that each scope keeps for those
    /// who watch; 4096 by default. A write of the leader register is three
    /// updates. A watcher that falls further behind begins anew with a `Reset`.
    #[must_use]
    pub const fn with_log_capacity(mut self, updates: usize) -> Self {
        self.log_capacity = updates;
        self
    }

    /// The same with another answer to writes that leave a value as it is.
    #[must_use]
    pub const fn with_identical_writes(mut self, identical_writes: IdenticalWrites) -> Self {
        self.identical_writes = identical_writes;
        self
    }

    /// The same, keeping a line for every commit, answer and watch item:
    /// [`MemoryStore::trace`](crate::MemoryStore::trace). It grows without bound.
    #[must_use]
    pub const fn with_trace(mut self) -> Self {
        self.trace = true;
        self
    }
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            deadline: Duration::from_secs(2),
            log_capacity: 4096,
            identical_writes: IdenticalWrites::default(),
            trace: false,
        }
    }
}
