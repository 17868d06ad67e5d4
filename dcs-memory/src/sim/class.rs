//! The kinds of fault, as a run counts them.

/// The kinds of fault that a run counts. Each is *made* so often, and *hit* so
/// often: a hit changed an outcome or an order of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is a fault or an edit above, by its name")]
pub enum Class {
    Crash,
    Twin,
    Pause,
    Suspend,
    Cut,
    CutRequests,
    CutAnswers,
    LateAnswers,
    RequestLost,
    AnswerLost,
    RequestLate,
    AnswerLate,
    Duplicate,
    Refused,
    StaleRead,
    LateWatch,
    BrokenWatch,
    WatchGap,
    SilentWatch,
    Slew,
    WallJump,
    Timing,
    Handover,
    Delete,
    Wipe,
    Bump,
    RollBack,
    ForgedRelease,
    ReplayedRelease,
    ReplayedMark,
    TtlEdit,
    Stranger,
    ForeignRenewal,
    Ambush,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 34] = [
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
    ];

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
        }
    }
}
