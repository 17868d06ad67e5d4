//! What the driver, the elector and the lease share.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future;
use tokio::sync::{mpsc, oneshot, watch};

use super::belief::Belief;
use super::event::{ElectionEvent, EventKind, LossReason};
use super::machine::{Command, FailsafeAsk, FailsafeSaid};
use super::seeded::{Bug, planted};
use super::term::Term;
use super::work::{Running, Works};
use crate::{Clock, FencingToken, MemberName, Timestamp};

/// What users ask of the driver.
#[derive(Debug)]
pub(super) enum Ask {
    Command(Command),
    /// Give this term up, to this member if one is named, and stay out.
    GiveUp(u64, Option<MemberName>),
    /// Something of failsafe mode, and where the answer goes.
    Failsafe(FailsafeAsk, oneshot::Sender<FailsafeSaid>),
    /// Say when what was to be given up is given up.
    WhenIdle(oneshot::Sender<()>),
}

/// The term that the driver knows to be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenTerm {
    pub(super) number: u64,
    pub(super) token: FencingToken,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) belief: Arc<Belief>,
    pub(super) clock: Arc<dyn Clock>,
    term: watch::Sender<Option<OpenTerm>>,
    /// The newest term whose lease was dropped: over for its users at once,
    /// while the driver still has to write the release.
    revoked: AtomicU64,
    /// The newest term whose lease was handed out, or never will be.
    handed_out: AtomicU64,
    /// The newest term whose lease nobody holds any more, or who holds it has
    /// had the time to stop.
    returned: watch::Sender<u64>,
    /// Callers that wait for a lease.
    acquiring: AtomicUsize,
    stop_time: AtomicU64,
    pub(super) works: Works,
    paused: Mutex<bool>,
    scope_paused: AtomicBool,
    audience: Mutex<Audience>,
}

/// A caller that waits for a lease.
#[derive(Debug)]
pub(super) struct Acquiring<'a>(&'a AtomicUsize);

impl Drop for Acquiring<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[derive(Debug, Default)]
struct Audience {
    subscribers: Vec<mpsc::UnboundedSender<ElectionEvent>>,
    /// What a late subscriber has missed and still holds.
    leader: Option<ElectionEvent>,
    term: Option<ElectionEvent>,
    /// The term that ended last, and why unless it was given up on purpose.
    ended: Option<(FencingToken, Option<LossReason>)>,
    /// The driver has gone: nothing more will be told.
    is_over: bool,
}

impl Shared {
    pub(super) fn new(
        belief: Arc<Belief>,
        clock: Arc<dyn Clock>,
        stop_time: Duration,
        works: Works,
    ) -> Self {
        let shared = Self {
            belief,
            clock,
            term: watch::channel(None).0,
            revoked: AtomicU64::new(0),
            handed_out: AtomicU64::new(0),
            returned: watch::channel(0).0,
            acquiring: AtomicUsize::new(0),
            stop_time: AtomicU64::new(0),
            works,
            paused: Mutex::default(),
            scope_paused: AtomicBool::default(),
            audience: Mutex::default(),
        };
        shared.set_stop_time(stop_time);
        shared
    }

    /// How long this term is still believed in by its users.
    pub(super) fn remaining(&self, term: u64) -> Option<Duration> {
        let revoked = self.revoked.load(SeqCst) >= term;
        if revoked {
            None
        } else {
            self.belief.remaining(term, &*self.clock)
        }
    }

    pub(super) fn is_leader(&self) -> bool {
        let term = self.belief.newest_term();
        self.remaining(term).is_some()
    }

    /// Whether the drop of the lease of `term` leaves nobody who leads, or
    /// waits to: the newest term is that one, or one whose lease nobody took.
    pub(super) fn is_given_up(&self, term: u64) -> bool {
        // First who waits: a caller hands out a term before it stops waiting.
        let acquiring = self.acquiring.load(SeqCst);
        let newest = self.belief.newest_term();
        if newest == term && self.term.borrow().is_some() {
            return true;
        }
        // Taken here, so that nobody else is handed what is given up.
        let given_up = acquiring == 0 && (newest == term || self.hand_out(newest));
        if given_up {
            self.comes_back(newest);
        }
        given_up
    }

    /// Nobody holds the lease of this term any more, from now on.
    pub(super) fn comes_back(&self, term: u64) {
        self.returned.send_if_modified(|returned| {
            let is_news = *returned < term;
            *returned = term.max(*returned);
            is_news
        });
    }

    /// Waits until nobody holds the lease of the newest term, or whoever does
    /// has had the time to stop. Then nobody has to be waited for again.
    pub(super) async fn is_let_go(&self) {
        let newest = self.belief.newest_term();
        let nobody_has_it = self.handed_out.load(SeqCst) < newest;
        if nobody_has_it || planted(Bug::ReleaseUnderALease) {
            return;
        }
        let mut returned = self.returned.subscribe();
        let returned = pin!(returned.wait_for(|returned| *returned >= newest));
        future::select(returned, self.clock.sleep(self.stop_time())).await;
        self.comes_back(newest);
    }

