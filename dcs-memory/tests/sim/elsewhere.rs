//! A thin client of a store that stands elsewhere, true or lying.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dcs_core::{
    Capabilities, Change, Committed, Dcs, Entry, Error, Failover, FencingToken, Key, LeaderRecord,
    LeaderUpdate, MemberName, MemberRecord, Outcome, Precondition, Revision, Scope, Snapshot,
    Update, Value, WatchEvent, WatchStream,
};
use dcs_memory::sim::{Backend, Setting, Simulation, Swarm, Trouble, Wire};
use dcs_memory::{MemoryDcs, MemoryStore};
use futures_util::future::{Either, select};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use futures_util::{FutureExt as _, pin_mut};

/// What the client does wrong, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    Nothing,
    /// What is not answered was not committed.
    SilenceIsRefusal,
    /// What is not answered was committed at the next revision.
    SilenceIsSuccess,
    /// What was refused is sent again on whatever stands there.
    Insists,
    /// The same, where someone stands there who is no member.
    Usurps,
    /// An older view after a newer one.
    GoesBack,
    /// Nothing is sent.
    SendsNothing,
    /// The leader record is written with another ttl.
    AltersRecord,
    /// The config key is written with more than was asked for.
    AltersConfig,
    /// Touches store the token of nobody.
    AltersFence,
    /// The first leader record that was read, as the newest revision.
    OldRecord,
    /// The first config that was read, as the newest revision.
    OldConfig,
    /// What came directly before a version was not that.
    NothingBetween,
    /// The leader record alone is read without its ttl.
    OldLeader,
    /// A watch shows the leader record with another ttl.
    ShowsOtherTtl,
    /// A watch begins with another ttl in the leader record.
    OpensWithOtherTtl,
    /// Third parties write nothing.
    KeepsOthersOut,
}

