//! Members in loops: each request to hand over is obeyed once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::duties::{LeaderDuties, MemberKeeper, Situation};
use dcs_core::election::{Elector, Lease};
use dcs_core::{
    Clock, Config, DcsExt, Entropy as _, Failover, MemberName, Revision, Timestamp, TokioClock,
    Value,
};
use dcs_memory::{MemoryDcs, SeededEntropy};
use futures_util::future::OptionFuture;

use crate::world::{LOOP_WAIT, World, name, replica};

/// What was handed over: by whom, and for which request in which version.
type Obeyed = Arc<Mutex<Vec<(String, Failover, Option<Revision>)>>>;

struct Cluster {
    world: World,
    members: Vec<(Arc<MemoryDcs>, Elector)>,
    obeyed: Obeyed,
}

struct Loop {
    me: MemberName,
    dcs: Arc<MemoryDcs>,
    elector: Elector,
    clock: Arc<TokioClock>,
    obeyed: Obeyed,
}

impl Cluster {
    /// Three members, one of which leads.
    async fn new() -> Self {
        let world = World::new();
        let obeyed = Obeyed::default();
        let mut members = Vec::new();
        for member in ["a", "b", "c"] {
            let (dcs, elector) = world.elector(member);
            let one = Loop {
                me: name(member),
                dcs: Arc::clone(&dcs),
                elector: elector.clone(),
                clock: Arc::clone(&world.clock),
                obeyed: Arc::clone(&obeyed),
            };
            tokio::spawn(one.run());
            members.push((dcs, elector));
        }
        let cluster = Self {
            world,
            members,
            obeyed,
        };
        cluster.pass(60).await;
        assert!(cluster.leader().is_some());
        cluster
    }

    async fn pass(&self, seconds: u64) {
        self.world.clock.sleep(Duration::from_secs(seconds)).await;
    }

    fn leader(&self) -> Option<MemberName> {
        self.world.now().holder().cloned()
    }

    fn others(&self) -> Vec<MemberName> {
        let leader = self.leader();
        let all = ["a", "b", "c"].map(name).into_iter();
        all.filter(|member| Some(member) != leader.as_ref())
            .collect()
    }

    /// As an administrator asks.
    async fn ask(&self, request: Failover) {
        let tool = self.world.store.handle(&self.world.scope);
        tool.request_failover(request).await.unwrap();
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_system_time(self.world.clock.wall())
    }

    fn obeyed(&self) -> Vec<(String, Failover)> {
        let obeyed = self.obeyed.lock().unwrap().clone().into_iter();
        obeyed.map(|(by, request, _)| (by, request)).collect()
    }

    /// The versions of the key that were obeyed, sorted.
    fn versions(&self) -> Vec<Option<Revision>> {
        let obeyed = self.obeyed.lock().unwrap();
        let mut versions: Vec<_> = obeyed.iter().map(|(_, _, at)| *at).collect();
        versions.sort();
        versions
    }
}

impl Loop {
    async fn run(self) {
        let mut keeper = MemberKeeper::new(Arc::<MemoryDcs>::clone(&self.dcs));
        let mut duties = LeaderDuties::new(Config::default()).keep_history();
        let mut lease: Option<Lease> = None;
        let mut view = self.elector.cluster();
        let mut wake = LOOP_WAIT;
        let mut acquiring = Box::pin(self.acquire(Duration::ZERO));
        loop {
            let ended = OptionFuture::from(lease.as_ref().map(Lease::ended));
            tokio::select! {
                biased;
                acquired = &mut acquiring, if lease.is_none() => lease = Some(acquired),
                Some(()) = ended => {
                    lease = None;
                    acquiring = Box::pin(self.acquire(Duration::ZERO));
                }
                Some(_) = view.changed() => {}
                () = self.clock.sleep(wake) => {}
            }
            wake = LOOP_WAIT;
            let Some(view) = view.latest() else { continue };
            let record = replica(self.me.as_str());
            let _ = keeper.keep(&view, &record).await;
            let Some(keys) = lease.as_ref().map(Lease::keys) else {
                continue;
            };
            let now = Timestamp::from_system_time(self.clock.wall());
            let config = view.config.get().cloned().unwrap_or_default();
            let situation = Situation::new(&self.me, &view, &config, now).leading(true);
            let turn = duties.turn(&situation, &keys).await;
            wake = turn.wake.unwrap_or(LOOP_WAIT).min(LOOP_WAIT);
            if let Some(hand_over) = turn.hand_over
                && let Some(lease) = lease.take()
            {
                let (request, at) = (view.failover.get().unwrap(), view.failover.revision);
                let obeyed = (self.me.to_string(), request.clone(), at);
                self.obeyed.lock().unwrap().push(obeyed);
                match hand_over.to {
                    Some(to) => lease.release_to(to).await,
                    None => lease.release().await,
                }
                acquiring = Box::pin(self.acquire(LOOP_WAIT));
            }
        }
    }