    /// This term is being given up, on purpose: it is over for its users from
    /// now on, while the release waits for what is still under way, and nobody
    /// is handed it any more.
    pub(super) fn gives_up(&self, term: u64) {
        if planted(Bug::ReleaseUnderALease) {
            return;
        }
        self.revoke(term);
        let mut ended = None;
        self.term.send_if_modified(|open| {
            ended = open.take_if(|open| open.number == term);
            ended.is_some()
        });
        if let Some(open) = ended {
            self.audience().ended = Some((open.token, None));
        }
    }

    /// Who waits for a lease contends anew.
    pub(super) fn wake_acquirers(&self) {
        self.term.send_modify(|_| {});
    }

    /// Counts a caller that waits for a lease, until the guard is dropped.
    pub(super) fn acquiring(&self) -> Acquiring<'_> {
        self.acquiring.fetch_add(1, SeqCst);
        Acquiring(&self.acquiring)
    }

    /// Nothing more will be told, and nobody renews any more.
    pub(super) fn driver_is_gone(&self) {
        let mut audience = self.audience();
        audience.is_over = true;
        audience.subscribers.clear();
        audience.term = None;
    }

    pub(super) fn revoke(&self, term: u64) {
        if !planted(Bug::BelievesWhileReleasing) {
            self.revoked.fetch_max(term, SeqCst);
        }
    }

    /// Whether this caller is the one that gets the lease of this term.
    pub(super) fn hand_out(&self, term: u64) -> bool {
        self.handed_out.fetch_max(term, SeqCst) < term
    }

    /// Whether this member is to acquire nothing.
    pub(super) fn paused(&self) -> MutexGuard<'_, bool> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the config key pauses the whole scope.
    pub(super) fn is_scope_paused(&self) -> bool {
        self.scope_paused.load(SeqCst)
    }

    pub(super) fn set_scope_paused(&self, paused: bool) {
        self.scope_paused.store(paused, SeqCst);
    }

    /// Says that the work of this term begins: see [`Works::begin`].
    pub(super) fn begin_work(&self, term: &Term) -> Running<'_> {
        self.works.begin(term.open(), &*self.clock)
    }

    /// Why a term that is over, or as good as over, ended; `None` where it was
    /// given up on purpose.
    pub(super) fn why_lost(&self, token: FencingToken) -> Option<LossReason> {
        let ended = self.audience().ended.filter(|ended| ended.0 == token);
        // Nobody has ended it but the clock, which the driver may not know yet.
        ended.map_or(Some(LossReason::Expired), |ended| ended.1)
    }

    pub(super) fn terms(&self) -> watch::Receiver<Option<OpenTerm>> {
        self.term.subscribe()
    }

    pub(super) fn stop_time(&self) -> Duration {
        Duration::from_nanos(self.stop_time.load(SeqCst))
    }

    pub(super) fn set_stop_time(&self, stop_time: Duration) {
        self.stop_time.store(
            u64::try_from(stop_time.as_nanos()).unwrap_or(u64::MAX),
            SeqCst,
        );
    }

    pub(super) fn tell(&self, clock: &dyn Clock, kind: EventKind) {
        self.publish(&ElectionEvent {
            at: Timestamp::from_system_time(clock.wall()),
            kind,
        });
    }

    pub(super) fn publish(&self, event: &ElectionEvent) {
        tracing::debug!(?event, "election");
        let mut audience = self.audience();
        match &event.kind {
            EventKind::Elected { token, .. } => {
                let number = self.belief.newest_term();
                audience.term = Some(event.clone());
                self.term.send_replace(Some(OpenTerm {
                    number,
                    token: *token,
                }));
            }
            EventKind::Renewed { token, until } | EventKind::Extended { token, until } => {
                let kind = EventKind::Elected {
                    token: *token,
                    until: *until,
                };
                audience.term = Some(ElectionEvent { at: event.at, kind });
            }
            EventKind::Lost { token, why } => {
                audience.ended = Some((*token, Some(*why)));
                audience.term = None;
                self.term.send_replace(None);
            }
            EventKind::Released { token } => {
                audience.ended = Some((*token, None));
                audience.term = None;
                self.term.send_replace(None);
            }
            EventKind::Leader { .. } => audience.leader = Some(event.clone()),
            EventKind::Waiting { .. }
            | EventKind::Adjusted(_)
            | EventKind::Alarm(_)
            | EventKind::Trouble { .. } => {}
        }
        audience
            .subscribers
            .retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }

    /// A stream that begins with the present state.
    pub(super) fn subscribe(&self) -> mpsc::UnboundedReceiver<ElectionEvent> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut audience = self.audience();
        for event in [&audience.leader, &audience.term].into_iter().flatten() {
            // The receiver is at hand, so this cannot fail.
            let _ = sender.send(event.clone());
        }
        if !audience.is_over {
            audience.subscribers.push(sender);
        }
        receiver
    }

    fn audience(&self) -> MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
