//! A store of one's own under simulation: a thin client of a store that stands
//! elsewhere, true or lying.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Committed, Dcs, Entry, Error, Failover, FencingToken, Key, LeaderRecord,
    MemberName, MemberRecord, Outcome, Precondition, Revision, Scope, Snapshot, WatchEvent,
    WatchStream,
};
use dcs_memory::sim::{Backend, History, Invariant, Setting, Simulation, Swarm, Trouble, Wire};
use dcs_memory::{MemoryDcs, MemoryStore};
use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use futures_util::{FutureExt as _, pin_mut};

/// What the client does wrong, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    Nothing,
    /// What is not answered was not committed.
    SilenceIsRefusal,
    /// What is not answered was committed at the next revision.
    SilenceIsSuccess,
    /// What was refused is sent again on whatever stands there.
    Insists,
    /// An older view after a newer one.
    GoesBack,
}

/// The server.
struct Server {
    store: MemoryStore,
    setting: Setting,
    writes: Arc<AtomicU64>,
    lie: Lie,
}

/// The client that a process has.
struct Client {
    scope: Scope,
    wire: Wire,
    at_store: MemoryDcs,
    attempt: Duration,
    writes: Arc<AtomicU64>,
    lie: Lie,
}

fn over(seed: u64, lie: Lie) -> Simulation {
    Simulation::new(seed)
        .faults(Swarm::Mixed)
        .over(move |setting| {
            Arc::new(Server {
                store: MemoryStore::new(Arc::clone(&setting.clock)),
                setting,
                writes: Arc::default(),
                lie,
            })
        })
}

/// The first history of some in which something is broken.
fn broken(lie: Lie) -> Option<History> {
    let histories = (1..=60).map(|seed| over(seed, lie).run_members());
    histories
        .into_iter()
        .find(|history| history.violation.is_some())
}

#[test]
fn a_true_client_keeps_all_promises_and_every_kind_of_fault_meets_it() {
    let mut terms = 0;
    let mut hits = std::collections::BTreeMap::new();
    for seed in 1..=30 {
        let history = over(seed, Lie::Nothing).run_members();
        assert!(history.verdict().is_ok(), "{history}");
        terms += history.counts.terms;
        for (class, (_, hit)) in history.hits {
            *hits.entry(class).or_insert(0) += hit;
        }
    }
    assert!(terms > 100, "{terms}");
    let missing = Simulation::expected_hits(Swarm::Mixed)
        .into_iter()
        .filter(|class| hits.get(class).is_none_or(|hit| *hit == 0));
    let missing: Vec<_> = missing.map(dcs_memory::sim::Class::name).collect();
    // A copy that comes before its late original is rare.
    let rare = ["request arrives twice"];
    assert!(
        missing.iter().all(|name| rare.contains(name)),
        "{missing:?}"
    );
}

#[test]
fn a_history_is_the_same_each_time() {
    let trace = || over(7, Lie::Nothing).traced().run_members().trace;
    let once = trace();
    assert!(once.len() > 1000, "{}", once.len());
    assert_eq!(once, trace());
}

#[test]
fn a_violation_is_made_small() {
    let history = broken(Lie::SilenceIsRefusal).unwrap();
    let small = history.shrink().run_members().unwrap();
    assert!(small.history.faults.len() < history.faults.len(), "{small}");
}

#[test]
fn a_client_that_takes_silence_for_a_refusal_is_found() {
    let found = broken(Lie::SilenceIsRefusal).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::TrueOutcomes, "{found}");
}

#[test]
fn a_client_that_takes_silence_for_a_success_is_found() {
    let found = broken(Lie::SilenceIsSuccess).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::TrueOutcomes, "{found}");
}

#[test]
fn a_client_that_writes_on_whatever_stands_there_is_found() {
    let found = broken(Lie::Insists).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::TrueOutcomes, "{found}");
}

#[test]
fn a_client_whose_view_goes_back_is_found() {
    let found = broken(Lie::GoesBack).unwrap().violation.unwrap();
    assert_eq!(found.invariant, Invariant::SessionOrder, "{found}");
}

#[test]
fn patroni_over_a_store_that_it_does_not_know_is_refused() {
    let history = over(1, Lie::Nothing).faults(Swarm::Patroni).run_members();
    let refused = history.violation.unwrap();
    assert_eq!(refused.invariant, Invariant::Own);
    assert!(refused.what.contains("choose another one"), "{refused}");
}

impl Backend for Server {
    fn open(&self, wire: Wire) -> Arc<dyn Dcs> {
        Arc::new(Client {
            scope: self.setting.scope.clone(),
            at_store: self.store.handle(&self.setting.scope),
            attempt: self.setting.attempt,
            writes: Arc::clone(&self.writes),
            lie: self.lie,
            wire,
        })
    }

    fn snapshot(&self) -> Snapshot {
        self.store.snapshot(&self.setting.scope)
    }

    fn version(&self) -> u64 {
        self.writes.load(SeqCst)
    }

    fn overwrite_leader(&self, record: Option<&LeaderRecord>) {
        let scope = &self.setting.scope;
        self.writes.fetch_add(1, SeqCst);
        match record {
            None => drop(self.store.delete_leader(scope)),
            Some(record) => {
                self.store.edit_leader(scope, |now| *now = record.clone());
            }
        }
    }

    fn overwrite_failover(&self, request: &Failover) {
        let expected = self.snapshot().failover.precondition();
        let change = Change::Failover(Some(request.clone()));
        let store = self.store.handle(&self.setting.scope);
        self.writes.fetch_add(1, SeqCst);
        let outcome = store.write(&change, expected).now_or_never();
        assert!(matches!(outcome, Some(Outcome::Committed(_))));
    }
}

