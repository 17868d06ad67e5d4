//! A machine with a clock and a store that are moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use crate::election::belief::Belief;
use crate::election::machine::{
    Answer, Ask, Command, FailsafeAsk, FailsafeSaid, Input, Machine, Output, Parts, ReleasePolicy,
};
use crate::election::{EventKind, LeaseTiming};
use crate::test_clock::TestClock;
use crate::{
    Change, Clock, Committed, Entropy, Entry, Error, Failover, Failsafe, FencingToken, Key,
    LeaderRecord, LeaderUpdate, Outcome, Precondition, Revision, Stamp, Value,
};

pub(super) const TTL: Duration = Duration::from_secs(30);
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn rev(number: u128) -> Revision {
    Revision::new(number).unwrap()
}

#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bits(&self) -> u128 {
        u128::from(self.0.fetch_add(1, SeqCst)) + 1_000
    }
}

/// One member.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) machine: Machine,
    pub(super) clock: Arc<TestClock>,
    pub(super) belief: Arc<Belief>,
    /// The failsafe map that the watch shows with each version.
    pub(super) map: Value<Failsafe>,
    events: Vec<EventKind>,
    said: Vec<FailsafeSaid>,
    request: Option<Pending>,
}

/// The request under way, and when it was sent.
#[derive(Debug)]
struct Pending {
    id: u64,
    sent: Stamp,
    what: Ask,
}

impl Rig {
    pub(super) fn new(name: &str) -> Self {
        Self::with(name, ReleasePolicy::Honor, false)
    }

    pub(super) fn with(name: &str, policy: ReleasePolicy, bootstrap: bool) -> Self {
        let seed = u64::from(name.as_bytes()[0]) << 32;
        Self::of_chance(name, policy, bootstrap, seed)
    }

    /// Another process of the same name.
    #[cfg(dcs_seeded_bugs)]
    pub(super) fn twin(name: &str) -> Self {
        Self::of_chance(name, ReleasePolicy::Honor, false, 0)
    }

    fn of_chance(name: &str, policy: ReleasePolicy, bootstrap: bool, seed: u64) -> Self {
        let clock = Arc::new(TestClock::new());
        let belief = Arc::new(Belief::default());
        let entropy = Counter(AtomicU64::new(seed));
        let machine = Machine::new(Parts {
            me: name.parse().unwrap(),
            timing: LeaseTiming::new(TTL, HEARTBEAT, s(8)).unwrap(),
            policy,
            bootstrap,
            beside: None,
            clock: Arc::<TestClock>::clone(&clock),
            entropy: Arc::new(entropy),
            belief: Arc::clone(&belief),
        });
        let mut rig = Self {
            machine,
            clock,
            belief,
            map: Value::Absent,
            events: Vec::new(),
            said: Vec::new(),
            request: None,
        };
        // Alone: with others about, what is due is due a little later.
        rig.members(1);
        rig.command(Command::Contend);
        rig
    }

    /// What it saw last.
    pub(super) fn standing(&self) -> Entry<LeaderRecord> {
        self.machine.observer.seen().expect("saw something").entry()
    }

    /// A member that leads since revision 11, having waited for revision 10.
    pub(super) fn leading(name: &str) -> Self {
        let mut rig = Self::new(name);
        rig.begin(&vacant(10));
        rig.pass(TTL);
        rig.commit(11);
        assert!(rig.leads(), "{:?}", rig.events);
        rig.events();
        rig
    }

    pub(super) fn begin(&mut self, leader: &Entry<LeaderRecord>) {
        let scope_is_empty = leader.revision.is_none();
        self.input(Input::WatchBegan {
            leader,
            scope_is_empty,
        });
        self.shows_map(leader.revision);
    }

    pub(super) fn watch(&mut self, entry: Entry<LeaderRecord>, previous: Option<u128>) {
        let revision = entry.revision;
        self.watch_without_map(entry, previous);
        self.shows_map(revision);
    }

    /// The record alone: its map is on its way.
    pub(super) fn watch_without_map(&mut self, entry: Entry<LeaderRecord>, previous: Option<u128>) {
        self.input(Input::Watched(&LeaderUpdate::new(entry, previous.map(rev))));
    }

    pub(super) fn members(&mut self, members: usize) {
        self.input(Input::Members(members));
    }

    /// The watch shows the map of this version of the leader register.
    pub(super) fn shows_map(&mut self, revision: Option<Revision>) {
        let value = match revision {
            Some(_) => self.map.clone(),
            None => Value::Absent,
        };
        self.input(Input::FailsafeSeen(&Entry {
            revision,
            value,
            ..Entry::absent()
        }));
    }

    /// As [`Rig::shows_map`], with these names.
    pub(super) fn shows_map_of(&mut self, revision: u128, names: &[&str]) {
        self.map = Value::Present(super::failsafe::map(names));
        self.shows_map(Some(rev(revision)));
    }

    pub(super) fn asks(&mut self, ask: FailsafeAsk) -> FailsafeSaid {
        self.input(Input::Failsafe(ask));
        self.said.pop().expect("an answer at once")
    }

    pub(super) fn scope_seen(&mut self, revision: u128) {
        self.input(Input::ScopeSeen(Some(rev(revision))));
    }

    pub(super) fn candidate(&mut self, name: Option<&str>) {
        let candidate = name.map(|name| name.parse().unwrap());
        self.requested(&Failover::switchover(None, candidate));
    }

