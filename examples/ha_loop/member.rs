//! The HA loop of one member. This is the part to copy.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::election::{ElectionEnded, Elector, Lease, LeaseTiming};
use dcs_core::{
    Change, Clock, Config, Dcs, DcsExt, Entropy, Entry, Failover, Initialize, MemberName,
    MemberRecord, Outcome, Precondition, Revision, Snapshot, Timestamp, Value, WriteError,
};
use futures::future::OptionFuture;
use serde_json::Map;
use tokio::{sync::watch, task::JoinSet};

use crate::report::{Report, failed};

/// What a member is made of.
pub(crate) struct Member {
    pub(crate) dcs: Arc<dyn Dcs>,
    pub(crate) me: MemberName,
    pub(crate) address: String,
    pub(crate) timing: LeaseTiming,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) bootstrap: bool,
    pub(crate) report: Report,
}

/// What the loop remembers from one turn to the next.
#[derive(Default)]
struct Memory {
    config: Option<Config>,
    members: usize,
    put: Option<(MemberRecord, Revision)>,
    malformed: Vec<String>,
    /// The request that was obeyed: obeying it again would be a loop.
    obeyed: Option<Revision>,
}

impl Member {
    /// Leads or follows until told to stop, then gives up what it holds.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let (dcs, timing) = (Arc::clone(&self.dcs), self.timing.clone());
        let builder = Elector::builder(dcs, self.me.clone(), timing, clock, entropy);
        let builder = if self.bootstrap {
            builder.assert_first_bootstrap()
        } else {
            builder
        };
        let (elector, driver) = builder.follow_config().build();
        let (mut lease, mut memory) = (None::<Lease>, Memory::default());
        let (mut view, report) = (elector.cluster(), self.report.clone());
        // If this task is killed these two die with it, before the lease does.
        let mut tasks = JoinSet::new();
        tasks.spawn(report.tell_all(self.me.clone(), elector.events()));
        tasks.spawn(driver.run());
        let mut acquiring = Box::pin(self.acquire(&elector, Duration::ZERO));
        let tick = self.report.tick(self.timing.loop_wait());
        loop {
            let ended = OptionFuture::from(lease.as_ref().map(Lease::ended));
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                acquired = &mut acquiring, if lease.is_none() => match acquired {
                    Ok(acquired) => lease = Some(acquired),
                    Err(_) => break,
                },
                // The work, if there were any, would be stopped here.
                Some(()) = ended => {
                    lease = None;
                    acquiring = Box::pin(self.acquire(&elector, Duration::ZERO));
                }
                Some(_) = view.changed() => {}
                () = self.clock.sleep(tick) => {}
            }
            let left = lease.as_ref().and_then(Lease::remaining);
            self.report.left(&self.me, left, self.timing.holder_span());
            let Some(view) = view.latest() else { continue };
            let hand_over = self.turn(&view, lease.is_some(), &mut memory).await;
            if let Some(lease) = lease.take_if(|_| hand_over) {
                lease.release().await;
                acquiring = Box::pin(self.acquire(&elector, self.timing.loop_wait()));
            }
        }
        drop(acquiring);
        OptionFuture::from(lease.map(Lease::release)).await;
        drop(elector);
        tasks.join_all().await;
    }

    /// Contends again, after giving the others a turn.
    async fn acquire(&self, elector: &Elector, after: Duration) -> Result<Lease, ElectionEnded> {
        self.clock.sleep(after).await;
        elector.acquire().await
    }

    /// One turn over the newest view. Returns whether to hand over.
    async fn turn(&self, view: &Snapshot, leads: bool, memory: &mut Memory) -> bool {
        if memory.config.as_ref() != view.config.get() {
            memory.config = view.config.get().cloned();
            self.report.seen(&*self.clock, &self.me, "config", view);
        }
        if std::mem::replace(&mut memory.members, view.members.len()) != view.members.len() {
            self.report.seen(&*self.clock, &self.me, "member", view);
        }
        self.report.malformed(&self.me, view, &mut memory.malformed);
        self.keep_record(view, leads, memory).await;
        if leads {
            self.seed(view).await;
        }
        leads && self.obey(view, memory).await
    }

    /// Writes the member's own record where the store has another one.
    async fn keep_record(&self, view: &Snapshot, leads: bool, memory: &mut Memory) {
        let record = MemberRecord::new(self.me.clone(), Map::new())
            .with(
                "conn_url",
                format!("postgres://{}:5432/postgres", self.address),
            )
            .with("state", "running")
            .with("role", if leads { "primary" } else { "replica" })
            .with("version", env!("CARGO_PKG_VERSION"));
        let stored = view.members.get(&self.me);
        let put = memory.put.as_ref().filter(|(put, _)| *put == record);
        let on_its_way = put.map(|put| put.1) > stored.and_then(|entry| entry.revision);
        if on_its_way || stored.and_then(Entry::get) == Some(&record) {
            return;
        }
        match self.dcs.put_member(&record).await {
            Outcome::Committed(committed) => memory.put = Some((record, committed.revision)),
            Outcome::NotCommitted(error) | Outcome::Unknown(error) => {
                failed(&self.me, "writing the member record", &error);
            }
        }
    }

    /// The leader writes what a new scope lacks.
    async fn seed(&self, view: &Snapshot) {
        if view.config.value == Value::Absent {
            let change = Change::Config(Some(self.timing.to_config()));
            self.write(change, view.config.precondition()).await;
        } else if matches!(
            view.initialize.value,
            Value::Absent | Value::Present(Initialize::InProgress)
        ) {
            let id = Timestamp::from_system_time(self.clock.wall())
                .as_millis()
                .to_string();
            let change = Change::Initialize(Some(Initialize::Done(id)));
            self.write(change, view.initialize.precondition()).await;
        }
    }

    /// Obeys a failover request once: by handing over, or by consuming it.
    async fn obey(&self, view: &Snapshot, memory: &mut Memory) -> bool {
        let now = Timestamp::from_system_time(self.clock.wall());
        let due = |request: &&Failover| request.scheduled_at.is_none_or(|at| at <= now);
        let asked = view.failover.get().filter(|request| !request.is_empty());
        let Some(request) = asked.filter(due) else {
            return false;
        };
        if memory.obeyed != view.failover.revision && self.can_hand_over(request, view) {
            memory.obeyed = view.failover.revision;
            return true;
        }
        if let Err(error) = self.dcs.consume_failover(&view.failover).await {
            failed(&self.me, "consuming the failover request", error.error());
        }
        false
    }

    /// Whether the request is for this leader, and someone is there to follow.
    fn can_hand_over(&self, request: &Failover, view: &Snapshot) -> bool {
        let runs = |name: &MemberName| {
            let record = view.members.get(name).and_then(Entry::get);
            *name != self.me && record.and_then(MemberRecord::state) == Some("running")
        };
        let someone = match &request.candidate {
            Some(candidate) => runs(candidate),
            None => view.members.keys().any(runs),
        };
        someone
            && request
                .leader
                .as_ref()
                .is_none_or(|leader| *leader == self.me)
    }

    /// Losing a race is fine: the next view shows what won.
    async fn write(&self, change: Change, expected: Precondition) {
        let written = self.dcs.write(&change, expected).await.into_result();
        if let Err(error) = written.as_ref().map_err(WriteError::error)
            && !error.is_conflict()
        {
            failed(&self.me, "writing a key", error);
        }
    }
}
