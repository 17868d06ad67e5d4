//! A member that leads by Patroni's rules: its loop as the store sees it, what
//! it may believe, and what has to hold of our members beside it.
//!
//! The rules are those of Patroni 4.1 on Kubernetes. PostgreSQL, its REST
//! interface and the race for the best replica are left out: whoever may run
//! for the lock, does.

mod beliefs;
mod cache;
mod clock;
mod config;
mod judged;
mod lock;
mod request;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use dcs_core::Timestamp;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, select};

use beliefs::Held;
pub(super) use beliefs::{Patronis, Writer};
use cache::{Cache, Seen};
use clock::{Instant, OwnClock};
pub(super) use config::{SETTINGS, Shared};
use lock::{Lock, Patch};
use request::{Requests, Write, Written};
use settings::Settings;

use super::class::Class;
use super::executor::{Nanos, lock as locked};
use super::node::Node;

/// How an actor behaves.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    /// It counts by the wall clock, as Patroni did until 4.1.
    pub(super) is_wall: bool,
    /// Until when, in real time, it gives the lock up now and then.
    pub(super) until: Nanos,
}

/// A follower that knows of a leader runs its loop so much later, to come just
/// after the renewal.
const FOLLOWS: Duration = Duration::from_millis(500);
/// After a switchover Patroni rests for so long.
const RESTS: Duration = Duration::from_secs(2);

/// One member that follows Patroni's loop.
struct Patroni {
    node: Node,
    requests: Requests,
    cache: Cache,
    settings: Settings,
    /// The lock as it was seen to change last, and when.
    observed: Option<(Lock, Instant)>,
    is_leader: bool,
    /// It does not run for the lock before.
    stays_out: Nanos,
    optime: u64,
    habits: Habits,
}

pub(super) fn patroni(node: Node, habits: Habits) -> BoxFuture<'static, ()> {
    async move {
        let world = Arc::clone(node.world());
        let clock = OwnClock::new(world.clock_of(node.process()), habits.is_wall);
        locked(&world.judge)
            .patronis
            .comes(node.process(), clock.clone());
        Patroni {
            requests: Requests::new(&node, clock),
            cache: Cache::new(&node),
            settings: Settings::default(),
            observed: None,
            is_leader: false,
            stays_out: 0,
            optime: 67_108_864,
            habits,
            node,
        }
        .run()
        .await;
    }
    .boxed()
}

impl Patroni {
    async fn run(mut self) {
        let mut next = self.requests.now();
        loop {
            self.cycle().await;
            self.takes_settings_over();
            // The next cycle is due a loop_wait after this one was.
            let loop_wait = self.settings.loop_wait;
            let late = self.requests.now().since(next);
            let nap = loop_wait.saturating_sub(late);
            let woken = !nap.is_zero() && self.naps(nap).await;
            next = if woken || nap.is_zero() {
                self.requests.now()
            } else {
                next.after(loop_wait)
            };
        }
    }

    /// Waits for the next cycle. Whether something has woken it.
    async fn naps(&mut self, nap: Duration) -> bool {
        let follows = !self.is_leader && self.cache.lock().leader.is_some();
        let nap = if follows { nap + FOLLOWS } else { nap };
        let time = self.node.clock().sleep(nap);
        let woken = std::pin::pin!(self.cache.wakes());
        matches!(select(woken, time).await, Either::Left(_))
    }

    async fn cycle(&mut self) {
        if self.node.below(30) == 0 {
            // The server ends watches now and then.
            self.cache.begin_anew();
        }
        if !self.knows_the_cluster().await {
            return self.demote();
        }
        let seen = self.cache.seen();
        let holder = self.holder(&seen);
        if holder.as_ref() == Some(self.node.name()) {
            self.renew(&seen).await;
        } else {
            self.demote();
            if holder.is_none() && self.stays_out <= self.node.world().now() {
                self.acquire(&seen).await;
            }
        }
    }

    /// Waits until the caches are filled, for as long as one operation may take.
    async fn knows_the_cluster(&mut self) -> bool {
        let limit = self.node.clock().sleep(self.settings.retry_timeout);
        let filled = std::pin::pin!(self.cache.filled());
        matches!(select(filled, limit).await, Either::Left(_))
    }

    /// Who holds the lock, by the five annotations and the own clock alone.
    fn holder(&mut self, seen: &Seen) -> Option<dcs_core::MemberName> {
        let now = self.requests.now();
        let has_changed = match &self.observed {
            Some((observed, _)) => *observed != seen.lock,
            None => seen.lock != Lock::default(),
        };
        if has_changed {
            self.observed = Some((seen.lock.clone(), now));
        }
        let (_, since) = self.observed.as_ref()?;
        let ttl = seen.lock.ttl_or(self.settings.ttl);
        let is_over = seen.revision.is_none() || now.own - since.own > ttl_nanos(ttl);
        seen.lock.leader.clone().filter(|_| !is_over)
    }

