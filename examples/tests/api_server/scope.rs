//! Members of one scope in this process.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_cluster::proxy::Proxy;
use dcs_core::election::{ElectionEvent, Elector, EventKind, LeaseTiming};
use dcs_core::{Dcs, FencingToken, MemberName, OsEntropy, SystemClock, Timestamp};
use dcs_kubernetes::{Builder, ConfigMapDcs, EndpointsDcs};
use futures::StreamExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};

use super::support::api::{self, Api};
use super::support::cluster::{Backend, SCOPE};
use super::support::events::Event;
use super::support::judge::{Verdict, judge};
use super::support::wait::{PATIENCE, millis, until};
use super::timed::Timed;

/// What a busy machine may take beyond a time that is asked for.
pub(crate) const SLACK: Duration = Duration::from_millis(1_500);

pub(crate) struct Scope {
    pub(crate) api: Api,
    pub(crate) backend: Backend,
    pub(crate) timing: LeaseTiming,
    pub(crate) members: Vec<Member>,
    /// Drivers, and who notes what they tell. They end with this.
    tasks: JoinSet<()>,
}

pub(crate) struct Member {
    pub(crate) name: MemberName,
    pub(crate) elector: Elector,
    pub(crate) dcs: Arc<Timed>,
    told: Arc<Mutex<Vec<ElectionEvent>>>,
    driver: AbortHandle,
}

/// The same test in both modes, at the same time.
pub(crate) async fn in_both_modes(test: impl AsyncFn(Backend)) {
    tokio::join!(
        Box::pin(test(Backend::Endpoints)),
        Box::pin(test(Backend::ConfigMap)),
    );
}

/// Whole seconds.
pub(crate) fn timing(ttl: u64, loop_wait: u64, retry_timeout: u64) -> LeaseTiming {
    let seconds = Duration::from_secs;
    LeaseTiming::new(seconds(ttl), seconds(loop_wait), seconds(retry_timeout)).unwrap()
}

/// The API server that `KUBECONFIG` names.
pub(crate) async fn given() -> kube::Config {
    kube::Config::infer()
        .await
        .expect("KUBECONFIG names an API server: run this through cargo xtask test")
}

/// The API server of this kubeconfig.
pub(crate) async fn named(kubeconfig: &Path) -> kube::Config {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options);
    config.await.unwrap()
}

/// A proxy before this API server, and the configuration that leads through it.
pub(crate) async fn proxied(config: &kube::Config) -> (Proxy, kube::Config) {
    let url = &config.cluster_url;
    let address = format!("{}:{}", url.host().unwrap(), url.port_u16().unwrap());
    let proxy = Proxy::start(address.parse().unwrap()).await.unwrap();
    let mut config = config.clone();
    config.cluster_url = format!("https://{}", proxy.address()).parse().unwrap();
    (proxy, config)
}

/// A handle of this member, whose own deadline for an attempt is this one.
pub(crate) fn handle(
    (config, api, backend): (kube::Config, &Api, Backend),
    name: &MemberName,
    attempt: Duration,
) -> Arc<dyn Dcs> {
    let scope = SCOPE.parse().unwrap();
    match backend {
        Backend::Endpoints => {
            // From TEST-NET-1: stored, never connected to.
            let ip = "192.0.2.1".parse().unwrap();
            let builder = EndpointsDcs::builder(scope).pod_ip(ip);
            let builder = common(builder, api, name).attempt_timeout(attempt);
            Arc::new(builder.build(config).unwrap())
        }
        Backend::ConfigMap => {
            let builder = common(ConfigMapDcs::builder(scope), api, name);
            Arc::new(builder.attempt_timeout(attempt).build(config).unwrap())
        }
    }
}

fn common<D>(builder: Builder<D>, api: &Api, name: &MemberName) -> Builder<D>
where
    Builder<D>: Common,
{
    builder.common(api, name)
}

