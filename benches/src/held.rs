use std::sync::Arc;

use dcs_core::SystemClock;
use dcs_core::election::{Elector, Lease};
use dcs_memory::MemoryStore;
use tokio::runtime::{Builder, Runtime};

use crate::{Member, scope};

/// A lease that is held by the clock of production. It is long enough to
/// outlast a bench without a driver that renews it.
#[derive(Debug)]
pub struct Held {
    member: Member,
    lease: Option<Lease>,
    /// Where the timers of the clock live.
    _runtime: Runtime,
}

impl Held {
    /// A member that leads.
    ///
    /// # Panics
    /// If the system gives no runtime, which needs no I/O.
    #[must_use]
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime without I/O needs nothing");
        let clock = Arc::new(SystemClock::new());
        let store = MemoryStore::new(clock.clone());
        let mut member = Member::new(Arc::new(store.handle(&scope())), clock);
        let lease = {
            let _timers = runtime.enter();
            member.lead()
        };
        Self {
            member,
            lease: Some(lease),
            _runtime: runtime,
        }
    }

    /// The handle of the election.
    #[must_use]
    pub const fn elector(&self) -> &Elector {
        self.member.elector()
    }

    /// The lease.
    ///
    /// # Panics
    /// Once it was dropped.
    pub const fn lease(&self) -> &Lease {
        self.lease.as_ref().expect("the lease was not dropped yet")
    }

    /// Drops the lease.
    pub fn drop_lease(&mut self) {
        self.lease = None;
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::new()
    }
}
