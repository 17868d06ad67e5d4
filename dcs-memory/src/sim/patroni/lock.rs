//! The lock as Patroni reads and writes it: annotations of the leader object.

use std::time::Duration;

use dcs_core::{LeaderRecord, MemberName, Slots, Status, Timestamp};

/// What one PATCH of Patroni says: annotations by name, `None` to remove one.
/// Whatever it does not name stays as it is, also a claim and a mark of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Patch(Vec<(&'static str, Option<String>)>);

/// The five annotations by which Patroni tells whether the lock has changed.
/// It looks at nothing else, the revision included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sim) struct Lock {
    pub(in crate::sim) leader: Option<MemberName>,
    acquire_time: Option<Timestamp>,
    pub(in crate::sim) ttl: Option<Duration>,
    renew_time: Option<Timestamp>,
    transitions: Option<u64>,
}

impl Lock {
    pub(in crate::sim) fn of(record: &LeaderRecord) -> Self {
        Self {
            leader: record.holder.clone(),
            acquire_time: record.acquire_time,
            ttl: record.ttl,
            renew_time: record.renew_time,
            transitions: record.transitions,
        }
    }

    /// The ttl that it is judged by: its own, or else that of whoever judges.
    pub(in crate::sim) fn ttl_or(&self, own: Duration) -> Duration {
        self.ttl.filter(|ttl| !ttl.is_zero()).unwrap_or(own)
    }
}

impl Patch {
    /// Takes the lock, over `found` if there is one.
    pub(in crate::sim) fn acquire(
        me: &MemberName,
        ttl: Duration,
        now: Timestamp,
        found: Option<&Lock>,
    ) -> Self {
        let is_mine = found.is_some_and(|lock| lock.leader.as_ref() == Some(me));
        let transitions = found.map_or(0, |lock| {
            let count = lock.transitions.unwrap_or(0);
            count.saturating_add(u64::from(!is_mine))
        });
        let kept = found.filter(|_| is_mine).and_then(|lock| lock.acquire_time);
        Self::lock(me, ttl, now, (kept.unwrap_or(now), transitions))
    }

    /// Renews it, with the position that goes beside it.
    pub(in crate::sim) fn renew(
        me: &MemberName,
        ttl: Duration,
        now: Timestamp,
        (found, optime): (&Lock, u64),
    ) -> Self {
        let acquired = found.acquire_time.unwrap_or(now);
        let transitions = found.transitions.unwrap_or(0);
        let mut patch = Self::lock(me, ttl, now, (acquired, transitions));
        let slot = slot_of(me);
        patch.0.extend([
            ("optime", Some(optime.to_string())),
            ("slots", Some(format!(r#"{{"{slot}":{optime}}}"#))),
            ("retain_slots", Some(format!(r#"["{slot}"]"#))),
        ]);
        patch
    }

    /// Gives it up: the holder goes, the rest stays.
    pub(in crate::sim) fn release(optime: u64) -> Self {
        Self(vec![("leader", None), ("optime", Some(optime.to_string()))])
    }

    fn lock(
        me: &MemberName,
        ttl: Duration,
        now: Timestamp,
        (acquired, transitions): (Timestamp, u64),
    ) -> Self {
        Self(vec![
            ("leader", Some(me.to_string())),
            ("ttl", Some(ttl.as_secs().to_string())),
            ("renewTime", Some(now.to_string())),
            ("acquireTime", Some(acquired.to_string())),
            ("transitions", Some(transitions.to_string())),
        ])
    }

    /// What it makes of a record.
    pub(in crate::sim) fn record(&self, found: &LeaderRecord) -> LeaderRecord {
        let mut record = found.clone();
        for (name, value) in &self.0 {
            let value = value.as_deref();
            match *name {
                "leader" => record.holder = value.and_then(|text| text.parse().ok()),
                "ttl" => {
                    let seconds = value.and_then(|text| text.parse().ok());
                    record.ttl = seconds.map(Duration::from_secs);
                }
                "renewTime" => record.renew_time = value.and_then(|text| text.parse().ok()),
                "acquireTime" => record.acquire_time = value.and_then(|text| text.parse().ok()),
                "transitions" => record.transitions = value.and_then(|text| text.parse().ok()),
                _ => {}
            }
        }
        record
    }

    /// The status that it writes beside the lock, if it does.
    pub(in crate::sim) fn status(&self, found: Option<&Status>) -> Option<Status> {
        let said = |name: &str| {
            let mut all = self.0.iter();
            all.find(|(known, _)| *known == name)?.1.as_deref()
        };
        let optime = said("optime")?.parse().ok()?;
        let mut status = found.cloned().unwrap_or_default();
        status.optime = Some(optime);
        if let Some(slots) = said("slots") {
            status.slots = serde_json::from_str(slots).ok().map(Slots::new);
        }
        if let Some(kept) = said("retain_slots") {
            status.retain_slots = serde_json::from_str(kept).ok();
        }
        Some(status)
    }

    /// Whether the record is what this PATCH makes of one: it was applied.
    pub(in crate::sim) fn is_in(&self, record: &LeaderRecord) -> bool {
        self.record(record) == *record
    }
}

/// The replication slot of a member.
fn slot_of(member: &MemberName) -> String {
    member.to_string().replace(['-', '.'], "_")
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