/// What both backends are told.
pub(crate) trait Common {
    #[must_use]
    fn common(self, api: &Api, name: &MemberName) -> Self;
}

macro_rules! common {
    ($($backend:ty),*) => {$(
        impl Common for Builder<$backend> {
            fn common(self, api: &Api, name: &MemberName) -> Self {
                self.namespace(api.namespace.parse().unwrap())
                    .labels("application=dcs".parse().unwrap())
                    .member(name.clone())
            }
        }
    )*};
}
common!(EndpointsDcs, ConfigMapDcs);

impl Scope {
    /// Nobody yet, in a namespace of its own that the administrator makes.
    pub(crate) async fn open(admin: kube::Config, backend: Backend, timing: LeaseTiming) -> Self {
        Self {
            api: Api::open_at(admin).await,
            backend,
            timing,
            members: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Another member. The first one leads when this is done.
    pub(crate) async fn join(&mut self, config: kube::Config, attempt: Duration) {
        let number = self.members.len();
        self.begin(config, attempt);
        if number == 0 {
            self.renewed_after(0, 0).await;
        }
        self.seen_by(number).await;
    }

    /// Another member, which nobody waits for. The first one asserts that the
    /// scope is new.
    pub(crate) fn begin(&mut self, config: kube::Config, attempt: Duration) {
        let number = self.members.len();
        let name: MemberName = format!("demo-{number}").parse().unwrap();
        let dcs = handle((config, &self.api, self.backend), &name, attempt);
        let dcs = Arc::new(Timed::new(dcs));
        let (clock, entropy) = (SystemClock::new(), OsEntropy::new());
        let timing = self.timing.clone();
        let all: Arc<dyn Dcs> = Arc::<Timed>::clone(&dcs);
        let builder = Elector::builder(
            all,
            name.clone(),
            timing,
            Arc::new(clock),
            Arc::new(entropy),
        );
        let builder = if number == 0 {
            builder.assert_first_bootstrap()
        } else {
            builder
        };
        let (elector, driver) = builder.build();
        let told = Arc::<Mutex<Vec<ElectionEvent>>>::default();
        let (mut events, notes) = (elector.events(), Arc::clone(&told));
        self.tasks.spawn(async move {
            while let Some(event) = events.next().await {
                notes.lock().unwrap().push(event);
            }
        });
        let driver = self.tasks.spawn(driver.run());
        elector.contend().unwrap();
        self.members.push(Member {
            name,
            elector,
            dcs,
            told,
            driver,
        });
    }

    /// Waits for a renewal of this member that is told at `from_ms` or later.
    pub(crate) async fn renewed_after(&self, number: usize, from_ms: i64) -> Event {
        let member = &self.members[number];
        let is_meant = |event: &Event| event.is("renewed") && event.at_ms >= from_ms;
        let found = until("a renewal", PATIENCE, async || {
            let events = member.events().into_iter();
            let found = events.clone().find(is_meant);
            let over = |event: &Event| event.is("lost") && event.at_ms >= from_ms;
            let lost = events.clone().find(over);
            assert!(found.is_some() || lost.is_none(), "{:#?}", member.told());
            found
        });
        found.await
    }

    /// Waits for an election at `from_ms` or later.
    pub(crate) async fn elected_after(&self, from_ms: i64) -> Event {
        let is_meant = |event: &Event| event.is("elected") && event.at_ms >= from_ms;
        let found = until("an election", PATIENCE, async || {
            let mut events = self.members.iter().flat_map(Member::events);
            events.find(is_meant)
        });
        found.await
    }

    /// Waits until this member's term is over.
    pub(crate) async fn lost_after(&self, number: usize, from_ms: i64) -> Event {
        let is_meant = |event: &Event| event.is("lost") && event.at_ms >= from_ms;
        let found = until("the end of the term", PATIENCE, async || {
            self.members[number].events().into_iter().find(is_meant)
        });
        found.await
    }

    /// Waits until this member's watch shows the version that stands there now,
    /// or a later one.
    pub(crate) async fn seen_by(&self, number: usize) {
        let (_, revision) = self.lock().await;
        let view = self.members[number].elector.cluster();
        until("the watch shows the lock", PATIENCE, async || {
            let seen = view.latest()?.leader.revision?;
            (seen.get() >= revision).then_some(())
        })
        .await;
    }

    /// The leader object and its revision, as the administrator reads it.
    pub(crate) async fn lock(&self) -> (Value, u128) {
        let (plural, name) = (self.backend.plural(), self.backend.leader_object());
        let lock = self.api.get(plural, name).await.expect("it is there");
        let revision = api::revision(&lock);
        (lock, revision)
    }

    /// Waits until the lock was written once more; says at which revision.
    pub(crate) async fn written_again(&self) -> u128 {
        let (_, before) = self.lock().await;
        until("a write of the lock", PATIENCE, async || {
            let (_, revision) = self.lock().await;
            (revision > before).then_some(revision)
        })
        .await
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let runs: Vec<Vec<Event>> = self.members.iter().map(Member::events).collect();
        judge(runs.iter().map(Vec::as_slice))
    }

    /// One term so far, of the first member, which believes in it now.
    #[track_caller]
    pub(crate) fn assert_first_term_goes_on(&self) {
        let verdict = self.verdict();
        let goes_on = verdict.terms.len() == 1 && self.members[0].elector.is_leader();
        assert!(goes_on, "{:#?}", self.members[0].told());
    }

    /// No attempt of this member that was sent since `from_ms` took longer than
    /// the elector leaves it. Says how many ended by that deadline.
    #[track_caller]
    pub(crate) fn ended_by_deadline(&self, number: usize, from_ms: i64) -> usize {
        let limit = self.timing.attempt_timeout();
        let attempts = self.members[number].dcs.attempts_since(from_ms);
        let late = attempts.iter().find(|one| one.took > limit + SLACK);
        assert!(late.is_none(), "of {limit:?}: {late:?}");
        attempts.iter().filter(|one| one.took >= limit).count()
    }
}

impl Member {
    /// As SIGKILL does: nothing more is sent or told.
    pub(crate) fn kill(&self) {
        self.driver.abort();
    }

    pub(crate) fn told(&self) -> Vec<ElectionEvent> {
        self.told.lock().unwrap().clone()
    }

    /// What it said of requests that failed, since `from_ms`.
    pub(crate) fn trouble_since(&self, from_ms: i64) -> Vec<String> {
        let told = self.told().into_iter();
        let told = told.filter(|event| event.at.as_millis() >= from_ms);
        told.filter_map(|event| match event.kind {
            EventKind::Trouble { what, why } => Some(format!("{what}: {why}")),
            _ => None,
        })
        .collect()
    }

    /// What the judge needs of what it told.
    pub(crate) fn events(&self) -> Vec<Event> {
        let told = self.told();
        told.iter().filter_map(|told| self.event(told)).collect()
    }

    fn event(&self, told: &ElectionEvent) -> Option<Event> {
        let (kind, token, until): (_, FencingToken, Option<Timestamp>) = match &told.kind {
            EventKind::Elected { token, until } => ("elected", *token, Some(*until)),
            EventKind::Renewed { token, until } => ("renewed", *token, Some(*until)),
            EventKind::Lost { token, .. } => ("lost", *token, None),
            EventKind::Released { token } => ("released", *token, None),
            _ => return None,
        };
        Some(Event {
            at_ms: told.at.as_millis(),
            member: self.name.to_string(),
            kind: kind.to_owned(),
            leader: Some(self.name.to_string()),
            token: Some(token.get()),
            until_ms: until.map(Timestamp::as_millis),
        })
    }
}

/// The latest instant for something that may take this long from `from_ms`.
pub(crate) fn by(from_ms: i64, span: Duration) -> i64 {
    from_ms + millis(span + SLACK)
}