impl Client {
    fn no_answer(&self) -> Error {
        Error::Timeout {
            backend: "elsewhere",
            after: self.attempt,
        }
    }

    async fn within<T>(&self, answer: impl Future<Output = Result<T, Trouble>>) -> Option<T> {
        let deadline = self.wire.clock().sleep(self.attempt);
        pin_mut!(answer);
        match select(answer, deadline).await {
            Either::Left((answer, _)) => answer.ok(),
            Either::Right(_) => None,
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl Fn(Snapshot) -> T + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let store = self.at_store.clone();
        let serve = move |_| {
            let now = store.load().now_or_never();
            read(now.and_then(Result::ok).unwrap_or_default())
        };
        let answer = self.wire.read(|| what.to_owned(), serve);
        self.within(answer).await.ok_or_else(|| self.no_answer())
    }

    async fn send(
        &self,
        expected: Option<Precondition>,
        write: impl Fn(&MemoryDcs, Option<Precondition>) -> Option<Outcome> + Send + Sync + 'static,
    ) -> Outcome {
        let (store, writes, lie) = (self.at_store.clone(), Arc::clone(&self.writes), self.lie);
        let serve = move || {
            writes.fetch_add(1, SeqCst);
            let outcome = write(&store, expected);
            let refused = matches!(&outcome, Some(outcome) if outcome.is_conflict());
            if refused && lie == Lie::Insists {
                let now = store.load().now_or_never();
                let now = now.and_then(Result::ok).unwrap_or_default();
                return write(&store, Some(now.leader.precondition()));
            }
            outcome
        };
        let answer = self.wire.write(|| "write".to_owned(), serve);
        let deadline = self.wire.clock().sleep(self.attempt);
        pin_mut!(answer);
        let answer = match select(answer, deadline).await {
            Either::Left((answer, _)) => answer.map(Option::unwrap),
            Either::Right(_) => Err(Trouble::AnswerLost { chance: 0 }),
        };
        match (answer, self.lie) {
            (Ok(outcome), _) => outcome,
            (Err(Trouble::Refused { .. }), _) | (_, Lie::SilenceIsRefusal) => {
                Outcome::NotCommitted(self.no_answer())
            }
            (_, Lie::SilenceIsSuccess) => match expected.and_then(Precondition::revision) {
                Some(revision) => {
                    let next = Revision::new(revision.get() + 1).unwrap();
                    Outcome::Committed(Committed::new(next))
                }
                None => Outcome::Unknown(self.no_answer()),
            },
            _ => Outcome::Unknown(self.no_answer()),
        }
    }

    /// A view of everything, and then each change, until the connection breaks.
    async fn open(&self) -> Result<BoxStream<'static, WatchEvent>, Error> {
        let (store, wire) = (self.at_store.clone(), self.wire.clone());
        let serve = move |_| store.watch(Duration::from_secs(3600));
        let answer = self.wire.read(|| "watch".to_owned(), serve);
        let shown = self.within(answer).await.ok_or_else(|| self.no_answer())?;
        let shown = wire.stream(shown);
        let shown = shown.take_while(|shown| std::future::ready(matches!(shown, Ok(Ok(_)))));
        Ok(shown.filter_map(async |shown| shown.ok()?.ok()).boxed())
    }
}

#[async_trait]
impl Dcs for Client {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.read("load", |now| now).await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        self.read("load leader", |now| now.leader).await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let change = change.clone();
        self.send(Some(expected), move |store, expected| {
            store.write(&change, expected?).now_or_never()
        })
        .await
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        let key = key.clone();
        self.send(Some(expected), move |store, expected| {
            store.fence(&key, token, expected?).now_or_never()
        })
        .await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        let record = record.clone();
        self.send(None, move |store, _| {
            store.put_member(&record).now_or_never()
        })
        .await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        let name = name.clone();
        self.send(None, move |store, _| {
            store.delete_member(&name).now_or_never()
        })
        .await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        let client = self.share();
        let begun = (client, None::<BoxStream<'static, WatchEvent>>, None);
        stream::unfold(begun, move |(client, mut open, mut newest)| async move {
            loop {
                let Some(shown) = &mut open else {
                    match client.open().await {
                        Ok(shown) => open = Some(shown),
                        Err(error) => {
                            client.wire.clock().sleep(Duration::from_millis(300)).await;
                            return Some((Err(error), (client, open, newest)));
                        }
                    }
                    continue;
                };
                let quiet = client.wire.clock().sleep(silence);
                match select(shown.next(), quiet).await {
                    Either::Left((Some(event), _)) => {
                        let event = client.told(event, &mut newest);
                        return Some((Ok(event), (client, open, newest)));
                    }
                    Either::Left((None, _)) | Either::Right(_) => open = None,
                }
            }
        })
        .boxed()
    }
}

impl Client {
    fn share(&self) -> Self {
        Self {
            scope: self.scope.clone(),
            wire: self.wire.clone(),
            at_store: self.at_store.clone(),
            attempt: self.attempt,
            writes: Arc::clone(&self.writes),
            lie: self.lie,
        }
    }

    /// The event, or as a lie the first view of all again.
    fn told(&self, event: WatchEvent, first: &mut Option<Box<Snapshot>>) -> WatchEvent {
        if let (WatchEvent::Reset(now), Lie::GoesBack) = (&event, self.lie) {
            return WatchEvent::Reset(first.get_or_insert_with(|| now.clone()).clone());
        }
        event
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} from elsewhere", self.wire)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
