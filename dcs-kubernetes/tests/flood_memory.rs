//! What a flood of members costs: ten thousand Pods with annotations of 64 KiB
//! each, on a server in a process of its own, and the peak of the memory of a
//! process that watches them.
//!
//! Three processes of this program: the test, which starts the others and tells
//! the server when to go on; the server; and for each mode the one that watches.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io};

use dcs_core::{Clock as _, Dcs, SystemClock, Update, WatchEvent, WatchStream};
use dcs_fakeapi::{FakeApi, Options, Verb};
use dcs_faults::covers;
use dcs_kubernetes::{ConfigMapDcs, EndpointsDcs};
use futures_util::StreamExt as _;
use kube::Config;
use serde_json::{Value, json};

const PODS: usize = 10_000;
const BYTES: usize = 64 << 10;
/// So many Pods change before the one who watches has to have seen them all.
const CHUNK: usize = 1_000;
/// The most that the process may need above what it needed before.
const MOST: u64 = 64 << 20;
/// The longest answer that is read.
const LONGEST: u64 = 4 << 20;

/// What this process is: not set, or `server`, or a mode and the server's URL.
const ROLE: &str = "DCS_FLOOD_ROLE";
const TEST: &str = "a_flood_of_members_costs_bounded_memory_and_a_bounded_number_of_requests";

#[test]
fn a_flood_of_members_costs_bounded_memory_and_a_bounded_number_of_requests() {
    match env::var(ROLE) {
        Err(_) => run(),
        Ok(role) if role == "server" => runtime().block_on(serve()),
        Ok(role) => runtime().block_on(watch(&role)),
    }
}

/// The test itself.
fn run() {
    let flood = covers(74);
    let mut server = Process::start("server");
    let url = server.line();
    for mode in ["ConfigMaps", "Endpoints"] {
        server.ask("forget");
        let mut watching = Process::start(&format!("{mode} {url}"));
        let seen = watching.line();
        let asked: Value = serde_json::from_str(&server.ask("count")).unwrap();
        let of = |what: &str| asked[what].as_u64().unwrap();
        println!(
            "{mode}: {seen} in {} requests, longest page {} bytes",
            of("requests"),
            of("longest")
        );
        // A page that is not the last is at least half as long as one may be.
        let most = u64::try_from(PODS * BYTES).unwrap() / (LONGEST / 2) + 1;
        assert!(of("pages") <= most, "more than {most}: {asked}");
        assert!(of("refused") <= 9, "halved until one was left: {asked}");
        flood.hit_times(u64::try_from(PODS).unwrap());
        let others = of("requests") - of("pages") - of("refused");
        assert!(others <= 9, "one list and two watches: {asked}");
        if mode == "ConfigMaps" {
            for _ in 0..PODS / CHUNK {
                server.tell("change");
                assert_eq!(watching.line(), "seen");
            }
            println!("{mode}: {}", watching.line());
        }
        watching.end();
    }
    server.end();
}

/// Another process of this program.
struct Process {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            to: child.stdin.take(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn tell(&mut self, word: &str) {
        writeln!(self.to.as_mut().unwrap(), "{word}").unwrap();
    }

    fn ask(&mut self, word: &str) -> String {
        self.tell(word);
        self.line()
    }

    /// The next line that is not the test harness's.
    fn line(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.from.read_line(&mut line).unwrap();
            assert!(read > 0, "the other process has ended");
            if let Some(said) = line.strip_prefix(SAYS) {
                return said.trim_end().to_owned();
            }
        }
    }

