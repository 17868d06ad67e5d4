//! A watch with one flaw.

use std::sync::atomic::Ordering;

use dcs_core::{
    Error, LeaderRecord, LeaderUpdate, Revision, Update, Value, WatchEvent, WatchStream,
};
use futures::StreamExt;
use futures::stream::{iter, pending};

use crate::flaws::Flaw;
use crate::ground::Ground;

/// The version at which a stream goes wrong: further than the cases go that
/// look for something else.
const WRONG: u64 = 7;

struct Flawed {
    ground: Ground,
    versions: u64,
    resets: u64,
    last: Option<Revision>,
    record: Value<LeaderRecord>,
    held_back: Option<WatchEvent>,
    said: Option<WatchEvent>,
}

pub(crate) fn flawed(inner: WatchStream, ground: Ground) -> WatchStream {
    let flaw = ground.flaw;
    let was_cut = ground.was_cut.clone();
    let mut flawed = Flawed {
        ground,
        versions: 0,
        resets: 0,
        last: None,
        record: Value::Absent,
        held_back: None,
        said: None,
    };
    let stream = inner
        .map(move |item| match item {
            Ok(event) => flawed.pass(event).into_iter().map(Ok).collect(),
            Err(error) => vec![Err::<WatchEvent, Error>(error)],
        })
        .flat_map(iter);
    match flaw {
        Flaw::BeginsWithAlive => iter([Ok(WatchEvent::Alive)]).chain(stream).boxed(),
        Flaw::StaysSilentAfterHealing => stream
            .take_while(move |_| {
                let go_on = !was_cut.load(Ordering::Relaxed);
                async move { go_on }
            })
            .chain(pending())
            .boxed(),
        _ => stream.boxed(),
    }
}

impl Flawed {
    fn pass(&mut self, event: WatchEvent) -> Vec<WatchEvent> {
        match event {
            WatchEvent::Reset(snapshot) => {
                self.resets += 1;
                self.last = snapshot.leader.revision;
                self.record = snapshot.leader.value.clone();
                match self.ground.flaw {
                    Flaw::SaysNoResetAfterAGap if self.resets > 1 => Vec::new(),
                    _ => vec![WatchEvent::Reset(snapshot)],
                }
            }
            WatchEvent::Changed(Update::Leader(update)) => self.pass_leader(update),
            WatchEvent::Changed(update) if self.hides(&update) => Vec::new(),
            other => vec![other],
        }
    }

    fn hides(&self, update: &Update) -> bool {
        match (self.ground.flaw, update) {
            (Flaw::ForgetsTheStatus, Update::Status(_)) => true,
            (Flaw::HidesMembersThatGo, Update::Member(_, entry)) => entry.revision.is_none(),
            (Flaw::HidesTouches, Update::Sync(entry)) => {
                entry.fence != Value::Absent && entry.value == Value::Absent
            }
            (Flaw::NeverClearsFailover, Update::Failover(entry)) => {
                entry.get().is_none() && entry.fence == Value::Absent
            }
            _ => false,
        }
    }

    fn pass_leader(&mut self, mut update: LeaderUpdate) -> Vec<WatchEvent> {
        let flaw = self.ground.flaw;
        self.versions += 1;
        let is_deletion = update.entry.revision.is_none();
        let is_same = update.entry.value == self.record;
        if flaw == Flaw::NamesNoPrevious {
            update.previous = None;
        }
        if flaw == Flaw::CarriesPreviousAcrossDeletions {
            update.previous = update.previous.or(self.last);
        }
        self.last = update.entry.revision.or(self.last);
        self.record = update.entry.value.clone();
        let event = WatchEvent::Changed(Update::Leader(update));
        let before = self.said.replace(event.clone());
        let in_break = self.ground.has_broken.swap(false, Ordering::Relaxed);
        match flaw {
            Flaw::HidesDeletions if is_deletion => Vec::new(),
            Flaw::HidesForeignWrites if is_same => Vec::new(),
            Flaw::LosesAVersion if self.versions == WRONG => Vec::new(),
            Flaw::RepeatsAVersion if self.versions == WRONG => vec![event.clone(), event],
            Flaw::SwapsTwoVersions if self.versions == WRONG => {
                self.held_back = Some(event);
                Vec::new()
            }
            Flaw::LosesAVersionInABreak if in_break => Vec::new(),
            Flaw::RepeatsAVersionAfterABreak if in_break => {
                before.into_iter().chain([event]).collect()
            }
            _ => [event].into_iter().chain(self.held_back.take()).collect(),
        }
    }
}
