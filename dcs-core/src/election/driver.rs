//! What connects the state machine to a store, a clock and its users.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use futures_util::{FutureExt, future};
use tokio::sync::{mpsc, oneshot};

use super::event::EventKind;
use super::machine::{self, Answer, Command, FailsafeSaid, Input, Machine, Output, Request};
use super::seeded::{Bug, planted};
use super::shared::{Ask, Shared};
use super::timing::{LeaseTiming, TimingError};
use crate::cache::ClusterFeed;
use crate::{Clock, Config, Dcs, Entry, Error, Outcome, Stamp, Update, WatchEvent, WatchStream};

/// Runs an election for one member: spawn [`Driver::run`] on your runtime.
///
/// Nothing happens until it runs; safety does not depend on it running. If it
/// is dropped or hangs, the lease ends by its deadline.
#[derive(Debug)]
#[must_use = "nothing happens until `run` is spawned or awaited"]
pub struct Driver {
    pub(super) dcs: Arc<dyn Dcs>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) machine: Machine,
    pub(super) shared: Arc<Shared>,
    pub(super) asks: mpsc::UnboundedReceiver<Ask>,
    pub(super) feed: ClusterFeed,
    /// The settings that the user gave last: what the config key says, if it is
    /// followed, is applied to them.
    pub(super) base: LeaseTiming,
    pub(super) follows_config: bool,
    /// Patroni reads the config key, too, and raises what is too short for it.
    pub(super) beside_patroni: bool,
    /// What the config key said last.
    pub(super) config: Option<Config>,
    pub(super) times: Times,
    pub(super) stopping: bool,
    pub(super) waiting_for_idle: Vec<oneshot::Sender<()>>,
    /// Who asked something of failsafe mode, in order.
    pub(super) failsafe_asked: VecDeque<oneshot::Sender<FailsafeSaid>>,
}

/// All members see the same edit of the config key, and one that moves the silence
/// makes each of them begin its watch anew: they do so within this time.
const REOPEN_WITHIN: Duration = Duration::from_secs(1);

/// The settings that the driver itself needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) attempt: Duration,
    pub(super) silence: Duration,
    stop_time: Duration,
    /// How much of belief has to be left for that stop time to count.
    stop_time_needs: Duration,
}

impl Times {
    /// The leader's renewals prove the watch alive; a longer silence re-opens it.
    pub(super) fn of(timing: &LeaseTiming) -> Self {
        let silence = timing.loop_wait() + timing.retry_timeout();
        let attempt = if planted(Bug::ClientGoTiming) {
            timing.ttl() / 3
        } else {
            timing.attempt_timeout()
        };
        // As much beside it as a renewal with these settings leaves: a
        // heartbeat, or where they leave less for half of that.
        let stop_time = timing.stop_time();
        let beside = timing.holder_span().saturating_sub(stop_time) / 2;
        Self {
            attempt,
            silence,
            stop_time,
            stop_time_needs: stop_time + beside.min(timing.loop_wait()),
        }
    }
}

/// A request that was handed to the store, and its answer once it is there.
type Flight = BoxFuture<'static, (u64, Stamp, Answer)>;

/// When the watch is begun anew, with other settings.
type Reopening = Option<BoxFuture<'static, ()>>;

/// What made the driver go on.
enum Wake {
    Reopen,
    Watch(Option<Result<WatchEvent, Error>>),
    Answer(u64, Stamp, Answer),
    Ask(Option<Ask>),
    Time,
}

impl Driver {
    /// Contends, leads, follows, until the last [`Elector`](super::Elector) of
    /// it and every [`Lease`](super::Lease) is dropped; then gives up what is
    /// held and returns.
    ///
    /// # Cancel safety
    /// If the future is dropped while leading, no release is written: others
    /// wait for T_WAIT. What this process believes ends by its deadline.
    pub async fn run(mut self) {
        self.tell_of_adjustments(&self.base);
        let mut silence = self.times.silence;
        let mut watch = self.dcs.watch(silence);
        let mut flight: Option<Flight> = None;
        let mut reopens: Reopening = None;
        loop {
            if let Some((number, deadline)) = self.machine.reach() {
                self.shared.works.reaches(number, deadline);
            }
            while let Some(output) = self.machine.output() {
                match output {
                    Output::Event(event) => self.shared.publish(&event),
                    Output::Request(request) => flight = Some(self.send(request)),
                    Output::Failsafe(said) => self.failsafe_said(said),
                }
            }
            if let Some(number) = self.machine.gives_up() {
                self.shared.gives_up(number);
            }
            self.stop_time_counts();
            self.settle();
            self.shared.works.tell_of_overruns(self.clock.now());
            if silence != self.times.silence && reopens.is_none() {
                let wait = self.machine.place_within(REOPEN_WITHIN);
                reopens = Some(self.clock.sleep(wait));
            }
            if self.stopping && self.machine.is_idle() {
                return;
            }
            match self.wake(&mut watch, &mut flight, &mut reopens).await {
                Wake::Reopen => {
                    (silence, reopens) = (self.times.silence, None);
                    watch = self.dcs.watch(silence);
                }
                Wake::Watch(item) => {
                    if item.is_none() {
                        watch = stream::pending().boxed();
                    }
                    self.watched(item);
                }
                Wake::Answer(id, sent, answer) => {
                    flight = None;
                    self.machine.handle(Input::Answer { id, sent, answer });
                }
                Wake::Ask(ask) => self.asked(ask),
                Wake::Time => self.machine.handle(Input::Tick),
            }
        }
    }