    async fn renew(&mut self, seen: &Seen) {
        if self.wants_to_go() {
            return self.switch_over().await;
        }
        let began = self.requests.now();
        self.optime += 48;
        let me = self.node.name().clone();
        let patch = Patch::renew(
            &me,
            self.settings.ttl,
            self.wall(),
            (&seen.lock, self.optime),
        );
        let write = Write {
            patch: &patch,
            found: seen.record.clone(),
            expected: seen.revision,
            is_renewal: true,
            is_too_early: false,
        };
        let written = self.requests.write(write, began, self.settings).await;
        self.has_written(&patch, written, began);
    }

    async fn acquire(&mut self, seen: &Seen) {
        let began = self.requests.now();
        let is_too_early = match (&self.observed, &seen.lock.leader) {
            (Some((_, since)), Some(_)) => !began.was_not_fast_since(*since),
            _ => false,
        };
        let me = self.node.name().clone();
        let found = self.observed.as_ref().map(|(lock, _)| lock);
        let found = found.filter(|lock| **lock != Lock::default());
        let patch = Patch::acquire(&me, self.settings.ttl, self.wall(), found);
        // A newer object with the same lock is as good as the one judged.
        self.cache.drain();
        let newer = self.cache.seen();
        let is_same = newer.revision.is_some() && newer.lock == seen.lock;
        let seen = if is_same { &newer } else { seen };
        let write = Write {
            patch: &patch,
            found: seen.record.clone(),
            expected: seen.revision,
            is_renewal: false,
            is_too_early,
        };
        let written = self.requests.write(write, began, self.settings).await;
        self.has_written(&patch, written, began);
    }

    fn has_written(&mut self, patch: &Patch, written: Written, sent: Instant) {
        let Written::Yes(revision) = written else {
            if written == Written::No {
                // What is known may be stale: all watches begin anew.
                self.cache.begin_anew();
            }
            return self.demote();
        };
        self.cache.wrote(revision, patch);
        if !self.is_leader {
            self.node.world().counts(Class::PatroniLeads);
        }
        self.is_leader = true;
        self.believes(Some(Held {
            sent,
            answered: self.requests.now(),
            ttl: self.settings.ttl,
            retry_timeout: self.settings.retry_timeout,
            revision,
        }));
    }

    fn demote(&mut self) {
        if self.is_leader {
            self.is_leader = false;
            self.believes(None);
        }
    }

    fn believes(&self, held: Option<Held>) {
        let (world, process) = (self.node.world(), self.node.process());
        let mut judge = locked(&world.judge);
        judge.patronis.believes(process, held);
        judge.check_all(world.now());
    }

    /// Somebody asks for a switchover, or it is to be shut down.
    fn wants_to_go(&self) -> bool {
        self.is_leader && self.node.world().now() < self.habits.until && self.node.below(6) == 0
    }

    /// Stops the work, writes the position it ended at, and gives the lock up.
    async fn switch_over(&mut self) {
        let limit = self.settings.retry_timeout;
        self.demote();
        self.node
            .sleep(Duration::from_millis(self.node.below(3_000)))
            .await;
        self.optime += 104;
        if self.node.below(3) == 0 {
            self.requests.write_position(self.optime, limit).await;
            self.cache.drain();
        }
        let seen = self.cache.seen();
        if seen.lock.leader.as_ref() == Some(self.node.name()) {
            let patch = Patch::release(self.optime);
            let write = Write {
                patch: &patch,
                found: seen.record.clone(),
                expected: seen.revision,
                is_renewal: false,
                is_too_early: false,
            };
            if let Written::Yes(revision) = self.requests.release(write, limit).await {
                self.cache.wrote(revision, &patch);
            }
        }
        self.node.sleep(RESTS).await;
        let (now, most) = (self.node.world().now(), 240_000_000_000);
        self.stays_out = (now + self.node.below(most)).min(self.habits.until);
    }

    fn takes_settings_over(&mut self) {
        let Some(config) = self.cache.config() else {
            return;
        };
        let settings = self.settings.with_config(config);
        if settings != self.settings {
            self.settings = settings;
            self.node.world().hit(Class::Config);
        }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_system_time(self.node.clock().wall())
    }
}

fn ttl_nanos(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_nanos()).unwrap_or(i64::MAX)
}