thread_local! {
    /// Whether a history runs within the store's context.
    static IS_WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// What has stood in the leader register, in order.
type Past = Arc<Mutex<Vec<Entry<LeaderRecord>>>>;

/// The server.
struct Server {
    store: MemoryStore,
    setting: Setting,
    writes: Arc<AtomicU64>,
    past: Past,
    lie: Lie,
}

/// The client that a process has.
struct Client {
    scope: Scope,
    wire: Wire,
    at_store: MemoryDcs,
    attempt: Duration,
    writes: Arc<AtomicU64>,
    past: Past,
    /// What was read first.
    first: Arc<Mutex<Option<Snapshot>>>,
    lie: Lie,
}

pub(crate) fn over(seed: u64, lie: Lie) -> Simulation {
    Simulation::new(seed)
        .faults(Swarm::Mixed)
        .over(move |setting| {
            Arc::new(Server {
                store: MemoryStore::new(Arc::clone(&setting.clock)),
                setting,
                writes: Arc::default(),
                past: Arc::default(),
                lie,
            })
        })
}

impl Backend for Server {
    fn open(&self, wire: Wire) -> Arc<dyn Dcs> {
        Arc::new(Client {
            scope: self.setting.scope.clone(),
            at_store: self.store.handle(&self.setting.scope),
            attempt: self.setting.attempt,
            writes: Arc::clone(&self.writes),
            past: Arc::clone(&self.past),
            first: Arc::default(),
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
        if self.lie == Lie::KeepsOthersOut {
            return;
        }
        match record {
            None => drop(self.store.delete_leader(scope)),
            Some(record) => {
                self.store.edit_leader(scope, |now| *now = record.clone());
            }
        }
        remember(&self.past, self.snapshot().leader);
    }

    fn overwrite_failover(&self, request: &Failover) {
        let expected = self.snapshot().failover.precondition();
        let change = Change::Failover(Some(request.clone()));
        let store = self.store.handle(&self.setting.scope);
        self.writes.fetch_add(1, SeqCst);
        let outcome = store.write(&change, expected).now_or_never();
        assert!(matches!(outcome, Some(Outcome::Committed(_))));
    }

    fn within(&self, run: &mut dyn FnMut()) {
        IS_WITHIN.set(true);
        run();
        IS_WITHIN.set(false);
    }
}

/// Adds what stands there now, if it is new.
fn remember(past: &Past, now: Entry<LeaderRecord>) {
    let mut past = past.lock().unwrap();
    if past.last() != Some(&now) {
        past.push(now);
    }
}

/// What stands at the store.
fn now(store: &MemoryDcs) -> Snapshot {
    let now = store.load().now_or_never();
    now.and_then(Result::ok).unwrap_or_default()
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
        let answer = self
            .wire
            .read(|| what.to_owned(), move || read(now(&store)));
        self.within(answer).await.ok_or_else(|| self.no_answer())
    }

    async fn send(
        &self,
        expected: Option<Precondition>,
        write: impl Fn(&MemoryDcs, Option<Precondition>) -> Option<Outcome> + Send + Sync + 'static,
    ) -> Outcome {
        assert!(IS_WITHIN.get(), "polled outside of the store's context");
        if self.lie == Lie::SendsNothing {
            return Outcome::Unknown(self.no_answer());
        }
        let (store, writes, lie) = (self.at_store.clone(), Arc::clone(&self.writes), self.lie);
        let past = Arc::clone(&self.past);
        let serve = move || {
            writes.fetch_add(1, SeqCst);
            let mut outcome = write(&store, expected);
            let refused = matches!(&outcome, Some(outcome) if outcome.is_conflict());
            let is_stranger = || {
                let holder = now(&store).holder().cloned();
                holder.is_some_and(|holder| holder.as_str() == "m99")
            };
            let insists = lie == Lie::Insists || lie == Lie::Usurps && is_stranger();
            if refused && insists {
                outcome = write(&store, Some(now(&store).leader.precondition()));
            }
            remember(&past, now(&store).leader);
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
        let serve = move || store.watch(Duration::from_secs(3600));
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
        let mut now = self.read("load", |now| now).await?;
        let mut first = self.first.lock().unwrap();
        let is_there = now.config.get().is_some() && now.leader.get().is_some();
        if first.is_none() && is_there {
            *first = Some(now.clone());
        }
        match (&*first, self.lie) {
            (Some(first), Lie::OldRecord) => now.leader.value = first.leader.value.clone(),
            (Some(first), Lie::OldConfig) => now.config.value = first.config.value.clone(),
            _ => {}
        }
        Ok(now)
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        let past = Arc::clone(&self.past);
        let serve = move |versions| {
            let past = past.lock().unwrap();
            let back = usize::try_from(versions).unwrap() + 1;
            let place = past.len().saturating_sub(back);
            past.get(place).cloned().unwrap_or_else(Entry::absent)
        };
        let what = || "load leader".to_owned();
        let answer = self.wire.read_from_behind(what, serve);
        let answer = self.within(answer).await;
        let mut entry: Entry<LeaderRecord> = answer.ok_or_else(|| self.no_answer())?;
        if let (Value::Present(record), Lie::OldLeader) = (&mut entry.value, self.lie) {
            record.ttl = None;
        }
        Ok(entry)
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let change = self.altered(change);
        self.send(Some(expected), move |store, expected| {
            store.write(&change, expected?).now_or_never()
        })
        .await
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        let key = key.clone();
        let token = match self.lie {
            Lie::AltersFence => FencingToken::new(Revision::new(1).unwrap()),
            _ => token,
        };
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
            past: Arc::clone(&self.past),
            first: Arc::clone(&self.first),
            lie: self.lie,
        }
    }

    /// What is written, or as a lie something else.
    fn altered(&self, change: &Change) -> Change {
        let mut change = change.clone();
        match (&mut change, self.lie) {
            (Change::Leader(write), Lie::AltersRecord) => {
                write.record.ttl = Some(Duration::from_secs(1));
            }
            (Change::Config(Some(config)), Lie::AltersConfig) => {
                let settings = config.settings_mut();
                settings.insert("beside".to_owned(), true.into());
            }
            _ => {}
        }
        change
    }

    /// The event, or as a lie the first view of all again, or another one
    /// directly before.
    fn told(&self, event: WatchEvent, first: &mut Option<Box<Snapshot>>) -> WatchEvent {
        if let WatchEvent::Changed(Update::Leader(update)) = &event {
            let (mut entry, mut before) = (update.entry.clone(), update.previous);
            match (self.lie, &mut entry.value) {
                (Lie::NothingBetween, _) => {
                    let other = before.map(|before| before.get() - 1);
                    before = other.and_then(Revision::new);
                }
                (Lie::ShowsOtherTtl, Value::Present(record)) => record.ttl = None,
                _ => {}
            }
            return WatchEvent::Changed(Update::Leader(LeaderUpdate::new(entry, before)));
        }
        if let (WatchEvent::Reset(now), Lie::OpensWithOtherTtl) = (&event, self.lie) {
            let mut now = now.clone();
            if let Value::Present(record) = &mut now.leader.value {
                record.ttl = None;
            }
            return WatchEvent::Reset(now);
        }
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
