//! One history: faults, hostile edits, and a calm end.

use super::*;

pub(super) struct History {
    pub(super) world: Arc<World>,
    pub(super) profile: Profile,
    pub(super) rng: Rng,
    pub(super) processes: Vec<Process>,
    pub(super) hosts: Vec<Host>,
    pub(super) later: Vec<(u64, Later)>,
}

/// What is to be undone, or done, at an instant.
pub(super) enum Later {
    Heal(usize),
    Run(usize),
    Restart(usize),
    Quick(usize),
    Edit,
}

impl History {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (profile, odds) = Profile::draw(&mut rng);
        let real = Real::new();
        let options = MemoryOptions::default()
            .with_seed(seed)
            .with_log_capacity(300)
            .with_identical_writes(profile.keeps);
        let store = MemoryStore::with_options(Arc::new(real.clock), options);
        let world = Arc::new(World {
            seed,
            real: real.clone(),
            store,
            scope: "attack".parse().unwrap(),
            calm: AtomicBool::new(false),
            odds: Mutex::new(odds),
            judge: Mutex::default(),
        });
        let hosts = (0..profile.members)
            .map(|_| Host::new(&real, &mut rng))
            .collect();
        let mut history = Self {
            world,
            profile,
            rng,
            processes: Vec::new(),
            hosts,
            later: Vec::new(),
        };
        for slot in 0..history.profile.members {
            history.start(slot);
        }
        history
    }

    /// A process of a member. Others of the same name may be running.
    pub(super) fn start(&mut self, slot: usize) {
        let world = Arc::clone(&self.world);
        let id = self.processes.len();
        let host = self.hosts[slot].clone();
        let watch = world.store.handle(&world.scope);
        watch.set_latency(quick());
        let net = Arc::new(Net {
            id,
            rw: world.store.handle(&world.scope),
            watch: watch.clone(),
            world: Arc::clone(&world),
            cut: AtomicBool::new(false),
            rng: Mutex::new(Rng::with_seed(self.rng.u64(..))),
        });
        let timing = self.profile.timing();
        // Two slots share a name, in some histories.
        let name = format!(
            "m{}",
            if self.world.seed.is_multiple_of(4) {
                slot / 2
            } else {
                slot
            }
        );
        let (elector, driver) = Elector::builder(
            Arc::new(NetDcs(Arc::clone(&net))),
            name.parse().unwrap(),
            timing.clone(),
            Arc::new(host.clone()),
            Arc::new(SeededEntropy::new(self.rng.u64(..))),
        )
        .build();
        let gate = Arc::new(Gate::default());
        let gated = |inner: BoxFuture<'static, ()>| {
            tokio::spawn(Gated {
                gate: Arc::clone(&gate),
                inner,
            })
        };
        let chance = Rng::with_seed(self.rng.u64(..));
        let work = work(elector.clone(), host.clone(), Arc::clone(&world), chance);
        let tasks = vec![gated(Box::pin(driver.run())), gated(Box::pin(work))];
        let mut events = elector.events();
        let listener = Arc::clone(&world);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                listener.said(id, &event.kind);
            }
        });
        let mut judge = world.judge.lock().unwrap();
        judge.electors.push((name, elector.clone()));
        drop(judge);
        self.processes.push(Process {
            id,
            slot,
            elector,
            tasks,
            gate,
            host,
            net,
            watch,
            running: true,
            timing,
        });
    }

    pub(super) fn some(&mut self) -> Option<usize> {
        let running: Vec<_> = self.processes.iter().filter(|p| p.running).collect();
        // Whoever leads is the better victim.
        let leader = running.iter().find(|process| process.elector.is_leader());
        if let (Some(leader), true) = (leader, self.rng.bool()) {
            return Some(leader.id);
        }
        let index = self.rng.usize(0..running.len().max(1));
        running.get(index).map(|process| process.id)
    }

    pub(super) fn after(&mut self, millis: u64, later: Later) {
        let at = self.world.real.now() + millis * 1_000_000;
        self.later.push((at, later));
    }

    pub(super) fn trouble(&mut self) {
        let Some(id) = self.some() else { return };
        let total: u32 = self.profile.weights.iter().sum();
        let mut pick = self.rng.u32(0..total.max(1));
        let what = self.profile.weights.iter().position(|weight| {
            let hit = pick < *weight;
            pick = pick.saturating_sub(*weight);
            hit
        });
        let world = Arc::clone(&self.world);
        world.log(|| format!("trouble {what:?} for {id}"));
        let short = self.rng.u64(100..20_000);
        let long = self.rng.u64(100..70_000);
        match what.unwrap_or(9) {
            0 => {
                world.count("crashes");
                self.crash(id);
                let slot = self.processes[id].slot;
                self.after(short, Later::Restart(slot));
            }
            1 => {
                world.count("pauses");
                self.processes[id].gate.set(true);
                self.after(long, Later::Run(id));
            }
            2 => {
                world.count("suspends");
                // The whole machine: every process on these clocks.
                let slot = self.processes[id].slot;
                self.processes[id].host.change(|ticks| ticks.asleep = true);
                let there = self.processes.iter().filter(|p| p.slot == slot);
                there.for_each(|process| process.gate.set(true));
                self.after(long, Later::Run(id));
            }
            3 => {
                world.count("cuts");
                self.cut(id, long);
            }
            4 => {
                world.count("slow watches");
                let way = Latency::fixed(Duration::from_millis(long / 2));
                self.processes[id].watch.set_latency(way);
                self.after(long, Later::Quick(id));
            }
            5 => {
                world.count("watches broken");
                if self.rng.bool() {
                    self.processes[id].watch.break_watch();
                } else {
                    self.processes[id].watch.break_watch_with_gap();
                }
            }
            6 => {
                world.count("clocks slewed");
                let slew = self.rng.i64(-83_000..=83_000);
                self.processes[id]
                    .host
                    .change(|ticks| ticks.slew_ppm = slew);
            }
            7 => {
                world.count("twins");
                // At most a few at a time.
                if self.processes.iter().filter(|p| p.running).count() < 7 {
                    let slot = self.processes[id].slot;
                    self.start(slot);
                }
            }
            8 if self.profile.configs => self.configure(id),
            _ if self.profile.edits => self.edit(),
            _ => self.request(id),
        }
    }

    pub(super) fn cut(&mut self, id: usize, millis: u64) {
        self.processes[id].net.cut.store(true, SeqCst);
        self.processes[id].watch.cut_off();
        self.after(millis, Later::Heal(id));
    }

    pub(super) fn crash(&mut self, id: usize) {
        let process = &mut self.processes[id];
        process.running = false;
        process.tasks.iter().for_each(JoinHandle::abort);
        process.gate.set(false);
        // Its handle is kept: what it believes must end by itself.
        self.world.judge.lock().unwrap().open.remove(&id);
    }

    pub(super) fn configure(&mut self, id: usize) {
        self.world.count("ttl changes");
        let ttl = self.rng.u64(8..40);
        let text = format!(
            r#"{{"ttl":{ttl},"loop_wait":{},"retry_timeout":{}}}"#,
            ttl / 3,
            ttl / 4
        );
        let process = &mut self.processes[id];
        if let Ok(timing) = process.timing.with_config(&text.parse().unwrap()) {
            process.timing = timing.clone();
            // A driver that has ended needs no settings.
            let _ = process.elector.set_timing(timing);
        }
    }

    /// A request to hand over, as an operator makes it.
    pub(super) fn request(&mut self, id: usize) {
        self.world.count("failover requests");
        let name = self.world.judge.lock().unwrap().electors[id].0.clone();
        let candidate = self.rng.bool().then(|| name.parse().unwrap());
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            let handle = world.store.handle(&world.scope);
            let expected = world.store.snapshot(&world.scope).failover.precondition();
            let change = Change::Failover(Some(Failover::switchover(None, candidate)));
            let _ = handle.write(&change, expected).await;
        });
    }

    /// A third party does what it likes to the leader record.
    pub(super) fn edit(&mut self) {
        let world = Arc::clone(&self.world);
        world.remember();
        let (store, scope) = (&world.store, &world.scope);
        let past = world.judge.lock().unwrap().past.clone();
        let older = |rng: &mut Rng| {
            let near = past.len().min([3, 10, 1000][rng.usize(0..3)]);
            let index = past.len() - rng.usize(0..near.max(1)) - 1;
            past.get(index).and_then(|entry| entry.get().cloned())
        };
        world.count("hostile edits");
        match self.rng.u8(0..10) {
            0 => drop(store.delete_leader(scope)),
            1 => drop(store.edit_leader(scope, |record| record.holder = None)),
            2 | 3 if !past.is_empty() => {
                if let Some(older) = older(&mut self.rng) {
                    store.edit_leader(scope, |record| *record = older);
                }
            }
            4 => {
                let previous = store.snapshot(scope).leader.revision;
                let secret = Secret::from_bits(self.rng.u128(..));
                store.edit_leader(scope, |record| {
                    let time = record.renew_time;
                    record.holder = None;
                    record.released = previous
                        .zip(time)
                        .map(|(prev, time)| ReleaseMark::new(secret, prev, time));
                });
            }
            5 => {
                store.edit_leader(scope, |record| record.ttl = Some(s(1)));
            }
            6 | 9 => {
                // A term of the past with the mark that once released it, or
                // the mark alone.
                let marked = past
                    .iter()
                    .rposition(|entry| entry.get().is_some_and(|record| record.released.is_some()));
                let first = marked.map(|index| index.saturating_sub(self.rng.usize(0..2)));
                for index in first
                    .into_iter()
                    .flat_map(|first| first..=marked.unwrap_or(first))
                {
                    if let Some(older) = past[index].get().cloned() {
                        store.edit_leader(scope, |record| *record = older);
                    }
                }
            }
            7 => {
                let name: MemberName = "stranger".parse().unwrap();
                store.edit_leader(scope, |record| record.holder = Some(name));
            }
            _ => drop(store.bump_leader(scope)),
        }
        world.log(|| format!("edited: {:?}", store.snapshot(scope).leader.revision));
        world.remember();
    }

    pub(super) fn ambush(&mut self, id: usize) {
        self.world.count("ambushes");
        let (soon, long) = (self.rng.u64(0..1000), self.rng.u64(5_000..70_000));
        self.after(soon, Later::Edit);
        self.cut(id, long);
        let others: Vec<_> = self
            .processes
            .iter()
            .filter(|p| p.running && p.id != id)
            .map(|p| p.id)
            .collect();
        for other in others {
            match self.rng.u8(0..3) {
                0 => {
                    let way = Latency::fixed(Duration::from_millis(self.rng.u64(0..40_000)));
                    self.processes[other].watch.set_latency(way);
                    self.after(40_000, Later::Quick(other));
                }
                1 => self.processes[other].watch.break_watch_with_gap(),
                _ => self.processes[other].watch.break_watch(),
            }
        }
    }

    pub(super) fn catch_up(&mut self, all: bool) {
        let now = self.world.real.now();
        let later = std::mem::take(&mut self.later);
        for (at, what) in later {
            if at > now && !all {
                self.later.push((at, what));
                continue;
            }
            match what {
                Later::Heal(id) => {
                    self.processes[id].net.cut.store(false, SeqCst);
                    self.processes[id].watch.heal();
                }
                Later::Run(id) => {
                    let slot = self.processes[id].slot;
                    self.processes[id].host.change(|ticks| ticks.asleep = false);
                    let there = self.processes.iter().filter(|p| p.slot == slot);
                    there.for_each(|process| process.gate.set(false));
                }
                Later::Restart(slot) => self.start(slot),
                Later::Quick(id) => self.processes[id].watch.set_latency(quick()),
                Later::Edit if !all => self.edit(),
                Later::Edit => {}
            }
        }
    }

    pub(super) async fn step(&mut self) {
        let millis = self.rng.u64(50..=200);
        self.world
            .real
            .clock
            .sleep(Duration::from_millis(millis))
            .await;
        if self.profile.polls {
            self.world.check();
        }
        self.world.remember();
    }

    pub(super) fn has_failed(&self) -> bool {
        self.world.judge.lock().unwrap().failed.is_some()
    }

    pub(super) async fn run(mut self) -> Arc<World> {
        while self.world.real.now() < PHASE * SECOND && !self.has_failed() {
            self.step().await;
            self.catch_up(false);
            let ambushes = std::mem::take(&mut self.world.judge.lock().unwrap().ambushes);
            for id in ambushes {
                self.ambush(id);
            }
            if self.rng.u32(0..1000) < 12 {
                self.trouble();
            }
        }
        self.calm().await;
        for process in &mut self.processes {
            process.tasks.iter().for_each(JoinHandle::abort);
        }
        self.world
    }

    /// All faults off: within the wait and a little more one leads, and stays.
    pub(super) async fn calm(&mut self) {
        *self.world.odds.lock().unwrap() = Odds::default();
        self.catch_up(true);
        self.world.calm.store(true, SeqCst);
        // What is under way arrives, and what it changed is waited for.
        self.wait(s(41)).await;
        let bound = s(self.profile.ttl) * 103 / 100 + s(self.profile.ttl / 3) * 4;
        let since = self.world.real.now();
        while self.leading() != 1 && !self.has_failed() {
            self.step().await;
            if self.world.real.now() - since > u64::try_from(bound.as_nanos()).unwrap() {
                self.world
                    .fail("nobody leads although all is well".to_owned());
            }
        }
        let lost = |world: &World| {
            let judge = world.judge.lock().unwrap();
            judge.counts.get("terms lost").copied().unwrap_or(0)
        };
        let before = lost(&self.world);
        self.wait(s(100)).await;
        if lost(&self.world) != before {
            self.world
                .fail("a term was lost although all is well".to_owned());
        }
        if self.leading() != 1 {
            self.world
                .fail("the leader of calm days does not lead any more".to_owned());
        }
    }

    pub(super) fn leading(&self) -> usize {
        self.processes
            .iter()
            .filter(|p| p.elector.is_leader())
            .count()
    }

    pub(super) async fn wait(&mut self, time: Duration) {
        let end = self.world.real.now() + u64::try_from(time.as_nanos()).unwrap();
        while self.world.real.now() < end && !self.has_failed() {
            self.step().await;
        }
    }
}

pub(super) fn quick() -> Latency {
    Latency::fixed(Duration::ZERO).with_jitter(Duration::from_millis(30))
}

/// What a user does: acquires, works for a while, gives up in one way or another.
pub(super) async fn work(elector: Elector, host: Host, world: Arc<World>, mut rng: Rng) {
    loop {
        let Ok(lease) = elector.acquire().await else {
            return;
        };
        let long = if rng.u8(0..3) == 0 { 20 } else { 300 };
        let shift = host.sleep(Duration::from_millis(rng.u64(10..long * 1000)));
        {
            let ended = std::pin::pin!(lease.ended());
            if let Either::Right(((), ended)) = select(ended, shift).await
                && world.calm.load(SeqCst)
            {
                ended.await;
            }
        }
        match rng.u8(0..4) {
            0 => drop(lease),
            1 => lease.release().await,
            2 => {
                let _ = elector.step_down().await;
                drop(lease);
            }
            _ => {
                let kept = lease;
                host.sleep(Duration::from_millis(rng.u64(0..2_000))).await;
                drop(kept);
            }
        }
        host.sleep(Duration::from_millis(rng.u64(0..500))).await;
    }
}
