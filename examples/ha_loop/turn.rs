//! One turn of a member: what it does whenever it sees a change.

use std::time::Duration;

use dcs_core::duties::{
    FirstData, LeaderDuties, MemberKeeper, Routing, Situation, Turn, eligibility, may_lead,
};
use dcs_core::election::{Elector, Eligibility, Lease, TermError};
use dcs_core::{ClusterView, Config, MemberRecord, Snapshot, Timestamp, WriteError};

use crate::member::Member;
use crate::report::{failed, stands_aside};

/// What a member remembers from one turn to the next.
pub(crate) struct Turns<'a> {
    member: &'a Member,
    elector: &'a Elector,
    keeper: MemberKeeper,
    duties: Option<LeaderDuties>,
    /// What the config key said last.
    config: Config,
    eligibility: Option<Eligibility>,
    data: Option<FirstData>,
    members: usize,
    malformed: Vec<String>,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(member: &'a Member, elector: &'a Elector) -> Self {
        let awaits = member.beside.is_some() && !member.bootstrap;
        Self {
            member,
            elector,
            keeper: MemberKeeper::new(member.dcs.clone()),
            duties: None,
            config: Config::default(),
            eligibility: None,
            data: awaits.then(|| FirstData::new(member.timing.challenger_wait())),
            members: 0,
            malformed: Vec::new(),
        }
    }

    /// The next turn: over the next view, or over the same one after `wait`.
    /// Dropped half-way it is made up for by the one after it.
    pub(crate) async fn next(
        &mut self,
        view: &mut ClusterView,
        wait: Duration,
        lease: Option<&Lease>,
    ) -> Turn {
        tokio::select! {
            biased;
            Some(_) = view.changed() => {}
            () = self.member.clock.sleep(wait) => {}
        }
        let (me, timing) = (self.member.record.name(), &self.member.timing);
        let left = lease.and_then(Lease::remaining);
        self.member.report.left(me, left, timing.holder_span());
        let Some(view) = view.latest() else {
            return Turn::default();
        };
        self.see(&view);
        self.keep(&view, lease.is_some()).await;
        match lease {
            Some(lease) => self.lead(&view, lease).await,
            None => self.stand(&view),
        }
    }

    /// Says that this member does not lead, before another one does.
    pub(crate) async fn keep(&mut self, view: &Snapshot, leads: bool) {
        let record = self.record(leads);
        let routing = Routing::of(&record, leads);
        let kept = self.keeper.keep(view, &record.routed(routing)).await;
        self.tell(kept.err());
    }

    /// Says that this member has stopped: nobody is sent to it any more.
    pub(crate) async fn leave(&mut self, view: &Snapshot) {
        let record = self.record(false).with("state", "stopped");
        let record = record.routed(Routing::Nowhere);
        let kept = self.keeper.keep(view, &record).await;
        self.tell(kept.err());
    }

    /// Tells what is new to this member.
    fn see(&mut self, view: &Snapshot) {
        let (report, me) = (&self.member.report, self.member.record.name());
        let clock = &*self.member.clock;
        // A key that is gone or cannot be read leaves the settings in force.
        if let Some(config) = view.config.get().filter(|config| **config != self.config) {
            self.config = config.clone();
            report.seen(clock, me, "config", view);
            for rejected in self.config.view().rejected() {
                let (setting, value) = (rejected.setting, &rejected.value);
                tracing::warn!(member = %me, "the config key says {setting} {value}, which is not obeyed: {}", rejected.allowed);
            }
        }
        if std::mem::replace(&mut self.members, view.members.len()) != view.members.len() {
            report.seen(clock, me, "member", view);
        }
        report.malformed(me, view, &mut self.malformed);
    }

    /// What this member says of itself now.
    fn record(&self, leads: bool) -> MemberRecord {
        let settings = self.config.view();
        let role = match (leads, settings.is_standby_cluster()) {
            (true, true) => "standby_leader",
            (true, false) => "primary",
            (false, _) => "replica",
        };
        let record = self.member.record.clone().with("role", role);
        if settings.pause() {
            record.with("pause", true)
        } else {
            record
        }
    }

    /// Takes leadership or leaves it to others, as this member's data and tags
    /// say. The elector itself obeys a pause, and who is named to follow in one.
    fn stand(&mut self, view: &Snapshot) -> Turn {
        let record = self.record(false);
        let mut unpaused = self.config.clone();
        unpaused.settings_mut().shift_remove("pause");
        let situation = self.member.situation(view, &unpaused);
        let now = self.member.clock.now();
        let data = self.data.as_mut();
        let is_settled = data.is_none_or(|data| data.is_settled(view, now));
        let situation = situation.with_own(&record).beside_patroni(is_settled);
        let may = may_lead(&situation);
        let stands = may.as_ref().map(|()| eligibility(&situation));
        let wanted = stands.unwrap_or(Eligibility::Never);
        if self.eligibility.replace(wanted) != Some(wanted) {
            if let Err(why) = may {
                stands_aside(record.name(), &why);
            }
            // An election that has ended says so to whoever acquires.
            let _ = self.elector.set_eligibility(wanted);
        }
        Turn::default()
    }

    /// The leader's part beside the lease.
    async fn lead(&mut self, view: &Snapshot, lease: &Lease) -> Turn {
        let (record, me) = (self.record(true), self.member.record.name());
        let situation = self.member.situation(view, &self.config);
        let situation = situation.with_own(&record).leading(true);
        let duties = self.duties.get_or_insert_with(|| duties(self.member));
        let turn = duties.turn(&situation, &lease.keys()).await;
        for trouble in &turn.troubles {
            if !matches!(trouble, TermError::LeaseOver { .. }) {
                failed(me, "a duty of the leader", trouble);
            }
        }
        if let Some(why) = turn.cleared {
            tracing::info!(member = %me, "the request to hand over was removed: {why}");
        }
        turn
    }

    fn tell(&self, error: Option<WriteError>) {
        if let Some(error) = error {
            let me = self.member.record.name();
            failed(me, "writing the member record", error.error());
        }
    }
}

impl Member {
    /// What is seen now, to be decided on.
    pub(crate) fn situation<'a>(&'a self, view: &'a Snapshot, config: &'a Config) -> Situation<'a> {
        let now = Timestamp::from_system_time(self.clock.wall());
        let situation = Situation::new(self.record.name(), view, config, now);
        match config.loop_wait() {
            Some(_) => situation,
            None => situation.with_loop_wait(self.timing.loop_wait()),
        }
    }
}

/// Id, history and sync of a scope in which Patroni may lead belong to its databases;
/// but who asserted a first bootstrap has begun the id, and so finishes it.
fn duties(member: &Member) -> LeaderDuties {
    let mut duties = LeaderDuties::new(member.seed.clone());
    let is_own = member.beside.is_none();
    if is_own {
        duties = duties.keep_history().keep_sync();
    }
    if is_own || member.bootstrap {
        let now = Timestamp::from_system_time(member.clock.wall());
        duties = duties.initialize(now.as_millis().to_string());
    }
    duties
}