    pub(super) fn requested(&mut self, request: &Failover) {
        self.input(Input::Requested(Some(request)));
    }

    pub(super) fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.input(Input::Tick);
    }

    pub(super) fn leads(&self) -> bool {
        self.belief
            .remaining(self.belief.newest_term(), &*self.clock)
            .is_some()
    }

    pub(super) fn left(&self) -> Duration {
        self.belief
            .remaining(self.belief.newest_term(), &*self.clock)
            .unwrap_or_default()
    }

    /// What was said since the last time.
    pub(super) fn events(&mut self) -> Vec<EventKind> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn token(&mut self) -> FencingToken {
        let tokens = self.events.iter().filter_map(|event| match event {
            EventKind::Elected { token, .. } => Some(*token),
            _ => None,
        });
        { tokens }.next_back().expect("was elected")
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.request.is_none()
    }

    pub(super) fn reads(&self) -> bool {
        matches!(
            self.request,
            Some(Pending {
                what: Ask::ReadLeader,
                ..
            })
        )
    }

    /// The write under way.
    pub(super) fn write(&self) -> (&Change, Precondition) {
        match &self.request {
            Some(Pending {
                what: Ask::Write(change, expected),
                ..
            }) => (change, *expected),
            other => panic!("no write is under way but {other:?}"),
        }
    }

    /// The leader record that is being written, and what it expects.
    pub(super) fn lease_write(&self) -> (LeaderRecord, Precondition) {
        match self.write() {
            (Change::Leader(write), expected) => (write.record.clone(), expected),
            (other, _) => panic!("no write of the leader key but {other:?}"),
        }
    }

    /// Answers the write under way: committed, at this revision.
    pub(super) fn commit(&mut self, revision: u128) -> Entry<LeaderRecord> {
        let (record, _) = self.lease_write();
        let committed = Committed::leader(rev(revision), Value::Present(record.clone()));
        self.answer(Answer::Written(Outcome::Committed(committed)));
        Entry::present(rev(revision), record)
    }

    pub(super) fn committed_as(&mut self, revision: u128, record: LeaderRecord) {
        let committed = Committed::leader(rev(revision), Value::Present(record));
        self.answer(Answer::Written(Outcome::Committed(committed)));
    }

    pub(super) fn initialize_created(&mut self, revision: u128) {
        self.answer(Answer::Written(Outcome::Committed(Committed::new(rev(
            revision,
        )))));
    }

    pub(super) fn conflict(&mut self) {
        self.conflict_with(None);
    }

    /// Refused, and the store says at which revision the key stands.
    pub(super) fn conflict_with(&mut self, found: Option<u128>) {
        let error = Error::Conflict {
            key: Key::Leader,
            found: found.map(rev),
        };
        self.answer(Answer::Written(Outcome::NotCommitted(error)));
    }

    pub(super) fn refused(&mut self) {
        self.refused_by(Error::Backend {
            backend: "test",
            source: "refused".into(),
        });
    }

    pub(super) fn refused_by(&mut self, error: Error) {
        self.answer(Answer::Written(Outcome::NotCommitted(error)));
    }

    pub(super) fn unknown(&mut self) {
        self.answer(Answer::Written(Outcome::Unknown(timeout())));
    }

    pub(super) fn read_shows(&mut self, entry: Entry<LeaderRecord>) {
        assert!(self.reads(), "{:?}", self.request);
        self.answer(Answer::Read(Ok(entry)));
    }

    pub(super) fn read_fails(&mut self) {
        self.answer(Answer::Read(Err(timeout())));
    }

    fn answer(&mut self, answer: Answer) {
        let Pending { id, sent, .. } = self.request.take().expect("a request is under way");
        self.input(Input::Answer { id, sent, answer });
    }

    fn input(&mut self, input: Input<'_>) {
        self.machine.handle(input);
        while let Some(output) = self.machine.output() {
            match output {
                Output::Event(event) => self.events.push(event.kind),
                Output::Failsafe(said) => self.said.push(said),
                Output::Request(request) => {
                    assert!(
                        self.request.is_none(),
                        "a second request while one is under way"
                    );
                    let sent = self.clock.now();
                    self.request = Some(Pending {
                        id: request.id,
                        sent,
                        what: request.what,
                    });
                }
            }
        }
    }
}

fn timeout() -> Error {
    Error::Timeout {
        backend: "test",
        after: s(4),
    }
}

/// `a` leads since revision 11, and `b` has seen that version.
pub(super) fn leader_and_follower() -> (Rig, Rig) {
    let leader = Rig::leading("a");
    let mut follower = Rig::new("b");
    follower.begin(&leader.standing());
    (leader, follower)
}

pub(super) fn vacant(revision: u128) -> Entry<LeaderRecord> {
    Entry::present(rev(revision), LeaderRecord::default())
}

/// A record that another member wrote.
pub(super) fn strangers(revision: u128) -> Entry<LeaderRecord> {
    let record = LeaderRecord {
        holder: Some("stranger".parse().unwrap()),
        ..LeaderRecord::default()
    };
    Entry::present(rev(revision), record)
}

/// The same record on another revision.
pub(super) fn bumped(entry: &Entry<LeaderRecord>, revision: u128) -> Entry<LeaderRecord> {
    Entry {
        revision: Some(rev(revision)),
        value: entry.value.clone(),
        ..Entry::absent()
    }
}