    /// It ends with its input.
    fn end(&mut self) {
        self.to = None;
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is no error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Begins what a process says to the test.
const SAYS: &str = "flood: ";

fn say(text: &str) {
    // After what the harness says of the test, which ends no line.
    println!("\n{SAYS}{text}");
    io::stdout().flush().unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// The server, which does what it is told.
async fn serve() {
    let fake = FakeApi::with_options(Options::new().keep_requests(2 * CHUNK));
    for number in 0..PODS {
        fake.put_object("pods", "default", pod(number)).unwrap();
    }
    fake.compact();
    let port = fake.listen().await.unwrap();
    say(&port.url().to_string());
    let mut next = 0;
    loop {
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        match line.await.unwrap().unwrap().trim() {
            "" => return,
            "forget" => {
                fake.compact();
                fake.clear_requests();
                say("forgotten");
            }
            "count" => say(&counted(&fake).to_string()),
            "change" => {
                for number in next..next + CHUNK {
                    let mut pod = fake.object("pods", "default", &name(number)).unwrap();
                    pod["metadata"]["annotations"]["changed"] = "once".into();
                    fake.put_object("pods", "default", pod).unwrap();
                }
                next += CHUNK;
            }
            other => panic!("{other:?}"),
        }
    }
}

fn name(number: usize) -> String {
    format!("demo-{number:05}")
}

/// Every other Pod says 64 KiB in its status; the others say little, beside
/// what others than this library keep there.
fn pod(number: usize) -> Value {
    let text = |bytes: usize| "y".repeat(bytes);
    let annotations = if number.is_multiple_of(2) {
        json!({"status": json!({"x": text(BYTES - 8)}).to_string()})
    } else {
        let part = || text(BYTES / 4 - 32);
        json!({"status": "{}", "a": part(), "b": part(), "c": part(), "d": part()})
    };
    json!({
        "metadata": {
            "name": name(number),
            "labels": {"application": "dcs", "cluster-name": "demo"},
            "annotations": annotations,
        },
        "spec": {"containers": [{"name": "none", "image": "none"}]},
    })
}

/// What was asked for since the last time.
fn counted(fake: &FakeApi) -> Value {
    let asked = fake.requests();
    let lists = asked.iter().filter(|asked| asked.verb == Some(Verb::List));
    let lists = lists.filter(|asked| asked.kind == "pods");
    let lengths: Vec<_> = lists.filter_map(|asked| asked.answered).collect();
    let taken = || lengths.iter().filter(|length| **length <= LONGEST);
    json!({
        "requests": asked.len(),
        "pages": taken().count(),
        "refused": lengths.len() - taken().count(),
        "longest": taken().max(),
    })
}

/// The process whose memory is measured.
async fn watch(role: &str) {
    let (mode, url) = role.split_once(' ').unwrap();
    let config = Config::new(url.parse().unwrap());
    let scope = || "demo".parse().unwrap();
    let labels = || "application=dcs".parse().unwrap();
    let dcs: Arc<dyn Dcs> = match mode {
        "Endpoints" => Arc::new(
            EndpointsDcs::builder(scope())
                .labels(labels())
                .build(config)
                .unwrap(),
        ),
        _ => Arc::new(
            ConfigMapDcs::builder(scope())
                .labels(labels())
                .build(config)
                .unwrap(),
        ),
    };
    let clock = SystemClock::new();
    let (base, began) = (memory("VmRSS"), clock.now());
    let mut watch = dcs.watch(Duration::from_secs(30));
    let members = first_view(&mut watch).await;
    let took = clock.now().holder_elapsed_since(began);
    let peak = memory("VmHWM").saturating_sub(base);
    say(&format!(
        "{PODS} Pods with {BYTES} bytes: base {}, peak +{}, first view of {members} after {:.1} s",
        mib(base),
        mib(peak),
        took.as_secs_f64()
    ));
    assert_eq!(members, PODS);
    assert!(peak <= MOST, "{peak} bytes above {base}");
    // The Pods are watched in the same way in both modes.
    if mode == "Endpoints" {
        return;
    }
    for _ in 0..PODS / CHUNK {
        changes(&mut watch).await;
        say("seen");
    }
    let took = clock.now().holder_elapsed_since(began);
    let peak = memory("VmHWM").saturating_sub(base);
    say(&format!(
        "each Pod changed: peak +{}, after {:.1} s",
        mib(peak),
        took.as_secs_f64()
    ));
    assert!(peak <= MOST, "{peak} bytes above {base}");
}

async fn first_view(watch: &mut WatchStream) -> usize {
    let mut failed = 0;
    loop {
        match watch.next().await.unwrap() {
            Ok(WatchEvent::Reset(whole)) if whole.members_unknown => {}
            Ok(WatchEvent::Reset(whole)) => return whole.members.len(),
            Ok(_) => {}
            Err(error) => {
                failed += 1;
                assert!(failed < 20, "{error}");
            }
        }
    }
}

/// So many of the members as change at once.
async fn changes(watch: &mut WatchStream) {
    let mut seen = BTreeSet::new();
    while seen.len() < CHUNK {
        match watch.next().await.unwrap().unwrap() {
            WatchEvent::Changed(Update::Member(name, entry)) => {
                assert!(entry.revision.is_some());
                seen.insert(name);
            }
            WatchEvent::Reset(_) => panic!("nothing was lost"),
            _ => {}
        }
    }
}

/// A line of what Linux says of this process, in bytes.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    let kib = found.unwrap().trim_matches([':', ' ', '\t', 'k', 'B']);
    kib.parse::<u64>().unwrap() * 1024
}

fn mib(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes % (1 << 20)) * 10) >> 20)
}
