use std::sync::Arc;

use dcs_core::Dcs;
use dcs_core::election::Lease;

use crate::{ManualClock, Member};

/// A member that leads, and its time.
#[derive(Debug)]
pub struct Renewal {
    clock: ManualClock,
    member: Member,
    /// Held, since a lease that is dropped is given up.
    lease: Lease,
}

impl Renewal {
    /// A member that leads over this store, which lives by this clock.
    #[must_use]
    pub fn new(dcs: Arc<dyn Dcs>, clock: ManualClock) -> Self {
        let mut member = Member::new(dcs, Arc::new(clock.clone()));
        let lease = member.lead();
        // What the watch has to say of the acquisition.
        member.poll();
        Self {
            clock,
            member,
            lease,
        }
    }

    /// Lets a heartbeat pass, and the driver do what is due then: one renewal.
    pub fn cycle(&mut self) {
        self.clock.advance(Member::LOOP_WAIT);
        self.member.poll();
    }

    /// The lease that is renewed.
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }
}
