//! Failsafe mode over the store in memory, in virtual time. Members ask each
//! other by JSON, as they would over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::election::{
    Elector, EventKind, FailsafeAnswer, FailsafePoll, FailsafeRefusal, FailsafeRefused,
    FailsafeRequest, Lease, LeaseTiming,
};
use dcs_core::{
    Capabilities, Change, Clock, Dcs, Entry, Error, Failsafe, FencingToken, Key, LeaderRecord,
    MemberName, MemberRecord, Outcome, Precondition, Scope, Snapshot, TokioClock, WatchStream,
};
use dcs_memory::{MemoryDcs, MemoryStore, SeededEntropy};
use futures_util::{FutureExt, StreamExt};
use tokio::task::JoinHandle;

const TTL: Duration = Duration::from_secs(30);
const ROUND: Duration = Duration::from_secs(5);

struct Member {
    dcs: Arc<MemoryDcs>,
    elector: Elector,
    driver: JoinHandle<()>,
    /// Whether it can be asked.
    answers: bool,
    is_deaf: Arc<AtomicBool>,
}

/// A way to the store whose watch shows nothing while it is deaf.
#[derive(Debug)]
struct Ears(Arc<MemoryDcs>, Arc<AtomicBool>);

/// Members by name: `a` leads, the others contend.
struct World {
    clock: Arc<TokioClock>,
    store: MemoryStore,
    scope: Scope,
    members: BTreeMap<&'static str, Member>,
}

