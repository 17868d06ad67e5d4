//! Members of one scope, each a process of its own, on the real API server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::api::Api;
use super::events::{Event, without_renewals};
use super::judge::{Verdict, judge};
use super::process::{Ended, Process, folder, ha_loop, read};
use super::wait::{PATIENCE, now_ms, poll, seconds};

pub(crate) const SCOPE: &str = "demo";

/// Which kind of object holds the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Endpoints,
    ConfigMap,
}

/// The timing that the members are started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) ttl: Duration,
    pub(crate) loop_wait: Duration,
    pub(crate) flags: &'static [&'static str],
}

/// For tests that wait for several ttls.
pub(crate) const SHORT: Timing = Timing {
    ttl: seconds(6),
    loop_wait: seconds(2),
    flags: &["--ttl", "6s", "--loop-wait", "2s", "--retry-timeout", "2s"],
};

/// What the program does by itself.
pub(crate) const DEFAULT: Timing = Timing {
    ttl: seconds(15),
    loop_wait: seconds(5),
    flags: &[],
};

/// How often to do what can be done often: `DCS_HA_ROUNDS`, which also asks for
/// the default timing and for the long windows. Once by default, with a short ttl.
pub(crate) fn rounds() -> Option<usize> {
    let rounds = std::env::var("DCS_HA_ROUNDS").ok()?;
    Some(rounds.parse().expect("DCS_HA_ROUNDS is a number"))
}

pub(crate) fn timing() -> Timing {
    if rounds().is_some() { DEFAULT } else { SHORT }
}

/// The members, and what their runs have written.
pub(crate) struct Cluster {
    pub(crate) api: Api,
    pub(crate) backend: Backend,
    pub(crate) timing: Timing,
    pub(crate) running: BTreeMap<String, Process>,
    /// The output of all runs, those that have ended too.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folder: PathBuf,
}

impl Backend {
    pub(crate) const fn flag(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::ConfigMap => "configmap",
        }
    }

    /// The collection of the objects.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::ConfigMap => "configmaps",
        }
    }

    /// The leader object of [`SCOPE`].
    pub(crate) const fn leader_object(self) -> &'static str {
        match self {
            Self::Endpoints => "demo",
            Self::ConfigMap => "demo-leader",
        }
    }
}

impl Cluster {
    /// Nobody yet, in a namespace of its own.
    pub(crate) async fn open(test: &str, backend: Backend, timing: Timing) -> Self {
        Self {
            api: Api::open().await,
            backend,
            timing,
            running: BTreeMap::new(),
            files: Vec::new(),
            folder: folder(&format!("{test}-{}", backend.flag())),
        }
    }

    /// The command of one member. It ends by itself if this test is killed.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = ha_loop();
        command
            .args(["--backend", self.backend.flag()])
            .args(["--namespace", &self.api.namespace])
            .args(["--scope", SCOPE, "--name", name])
            .args(["--output", "json", "--duration", "30m"])
            .args(self.timing.flags);
        command
    }

    pub(crate) fn start(&mut self, name: &str) {
        self.start_with(name, &[]);
    }

    pub(crate) fn start_with(&mut self, name: &str, flags: &[&str]) {
        let mut command = self.command(name);
        command.args(flags);
        self.start_command(name, command);
    }

    /// Starts a member by what was made of its [`command`](Self::command).
    pub(crate) fn start_command(&mut self, name: &str, command: Command) {
        let run = format!("{name}.{}", self.files.len());
        let process = Process::start(command, &self.folder, &run);
        self.files.push(process.out.clone());
        self.running.insert(name.to_owned(), process);
    }

    /// Starts three members. With a first bootstrap asserted, the first one
    /// leads before the others start.
    pub(crate) async fn start_three(&mut self, bootstrap: bool) {
        if bootstrap {
            self.start_with("demo-0", &["--bootstrap"]);
            self.elected(0, None, PATIENCE).await;
            self.start("demo-1");
            self.start("demo-2");
            return;
        }
        for name in ["demo-0", "demo-1", "demo-2"] {
            self.start(name);
        }
    }

    /// As SIGKILL does: the member is gone, its file stays.
    pub(crate) fn kill(&mut self, name: &str) {
        self.running.remove(name).unwrap().kill();
    }

    pub(crate) fn signal(&mut self, name: &str, signal: Signal) {
        self.running.get_mut(name).unwrap().signal(signal);
    }

    /// Waits for a member that was told to end.
    pub(crate) async fn ended(&mut self, name: &str) -> Ended {
        let mut process = self.running.remove(name).unwrap();
        process.end().await
    }

    /// Tells all to end, followers first so that nobody else is elected.
    pub(crate) async fn stop(&mut self) {
        let leader = self.settled().await;
        let mut names: Vec<String> = self.running.keys().cloned().collect();
        names.sort_by_key(|name| *name == leader);
        for name in names {
            self.signal(&name, Signal::TERM);
            let ended = self.ended(&name).await;
            assert!(ended.status.success(), "{name}: {ended:?}");
        }
    }

    /// Waits for an election at `from_ms` or later of a running member other
    /// than `not`.
    pub(crate) async fn elected(&self, from_ms: i64, not: Option<&str>, limit: Duration) -> Event {
        let new = |event: &Event| {
            event.is("elected") && event.at_ms >= from_ms && Some(&*event.member) != not
        };
        let found = poll(limit, async || {
            let mut events = self.running.values().flat_map(Process::events);
            events.find(new)
        });
        match found.await {
            Some(event) => event,
            None => self.fail(&format!(
                "nobody but {not:?} was elected within {limit:?} from {from_ms}"
            )),
        }
    }

    /// Waits until exactly one member leads and every other one has seen that.
    pub(crate) async fn settled(&self) -> String {
        let limit = self.timing.ttl * 2 + seconds(10);
        match poll(limit, async || self.agreed()).await {
            Some(leader) => leader,
            None => self.fail("no leader that all agree on"),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let runs: Vec<Vec<Event>> = self.files.iter().map(|file| read(file)).collect();
        judge(runs.iter().map(Vec::as_slice))
    }

    /// What judges the files of this run with the judge of the project.
    pub(crate) fn print_judge(&self) {
        let folder = self.folder.display();
        println!("cargo xtask check-events {folder}/*.jsonl");
    }

    fn agreed(&self) -> Option<String> {
        let runs: Vec<(&String, Vec<Event>)> = self
            .running
            .iter()
            .map(|(name, process)| (name, process.events()))
            .collect();
        let mut leading = runs.iter().filter(|(_, events)| leads(events));
        let (leader, _) = leading.next()?;
        let is_only = leading.next().is_none();
        let all = runs.iter().all(|(_, events)| {
            let seen = events.iter().rfind(|event| event.is("leader"));
            seen.is_some_and(|seen| seen.leader.as_ref() == Some(leader))
        });
        (is_only && all).then(|| (*leader).clone())
    }

    fn fail(&self, what: &str) -> ! {
        for (name, process) in &self.running {
            let events = process.events();
            eprintln!("--- {name}\n{}", process.log());
            for event in without_renewals(&events).iter().rev().take(8).rev() {
                eprintln!("{event:?}");
            }
        }
        panic!("{what}; see {}", self.folder.display());
    }
}

/// Whether these events say that their member leads at this instant.
fn leads(events: &[Event]) -> bool {
    let last = events.iter().rfind(|event| event.token.is_some());
    last.and_then(|event| event.until_ms)
        .is_some_and(|until| until > now_ms())
}
