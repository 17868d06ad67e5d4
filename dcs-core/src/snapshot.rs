//! One read of every key, each with the revision of its register.

use std::collections::BTreeMap;

use crate::{
    Config, Error, Failover, Failsafe, FencingToken, History, Initialize, Key, LeaderRecord,
    MemberName, MemberRecord, Precondition, Revision, Status, SyncState,
};

/// What was found under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: absent, readable or not readable"
)]
pub enum Value<T> {
    /// Nothing.
    #[default]
    Absent,
    /// A value.
    Present(T),
    /// Something that cannot be read as a value of this key.
    Malformed(
        /// Which part is wrong, in which way.
        String,
    ),
}

/// What was found under a key, and the revision that a write of it must expect.
///
/// Several keys may share one register: an absent value can stand in a register
/// that exists, and then has a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "complete: a value, its revision and its fence"
)]
pub struct Entry<T> {
    /// The revision of the register; `None` where the register does not exist.
    pub revision: Option<Revision>,
    /// The value.
    pub value: Value<T>,
    /// The fence: the token of the term that the register belongs to, stored by
    /// [`Dcs::fence`](crate::Dcs::fence). A write that was decided before that
    /// is refused by its revision. Absent where no term has written yet, and
    /// always for leader, status, failsafe and member keys.
    pub fence: Value<FencingToken>,
}

/// One read of every key. Not one instant: each entry carries its own revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Who leads.
    pub leader: Entry<LeaderRecord>,
    /// How far the leader has got.
    pub status: Entry<Status>,
    /// Who must agree before a leader goes on without the store.
    pub failsafe: Entry<Failsafe>,
    /// The dynamic configuration.
    pub config: Entry<Config>,
    /// Whether the first data was made.
    pub initialize: Entry<Initialize>,
    /// The changes of timeline.
    pub history: Entry<History>,
    /// A request to hand leadership over.
    pub failover: Entry<Failover>,
    /// The synchronous standbys.
    pub sync: Entry<SyncState>,
    /// The members by name.
    pub members: BTreeMap<MemberName, Entry<MemberRecord>>,
    /// Whether the members are not known yet: that `members` lacks one then says
    /// nothing. Only in a watch, until it has told them once, see
    /// [`WatchEvent::Reset`](crate::WatchEvent::Reset); never of
    /// [`Dcs::load`](crate::Dcs::load).
    pub members_unknown: bool,
}

impl<T> Value<T> {
    /// The value, if it is there and readable.
    #[must_use]
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Malformed(_) => None,
        }
    }
}

impl<T> Entry<T> {
    /// A register that does not exist.
    #[must_use]
    pub const fn absent() -> Self {
        Self {
            revision: None,
            value: Value::Absent,
            fence: Value::Absent,
        }
    }

    /// A readable value at this revision, without a fence.
    #[must_use]
    pub const fn present(revision: Revision, value: T) -> Self {
        Self {
            revision: Some(revision),
            value: Value::Present(value),
            fence: Value::Absent,
        }
    }

    /// The value, if it is there and readable.
    #[must_use]
    pub const fn get(&self) -> Option<&T> {
        self.value.present()
    }

    /// What a write that was decided on this entry must expect.
    #[must_use]
    pub const fn precondition(&self) -> Precondition {
        match self.revision {
            Some(revision) => Precondition::Matches(revision),
            None => Precondition::Absent,
        }
    }

    /// The value if it is there, `None` if it is not.
    ///
    /// # Errors
    /// [`Error::Malformed`] where something stands there that cannot be read.
    pub fn readable(&self, key: Key) -> Result<Option<&T>, Error> {
        match &self.value {
            Value::Present(value) => Ok(Some(value)),
            Value::Absent => Ok(None),
            Value::Malformed(why) => Err(Error::Malformed {
                key,
                revision: self.revision,
                why: why.clone(),
            }),
        }
    }
}

impl<T> Default for Entry<T> {
    fn default() -> Self {
        Self::absent()
    }
}

impl Snapshot {
    /// Who holds the leader key by the record. For display and routing: whether
    /// *this* process leads is only for its own lease to say.
    #[must_use]
    pub fn holder(&self) -> Option<&MemberName> {
        self.leader.get()?.holder.as_ref()
    }

    /// Whether any object of the scope exists, other than the members'.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let revisions = [
            self.leader.revision,
            self.config.revision,
            self.initialize.revision,
            self.history.revision,
            self.failover.revision,
            self.sync.revision,
        ];
        revisions.iter().all(Option::is_none)
    }

    /// The keys that cannot be read, each with the reason.
    #[must_use]
    pub fn malformed(&self) -> Vec<(Key, &str)> {
        fn why<T>(entry: &Entry<T>) -> Option<&str> {
            match &entry.value {
                Value::Malformed(why) => Some(why),
                Value::Absent | Value::Present(_) => None,
            }
        }
        let shared = [
            (Key::Leader, why(&self.leader)),
            (Key::Status, why(&self.status)),
            (Key::Failsafe, why(&self.failsafe)),
            (Key::Config, why(&self.config)),
            (Key::Initialize, why(&self.initialize)),
            (Key::History, why(&self.history)),
            (Key::Failover, why(&self.failover)),
            (Key::Sync, why(&self.sync)),
        ];
        let members = self
            .members
            .iter()
            .map(|(name, entry)| (Key::Member(name.clone()), why(entry)));
        shared
            .into_iter()
            .chain(members)
            .filter_map(|(key, why)| Some((key, why?)))
            .collect()
    }
}
