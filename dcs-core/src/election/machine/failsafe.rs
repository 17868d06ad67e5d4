//! Failsafe mode: a leader goes on without the store if everyone who might
//! acquire has agreed (rule F1). Off by default, and outside the theorem: it
//! trusts what stands in the record, and that names are unique. What the others
//! agree to is in `consent.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::attempt::Sent;
use super::consent::Promise;
use super::lead::Term;
use super::{Doing, FailsafeAsk, FailsafeSaid, Machine, Output, Role};
use crate::election::belief::Deadline;
use crate::election::event::EventKind;
use crate::election::failsafe::{FailsafeAnswer, FailsafePoll, FailsafeRefused, FailsafeRequest};
use crate::election::seeded::{Bug, planted};
use crate::{Failsafe, Precondition, Revision, Stamp, Value};

/// What failsafe mode keeps over terms.
#[derive(Debug, Default)]
pub(super) struct FailsafeMode {
    pub(super) is_on: bool,
    pub(super) standing: Standing,
    /// The one that the watch showed last. A reading may take the version that
    /// it belongs to back into sight, and the watch shows no version twice.
    shown: Standing,
    /// What this member has promised to another one.
    pub(super) promise: Option<Promise>,
    /// What an acquiring write of unknown outcome expected that is no longer
    /// waited for, since this member gave up.
    pub(super) forgotten: Option<Precondition>,
    polls: u64,
}

/// The failsafe map of one version of the leader register: the version seen
/// last, unless only its record has been seen so far.
#[derive(Debug, Default)]
pub(super) struct Standing {
    revision: Option<Revision>,
    map: Value<Failsafe>,
}

/// What failsafe mode keeps of a term.
#[derive(Debug)]
pub(super) struct InPlay {
    /// The revision of the last write that is known to be committed.
    acked: Revision,
    /// Of all attempts since whose outcome is unknown. Unlike the list of them
    /// that is kept for reading back this forgets none.
    unknown: Maps,
    /// A renewal was refused, and no read-back has shown the own record since.
    is_refused: bool,
}

/// Several failsafe maps, and the spans of the writes that carry them, as one.
#[derive(Clone, Debug)]
struct Maps {
    names: BTreeMap<String, String>,
    has_empty: bool,
    has_unknown: bool,
    shortest: Duration,
}

impl Machine {
    pub(crate) const fn allow_failsafe(&mut self) {
        self.failsafe_mode.is_on = true;
    }

    pub(super) fn failsafe_asked(&mut self, ask: FailsafeAsk, now: Stamp) {
        let said = match ask {
            FailsafeAsk::Poll => FailsafeSaid::Poll(self.poll(now)),
            FailsafeAsk::Extend(poll, answers) => {
                FailsafeSaid::Extend(self.extend(&poll, &answers, now))
            }
            FailsafeAsk::Answer(request) => FailsafeSaid::Answer(self.answer(&request, now)),
        };
        self.out.push_back(Output::Failsafe(said));
    }

    /// The map that stands beside a version of the record, if that version is
    /// the one seen last: a slow watch shows older ones too.
    pub(super) fn map_stands(&mut self, revision: Option<Revision>, map: Value<Failsafe>) {
        if self
            .observer
            .seen()
            .is_some_and(|seen| seen.revision == revision)
        {
            self.failsafe_mode.standing = Standing { revision, map };
        }
    }

    /// The watch shows a map.
    pub(super) fn map_seen(&mut self, revision: Option<Revision>, map: Value<Failsafe>) {
        self.failsafe_mode.shown = Standing {
            revision,
            map: map.clone(),
        };
        self.map_stands(revision, map);
    }

    /// The map of this version, if it is known.
    pub(super) fn map_of(&self, revision: Revision) -> Option<&Value<Failsafe>> {
        let mode = &self.failsafe_mode;
        mode.standing
            .at(revision)
            .or_else(|| mode.shown.at(revision))
    }

    /// The store went back: revisions are used again, with other maps.
    pub(super) fn maps_went_back(&mut self) {
        self.failsafe_mode.shown = Standing::default();
    }

    /// An own write is committed, and with it its map.
    pub(super) fn own_map_stands(&mut self, sent: &Sent, revision: Revision) {
        if let Some(map) = sent.map.clone() {
            self.map_stands(Some(revision), Value::Present(map));
        }
    }

    /// The map that will stand once a write is committed that is about to be
    /// sent and expects `expected`. Without a map of its own it leaves the one
    /// that is there; `None` if that one is not known.
    pub(super) fn map_after_write_on(&self, expected: Option<Revision>) -> Option<Failsafe> {
        if let Some(map) = &self.failsafe {
            return Some(map.clone());
        }
        let Some(expected) = expected else {
            return Some(Failsafe::default());
        };
        match self.map_of(expected)? {
            Value::Absent => Some(Failsafe::default()),
            Value::Present(map) => Some(map.clone()),
            Value::Malformed(_) => None,
        }
    }

    /// `now` is before anything is sent to anyone: what is agreed to is agreed
    /// to later.
    fn poll(&mut self, now: Stamp) -> Result<FailsafePoll, FailsafeRefused> {
        let (term, maps) = self.may_go_on()?;
        let (number, revision) = (term.number, term.in_play.acked);
        self.failsafe_mode.polls += 1;
        let request = FailsafeRequest {
            session: self.session,
            revision,
            leader: self.me.clone(),
            poll: self.failsafe_mode.polls,
        };
        let mut members = maps.names;
        members.remove(self.me.as_str());
        Ok(FailsafePoll {
            request,
            members,
            term: number,
            since: now,
            span: maps.shortest,
        })
    }