    /// Tells those who wait for it that what was held is given up.
    fn settle(&mut self) {
        if self.machine.has_given_up() {
            for done in self.waiting_for_idle.drain(..) {
                // Whoever no longer waits need not be told.
                let _ = done.send(());
            }
        }
    }

    /// A longer stop time counts once belief has room for it: a term that was
    /// carried by a shorter ttl would be over at once, and is renewed soon.
    fn stop_time_counts(&self) {
        let (now, next) = (self.shared.stop_time(), self.times.stop_time);
        if next == now {
            return;
        }
        let has_room = || match self.machine.reach() {
            Some((number, _)) => {
                let left = self.shared.remaining(number);
                left.is_none_or(|left| left > self.times.stop_time_needs)
            }
            None => !self.machine.is_acquiring(),
        };
        if next < now || has_room() {
            self.shared.set_stop_time(next);
        }
    }

    fn failsafe_said(&mut self, said: FailsafeSaid) {
        if let Some(reply) = self.failsafe_asked.pop_front() {
            // Whoever no longer waits need not be told.
            let _ = reply.send(said);
        }
    }

    /// Hands a request to the store. The clock is read before anything of it
    /// can leave (rule H1). A request without an answer in its time is given up
    /// and unknown, whatever the backend's own deadline says.
    fn send(&self, request: Request) -> Flight {
        let (dcs, clock) = (Arc::clone(&self.dcs), Arc::clone(&self.clock));
        let limit = self.times.attempt;
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            // Others may lead as soon as they see a release.
            if request.is_release() {
                let joined = within(&*clock, limit, shared.works.joined()).await;
                if joined.is_none() {
                    return (request.id, clock.now(), Answer::not_sent(limit));
                }
                shared.is_let_go().await;
            }
            let sent = clock.now();
            let timeout = || Error::Timeout {
                backend: "the store",
                after: limit,
            };
            let answer = match request.what {
                machine::Ask::Write(change, expected) => {
                    let write = dcs.write(&change, expected);
                    let outcome = within(&*clock, limit, write).await;
                    Answer::Written(outcome.unwrap_or_else(|| Outcome::Unknown(timeout())))
                }
                machine::Ask::ReadLeader => {
                    let read = within(&*clock, limit, dcs.load_leader()).await;
                    Answer::Read(read.unwrap_or_else(|| Err(timeout())))
                }
            };
            (request.id, sent, answer)
        })
    }

    async fn wake(
        &mut self,
        watch: &mut WatchStream,
        flight: &mut Option<Flight>,
        reopens: &mut Reopening,
    ) -> Wake {
        let reopens = async {
            match reopens {
                Some(reopens) => reopens.await,
                None => future::pending().await,
            }
        };
        let answer = async {
            match flight {
                Some(flight) => flight.await,
                None => future::pending().await,
            }
        };
        let time = async {
            let work = self.shared.works.next_end(self.clock.now());
            match [self.machine.next_wake(), work].into_iter().flatten().min() {
                Some(wait) => self.clock.sleep(wait).await,
                None => future::pending().await,
            }
        };
        let ask = async {
            if self.stopping {
                future::pending().await
            } else {
                self.asks.recv().await
            }
        };
        // The order is that of urgency and makes a run repeatable: the end of
        // belief, an answer, what the user asks for, then what others did.
        futures_util::select_biased! {
            () = time.fuse() => Wake::Time,
            (id, sent, answer) = answer.fuse() => Wake::Answer(id, sent, answer),
            ask = ask.fuse() => Wake::Ask(ask),
            item = watch.next().fuse() => Wake::Watch(item),
            () = reopens.fuse() => Wake::Reopen,
        }
    }

    fn watched(&mut self, item: Option<Result<WatchEvent, Error>>) {
        let event = match item {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                return self.shared.tell(
                    &*self.clock,
                    EventKind::trouble("watching the scope", &error),
                );
            }
            // A watch that ends, against its contract: nothing more will come.
            None => {
                let why = "the watch ended, which it never should".to_owned();
                let kind = EventKind::Trouble {
                    what: "watching the scope",
                    why,
                };
                self.shared.tell(&*self.clock, kind);
                return self.asked(None);
            }
        };
        match &event {
            WatchEvent::Reset(snapshot) => {
                self.config_seen(&snapshot.config);
                self.machine
                    .handle(Input::Requested(snapshot.failover.get()));
                self.machine.handle(Input::WatchBegan {
                    leader: &snapshot.leader,
                    scope_is_empty: snapshot.is_empty(),
                });
                self.machine.handle(Input::FailsafeSeen(&snapshot.failsafe));
            }
            WatchEvent::Changed(Update::Leader(update)) => {
                self.machine.handle(Input::Watched(update));
            }
            WatchEvent::Changed(Update::Failsafe(entry)) => {
                self.machine.handle(Input::FailsafeSeen(entry));
            }
            WatchEvent::Changed(update) => self.scope_seen(update),
            WatchEvent::Alive => self.machine.handle(Input::Tick),
        }
        let members = self.feed.members();
        self.feed.apply(event);
        if self.feed.members() != members {
            self.machine.handle(Input::Members(self.feed.members()));
        }
    }

    /// Another shared object than the leader's: it speaks against a first
    /// bootstrap.
    fn scope_seen(&mut self, update: &Update) {
        match update {
            Update::Failover(entry) => self.machine.handle(Input::Requested(entry.get())),
            Update::Config(entry) => self.config_seen(entry),
            _ => {}
        }
        let revision = match update {
            Update::Config(entry) => entry.revision,
            Update::Initialize(entry) => entry.revision,
            Update::History(entry) => entry.revision,
            Update::Failover(entry) => entry.revision,
            Update::Sync(entry) => entry.revision,
            Update::Leader(_) | Update::Status(_) | Update::Failsafe(_) | Update::Member(..) => {
                return;
            }
        };
        self.machine.handle(Input::ScopeSeen(revision));
    }

    /// The config key moves the settings of this member. A key that is gone or
    /// cannot be read says nothing: what it said last stays in force.
    fn config_seen(&mut self, entry: &Entry<Config>) {
        let Some(config) = entry.get().filter(|_| self.follows_config) else {
            return;
        };
        if self.config.as_ref() != Some(config) {
            self.config = Some(config.clone());
            self.shared.set_scope_paused(config.view().pause());
            let command = Command::Config(config.clone());
            self.machine.handle(Input::Command(command));
            self.apply_timing();
        }
    }

    fn settings_given(&mut self, timing: LeaseTiming) {
        match timing.with_static_of(&self.base) {
            Ok(timing) => {
                self.base = timing;
                self.apply_timing();
            }
            Err(error) => self.refuses("taking the settings", &error),
        }
    }

    fn apply_timing(&mut self) {
        let config = self.config.clone().unwrap_or_default();
        let timing = if self.beside_patroni {
            self.base.with_shared_config(&config)
        } else {
            self.base.with_config(&config)
        };
        match timing {
            Ok(timing) => {
                self.tell_of_adjustments(&timing);
                self.take_timing(timing);
            }
            Err(error) => {
                self.refuses("taking the settings of the config key", &error);
                // The user's own settings are safe in themselves.
                self.take_timing(self.base.clone());
            }
        }
    }

    /// Tells of settings that would be unsafe, and are not taken.
    fn refuses(&self, what: &'static str, error: &TimingError) {
        let why = error.to_string();
        self.shared
            .tell(&*self.clock, EventKind::Trouble { what, why });
    }

    fn tell_of_adjustments(&self, timing: &LeaseTiming) {
        for adjustment in timing.adjustments() {
            let kind = EventKind::Adjusted(adjustment.clone());
            self.shared.tell(&*self.clock, kind);
        }
    }

    fn take_timing(&mut self, timing: LeaseTiming) {
        self.times = Times::of(&timing);
        self.machine.handle(Input::Command(Command::Timing(timing)));
    }

    fn asked(&mut self, ask: Option<Ask>) {
        match ask {
            Some(Ask::Command(command)) => {
                if let Command::Timing(timing) = command {
                    self.settings_given(timing);
                } else {
                    let gives_up = matches!(command, Command::GiveUp);
                    self.machine.handle(Input::Command(command));
                    if gives_up {
                        self.shared.wake_acquirers();
                    }
                }
            }
            Some(Ask::Failsafe(ask, reply)) => {
                self.failsafe_asked.push_back(reply);
                self.machine.handle(Input::Failsafe(ask));
            }
            Some(Ask::WhenIdle(done)) => self.waiting_for_idle.push(done),
            Some(Ask::GiveUp(term, successor)) => {
                if self.shared.is_given_up(term) {
                    let command = successor.map_or(Command::GiveUp, Command::GiveUpTo);
                    self.machine.handle(Input::Command(command));
                }
            }
            None => {
                self.stopping = true;
                self.machine.handle(Input::Command(Command::GiveUp));
            }
        }
    }
}

/// What `future` gives, unless `limit` passes first.
async fn within<F: Future>(clock: &dyn Clock, limit: Duration, future: F) -> Option<F::Output> {
    let future = std::pin::pin!(future);
    let limit = clock.sleep(limit);
    match future::select(future, limit).await {
        future::Either::Left((output, _)) => Some(output),
        future::Either::Right(((), _)) => None,
    }
}

impl Drop for Driver {
    /// Nobody will answer or tell anything any more. What is believed ends by
    /// its deadline.
    fn drop(&mut self) {
        self.shared.driver_is_gone();
    }
}
