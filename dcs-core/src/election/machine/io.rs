//! What goes into the state machine, and what comes out.

use std::time::Duration;

use crate::election::Eligibility;
use crate::election::event::ElectionEvent;
use crate::election::failsafe::{FailsafeAnswer, FailsafePoll, FailsafeRefused, FailsafeRequest};
use crate::election::timing::LeaseTiming;
use crate::{
    Change, Config, Entry, Error, Failover, Failsafe, LeaderRecord, LeaderUpdate, MemberName,
    Outcome, Precondition, Revision, Stamp, Status,
};

/// What goes in.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "passed once, never stored")]
pub(crate) enum Input<'a> {
    /// The watch began, or began anew after a gap.
    WatchBegan {
        leader: &'a Entry<LeaderRecord>,
        scope_is_empty: bool,
    },
    /// The watch showed a version of the leader key.
    Watched(&'a LeaderUpdate),
    /// The watch showed the failsafe map of a version of the leader register,
    /// right after the record of that version.
    FailsafeSeen(&'a Entry<Failsafe>),
    /// The watch showed another shared object of the scope.
    ScopeSeen(Option<Revision>),
    /// The watch showed a request to hand over, or none. Before it shows the
    /// release that follows, since the leader saw the request first.
    Requested(Option<&'a Failover>),
    /// The watch shows so many members.
    Members(usize),
    /// The request `id`, whose bytes left at `sent` or later, was answered.
    Answer {
        id: u64,
        sent: Stamp,
        answer: Answer,
    },
    /// Time has passed.
    Tick,
    /// The user wants something.
    Command(Command),
    /// The user asks something of failsafe mode, and waits for the answer.
    Failsafe(FailsafeAsk),
}

#[derive(Debug)]
pub(crate) enum Answer {
    Written(Outcome),
    Read(Result<Entry<LeaderRecord>, Error>),
}

impl Answer {
    /// A write that was held back for this long, since work of the term that it
    /// would give up was still running.
    pub(crate) fn not_sent(after: Duration) -> Self {
        let backend = "the work of the term that is to be released";
        Self::Written(Outcome::NotCommitted(Error::Timeout { backend, after }))
    }
}

/// What a user may ask for.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Contend,
    /// Give up what is held, and stay out until told to contend.
    GiveUp,
    /// The same, and name who is to follow.
    GiveUpTo(MemberName),
    /// Acquire nothing, or go on acquiring.
    Pause(bool),
    Eligibility(Eligibility),
    /// Name this member whenever a term is given up.
    Successor(Option<MemberName>),
    Timing(LeaseTiming),
    /// What the config key says, where it is followed.
    Config(Config),
    Status(Status),
    Failsafe(Failsafe),
}

/// What a user may ask of failsafe mode (rule F1).
#[derive(Debug)]
pub(crate) enum FailsafeAsk {
    /// Whom the leader has to ask.
    Poll,
    /// To go on leading, by what they answered.
    Extend(FailsafePoll, Vec<FailsafeAnswer>),
    /// What this member says to a leader that asks it.
    Answer(FailsafeRequest),
}

/// What comes out.
#[derive(Debug)]
pub(crate) enum Output {
    Request(Request),
    Event(ElectionEvent),
    /// The answer to an [`Input::Failsafe`], in the order of asking.
    Failsafe(FailsafeSaid),
}

/// The answer to a [`FailsafeAsk`] of the same name.
#[derive(Debug)]
pub(crate) enum FailsafeSaid {
    Poll(Result<FailsafePoll, FailsafeRefused>),
    Extend(Result<(), FailsafeRefused>),
    Answer(FailsafeAnswer),
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) what: Ask,
}

impl Request {
    /// Whether this gives the key up: it leaves nobody in it, and says who did.
    pub(crate) fn is_release(&self) -> bool {
        matches!(&self.what, Ask::Write(Change::Leader(write), _)
            if write.record.holder.is_none() && write.record.released.is_some())
    }
}

#[derive(Debug)]
pub(crate) enum Ask {
    Write(Change, Precondition),
    ReadLeader,
}
