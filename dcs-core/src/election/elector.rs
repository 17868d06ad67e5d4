//! The handle of an election.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use super::belief::Belief;
use super::beside_patroni::BesidePatroni;
use super::driver::{Driver, Times};
use super::eligibility::Eligibility;
use super::event::ElectionEvent;
use super::lease::Lease;
use super::machine::{Command, Input, Machine, Parts, ReleasePolicy};
use super::seeded::{Bug, planted};
use super::shared::{Ask, Shared};
use super::timing::LeaseTiming;
use super::work::{Hook, OverrunHook, Works};
use crate::cache::{ClusterFeed, ClusterView};
use crate::{Clock, Dcs, Entropy, Failsafe, MemberName, Status};

/// One member's part in the election of a scope.
///
/// Made together with a [`Driver`], which does the work once it is spawned. All
/// methods take `&self`; clones share the same part.
///
/// [`Elector::lead`] runs the work of the leader while this member leads.
/// [`Elector::acquire`] is for programs that hold the [`Lease`] themselves:
/// dropping it gives leadership up.
#[derive(Clone, Debug)]
pub struct Elector {
    pub(super) shared: Arc<Shared>,
    pub(super) asks: mpsc::UnboundedSender<Ask>,
    view: ClusterView,
    pub(super) me: MemberName,
    dcs: Arc<dyn Dcs>,
}

/// What an elector needs to know. Begin with [`Elector::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ElectorBuilder {
    dcs: Arc<dyn Dcs>,
    me: MemberName,
    timing: LeaseTiming,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: ReleasePolicy,
    bootstrap: bool,
    follows_config: bool,
    on_overrun: Hook,
    eligibility: Eligibility,
    failsafe: bool,
    beside: Option<BesidePatroni>,
}

/// The driver has ended or was dropped: nobody answers any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the election has ended: its driver returned or was dropped; keep `Driver::run` running")]
#[non_exhaustive]
pub struct ElectionEnded;

/// What happens in the election, in order, beginning with the present state.
///
/// Of each term there is one `Elected`, with a larger token than before, then
/// what happens in it, and one `Lost` or `Released`, after which nothing is said
/// of it any more. The stream ends with the driver.
///
/// Events wait in memory until they are read: read them or drop the stream. A
/// dropped future of `next` loses none.
#[derive(Debug)]
pub struct Events(mpsc::UnboundedReceiver<ElectionEvent>);

impl Elector {
    /// Begins an elector for the member `me` over a store.
    ///
    /// `timing` is what holds until the user says otherwise by
    /// [`Elector::set_timing`], or the config key does, if it is followed:
    /// [`ElectorBuilder::follow_config`].
    pub fn builder(
        dcs: Arc<dyn Dcs>,
        me: MemberName,
        timing: LeaseTiming,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> ElectorBuilder {
        ElectorBuilder {
            dcs,
            me,
            timing,
            clock,
            entropy,
            policy: ReleasePolicy::Honor,
            bootstrap: false,
            follows_config: false,
            on_overrun: Hook::default(),
            eligibility: Eligibility::default(),
            failsafe: false,
            beside: None,
        }
    }

    /// Contends until this member leads, and returns the lease. Each term has
    /// one lease: the first caller gets it, the others wait for the next term.
    ///
    /// The first election of a new scope takes T_WAIT, by default one ttl,
    /// unless a first bootstrap is asserted. To T_WAIT each member adds a little
    /// so that not all write at once: less than 40 ms for each other member that
    /// the watch shows, and up to a second where it shows many or none.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    ///
    /// # Cancel safety
    /// If the future is dropped the member goes on contending, and may lead
    /// with nobody holding the lease: call `acquire` again, or
    /// [`Elector::step_down`].
    pub async fn acquire(&self) -> Result<Lease, ElectionEnded> {
        let mut terms = self.shared.terms();
        let _counted = self.shared.acquiring();
        loop {
            if self.asks.is_closed() {
                return Err(ElectionEnded);
            }
            let term = *terms.borrow_and_update();
            if term.is_none() {
                // Also after another caller has given up what it held.
                self.contend()?;
            }
            let unasked = planted(Bug::LeaseNotRechecked);
            let open = term.filter(|term| unasked || self.shared.remaining(term.number).is_some());
            if let Some(term) = open.filter(|term| self.shared.hand_out(term.number)) {
                return Ok(Lease::new(
                    term,
                    Arc::clone(&self.shared),
                    self.asks.clone(),
                    Arc::clone(&self.dcs),
                ));
            }
            next_term(&mut terms, &self.asks).await?;
        }
    }

    /// Begins to contend, without waiting. Calling it again changes nothing.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn contend(&self) -> Result<(), ElectionEnded> {
        self.command(Command::Contend)
    }

