//! What has stood in a store of one's own, and whether what processes read is that.

use std::collections::HashMap;

use dcs_core::{
    Change, Entry, FencingToken, Key, LeaderRecord, Revision, Snapshot, Update, Value, WatchEvent,
};

use crate::sim::executor::lock;
use crate::sim::judge::Invariant;
use crate::sim::world::World;

/// The registers that a history writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Register {
    Leader,
    Config,
    Initialize,
    History,
    Failover,
    Sync,
}

/// What stands in a register, its revision aside.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stands {
    /// The change that gives it; none of what cannot be read.
    pub(super) value: Option<Change>,
    pub(super) fence: Value<FencingToken>,
}

/// Every version of every register but the leader's, whose past the judge has.
#[derive(Default)]
pub(in crate::sim) struct Stood(HashMap<(Register, Revision), Stands>);

impl Register {
    /// All but the leader's.
    pub(super) const BESIDE_LEADER: [Self; 5] = [
        Self::Config,
        Self::Initialize,
        Self::History,
        Self::Failover,
        Self::Sync,
    ];

    pub(super) const fn of(key: &Key) -> Option<Self> {
        match key {
            Key::Leader | Key::Status | Key::Failsafe => Some(Self::Leader),
            Key::Config => Some(Self::Config),
            Key::Initialize => Some(Self::Initialize),
            Key::History => Some(Self::History),
            Key::Failover => Some(Self::Failover),
            Key::Sync => Some(Self::Sync),
            _ => None,
        }
    }

    /// Its revision, if it is there.
    pub(super) const fn revision(self, all: &Snapshot) -> Option<Revision> {
        match self {
            Self::Leader => all.leader.revision,
            Self::Config => all.config.revision,
            Self::Initialize => all.initialize.revision,
            Self::History => all.history.revision,
            Self::Failover => all.failover.revision,
            Self::Sync => all.sync.revision,
        }
    }

    /// What stands in it.
    pub(super) fn stands(self, all: &Snapshot) -> Stands {
        match self {
            Self::Leader => stands(&all.leader, |record| {
                let mut write = dcs_core::LeaderWrite::default();
                write.record = record.unwrap_or_default();
                Change::Leader(Box::new(write))
            }),
            Self::Config => stands(&all.config, Change::Config),
            Self::Initialize => stands(&all.initialize, Change::Initialize),
            Self::History => stands(&all.history, Change::History),
            Self::Failover => stands(&all.failover, Change::Failover),
            Self::Sync => stands(&all.sync, Change::Sync),
        }
    }
}

fn stands<T: Clone>(entry: &Entry<T>, change: impl Fn(Option<T>) -> Change) -> Stands {
    let value = match &entry.value {
        Value::Present(value) => Some(change(Some(value.clone()))),
        Value::Absent => Some(change(None)),
        Value::Malformed(_) => None,
    };
    let fence = entry.fence.clone();
    Stands { value, fence }
}

impl Stands {
    pub(super) fn is(&self, change: &Change) -> bool {
        self.value.as_ref() == Some(change)
    }

    pub(super) fn is_record(&self, record: &LeaderRecord) -> bool {
        matches!(&self.value, Some(Change::Leader(write)) if write.record == *record)
    }

    pub(super) fn has_fence(&self, token: FencingToken) -> bool {
        self.fence == Value::Present(token)
    }
}

impl Stood {
    pub(super) fn take_in(&mut self, register: Register, revision: Revision, stands: Stands) {
        self.0.insert((register, revision), stands);
    }

    pub(super) fn get(&self, register: Register, revision: Revision) -> Option<&Stands> {
        self.0.get(&(register, revision))
    }
}

impl World {
    /// A process has read all of this, or what of it has a revision.
    pub(super) fn has_read(&self, process: usize, all: &Snapshot) {
        self.has_read_leader(process, &all.leader);
        for register in Register::BESIDE_LEADER {
            let Some(revision) = register.revision(all) else {
                continue;
            };
            let stands = register.stands(all);
            let mut judge = lock(&self.judge);
            let stood = judge.stood.get(register, revision);
            if stood != Some(&stands) {
                let what = format!(
                    "p{process} reads {register:?} {revision} as {stands:?}, and it was {stood:?}"
                );
                judge.fail(self.now(), Invariant::SessionOrder, what);
            }
        }
    }

    pub(super) fn has_read_leader(&self, process: usize, entry: &Entry<LeaderRecord>) {
        let Some(revision) = entry.revision else {
            return;
        };
        let mut judge = lock(&self.judge);
        let mut past = judge.past.iter().rev();
        let stood = past.find(|stood| stood.revision == Some(revision));
        if stood.map(|stood| &stood.value) != Some(&entry.value) {
            let what = format!(
                "p{process} reads leader {revision} as {:?}, and it was {stood:?}",
                entry.value
            );
            judge.fail(self.now(), Invariant::SessionOrder, what);
        }
    }

    /// A watch shows this to a process.
    pub(super) fn has_been_shown(&self, process: usize, event: &WatchEvent) {
        match event {
            WatchEvent::Reset(all) => self.has_read(process, all),
            WatchEvent::Changed(update) => {
                if let Update::Leader(update) = update {
                    self.comes_after(process, update.entry.revision, update.previous);
                }
                let mut one = Snapshot::default();
                one.apply(update.clone());
                self.has_read(process, &one);
            }
            WatchEvent::Alive => {}
        }
    }

    /// Where a watch says what came immediately before, nothing came between:
    /// a release is taken at once by that (Q4).
    fn comes_after(&self, process: usize, now: Option<Revision>, before: Option<Revision>) {
        let (Some(now), Some(before)) = (now, before) else {
            return;
        };
        let mut judge = lock(&self.judge);
        let place = judge
            .past
            .iter()
            .rposition(|stood| stood.revision == Some(now));
        let place = place.and_then(|place| place.checked_sub(1));
        let was = place.and_then(|place| judge.past[place].revision);
        if was != Some(before) {
            let what =
                format!("p{process} is shown leader {now} right after {before}, and not {was:?}");
            judge.fail(self.now(), Invariant::SessionOrder, what);
        }
    }
}
