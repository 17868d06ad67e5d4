//! The story on memory: an election, a change of the config, a crash of the
//! leader, the failover, a requested switchover and a graceful hand-over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dcs_core::election::LeaseTiming;
use dcs_core::{Clock, Dcs, DcsExt, Failover, MemberName, TokioClock};
use dcs_memory::{MemoryDcs, MemoryStore, SeededEntropy};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::args::Args;
use crate::member::Member;
use crate::report::Report;

/// Real time that one virtual second takes while a person watches.
const PACE: Duration = Duration::from_millis(80);

struct World {
    clock: Arc<TokioClock>,
    store: MemoryStore,
    observer: MemoryDcs,
    timing: LeaseTiming,
    report: Report,
    running: BTreeMap<MemberName, Running>,
    started: u64,
    panicked: bool,
}

struct Running {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

/// Runs the story, and ends it after `--duration` at the latest.
pub(crate) async fn run(args: &Args, timing: LeaseTiming, report: Report) -> anyhow::Result<()> {
    let clock = Arc::new(TokioClock::starting_at(wall_now()));
    let store = MemoryStore::new(Arc::<TokioClock>::clone(&clock));
    let observer = store.handle(&args.scope);
    let mut world = World {
        clock,
        store,
        observer,
        timing,
        report,
        running: BTreeMap::new(),
        started: 0,
        panicked: false,
    };
    for (number, name) in members(args)?.into_iter().enumerate() {
        world.start(name, args.bootstrap && number == 0);
    }
    let pace = world
        .report
        .is_live()
        .then(|| tokio::spawn(pace(Arc::clone(&world.clock))));
    let (end, gone) = (world.clock.sleep(args.duration), world.report.clone());
    tokio::select! {
        biased;
        () = gone.ended() => {}
        () = crate::signalled() => world.report.note("told to stop"),
        () = end => {}
        told = world.tell() => told?,
    }
    world.stop_all().await;
    if let Some(pace) = pace {
        pace.abort();
    }
    anyhow::ensure!(!world.panicked, "a member ended by a panic");
    Ok(())
}

impl World {
    async fn tell(&mut self) -> anyhow::Result<()> {
        let first = self.leader_other_than(None).await?;
        self.report.note(&format!(
            "{first} leads; the config key gets another setting"
        ));
        self.pause().await;
        self.observer
            .edit_config(|config| {
                let mut config = config.cloned().unwrap_or_default();
                config
                    .settings_mut()
                    .insert("maximum_lag_on_failover".into(), 1_048_576.into());
                Some(config)
            })
            .await?;
        self.pause().await;
        self.report
            .note(&format!("{first} crashes, without a word"));
        self.crash(&first);
        let second = self.leader_other_than(Some(&first)).await?;
        self.pause().await;
        self.report.note(&format!("{first} comes back"));
        self.start(first.clone(), false);
        self.pause().await;
        self.report.note(&format!(
            "a switchover from {second} to {first} is requested"
        ));
        let request = Failover::switchover(Some(second.clone()), Some(first.clone()));
        self.observer.request_failover(request).await?;
        let third = self.leader_other_than(Some(&second)).await?;
        self.pause().await;
        self.report
            .note(&format!("{third} is stopped, and gives leadership up"));
        self.stop(&third).await;
        let last = self.leader_other_than(Some(&third)).await?;
        self.pause().await;
        self.report
            .note(&format!("{last} leads on; this is the end of the story"));
        Ok(())
    }

    fn start(&mut self, me: MemberName, bootstrap: bool) {
        self.started += 1;
        let address = format!("192.0.2.{}:5432", self.started);
        let member = Member {
            dcs: Arc::new(self.store.handle(self.observer.scope())),
            record: crate::says(me.clone(), &address, None),
            timing: self.timing.clone(),
            seed: self.timing.to_config(),
            beside: None,
            clock: Arc::<TokioClock>::clone(&self.clock),
            entropy: Arc::new(SeededEntropy::new(self.started)),
            report: self.report.clone(),
            bootstrap,
        };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(member.run(stopped));
        self.running.insert(me, Running { task, stop });
    }

    /// As SIGKILL does: nothing is released and nothing is said.
    fn crash(&mut self, name: &MemberName) {
        if let Some(member) = self.running.remove(name) {
            member.task.abort();
            self.report.gone(name, "crashed");
        }
    }

    /// As SIGTERM does.
    async fn stop(&mut self, name: &MemberName) {
        if let Some(member) = self.running.remove(name) {
            member.stop.send_replace(true);
            // One that panicked has said so by itself.
            self.panicked |= member.task.await.is_err();
            self.report.gone(name, "stopped");
        }
    }

    async fn stop_all(&mut self) {
        let names: Vec<_> = self.running.keys().cloned().collect();
        // Followers first, so that the end of the run elects nobody.
        let holder = self.store.snapshot(self.observer.scope()).holder().cloned();
        for name in names
            .iter()
            .filter(|name| Some(*name) != holder.as_ref())
            .chain(&holder)
        {
            self.stop(name).await;
        }
    }

    async fn leader_other_than(&self, not: Option<&MemberName>) -> anyhow::Result<MemberName> {
        loop {
            let holder = self.observer.load().await?.holder().cloned();
            match holder {
                Some(holder) if Some(&holder) != not => return Ok(holder),
                _ => self.clock.sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn pause(&self) {
        self.clock.sleep(self.timing.loop_wait() / 2).await;
    }
}

fn members(args: &Args) -> anyhow::Result<Vec<MemberName>> {
    if let Some(name) = &args.name {
        return Ok(vec![name.clone()]);
    }
    let names =
        (0..args.members.unwrap_or(3)).map(|number| format!("{}-{number}", args.scope).parse());
    names
        .collect::<Result<_, _>>()
        .context("the members are named after the scope")
}

/// Slows virtual time down, so that a person can follow: while this thread
/// sleeps nothing else runs, and the clock stands still.
#[expect(
    clippy::disallowed_methods,
    reason = "real time is what a person watches in"
)]
async fn pace(clock: Arc<TokioClock>) {
    loop {
        clock.sleep(Duration::from_millis(250)).await;
        std::thread::sleep(PACE / 4);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "virtual time begins now, so that people can read it"
)]
fn wall_now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