    async fn acquire(&self, after: Duration) -> Lease {
        self.clock.sleep(after).await;
        self.elector.acquire().await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_obeyed_at_once_and_once() {
    let cluster = Cluster::new().await;
    let (leader, next) = (cluster.leader().unwrap(), cluster.others()[0].clone());
    let request = Failover::switchover(Some(leader.clone()), Some(next.clone()));
    cluster.ask(request.clone()).await;
    cluster.pass(1).await;
    assert_eq!(cluster.leader(), Some(next.clone()));
    cluster.pass(120).await;
    assert_eq!(cluster.obeyed(), [(leader.to_string(), request)]);
    assert_eq!(cluster.leader(), Some(next));
    assert_eq!(cluster.world.now().failover.value, Value::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_request_is_obeyed_when_it_is_due_and_once() {
    let cluster = Cluster::new().await;
    let (leader, next) = (cluster.leader().unwrap(), cluster.others()[1].clone());
    let due: Timestamp = "2026-01-01T00:03:33.5Z".parse().unwrap();
    let request = Failover::switchover(Some(leader.clone()), Some(next.clone())).not_before(due);
    cluster.ask(request.clone()).await;
    while cluster.obeyed().is_empty() {
        assert_eq!(cluster.leader(), Some(leader.clone()));
        cluster.world.clock.sleep(Duration::from_millis(10)).await;
    }
    let late = cluster.wall().as_millis() - due.as_millis();
    assert!((0..=20).contains(&late), "{late} ms late");
    cluster.pass(120).await;
    assert_eq!(cluster.obeyed(), [(leader.to_string(), request)]);
    assert_eq!(cluster.leader(), Some(next));
    assert_eq!(cluster.world.now().failover.value, Value::Absent);
}

/// The one that is asked for never comes: whoever leads instead does not hand
/// over once more.
#[tokio::test(start_paused = true)]
async fn a_request_whose_candidate_does_not_come_is_not_obeyed_by_the_next_leader() {
    let cluster = Cluster::new().await;
    let next = cluster.others()[0].clone();
    let index = ["a", "b", "c"]
        .iter()
        .position(|name| *name == next.as_str());
    cluster.members[index.unwrap()].1.pause().unwrap();
    cluster
        .ask(Failover::switchover(None, Some(next.clone())))
        .await;
    cluster.pass(300).await;
    assert_eq!(cluster.obeyed().len(), 1);
    assert_ne!(cluster.leader(), Some(next));
    assert_eq!(cluster.world.now().failover.value, Value::Absent);
}

/// Requests of every kind, and connections that fail: whatever happens, no
/// request is obeyed a second time, and none is left behind.
#[tokio::test(start_paused = true)]
async fn no_request_is_obeyed_twice_whatever_fails() {
    let mut obeyed = 0;
    for seed in 0..8 {
        let cluster = Cluster::new().await;
        let chance = SeededEntropy::new(seed);
        let below = |limit: u64| u64::try_from(chance.bits() % u128::from(limit)).unwrap();
        for _ in 0..12 {
            let leader = cluster.leader().filter(|_| below(2) == 0);
            let candidate = usize::try_from(below(3)).unwrap();
            let asked_for = Some(["a", "b", "c"].map(name)[candidate].clone());
            let request = Failover::switchover(leader, asked_for);
            let due = cluster.world.clock.wall() + Duration::from_millis(1 + below(6_000));
            let due = Timestamp::from_system_time(due);
            cluster
                .ask(match below(2) {
                    0 => request.not_before(due),
                    _ => request,
                })
                .await;
            let anyone = usize::try_from(below(3)).unwrap();
            let (dcs, _) = &cluster.members[anyone];
            // Who is asked for does not come.
            let (_, elector) = &cluster.members[candidate];
            match below(8) {
                0 => dcs.cut_off(),
                1 => dcs.lose_next_answer(),
                2 => dcs.lose_next_request(),
                3 => dcs.break_watch_with_gap(),
                4..=6 => elector.pause().unwrap(),
                _ => {}
            }
            cluster.pass(1 + below(60)).await;
            dcs.heal();
            elector.resume().unwrap();
        }
        cluster.pass(120).await;
        let mut versions = cluster.versions();
        let count = versions.len();
        obeyed += count;
        versions.dedup();
        assert_eq!(versions.len(), count, "seed {seed}: one was obeyed twice");
        let stands = cluster.world.now().failover.value;
        assert_eq!(stands, Value::Absent, "seed {seed}");
    }
    assert!(obeyed >= 20, "{obeyed} were obeyed in all");
}
