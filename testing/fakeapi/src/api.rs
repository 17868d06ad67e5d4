//! The handle of a server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::faults::{Action, Disturbance, Faults, Lag, On, Request};
use crate::kinds::Kind;
use crate::log::{Log, Recorded};
use crate::options::Options;
use crate::service::FakeService;
use crate::store::Store;
use crate::target::Target;
use crate::time::Time;

/// A Kubernetes API server in this process.
///
/// A clone is another handle of the same server.
///
/// ```
/// # use k8s_openapi::api::core::v1::ConfigMap;
/// # use kube::api::{Api, PostParams};
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> kube::Result<()> {
/// let fake = dcs_fakeapi::FakeApi::new();
/// let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
/// let mut map = ConfigMap::default();
/// map.metadata.name = Some("a".into());
/// maps.create(&PostParams::default(), &map).await?;
/// let again = maps.create(&PostParams::default(), &map).await.unwrap_err();
/// assert!(again.to_string().contains("configmaps \"a\" already exists"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FakeApi(pub(crate) Arc<Shared>);

/// Why a server does not go back to a revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot go back to revision {asked}: from {oldest} to {newest} are kept; restore to one of these, or compact later"
)]
#[non_exhaustive]
pub struct NotKept {
    /// What was asked for.
    pub asked: u64,
    /// The oldest that is kept.
    pub oldest: u64,
    /// The newest there is.
    pub newest: u64,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) time: Time,
    pub(crate) changed: watch::Sender<u64>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) rng: Rng,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) watches: BTreeMap<u64, Watched>,
    pub(crate) next_watch: u64,
}

/// A watch that someone reads.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) client: String,
    pub(crate) target: Target,
    pub(crate) order: Option<Disturbance>,
}

impl FakeApi {
    /// A server with the namespace `default` and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::new())
    }

    /// A server with other options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        let state = State {
            store: Store::new(options.first_revision),
            rng: Rng::with_seed(options.seed),
            faults: Faults::new(),
            log: Log::new(options.keep_requests),
            watches: BTreeMap::new(),
            next_watch: 0,
        };
        let shared = Shared {
            time: Time::new(options.clock.clone()),
            options,
            changed: watch::Sender::new(0),
            state: Mutex::new(state),
        };
        let fake = Self(Arc::new(shared));
        fake.add_namespace("default");
        fake
    }

    /// A client of this server, for the namespace `default`.
    ///
    /// kube's client works on the runtime in which it was made.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.client_named("")
    }

    /// A client with a name, by which [`On::client`] and [`FakeApi::requests`]
    /// know it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn client_named(&self, name: &str) -> kube::Client {
        kube::Client::new(self.service_named(name), "default")
    }

    /// The server as a tower service, for `kube::Client::new` and for layers of
    /// one's own.
    #[must_use]
    pub fn service(&self) -> FakeService {
        self.service_named("")
    }

    /// The service of a client with a name.
    #[must_use]
    pub fn service_named(&self, client: &str) -> FakeService {
        FakeService::new(Arc::clone(&self.0), client)
    }

    /// Makes a namespace, unless it is there.
    pub fn add_namespace(&self, name: &str) {
        let plural = Kind::Namespace.facts().plural;
        if self.object(plural, "", name).is_none() {
            self.put_object(plural, "", json!({"metadata": {"name": name}}));
        }
    }

    /// An object as it is stored now, whatever faults there are. `plural` is
    /// the kind as paths name it; a namespace has no namespace.
    #[must_use]
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let kind = Kind::of_plural(plural)?;
        let path = kind.path(namespace, name);
        let state = self.0.lock();
        state
            .store
            .get(kind, &path)
            .map(|stored| stored.value.clone())
    }

    /// The newest revision.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.0.lock().store.revision()
    }

    /// What was asked so far, in the order of arrival: the newest ones, see
    /// [`Options::keep_requests`].
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.0.lock().log.all()
    }

    /// Forgets what was asked.
    pub fn clear_requests(&self) {
        self.0.lock().log.clear();
    }

    /// Lets something go wrong from now on, beside what already does.
    pub fn fault(&self, on: On, action: Action) {
        self.0.lock().faults.push(on, action);
    }

    /// Lets this go wrong from now on, and nothing else.
    pub fn set_faults(&self, faults: Faults) {
        self.0.lock().faults = faults;
    }

    /// Lets nothing go wrong any more. What is on its way stays delayed.
    pub fn clear_faults(&self) {
        self.set_faults(Faults::new());
    }

    /// Takes the faults away that are for the client of this name alone.
    pub fn clear_faults_of(&self, client: &str) {
        self.0.lock().faults.forget_client(client);
    }

    /// Lets this become of all open watches that `on` means, whatever it says
    /// of how often. Returns how many there are.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn disturb_watches(&self, on: &On, disturbance: Disturbance) -> usize {
        let mut state = self.0.lock();
        let mut count = 0;
        for watched in state.watches.values_mut() {
            let (client, target) = (watched.client.as_str(), &watched.target);
            if on.matches(Request { client, target }) {
                watched.order = Some(disturbance);
                count += 1;
            }
        }
        drop(state);
        self.0.wake();
        count
    }

    /// How many watches are open.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.0.lock().watches.len()
    }

    /// Forgets all history, as a compaction of etcd does: watches from older
    /// revisions, older snapshots and older continue tokens get 410.
    pub fn compact(&self) {
        let mut state = self.0.lock();
        let revision = state.store.revision();
        state.store.compact(revision);
    }

    /// Goes back to how everything was at `revision`, as a restored backup
    /// does, and counts on from there: revisions are used twice. Open watches
    /// end.
    ///
    /// # Errors
    /// [`NotKept`] where the revision is forgotten, or not yet there.
    pub fn restore(&self, revision: u64) -> Result<(), NotKept> {
        let mut state = self.0.lock();
        if !state.store.restore(revision) {
            return Err(NotKept {
                asked: revision,
                oldest: state.store.compacted(),
                newest: state.store.revision(),
            });
        }
        drop(state);
        self.0.wake();
        Ok(())
    }

    /// Lets revisions pass, as writes to other objects of a cluster do.
    pub fn skip_revisions(&self, count: u64) {
        self.0.lock().store.skip(count);
        self.0.wake();
    }
}

impl Default for FakeApi {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the watches that there is something new.
    pub(crate) fn wake(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

impl State {
    /// The newest revision that a cache with this lag has.
    pub(crate) fn visible(&self, lag: Option<Lag>, now: Duration) -> u64 {
        let newest = self.store.revision();
        let visible = match lag {
            None => newest,
            Some(Lag::Revisions(behind)) => newest.saturating_sub(behind),
            Some(Lag::At(revision)) => newest.min(revision),
            Some(Lag::Time(behind)) => match now.checked_sub(behind) {
                Some(then) => self.store.revision_at(then),
                None => 0,
            },
        };
        visible.max(self.store.compacted())
    }
}