    /// Gives leadership up, if held, and stays out until told to contend again.
    /// The lease of the term, if someone holds it, is over as soon as the driver
    /// has heard of this. The release is sent once that lease is dropped, and at
    /// the latest the stop time later: stop the work and drop the lease first,
    /// for the others to lead at once.
    ///
    /// Returns once the release was answered, or was tried in vain for
    /// `retry_timeout` and the stop time together; then the ttl ends it.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    ///
    /// # Cancel safety
    /// If the future is dropped the driver goes on giving up.
    pub async fn step_down(&self) -> Result<(), ElectionEnded> {
        self.command(Command::GiveUp)?;
        self.idle().await
    }

    /// Whether this member believes that it leads, right now. One comparison
    /// with the clock: no lock, no allocation, no request. Turns false by itself.
    ///
    /// True says that no other member believes so at this instant. It says
    /// nothing of the next instant: hand [`Lease::token`] to what you write to.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.shared.is_leader()
    }

    /// The newest view of the scope, which costs no request.
    #[must_use]
    pub fn cluster(&self) -> ClusterView {
        self.view.clone()
    }

    /// What happens in the election, beginning with the present state.
    #[must_use]
    pub fn events(&self) -> Events {
        Events(self.shared.subscribe())
    }

    /// Other settings from the next request on. A shorter ttl shortens belief
    /// with the next renewal. T_CLAMP and T_WAIT stay as they are, so a longer
    /// ttl counts up to T_CLAMP, unless `timing` was given others by
    /// [`LeaseTiming::with_max_ttl`] or [`LeaseTiming::with_clamp_and_wait`],
    /// which says in which order to change them. Settings that would be unsafe
    /// with them are told as [`EventKind::Trouble`](super::EventKind::Trouble)
    /// and not taken.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn set_timing(&self, timing: LeaseTiming) -> Result<(), ElectionEnded> {
        self.command(Command::Timing(timing))
    }

    /// The status that goes with each renewal from now on. One that the store
    /// finds too large is told as [`EventKind::Trouble`](super::EventKind::Trouble)
    /// and left out until another one is set here: it does not cost the lease.
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn set_status(&self, status: Status) -> Result<(), ElectionEnded> {
        self.command(Command::Status(status))
    }

    /// The failsafe map that goes with each renewal from now on: every member
    /// that may lead, this one too, each with the URL where it can be asked.
    /// An empty map removes the one that stands. Before the first call the map
    /// that stands is left as it is.
    ///
    /// A map that the store finds too large is told as
    /// [`EventKind::Trouble`](super::EventKind::Trouble) and left out until
    /// another one is set here; the one that stands goes on to count.
    ///
    /// **While a map stands only members that it names may acquire**, also
    /// members without [`ElectorBuilder::failsafe`].
    ///
    /// # Errors
    /// [`ElectionEnded`] once the driver has.
    pub fn set_failsafe(&self, failsafe: Failsafe) -> Result<(), ElectionEnded> {
        self.command(Command::Failsafe(failsafe))
    }

    pub(super) fn command(&self, command: Command) -> Result<(), ElectionEnded> {
        self.asks
            .send(Ask::Command(command))
            .map_err(|_| ElectionEnded)
    }

    async fn idle(&self) -> Result<(), ElectionEnded> {
        let (done, idle) = oneshot::channel();
        self.asks
            .send(Ask::WhenIdle(done))
            .map_err(|_| ElectionEnded)?;
        idle.await.map_err(|_| ElectionEnded)
    }
}

