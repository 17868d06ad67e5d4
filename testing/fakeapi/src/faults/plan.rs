//! What all faults together make of one request.

use std::time::Duration;

use super::{Action, Disturbance, Edit, Lag, Reply};

#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) before: Duration,
    /// In the place of serving it.
    pub(crate) instead: Option<Instead>,
    pub(crate) edit_request: Option<Edit>,
    pub(crate) twice: bool,
    pub(crate) replay: Option<Duration>,
    pub(crate) after: Duration,
    /// In the place of the answer to a request that was served.
    pub(crate) then: Option<Instead>,
    pub(crate) edit_answer: Option<Edit>,
    pub(crate) body: Option<BodyFault>,
    pub(crate) lag: Option<Lag>,
    pub(crate) watch: Option<Disturbance>,
    /// The names of the actions, for the log.
    pub(crate) fired: Vec<&'static str>,
}

/// What a client gets that is no answer to what it asked.
#[derive(Clone, Debug)]
pub(crate) enum Instead {
    Reset,
    Refused,
    Silence,
    Reply(Reply),
    Unauthorized,
    Forbidden,
    Gone,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum BodyFault {
    Cut,
    Truncate,
    Trickle(Duration),
}

impl Plan {
    pub(crate) fn add(&mut self, action: &Action) {
        self.fired.push(name(action));
        match action {
            Action::DelayBefore(delay) => self.before += *delay,
            Action::DelayAfter(delay) => self.after += *delay,
            Action::LoseRequest => self.instead(Instead::Reset),
            Action::Refuse => self.instead(Instead::Refused),
            Action::Hang => self.instead(Instead::Silence),
            Action::Answer(reply) => self.instead(Instead::Reply(reply.clone())),
            Action::Unauthorized => self.instead(Instead::Unauthorized),
            Action::Forbid => self.instead(Instead::Forbidden),
            Action::Gone => self.instead(Instead::Gone),
            Action::LoseAnswer => self.then(Instead::Reset),
            Action::HangAfter => self.then(Instead::Silence),
            Action::AnswerAfter(reply) => self.then(Instead::Reply(reply.clone())),
            Action::Duplicate => self.twice = true,
            Action::Replay(delay) => self.replay = Some(*delay),
            Action::CutBody => self.body = Some(BodyFault::Cut),
            Action::TruncateBody => self.body = Some(BodyFault::Truncate),
            Action::Trickle(pause) => self.body = Some(BodyFault::Trickle(*pause)),
            Action::Stale(lag) => self.lag = Some(*lag),
            Action::Disturb(disturbance) => self.watch = Some(*disturbance),
            Action::EditAnswer(edit) => self.edit_answer = Some(edit.clone()),
            Action::EditRequest(edit) => self.edit_request = Some(edit.clone()),
        }
    }

    /// Whether the request goes on although nobody waits for it any more.
    pub(crate) const fn is_on_its_way(&self) -> bool {
        !self.before.is_zero() || self.replay.is_some()
    }

    fn instead(&mut self, instead: Instead) {
        self.instead.get_or_insert(instead);
    }

    fn then(&mut self, then: Instead) {
        self.then.get_or_insert(then);
    }
}

const fn name(action: &Action) -> &'static str {
    match action {
        Action::DelayBefore(_) => "DelayBefore",
        Action::DelayAfter(_) => "DelayAfter",
        Action::LoseRequest => "LoseRequest",
        Action::LoseAnswer => "LoseAnswer",
        Action::Refuse => "Refuse",
        Action::Hang => "Hang",
        Action::HangAfter => "HangAfter",
        Action::Duplicate => "Duplicate",
        Action::Replay(_) => "Replay",
        Action::Answer(_) => "Answer",
        Action::AnswerAfter(_) => "AnswerAfter",
        Action::Unauthorized => "Unauthorized",
        Action::Forbid => "Forbid",
        Action::CutBody => "CutBody",
        Action::TruncateBody => "TruncateBody",
        Action::Trickle(_) => "Trickle",
        Action::Stale(_) => "Stale",
        Action::Disturb(_) => "Disturb",
        Action::Gone => "Gone",
        Action::EditAnswer(_) => "EditAnswer",
        Action::EditRequest(_) => "EditRequest",
    }
}
