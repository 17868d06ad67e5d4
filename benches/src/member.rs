use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dcs_core::election::{Elector, Lease, LeaseTiming};
use dcs_core::{Clock, Dcs};
use dcs_memory::SeededEntropy;
use futures_util::future::BoxFuture;

/// Turns in which a member has to lead: a few requests that are answered at
/// once, each in its own turn at worst.
const MOST_TURNS: usize = 100;

/// A member of an election whose driver is polled by hand.
pub struct Member {
    elector: Elector,
    driver: BoxFuture<'static, ()>,
}

impl Member {
    /// The time between two renewals.
    pub const LOOP_WAIT: Duration = Duration::from_secs(10);
    /// The ttl: a day, the longest there is, so that no bench outlives a lease.
    pub const TTL: Duration = Duration::from_secs(86_400);

    /// A member of the scope of `dcs`, which nobody led before. It does nothing
    /// until it is polled.
    ///
    /// # Panics
    /// Never: what it is made of is fixed and valid.
    #[must_use]
    pub fn new(dcs: Arc<dyn Dcs>, clock: Arc<dyn Clock>) -> Self {
        let me = "demo-0".parse().expect("a valid name");
        let chance = Arc::new(SeededEntropy::new(1));
        let (elector, driver) = Elector::builder(dcs, me, Self::timing(), clock, chance)
            .assert_first_bootstrap()
            .build();
        Self {
            elector,
            driver: Box::pin(driver.run()),
        }
    }

    /// The settings of the member.
    ///
    /// # Panics
    /// Never: they are fixed and valid.
    #[must_use]
    pub fn timing() -> LeaseTiming {
        LeaseTiming::new(Self::TTL, Self::LOOP_WAIT, Self::LOOP_WAIT)
            .expect("valid settings, of which none is adjusted")
    }

    /// The handle that a program holds.
    #[must_use]
    pub const fn elector(&self) -> &Elector {
        &self.elector
    }

    /// Lets the driver do all that can be done now.
    ///
    /// # Panics
    /// If the driver has ended, which it does not while this member is there.
    pub fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let polled = self.driver.as_mut().poll(&mut context);
        assert!(polled.is_pending(), "the driver ended while it was needed");
    }

    /// Contends until this member leads.
    ///
    /// # Panics
    /// If the store does not answer at once, or refuses.
    pub fn lead(&mut self) -> Lease {
        let elector = self.elector.clone();
        let mut acquire = pin!(elector.acquire());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..MOST_TURNS {
            if let Poll::Ready(lease) = acquire.as_mut().poll(&mut context) {
                return lease.expect("the driver is there");
            }
            self.poll();
        }
        panic!("no lease after {MOST_TURNS} turns over a store that answers at once");
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("elector", &self.elector)
            .finish_non_exhaustive()
    }
}
