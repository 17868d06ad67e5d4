//! The lock of Patroni that it may believe in while a newer one stands there
//! (rule P1).

use std::time::Duration;

use crate::{LeaderRecord, MemberName, Stamp, Timestamp};

/// The last two locks that holders by other rules wrote.
///
/// Such a holder believes by the older one until the newer one is answered, and
/// the older one may show a longer ttl. A third one says that the second was
/// answered, or given up.
#[derive(Debug, Default)]
pub(crate) struct FormerLock {
    newest: Option<Lock>,
    former: Option<Lock>,
}

/// One lock as such a holder wrote it, told from others by holder and `renewTime`.
#[derive(Clone, Debug)]
struct Lock {
    holder: MemberName,
    renew_time: Option<Timestamp>,
    /// As it was seen first: third parties may edit it.
    ttl: Duration,
    since: Stamp,
}

impl FormerLock {
    /// A version that was not seen before, with its first sight.
    pub(crate) fn saw(&mut self, record: &LeaderRecord, since: Stamp) {
        let Some(holder) = record.holder.clone() else {
            return;
        };
        if record.valid_claim().is_some() {
            // One of ours acquired: it has waited for all of them.
            *self = Self::default();
            return;
        }
        let wrote_it = |lock: &Lock| lock.holder == holder && lock.renew_time == record.renew_time;
        if self.newest.as_ref().is_some_and(wrote_it) {
            return;
        }
        self.former = self.newest.replace(Lock {
            holder,
            renew_time: record.renew_time,
            ttl: record.ttl.unwrap_or_default(),
            since,
        });
    }

    /// The ttl and the first sight of the lock before the newest one.
    pub(crate) fn get(&self) -> Option<(Duration, Stamp)> {
        self.former.as_ref().map(|lock| (lock.ttl, lock.since))
    }
}
