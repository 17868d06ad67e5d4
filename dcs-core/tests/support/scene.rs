//! Two members, and futures that are dropped at every point.

use std::pin::pin;
use std::time::Duration;

use dcs_core::Clock;
use dcs_core::election::{ElectorBuilder, Lease, LeaseTiming};
use dcs_memory::Latency;
use futures_util::FutureExt;
use futures_util::future::{Either, select};

use super::{Member, World, ms, s};

/// More points than any of the futures here has: it never ended.
pub(crate) const ENDLESS: usize = 2_000;

pub(crate) fn timing() -> LeaseTiming {
    LeaseTiming::new(s(6), s(2), s(1)).unwrap()
}

/// The longest time in which one of two healthy members leads.
pub(crate) fn bound() -> Duration {
    timing().challenger_wait() + timing().loop_wait() * 2 + timing().retry_timeout()
}

/// Two members. What `a` asks of the store takes a while, so that there are
/// points at which a future can be dropped.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) a: Member,
    pub(crate) b: Member,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let a = world.join("a", timing(), ElectorBuilder::assert_first_bootstrap);
        let b = world.join("b", timing(), |builder| builder);
        a.dcs.set_latency(Latency::fixed(ms(2)));
        Self { world, a, b }
    }

    /// The same, and `a` leads while `b` waits.
    pub(crate) async fn led_by_a() -> (Self, Lease) {
        let scene = Self::new();
        let lease = scene.a.elector.acquire().await.unwrap();
        scene.b.elector.contend().unwrap();
        scene.go_on(s(1)).await;
        (scene, lease)
    }

    pub(crate) fn look(&self) {
        let both = self.a.elector.is_leader() && self.b.elector.is_leader();
        assert!(!both, "two members believe");
    }

    /// Goes on with a future, looking all the time whether two believe.
    pub(crate) async fn look_during<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            self.look();
            let tick = self.world.clock.sleep(ms(20));
            if let Either::Left((output, _)) = select(future.as_mut(), tick).await {
                self.look();
                return output;
            }
        }
    }

    pub(crate) async fn go_on(&self, time: Duration) {
        self.look_during(self.world.pass(time)).await;
    }

    /// Leads as `member`, in the time that this may take.
    pub(crate) async fn lead_as(&self, member: &Member) -> Lease {
        let limit = self.world.clock.sleep(bound());
        let acquired = pin!(self.look_during(member.elector.acquire()));
        match select(acquired, limit).await {
            Either::Left((lease, _)) => lease.unwrap(),
            Either::Right(_) => panic!("nobody leads after {:?}", bound()),
        }
    }

    /// Whoever was left leading by a dropped future is asked to step down; then
    /// both can lead, one after the other, and step down again.
    pub(crate) async fn goes_on_after_stepping_down(self) {
        self.look_during(self.a.elector.step_down()).await.unwrap();
        self.goes_on_by_itself().await;
    }

    /// Nobody holds a lease of `a` any more: the other one can lead without
    /// anyone doing anything.
    pub(crate) async fn goes_on_by_itself(self) {
        let lease = self.lead_as(&self.b).await;
        let token = lease.token();
        self.look_during(lease.release()).await;
        let again = self.lead_as(&self.a).await;
        assert!(again.token() > token && again.is_valid());
        self.look_during(self.a.elector.step_down()).await.unwrap();
        assert!(!self.a.elector.is_leader());
        let _last = self.lead_as(&self.b).await;
        self.a.crash();
        self.b.crash();
    }
}

/// Polls a future this often, whenever it is woken and each millisecond, and
/// drops it then, or before if it is ready.
pub(crate) async fn poll_times<F: Future>(
    world: &World,
    future: F,
    polls: usize,
) -> Option<F::Output> {
    poll_times_each(world, future, polls, ms(1)).await
}

pub(crate) async fn poll_times_each<F: Future>(
    world: &World,
    future: F,
    polls: usize,
    tick: Duration,
) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Some(output) = future.as_mut().now_or_never() {
            return Some(output);
        }
        // A poll without the task's own waker is woken by nothing but the tick:
        // it sees each state of the world that lasts as long.
        world.pass(tick).await;
    }
    None
}

/// Runs `drop_after(polls)` for one more poll each time, until it says that the
/// future was ready before.
pub(crate) async fn at_every_point(mut drop_after: impl AsyncFnMut(usize) -> bool) {
    for polls in 0..ENDLESS {
        if drop_after(polls).await {
            assert!(polls > 1, "there was no point to drop it at");
            return;
        }
    }
    panic!("it is not ready after {ENDLESS} polls");
}
