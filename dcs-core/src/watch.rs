//! What a watch says.

use crate::{
    Config, Entry, Failover, Failsafe, History, Initialize, LeaderRecord, MemberName, MemberRecord,
    Revision, Snapshot, Status, SyncState,
};

/// One item of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "most items are changes, and none is stored"
)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: a whole, a part, or a sign of life"
)]
pub enum WatchEvent {
    /// Everything, read afresh: the first item of every watch, and the first
    /// one after a gap. What happened in the gap is lost, and this says so.
    ///
    /// A store that keeps its members elsewhere does not let the leader wait for
    /// them: the snapshot may say that they are
    /// [not known yet](Snapshot::members_unknown), and another one follows that
    /// has them, once they can be read. Until then nothing is said of members,
    /// and after that they are known for as long as the watch goes on.
    Reset(Box<Snapshot>),
    /// One key changed.
    Changed(Update),
    /// Nothing changed, and the store is there.
    Alive,
}

/// One key after a change. A deleted register is an [`Entry::absent`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// The leader key.
    Leader(LeaderUpdate),
    /// The status key.
    Status(Entry<Status>),
    /// The failsafe key.
    Failsafe(Entry<Failsafe>),
    /// The config key.
    Config(Entry<Config>),
    /// The initialize key.
    Initialize(Entry<Initialize>),
    /// The history key.
    History(Entry<History>),
    /// The failover key.
    Failover(Entry<Failover>),
    /// The sync key.
    Sync(Entry<SyncState>),
    /// A member key.
    Member(MemberName, Entry<MemberRecord>),
}

/// The leader key after a change, and what stood there before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaderUpdate {
    /// What stands there now.
    pub entry: Entry<LeaderRecord>,
    /// The revision that came **immediately** before, if this stretch of the
    /// watch is unbroken and the key was not absent in between. The claim that
    /// no version lies between the two is what a release at once rests on
    /// (rule Q4), so a backend that cannot be sure says `None`.
    pub previous: Option<Revision>,
}

impl LeaderUpdate {
    /// A change from `previous` to `entry`.
    #[must_use]
    pub const fn new(entry: Entry<LeaderRecord>, previous: Option<Revision>) -> Self {
        Self { entry, previous }
    }
}

impl Snapshot {
    /// Takes one update in.
    pub fn apply(&mut self, update: Update) {
        match update {
            Update::Leader(update) => self.leader = update.entry,
            Update::Status(entry) => self.status = entry,
            Update::Failsafe(entry) => self.failsafe = entry,
            Update::Config(entry) => self.config = entry,
            Update::Initialize(entry) => self.initialize = entry,
            Update::History(entry) => self.history = entry,
            Update::Failover(entry) => self.failover = entry,
            Update::Sync(entry) => self.sync = entry,
            Update::Member(name, entry) => match entry.revision {
                Some(_) => drop(self.members.insert(name, entry)),
                None => drop(self.members.remove(&name)),
            },
        }
    }
}