impl ElectorBuilder {
    /// Whether a release on purpose lets others acquire at once.
    pub const fn release_policy(mut self, policy: ReleasePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Takes ttl, `loop_wait` and `retry_timeout` from the config key, as soon
    /// as the watch shows it and on each change. What the key does not say, and
    /// the static settings, stay as they were given here. Settings that would
    /// be unsafe are told as [`EventKind::Trouble`](super::EventKind::Trouble)
    /// and not taken. A key that is removed or cannot be read changes nothing.
    ///
    /// Where it says `pause`, this member acquires nothing, unless a request to
    /// hand over or a release names it as the next one to lead; what it holds it
    /// goes on holding: see [`Elector::is_scope_paused`].
    pub const fn follow_config(mut self) -> Self {
        self.follows_config = true;
        self
    }

    /// Whether, and after whom, this member takes leadership; by default it does,
    /// after nobody.
    pub const fn eligibility(mut self, eligibility: Eligibility) -> Self {
        self.eligibility = eligibility;
        self
    }

    /// What is called when work under [`Elector::lead`] is still running although
    /// the belief of its term has ended: once each time, by the driver, at that
    /// instant. Where the driver was kept from running, too, `lead` calls it
    /// once the work has yielded.
    ///
    /// The last resort for work that does not stop: end the process, or cut it
    /// off from what it writes to. It must not block, and a panic in it ends
    /// the driver.
    pub fn on_overrun(mut self, hook: OverrunHook) -> Self {
        self.on_overrun = Hook(Some(hook));
        self
    }

    /// Switches failsafe mode on: this member answers leaders that ask it, and
    /// as the leader may go on without the store if everyone agrees; see
    /// [`Elector::failsafe_poll`]. Switch it on for all members of the scope,
    /// then name them by [`Elector::set_failsafe`].
    ///
    /// **It trusts what the rest of the election does not**: that nobody else
    /// writes or deletes the leader record, and that no two processes run under
    /// one member name. See rule F1 in `docs/election.md` of the repository.
    pub const fn failsafe(mut self) -> Self {
        self.failsafe = true;
        self
    }

    /// Says that Patroni may lead in this scope, too: then what it wrote is left
    /// alone for as long as it may believe; see [`BesidePatroni`]. Off by
    /// default, where every version is left alone for T_WAIT.
    ///
    /// Switch it on for all members of a scope that Patroni knows: without it
    /// a lock of Patroni with a longer ttl than T_WAIT, or a renewal of it
    /// whose answer is late, is taken from a member that believes in it.
    ///
    /// Its first data is out of this election's sight: have a member stand only
    /// where [`FirstData`](crate::duties::FirstData) says that it may.
    pub const fn beside_patroni(mut self, beside: BesidePatroni) -> Self {
        self.beside = Some(beside);
        self
    }

    /// Asserts that this scope is new: nobody leads it or ever did, no other
    /// process asserts the same, waits for it or deletes its objects. Then the
    /// first election does not take T_WAIT. The assertion is void as soon as
    /// this process sees anything of the scope.
    ///
    /// **Wrongly asserted, two members may lead at once.**
    pub const fn assert_first_bootstrap(mut self) -> Self {
        self.bootstrap = true;
        self
    }

    /// The elector, and the driver that does its work once it is spawned.
    pub fn build(self) -> (Elector, Driver) {
        let belief = Arc::new(Belief::default());
        let stop_time = self.timing.stop_time();
        let shared = Arc::new(Shared::new(
            Arc::clone(&belief),
            Arc::clone(&self.clock),
            stop_time,
            Works::new(self.on_overrun),
        ));
        let (asks, inbox) = mpsc::unbounded_channel();
        let (feed, view) = ClusterFeed::new();
        let (dcs, times) = (Arc::clone(&self.dcs), Times::of(&self.timing));
        let base = self.timing.clone();
        let mut machine = Machine::new(Parts {
            me: self.me.clone(),
            timing: self.timing,
            policy: self.policy,
            bootstrap: self.bootstrap,
            beside: self.beside,
            clock: Arc::clone(&self.clock),
            entropy: self.entropy,
            belief,
        });
        machine.handle(Input::Command(Command::Eligibility(self.eligibility)));
        if self.failsafe {
            machine.allow_failsafe();
        }
        let driver = Driver {
            dcs: self.dcs,
            clock: self.clock,
            machine,
            shared: Arc::clone(&shared),
            asks: inbox,
            feed,
            base,
            follows_config: self.follows_config,
            beside_patroni: self.beside.is_some(),
            config: None,
            times,
            stopping: false,
            waiting_for_idle: Vec::new(),
            failsafe_asked: VecDeque::new(),
        };
        let elector = Elector {
            shared,
            asks,
            view,
            dcs,
            me: self.me,
        };
        (elector, driver)
    }
}

impl Stream for Events {
    type Item = ElectionEvent;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<ElectionEvent>> {
        self.0.poll_recv(context)
    }
}

/// Waits for the next term, or for the end of the driver.
async fn next_term<T>(
    terms: &mut tokio::sync::watch::Receiver<T>,
    asks: &mpsc::UnboundedSender<Ask>,
) -> Result<(), ElectionEnded> {
    let changed = std::pin::pin!(terms.changed());
    let ended = std::pin::pin!(asks.closed());
    match futures_util::future::select(changed, ended).await {
        futures_util::future::Either::Left((changed, _)) => changed.map_err(|_| ElectionEnded),
        futures_util::future::Either::Right(((), _)) => Err(ElectionEnded),
    }
}