    fn extend(
        &mut self,
        poll: &FailsafePoll,
        answers: &[FailsafeAnswer],
        now: Stamp,
    ) -> Result<(), FailsafeRefused> {
        let (term, maps) = self.may_go_on()?;
        let number = term.number;
        if poll.request.session != self.session || poll.term != number {
            return Err(FailsafeRefused::OtherTerm);
        }
        let me = self.me.as_str();
        let asked = maps.names.keys().filter(|name| *name != me);
        let missing: Vec<_> = asked
            .filter_map(|name| Some((name.clone(), poll.agreed(name, answers).err()?)))
            .collect();
        if !missing.is_empty() {
            return Err(FailsafeRefused::NotAll { missing });
        }
        let deadline = Deadline::after(poll.since, poll.span.min(maps.shortest));
        let Some(in_force) = self.belief.extend(number, deadline, &*self.clock) else {
            self.end_term_if_over(now);
            return Err(FailsafeRefused::NotLeading);
        };
        self.extended_to(in_force, now);
        Ok(())
    }

    fn extended_to(&mut self, in_force: Deadline, now: Stamp) {
        let Role::Leader(term) = &mut self.role else {
            return;
        };
        if term.deadline == in_force {
            return;
        }
        term.deadline = in_force;
        let token = term.token;
        let until = self.until(in_force, now);
        self.say(EventKind::Extended { token, until });
    }

    /// The term that may be extended, and the maps to be agreed to. The term
    /// was found open when this input was taken in.
    fn may_go_on(&self) -> Result<(&Term, Maps), FailsafeRefused> {
        if !self.failsafe_mode.is_on {
            return Err(FailsafeRefused::Off);
        }
        let Role::Leader(term) = &self.role else {
            return Err(FailsafeRefused::NotLeading);
        };
        if !self.contending || term.giving_up {
            return Err(FailsafeRefused::GivingUp);
        }
        if term.in_play.is_refused {
            return Err(FailsafeRefused::Conflict);
        }
        let maps = self.maps_in_play(term);
        if maps.has_unknown {
            return Err(FailsafeRefused::MapUnknown);
        }
        if maps.has_empty {
            return Err(FailsafeRefused::MapEmpty);
        }
        if !maps.names.contains_key(self.me.as_str()) {
            return Err(FailsafeRefused::NotNamed);
        }
        Ok((term, maps))
    }

    /// The maps that may stand in the record by now: of the last acked write,
    /// of attempts since, and the one that the watch has shown since, which a
    /// third party may have put there. The spans are those of the same writes,
    /// and of the ttl that holds now.
    fn maps_in_play(&self, term: &Term) -> Maps {
        let mut maps = Maps::default();
        maps.add(&term.last);
        self.add_attempts_since_the_ack(term, &mut maps);
        let standing = &self.failsafe_mode.standing;
        match (&standing.map, standing.revision >= Some(term.known)) {
            (Value::Present(map), true) => maps.add_map(Some(map)),
            (Value::Absent, true) => maps.has_empty = true,
            (Value::Malformed(_), true) | (_, false) => maps.has_unknown = true,
        }
        maps.shortest = maps.shortest.min(self.timing.holder_span());
        maps
    }

    /// An attempt since the last ack counts with its map unless it definitely
    /// failed: it may be committed, now or later, and whom it names may then
    /// acquire. This is decided here and nowhere else.
    fn add_attempts_since_the_ack(&self, term: &Term, maps: &mut Maps) {
        if planted(Bug::FailsafeMapUnknown) {
            return;
        }
        maps.join(&term.in_play.unknown);
        if let Some(Doing::Renew(sent)) = self.flight.as_ref().map(|flight| &flight.doing) {
            maps.add(sent);
        }
    }
}

impl InPlay {
    pub(super) fn since(acked: Revision) -> Self {
        Self {
            acked,
            unknown: Maps::default(),
            is_refused: false,
        }
    }

    pub(super) fn is_unknown(&mut self, sent: &Sent) {
        self.unknown.add(sent);
    }

    pub(super) const fn conflict(&mut self) {
        self.is_refused = true;
    }

    /// A read-back has shown a record of this term.
    pub(super) const fn read_back(&mut self) {
        self.is_refused = false;
    }
}

impl Standing {
    pub(super) fn at(&self, revision: Revision) -> Option<&Value<Failsafe>> {
        (self.revision == Some(revision)).then_some(&self.map)
    }
}

impl Default for Maps {
    fn default() -> Self {
        Self {
            names: BTreeMap::new(),
            has_empty: false,
            has_unknown: false,
            shortest: Duration::MAX,
        }
    }
}

impl Maps {
    fn add(&mut self, sent: &Sent) {
        self.shortest = self.shortest.min(sent.span);
        self.add_map(sent.map.as_ref());
    }

    /// Of two URLs of one name the one added last stays.
    fn add_map(&mut self, map: Option<&Failsafe>) {
        match map {
            Some(map) if map.0.is_empty() => self.has_empty = true,
            Some(map) => self.names.extend(map.0.clone()),
            None => self.has_unknown = true,
        }
    }

    fn join(&mut self, other: &Self) {
        self.names.extend(other.names.clone());
        self.has_empty |= other.has_empty;
        self.has_unknown |= other.has_unknown;
        self.shortest = self.shortest.min(other.shortest);
    }
}
