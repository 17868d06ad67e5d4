//! The HA loop of one member. This is the part to copy.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::duties::eligibility;
use dcs_core::election::{BesidePatroni, Driver, ElectionEnded, Elector, Lease, LeaseTiming};
use dcs_core::{Clock, Config, Dcs, Entropy, MemberRecord, Snapshot};
use futures::future::OptionFuture;
use tokio::{sync::watch, task::JoinSet};

use crate::report::Report;
use crate::turn::Turns;

/// What a member is made of.
pub(crate) struct Member {
    pub(crate) dcs: Arc<dyn Dcs>,
    /// What it says of itself as a follower that runs.
    pub(crate) record: MemberRecord,
    pub(crate) timing: LeaseTiming,
    /// What the config key is to say where there is none.
    pub(crate) seed: Config,
    /// How to go about Patroni in the same scope, if it may be there.
    pub(crate) beside: Option<BesidePatroni>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) bootstrap: bool,
    pub(crate) report: Report,
}

impl Member {
    /// Leads or follows until told to stop, then gives up what it holds.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let (elector, driver) = self.elector();
        let (mut lease, mut view) = (None::<Lease>, elector.cluster());
        let mut turns = Turns::new(&self, &elector);
        // If this task is killed these two die with it, before the lease does.
        let mut tasks = JoinSet::new();
        let (report, me) = (self.report.clone(), self.record.name().clone());
        tasks.spawn(report.tell_all(me, elector.events()));
        tasks.spawn(driver.run());
        let mut acquiring = Box::pin(self.acquire(&elector, Duration::ZERO));
        let tick = self.report.tick(self.timing.loop_wait());
        let mut wait = tick;
        loop {
            let ended = OptionFuture::from(lease.as_ref().map(Lease::ended));
            let turn = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                acquired = &mut acquiring, if lease.is_none() => match acquired {
                    Ok(acquired) => {
                        (lease, wait) = (Some(acquired), Duration::ZERO);
                        continue;
                    }
                    Err(_) => break,
                },
                // The work, if there were any, would be stopped here.
                Some(()) = ended => {
                    (lease, wait) = (None, Duration::ZERO);
                    acquiring = Box::pin(self.acquire(&elector, Duration::ZERO));
                    continue;
                }
                turn = turns.next(&mut view, wait, lease.as_ref()) => turn,
            };
            wait = turn.wake.unwrap_or(tick).min(tick);
            let gives_up = turn.hand_over.is_some() || turn.is_over();
            if let Some(lease) = lease.take_if(|_| gives_up) {
                if let Some(view) = view.latest() {
                    turns.keep(&view, false).await;
                }
                match turn.hand_over.and_then(|asked| asked.to) {
                    Some(next) => lease.release_to(next).await,
                    None => lease.release().await,
                }
                let others_turn = self.timing.loop_wait();
                acquiring = Box::pin(self.acquire(&elector, others_turn));
            }
        }
        if let Some(view) = view.latest() {
            turns.leave(&view).await;
        }
        drop((acquiring, turns));
        OptionFuture::from(lease.map(Lease::release)).await;
        drop(elector);
        tasks.join_all().await;
    }

    fn elector(&self) -> (Elector, Driver) {
        let (dcs, timing) = (Arc::clone(&self.dcs), self.timing.clone());
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let me = self.record.name().clone();
        let (nothing, seed) = (Snapshot::default(), &self.seed);
        let alone = self.situation(&nothing, seed).with_own(&self.record);
        let mut builder = Elector::builder(dcs, me, timing, clock, entropy)
            .eligibility(eligibility(&alone))
            .follow_config();
        if let Some(beside) = self.beside {
            builder = builder.beside_patroni(beside);
        }
        if self.bootstrap {
            builder = builder.assert_first_bootstrap();
        }
        builder.build()
    }

    /// Contends again, after giving the others a turn: until one of them leads,
    /// and so long at the most.
    async fn acquire(&self, elector: &Elector, turn: Duration) -> Result<Lease, ElectionEnded> {
        let (me, mut view) = (self.record.name(), elector.cluster());
        let leads = |view: &Snapshot| view.holder().is_some_and(|holder| holder != me);
        tokio::select! {
            biased;
            () = self.clock.sleep(turn) => {}
            Some(_) = view.wait_for(leads) => {}
        }
        elector.acquire().await
    }
}