impl World {
    /// `a` leads and has named all of these, its own name among them.
    async fn led_by_a(names: &[&'static str]) -> (Self, Lease) {
        let clock = Arc::new(TokioClock::new());
        let store = MemoryStore::new(Arc::<TokioClock>::clone(&clock));
        let mut world = Self {
            clock,
            store,
            scope: "demo".parse().unwrap(),
            members: BTreeMap::new(),
        };
        world.join("a");
        let lease = world.elector("a").acquire().await.unwrap();
        for name in names.iter().filter(|name| **name != "a") {
            world.join(name);
            world.elector(name).contend().unwrap();
        }
        let url = |name: &&str| ((*name).to_owned(), format!("http://{name}:8008"));
        let map = Failsafe(names.iter().map(url).collect());
        world.elector("a").set_failsafe(map).unwrap();
        world.pass(TTL / 2).await;
        (world, lease)
    }

    fn join(&mut self, name: &'static str) {
        let dcs = Arc::new(self.store.handle(&self.scope));
        let seconds = Duration::from_secs;
        let is_deaf = Arc::new(AtomicBool::new(false));
        let builder = Elector::builder(
            Arc::new(Ears(Arc::clone(&dcs), Arc::clone(&is_deaf))),
            name.parse().unwrap(),
            LeaseTiming::new(TTL, seconds(10), seconds(8)).unwrap(),
            Arc::<TokioClock>::clone(&self.clock),
            Arc::new(SeededEntropy::new(name.bytes().map(u64::from).sum())),
        );
        let (elector, driver) = builder.failsafe().build();
        let member = Member {
            dcs,
            elector,
            driver: tokio::spawn(driver.run()),
            answers: true,
            is_deaf,
        };
        self.members.insert(name, member);
    }

    fn elector(&self, name: &str) -> &Elector {
        &self.members[name].elector
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    fn nobody_reaches_the_store(&self) {
        for member in self.members.values() {
            member.dcs.cut_off();
        }
    }

    fn everyone_reaches_the_store(&self) {
        for member in self.members.values() {
            member.dcs.heal();
        }
    }

    fn leaders(&self) -> Vec<&'static str> {
        let leads =
            |(name, member): (&&'static str, &Member)| member.elector.is_leader().then_some(*name);
        self.members.iter().filter_map(leads).collect()
    }

    /// What `a` would do once in a while.
    async fn a_asks_everyone(&self) -> Result<(), FailsafeRefused> {
        let poll = self.elector("a").failsafe_poll().await?;
        let answers = self.answers_to(&poll).await;
        self.elector("a").failsafe_extend(poll, answers).await
    }

    async fn answers_to(&self, poll: &FailsafePoll) -> Vec<FailsafeAnswer> {
        let request = serde_json::to_string(poll.request()).unwrap();
        let mut answers = Vec::new();
        for (name, url) in poll.members() {
            assert_eq!(url, format!("http://{name}:8008"));
            let member = &self.members[name];
            if member.answers {
                let request: FailsafeRequest = serde_json::from_str(&request).unwrap();
                let answer = member.elector.failsafe_answer(&request).await;
                let answer = serde_json::to_string(&answer).unwrap();
                answers.push(serde_json::from_str(&answer).unwrap());
            }
        }
        answers
    }

    /// `a` asks everyone each round; in all the time nobody else leads.
    async fn goes_on_for(&self, time: Duration) {
        for _ in 0..time.as_secs() / ROUND.as_secs() {
            self.a_asks_everyone().await.unwrap();
            for _ in 0..ROUND.as_secs() {
                self.pass(Duration::from_secs(1)).await;
                assert_eq!(self.leaders(), ["a"]);
            }
        }
    }
}

#[async_trait]
impl Dcs for Ears {
    fn scope(&self) -> &Scope {
        self.0.scope()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.0.load().await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        self.0.load_leader().await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        self.0.write(change, expected).await
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        self.0.fence(key, token, expected).await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        self.0.put_member(record).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        self.0.delete_member(name).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        let is_deaf = Arc::clone(&self.1);
        let hears = move |_: &_| ready(!is_deaf.load(SeqCst));
        self.0.watch(silence).filter(hears).boxed()
    }
}

impl std::fmt::Display for Ears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_goes_on_without_the_store_while_everyone_agrees() {
    let (world, lease) = World::led_by_a(&["a", "b", "c"]).await;
    world.nobody_reaches_the_store();
    world.goes_on_for(TTL * 5).await;
    assert!(lease.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_leader_goes_on_with_the_store_when_it_is_back() {
    let (world, lease) = World::led_by_a(&["a", "b", "c"]).await;
    world.nobody_reaches_the_store();
    world.goes_on_for(TTL * 2).await;
    world.everyone_reaches_the_store();
    for _ in 0..TTL.as_secs() * 3 {
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.leaders(), ["a"]);
    }
    assert!(lease.is_valid());
}

#[tokio::test(start_paused = true)]
async fn members_that_reach_the_store_stay_out_as_they_have_agreed() {
    let (world, lease) = World::led_by_a(&["a", "b", "c"]).await;
    world.members["a"].dcs.cut_off();
    world.goes_on_for(TTL * 5).await;
    assert!(lease.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_leader_ends_by_its_deadline_if_one_member_is_silent() {
    let (mut world, lease) = World::led_by_a(&["a", "b", "c"]).await;
    world.members.get_mut("c").unwrap().answers = false;
    world.nobody_reaches_the_store();
    for _ in 0..TTL.as_secs() / ROUND.as_secs() {
        assert!(world.a_asks_everyone().await.is_err());
        world.pass(ROUND).await;
    }
    assert!(!lease.is_valid());
    assert_eq!(
        world.a_asks_everyone().await,
        Err(FailsafeRefused::NotLeading)
    );
}

#[tokio::test(start_paused = true)]
async fn an_extended_term_is_told_to_end_when_its_extension_ends() {
    let (world, lease) = World::led_by_a(&["a", "b"]).await;
    let mut events = world.elector("a").events();
    world.nobody_reaches_the_store();
    world.goes_on_for(TTL).await;
    lease.ended().await;
    world.pass(TTL).await;
    let (mut until, mut lost) = (None, None);
    while let Some(Some(event)) = events.next().now_or_never() {
        match event.kind {
            EventKind::Extended { until: reached, .. } => until = Some(reached),
            EventKind::Lost { .. } => lost = Some(event.at),
            _ => {}
        }
    }
    assert!(lost.is_some());
    assert_eq!(lost, until);
}

#[tokio::test(start_paused = true)]
async fn another_member_leads_after_a_leader_that_could_not_go_on_any_more() {
    let (mut world, lease) = World::led_by_a(&["a", "b"]).await;
    world.members["a"].dcs.cut_off();
    world.goes_on_for(TTL * 2).await;
    world.members.get_mut("b").unwrap().answers = false;
    for _ in 0..TTL.as_secs() * 2 {
        assert!(world.leaders().len() <= 1);
        world.pass(Duration::from_secs(1)).await;
    }
    assert!(!lease.is_valid());
    assert_eq!(world.leaders(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_finds_the_map_of_a_dead_leader_leads_if_it_is_named() {
    let (mut world, _lease) = World::led_by_a(&["a", "b"]).await;
    for name in ["a", "b"] {
        world.members.remove(name).unwrap().driver.abort();
    }
    world.join("b");
    world.join("c");
    world.elector("c").contend().unwrap();
    world.pass(TTL * 2).await;
    assert!(world.leaders().is_empty());
    world.elector("b").contend().unwrap();
    world.pass(TTL).await;
    assert_eq!(world.leaders(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_replaced_does_not_go_on_although_everyone_would_agree() {
    let (world, lease) = World::led_by_a(&["a", "b"]).await;
    let stranger = "stranger".parse().unwrap();
    world
        .store
        .edit_leader(&world.scope, |record| record.holder = Some(stranger));
    lease.ended().await;
    assert!(!lease.is_valid());
    assert_eq!(
        world.a_asks_everyone().await,
        Err(FailsafeRefused::NotLeading)
    );
}

/// Nobody's watch shows the edit, so everyone goes on agreeing.
#[tokio::test(start_paused = true)]
async fn a_conflict_ends_a_term_although_everyone_agrees() {
    let (world, lease) = World::led_by_a(&["a", "b"]).await;
    for member in world.members.values() {
        member.is_deaf.store(true, SeqCst);
    }
    let stranger = "stranger".parse().unwrap();
    world
        .store
        .edit_leader(&world.scope, |record| record.holder = Some(stranger));
    world.a_asks_everyone().await.unwrap();
    lease.ended().await;
    assert!(!lease.is_valid());
    assert_eq!(
        world.a_asks_everyone().await,
        Err(FailsafeRefused::NotLeading)
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_subscriber_learns_to_where_belief_was_extended() {
    let (world, _lease) = World::led_by_a(&["a", "b"]).await;
    world.nobody_reaches_the_store();
    world.goes_on_for(TTL * 2).await;
    let mut events = world.elector("a").events();
    let now = dcs_core::Timestamp::from_system_time(world.clock.wall());
    let mut known = None;
    while let Some(Some(event)) = events.next().now_or_never() {
        if let EventKind::Elected { until, .. } = event.kind {
            known = Some(until);
        }
    }
    assert!(known > Some(now), "{known:?} is not after {now}");
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_driver_is_gone_agrees_to_nothing() {
    let (world, _lease) = World::led_by_a(&["a", "b"]).await;
    let poll = world.elector("a").failsafe_poll().await.unwrap();
    world.members["b"].driver.abort();
    world.pass(Duration::from_millis(1)).await;
    let answers = world.answers_to(&poll).await;
    assert_eq!(answers[0].refused, Some(FailsafeRefusal::Ended));
    assert_eq!(answers[0].member.as_str(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_driver_is_gone_does_not_go_on() {
    let (world, _lease) = World::led_by_a(&["a", "b"]).await;
    let poll = world.elector("a").failsafe_poll().await.unwrap();
    world.members["a"].driver.abort();
    world.pass(Duration::from_millis(1)).await;
    let a = world.elector("a");
    assert_eq!(a.failsafe_poll().await.unwrap_err(), FailsafeRefused::Ended);
    assert_eq!(
        a.failsafe_extend(poll, Vec::new()).await,
        Err(FailsafeRefused::Ended)
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_who_did_not_agree_and_why() {
    let (mut world, _lease) = World::led_by_a(&["a", "b", "c"]).await;
    world.members.get_mut("c").unwrap().answers = false;
    world.members["b"].driver.abort();
    world.pass(Duration::from_millis(1)).await;
    let refused = world.a_asks_everyone().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "not everyone agreed to this poll: b (its election has ended: keep `Driver::run` running), c (no answer)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_and_its_answer_are_flat_json_objects() {
    let (world, _lease) = World::led_by_a(&["a", "b"]).await;
    let poll = world.elector("a").failsafe_poll().await.unwrap();
    let request = serde_json::to_value(poll.request()).unwrap();
    let session = request["session"].as_str().unwrap();
    let revision = world.store.snapshot(&world.scope).leader.revision.unwrap();
    let expected = serde_json::json!({
        "session": session, "revision": revision.to_string(), "leader": "a", "poll": 1,
    });
    assert_eq!((session.len(), &request), (32, &expected));
    let other: FailsafeRequest = serde_json::from_value(serde_json::json!({
        "session": session, "revision": "7", "leader": "x", "poll": 3,
    }))
    .unwrap();
    let answer = world.elector("b").failsafe_answer(&other).await;
    let expected = serde_json::json!({
        "member": "b", "session": session, "poll": 3, "refused": "saw-another",
    });
    assert_eq!(serde_json::to_value(&answer).unwrap(), expected);
}

#[test]
fn a_request_with_a_name_that_is_not_allowed_is_refused() {
    let request =
        r#"{"session":"00000000000000000000000000000001","revision":"1","leader":"../x","poll":1}"#;
    assert!(serde_json::from_str::<FailsafeRequest>(request).is_err());
}
