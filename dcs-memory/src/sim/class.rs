//! The kinds of fault, as a run counts them.

/// The kinds of fault that a run counts. Each is *made* so often, and *hit* so
/// often: a hit changed an outcome or an order of events. What is a hit of each
/// is said below. One fault may be hit more often than it was made: a cut for
/// instance once for each message that it loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The killed process believed that it led.
    Crash,
    /// A process that was started beside another one of its name began a term.
    Twin,
    /// A task was woken while its process was stopped, and went on late. Where
    /// several stops and suspends overlap, the one that ends last counts.
    Pause,
    /// A task was woken while its machine slept, and went on late: counted once
    /// a suspend, and where it overlaps with stops as these are.
    Suspend,
    /// A request or an answer was lost by it.
    Cut,
    /// A request was lost by it.
    CutRequests,
    /// An answer was lost by it.
    CutAnswers,
    /// An answer that it delayed came when its asker had given up, or when the
    /// leader register had changed since.
    LateAnswers,
    /// A request was lost.
    RequestLost,
    /// Someone waited for the answer, and no cut would have lost it too. A read
    /// counts like a write: it ends without a value that it would have had.
    AnswerLost,
    /// The request arrived when its sender had given up.
    RequestLate,
    /// The answer came when its asker had given up, or when the leader register
    /// had changed since.
    AnswerLate,
    /// The second copy to be sent was applied: after the original, or before it,
    /// which is then refused. A read, and a copy that is refused, count nothing.
    Duplicate,
    /// A write was refused.
    Refused,
    /// The read showed another version than the newest.
    StaleRead,
    /// A watch showed a change late.
    LateWatch,
    /// A watch showed a change later, as it was being resumed when that would
    /// have arrived. The end of all faults, with which watches connect anew, is none.
    BrokenWatch,
    /// The watch never showed a version: another one of the same key had followed
    /// when it began anew.
    WatchGap,
    /// The watch was behind when it was opened anew.
    SilentWatch,
    /// A timer came at another instant than it would have without the slew:
    /// counted once a slew.
    Slew,
    /// A lease write was applied whose `renewTime` is not what it would be
    /// without the jump: counted at the first one of that machine. No rule reads
    /// the wall clock, so nothing else can differ.
    WallJump,
    /// A lease write left with another ttl than the one of the history.
    Timing,
    /// Whoever was asked to lead next began a term.
    Handover,
    /// The leader key was there, and is deleted.
    Delete,
    /// The leader record was overwritten so.
    Wipe,
    /// The leader record was overwritten so.
    Bump,
    /// An old version was written.
    RollBack,
    /// The leader record was overwritten so.
    ForgedRelease,
    /// There was a release to be written again.
    ReplayedRelease,
    /// There was a release to be written again.
    ReplayedMark,
    /// The leader record was overwritten so.
    TtlEdit,
    /// The leader record was overwritten so.
    Stranger,
    /// The leader record was overwritten so.
    ForeignRenewal,
    /// The edit changed the leader register while the holder was cut off.
    Ambush,
    /// Patroni took other settings over from the config key.
    Config,
    /// Patroni took the lock and believed in it.
    PatroniLeads,
    /// Patroni found a write of its own whose answer was lost, by reading back.
    PatroniFindsItsWrite,
    /// Patroni replaced a lock of ours that stood for its ttl.
    PatroniTakesFromOurs,
    /// Patroni replaced what one of ours had left without holder.
    PatroniTakesReleased,
    /// Patroni wrote its position by no revision: the version moved.
    PatroniPosition,
    /// One of ours replaced a lock of Patroni, after the wait (rule P1).
    PatroniOvertaken,
    /// One of ours replaced what Patroni had released, after the wait (rule P1).
    PatroniReleaseWaited,
    /// One of ours replaced what Patroni had released, at once (rule P2).
    PatroniReleaseTaken,
    /// Patroni and one of ours believed at once, as the answer to Patroni came
    /// after its `retry_timeout`, or its clock was not within the drift.
    PatroniClock,
    /// One of ours replaced what Patroni had written by a longer `retry_timeout`
    /// than it knew of, or believed beside that Patroni: it started when the
    /// config key showed a shorter one.
    PatroniRetryUnknown,
    /// Patroni and one of ours believed at once, as a third party had written
    /// the record meanwhile.
    PatroniEdited,
    /// Patroni and one of ours believed at once, as another Patroni had
    /// overtaken the first one, and ours took at once what that released.
    PatroniBesidePatroni,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 47] = [
        Self::Crash,
        Self::Twin,
        Self::Pause,
        Self::Suspend,
        Self::Cut,
        Self::CutRequests,
        Self::CutAnswers,
        Self::LateAnswers,
        Self::RequestLost,
        Self::AnswerLost,
        Self::RequestLate,
        Self::AnswerLate,
        Self::Duplicate,
        Self::Refused,
        Self::StaleRead,
        Self::LateWatch,
        Self::BrokenWatch,
        Self::WatchGap,
        Self::SilentWatch,
        Self::Slew,
        Self::WallJump,
        Self::Timing,
        Self::Handover,
        Self::Delete,
        Self::Wipe,
        Self::Bump,
        Self::RollBack,
        Self::ForgedRelease,
        Self::ReplayedRelease,
        Self::ReplayedMark,
        Self::TtlEdit,
        Self::Stranger,
        Self::ForeignRenewal,
        Self::Ambush,
        Self::Config,
        Self::PatroniLeads,
        Self::PatroniFindsItsWrite,
        Self::PatroniTakesFromOurs,
        Self::PatroniTakesReleased,
        Self::PatroniPosition,
        Self::PatroniOvertaken,
        Self::PatroniReleaseWaited,
        Self::PatroniReleaseTaken,
        Self::PatroniClock,
        Self::PatroniRetryUnknown,
        Self::PatroniEdited,
        Self::PatroniBesidePatroni,
    ];

    /// Whether only histories beside Patroni have it: those come last.
    pub(super) fn is_beside_patroni(self) -> bool {
        self >= Self::Config
    }

    /// What a cut counts for that loses these.
    pub(super) const fn of_cut(requests: bool, answers: bool) -> Self {
        match (requests, answers) {
            (true, false) => Self::CutRequests,
            (false, true) => Self::CutAnswers,
            _ => Self::Cut,
        }
    }

    /// Its name, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "process killed",
            Self::Twin => "two processes of one name",
            Self::Pause => "process stopped",
            Self::Suspend => "machine suspended",
            Self::Cut => "cut off, both ways",
            Self::CutRequests => "cut off, requests only",
            Self::CutAnswers => "cut off, answers only",
            Self::LateAnswers => "answers late for a while",
            Self::RequestLost => "request lost",
            Self::AnswerLost => "answer lost after the commit",
            Self::RequestLate => "request late, after its sender gave up",
            Self::AnswerLate => "answer late",
            Self::Duplicate => "request arrives twice",
            Self::Refused => "request refused",
            Self::StaleRead => "stale read",
            Self::LateWatch => "watch late",
            Self::BrokenWatch => "watch broken and resumed",
            Self::WatchGap => "watch broken with a gap",
            Self::SilentWatch => "watch silent",
            Self::Slew => "clocks slewed",
            Self::WallJump => "wall clock jumps",
            Self::Timing => "ttl changed in flight",
            Self::Handover => "hand-over asked for",
            Self::Delete => "edit: deleted",
            Self::Wipe => "edit: holder wiped",
            Self::Bump => "edit: bumped",
            Self::RollBack => "edit: rolled back",
            Self::ForgedRelease => "edit: release forged",
            Self::ReplayedRelease => "edit: release replayed",
            Self::ReplayedMark => "edit: mark replayed",
            Self::TtlEdit => "edit: ttl",
            Self::Stranger => "edit: another holder",
            Self::ForeignRenewal => "edit: renewed by other rules",
            Self::Ambush => "ambush: edit, then holder cut off",
            Self::Config => "settings changed in the config key",
            Self::PatroniLeads => "Patroni leads",
            Self::PatroniFindsItsWrite => "Patroni finds its own write",
            Self::PatroniTakesFromOurs => "Patroni takes an expired lock of ours",
            Self::PatroniTakesReleased => "Patroni takes what ours left vacant",
            Self::PatroniPosition => "Patroni writes by no revision",
            Self::PatroniOvertaken => "ours take a lock of Patroni after the wait",
            Self::PatroniReleaseWaited => "ours take Patroni's release after the wait",
            Self::PatroniReleaseTaken => "ours take Patroni's release at once",
            Self::PatroniClock => "beside Patroni: its clock or a late answer",
            Self::PatroniRetryUnknown => "beside Patroni: a retry_timeout not known",
            Self::PatroniEdited => "beside Patroni: a third party wrote",
            Self::PatroniBesidePatroni => "beside Patroni: it overtook itself",
        }
    }
}
