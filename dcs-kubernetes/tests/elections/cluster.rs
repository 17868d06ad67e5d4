//! Members of one scope on a fake API server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use dcs_core::election::{Elector, EventKind, LeaseTiming};
use dcs_core::{Clock as _, Stamp, TokioClock};
use dcs_fakeapi::{FakeApi, On};
use futures_util::StreamExt as _;
use tokio::task::{AbortHandle, JoinSet};

use crate::support::fake::{Place, Seeded};
use crate::support::server::Mode;

pub(crate) const TTL: Duration = Duration::from_secs(30);
/// By when another member leads: T_WAIT, what members add to it, and a request
/// that is lost on the way.
pub(crate) const TAKE_OVER: Duration = Duration::from_secs(45);
const LOOK: Duration = Duration::from_millis(10);

pub(crate) struct Cluster {
    pub(crate) fake: FakeApi,
    pub(crate) place: Place,
    pub(crate) members: Vec<Member>,
    clock: TokioClock,
    opened: Stamp,
    /// The drivers; they end with this.
    drivers: JoinSet<()>,
}

pub(crate) struct Member {
    pub(crate) elector: Elector,
    pub(crate) client: String,
    /// How often it was elected.
    terms: Arc<AtomicU64>,
    driver: AbortHandle,
}

/// The same test in both modes, with so many members, of which the first leads.
pub(crate) async fn in_both_modes(count: usize, test: impl AsyncFn(Cluster)) {
    in_both_modes_by(count, FakeApi::client_named, test).await;
}

/// The same by clients that are made like this.
pub(crate) async fn in_both_modes_by(
    count: usize,
    connects: fn(&FakeApi, &str) -> kube::Client,
    test: impl AsyncFn(Cluster),
) {
    for mode in [Mode::Endpoints, Mode::ConfigMaps] {
        let mut cluster = Cluster::open(mode);
        cluster.place.connects = connects;
        cluster.join(count).await;
        assert_eq!(cluster.led_within(TAKE_OVER).await, 0, "{mode:?}");
        // Everyone has seen it, and it has renewed.
        cluster.pass(Duration::from_secs(12)).await;
        test(cluster).await;
    }
}

pub(crate) fn timing() -> LeaseTiming {
    let seconds = Duration::from_secs;
    LeaseTiming::new(TTL, seconds(10), seconds(8)).unwrap()
}

impl Cluster {
    fn open(mode: Mode) -> Self {
        let fake = FakeApi::new();
        let clock = TokioClock::new();
        Self {
            opened: clock.now(),
            place: Place::open(fake.clone(), mode, "demo".to_owned()),
            fake,
            members: Vec::new(),
            clock,
            drivers: JoinSet::new(),
        }
    }

    pub(crate) async fn join(&mut self, count: usize) {
        for number in self.members.len()..count {
            let dcs = self.place.join(number).await;
            let name = self.place.members[number].clone();
            let client = self.place.client_of(&name);
            let seed = u128::try_from(number).unwrap() + 77;
            let (clock, entropy) = (TokioClock::new(), Seeded::new(seed));
            let builder = Elector::builder(dcs, name, timing(), Arc::new(clock), Arc::new(entropy));
            let builder = if number == 0 {
                builder.assert_first_bootstrap()
            } else {
                builder
            };
            let (elector, driver) = builder.build();
            let terms = Arc::<AtomicU64>::default();
            let (mut events, counted) = (elector.events(), Arc::clone(&terms));
            self.drivers.spawn(async move {
                while let Some(event) = events.next().await {
                    if matches!(event.kind, EventKind::Elected { .. }) {
                        counted.fetch_add(1, SeqCst);
                    }
                }
            });
            let driver = self.drivers.spawn(driver.run());
            elector.contend().unwrap();
            if number == 0 {
                while !elector.is_leader() {
                    self.clock.sleep(LOOK).await;
                }
            }
            self.members.push(Member {
                elector,
                client,
                terms,
                driver,
            });
        }
    }

    /// Lets time pass and looks who believes.
    pub(crate) async fn pass(&self, time: Duration) {
        let start = self.clock.now();
        while self.clock.now().holder_elapsed_since(start) < time {
            self.clock.sleep(LOOK).await;
            self.leader();
        }
    }

    /// What the fake counts as [`dcs_fakeapi::Recorded::at`]: its first request is
    /// that of the first member's Pod, at once.
    pub(crate) fn time(&self) -> Duration {
        self.clock.now().holder_elapsed_since(self.opened)
    }

    /// The kind of the object that is the lock, and its name.
    pub(crate) fn lock(&self) -> (String, String) {
        let path = self.place.leader();
        let (kind, name) = path.split_once('/').unwrap();
        (kind.to_owned(), name.to_owned())
    }

    /// Who believes now.
    pub(crate) fn leader(&self) -> Option<usize> {
        let believe = |number: &usize| self.members[*number].elector.is_leader();
        let leaders: Vec<_> = (0..self.members.len()).filter(believe).collect();
        assert!(leaders.len() <= 1, "{leaders:?} believe at once");
        leaders.first().copied()
    }

    /// Who leads within this time, and since when there was somebody else.
    pub(crate) async fn led_within(&self, time: Duration) -> usize {
        self.led_by(time, |_| true).await
    }

    /// Waits until somebody else than this one leads.
    pub(crate) async fn replaced_within(&self, former: usize, time: Duration) -> usize {
        self.led_by(time, |leader| leader != former).await
    }

    /// Waits until somebody else than this one leads, who believed in itself no
    /// longer than its writes carry: not until its watch showed another one.
    pub(crate) async fn loses_and_is_replaced_within(
        &self,
        former: usize,
        time: Duration,
    ) -> usize {
        let start = self.clock.now();
        while self.leader() == Some(former) {
            self.clock.sleep(LOOK).await;
        }
        assert_eq!(self.leader(), None, "it believed until it was replaced");
        let passed = self.clock.now().holder_elapsed_since(start);
        self.replaced_within(former, time.saturating_sub(passed))
            .await
    }

    /// How often this member was elected.
    pub(crate) fn terms(&self, number: usize) -> u64 {
        self.members[number].terms.load(SeqCst)
    }

    /// As SIGKILL does.
    pub(crate) fn kill(&self, number: usize) {
        self.members[number].driver.abort();
    }

    /// All requests of one member.
    pub(crate) fn of(&self, number: usize) -> On {
        On::any().client(&self.members[number].client)
    }

    /// Those of them that write.
    pub(crate) fn writes_of(&self, number: usize) -> On {
        On::writes().client(&self.members[number].client)
    }

    /// To how many requests of this member something was done.
    pub(crate) fn disturbed(&self, number: usize) -> u64 {
        let client = &self.members[number].client;
        let requests = self.fake.requests().into_iter();
        let disturbed =
            requests.filter(|asked| asked.client == *client && !asked.faults.is_empty());
        u64::try_from(disturbed.count()).unwrap()
    }

    async fn led_by(&self, time: Duration, is_meant: impl Fn(usize) -> bool) -> usize {
        let start = self.clock.now();
        while self.clock.now().holder_elapsed_since(start) < time {
            if let Some(leader) = self.leader().filter(|leader| is_meant(*leader)) {
                return leader;
            }
            self.clock.sleep(LOOK).await;
        }
        panic!("nobody who is meant leads within {time:?}");
    }
}
