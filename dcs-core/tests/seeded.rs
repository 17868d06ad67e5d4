//! Planted bugs outside of the state machine, and that one is planted in the
//! whole process. Empty in a build without seeded bugs.
#![cfg(dcs_seeded_bugs)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use dcs_core::election::seeded::{Bug, plant};
use dcs_core::election::{Elector, Lease, LeaseTiming};
use dcs_core::{Clock, Stamp, TokioClock};
use dcs_memory::{Latency, MemoryDcs, MemoryStore, SeededEntropy};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

const TTL: Duration = Duration::from_secs(30);

/// One bug at a time: it is planted in the whole process.
static PLANTED: Mutex<()> = Mutex::new(());

struct TakesOut;

impl Drop for TakesOut {
    fn drop(&mut self) {
        plant(None);
    }
}

/// What a member that leads makes of it with the bug, and without it.
fn shows(bug: Bug, wrong: fn(Member) -> BoxFuture<'static, bool>) {
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let run = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async { wrong(Member::leading().await).await })
    };
    assert!(!run(), "{} shows where it is not planted", bug.name());
    plant(Some(bug));
    let _takes_out = TakesOut;
    assert!(run(), "{} does not show", bug.name());
}

/// A clock that can be moved while nothing of the process runs.
#[derive(Debug)]
struct Stopped {
    clock: TokioClock,
    start: Stamp,
    ahead: Mutex<Duration>,
}

impl Clock for Stopped {
    fn now(&self) -> Stamp {
        let elapsed = self.clock.now().holder_elapsed_since(self.start);
        Stamp::from_single(TTL + elapsed + *self.ahead.lock().unwrap())
    }

    fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep(duration)
    }
}

struct Member {
    clock: Arc<Stopped>,
    dcs: Arc<MemoryDcs>,
    elector: Elector,
    driver: JoinHandle<()>,
}

impl Member {
    /// A member that leads, and whose lease nobody has taken.
    async fn leading() -> Self {
        let clock = TokioClock::new();
        let start = clock.now();
        let ahead = Mutex::default();
        let clock = Arc::new(Stopped {
            clock,
            start,
            ahead,
        });
        let store = MemoryStore::new(Arc::<Stopped>::clone(&clock));
        let dcs = Arc::new(store.handle(&"demo".parse().unwrap()));
        let seconds = Duration::from_secs;
        let (elector, driver) = Elector::builder(
            Arc::<MemoryDcs>::clone(&dcs),
            "a".parse().unwrap(),
            LeaseTiming::new(TTL, seconds(10), seconds(8)).unwrap(),
            Arc::<Stopped>::clone(&clock),
            Arc::new(SeededEntropy::new(1)),
        )
        .build();
        elector.contend().unwrap();
        let driver = tokio::spawn(driver.run());
        clock.sleep(TTL + seconds(1)).await;
        assert!(elector.is_leader());
        Self {
            clock,
            dcs,
            elector,
            driver,
        }
    }

    /// As SIGSTOP and SIGCONT do: time has passed, and nothing was noticed.
    fn is_stopped_for(&self, time: Duration) {
        *self.clock.ahead.lock().unwrap() += time;
    }

    fn takes_the_lease(&self) -> Option<Lease> {
        self.elector.acquire().now_or_never()?.ok()
    }
}

#[test]
fn a_lease_of_a_term_that_is_over_is_handed_out() {
    shows(Bug::LeaseNotRechecked, |member| {
        Box::pin(async move {
            member.is_stopped_for(TTL);
            let lease = member.takes_the_lease();
            lease.is_some_and(|lease| lease.is_valid()) && !member.elector.is_leader()
        })
    });
}

#[test]
fn a_lease_stays_valid_although_nobody_renews_it() {
    shows(Bug::LeaseNotRechecked, |member| {
        Box::pin(async move {
            let lease = member.takes_the_lease().unwrap();
            member.driver.abort();
            member.clock.sleep(TTL).await;
            lease.is_valid()
        })
    });
}

#[test]
fn a_lease_that_is_dropped_leaves_its_member_leading() {
    shows(Bug::BelievesWhileReleasing, |member| {
        Box::pin(async move {
            drop(member.takes_the_lease().unwrap());
            let believes = member.elector.is_leader();
            member.elector.step_down().await.unwrap();
            assert!(!member.elector.is_leader());
            believes
        })
    });
}

#[test]
fn a_lease_stays_valid_while_its_term_is_being_given_up() {
    shows(Bug::ReleaseUnderALease, |member| {
        Box::pin(async move {
            let lease = member.takes_the_lease().unwrap();
            member
                .dcs
                .set_latency(Latency::fixed(Duration::from_millis(900)));
            // A renewal is under way, and nothing is released before its answer.
            member.clock.sleep(Duration::from_secs(10)).await;
            assert!(member.elector.step_down().now_or_never().is_none());
            member.clock.sleep(Duration::from_millis(1)).await;
            lease.is_valid()
        })
    });
}

#[test]
fn a_bug_is_planted_for_all_threads() {
    let span = || {
        let timing = LeaseTiming::new(TTL, TTL / 3, TTL / 3).unwrap();
        std::thread::spawn(move || timing.holder_span())
            .join()
            .unwrap()
    };
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(span() < TTL);
    plant(Some(Bug::NoDriftMargin));
    let _takes_out = TakesOut;
    assert_eq!(span(), TTL);
}
