//! `test`: everything that has to pass, one step after the other.

use std::io::{self, Write as _};
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use comfy_table::{Table, presets};
use dcs_cluster::{Cluster, Options};
use tokio::process::Command;

use crate::process::{self, Ended, Interrupts};
use crate::workspace;

/// The steps that need nothing but this workspace.
const STEPS: [Step; 4] = [
    Step {
        name: "fmt",
        variable: None,
        arguments: "fmt --all --check",
    },
    Step {
        name: "clippy",
        variable: None,
        arguments: "clippy --workspace --all-targets --all-features --locked -- -D warnings",
    },
    Step {
        name: "doc",
        variable: Some(("RUSTDOCFLAGS", "-D warnings")),
        arguments: "doc --workspace --all-features --no-deps --locked",
    },
    Step {
        name: "test",
        variable: None,
        arguments: "test --workspace --all-features --locked",
    },
];

/// The steps that take longer, and still need nothing but this workspace. The
/// long version of each is in `CONTRIBUTING.md`.
const LONGER: [Step; 6] = [
    Step {
        name: "test with seeded bugs",
        variable: Some(("RUSTFLAGS", "--cfg dcs_seeded_bugs")),
        arguments: "test -p dcs-core -p dcs-sim --all-features --locked --target-dir target/seeded-bugs",
    },
    Step {
        name: "simulation",
        variable: None,
        arguments: "xtask sim --histories 20000 --seed 1",
    },
    Step {
        name: "simulation beside Patroni",
        variable: None,
        arguments: "xtask sim --profile patroni --histories 5000 --seed 1",
    },
    Step {
        name: "simulation over Endpoints",
        variable: None,
        arguments: "xtask sim --backend endpoints --histories 2000 --seed 1",
    },
    Step {
        name: "simulation over ConfigMaps",
        variable: None,
        arguments: "xtask sim --backend configmap --histories 2000 --seed 2",
    },
    Step {
        name: "seeded bugs are found",
        variable: None,
        arguments: "xtask sim --bug all",
    },
];

/// An ignored test is one that needs the real API server, and nothing else.
const REAL: Step = Step {
    name: "test on the API server",
    variable: None,
    arguments: "test --workspace --all-features --locked -- --ignored",
};

const SERVER: &str = "API server";

/// One command of cargo.
#[derive(Clone, Copy, Debug)]
struct Step {
    name: &'static str,
    variable: Option<(&'static str, &'static str)>,
    /// Separated by single spaces; none of them holds one.
    arguments: &'static str,
}

impl Step {
    /// The step as it is typed into a shell.
    fn typed(&self) -> String {
        match self.variable {
            Some((name, value)) => format!("{name}='{value}' cargo {}", self.arguments),
            None => format!("cargo {}", self.arguments),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(workspace::cargo());
        command
            .current_dir(workspace::folder())
            .args(self.arguments.split(' '))
            .envs(self.variable);
        command
    }
}

/// Why the run ended early.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("{name} failed with {status}; to run it alone:\n    {alone}")]
    Failed {
        name: &'static str,
        status: ExitStatus,
        alone: String,
    },
    #[error("{name} could not be run: {source}; to run it alone:\n    {alone}")]
    NotRun {
        name: &'static str,
        source: io::Error,
        alone: String,
    },
    #[error("the API server did not start: {0:#}; to start it alone:\n    cargo xtask cluster up")]
    NoServer(anyhow::Error),
    #[error("the API server was not stopped: {0:#}")]
    NotStopped(anyhow::Error),
    #[error("interrupted during {0}")]
    Interrupted(&'static str),
}

/// Runs the steps and prints the table of their durations.
pub(crate) fn run(quick: bool) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("starting the runtime")?;
    let code = runtime.block_on(run_all(quick));
    // A start of the server that was given up may still be going on.
    runtime.shutdown_background();
    code
}

async fn run_all(quick: bool) -> anyhow::Result<ExitCode> {
    let interrupts = Interrupts::install().context("listening for signals")?;
    let mut session = Session {
        interrupts,
        table: table(),
        passed: 0,
        failed: 0,
    };
    let done = session.all(quick).await;
    let Session {
        table,
        passed,
        failed,
        ..
    } = &session;
    writeln!(
        io::stdout().lock(),
        "{table}\nsteps: {passed} passed, {failed} failed"
    )
    .context("writing the table of steps")?;
    Ok(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("error: {stop}");
            ExitCode::FAILURE
        }
    })
}

struct Session {
    interrupts: Interrupts,
    table: Table,
    passed: usize,
    failed: usize,
}

impl Session {
    async fn all(&mut self, quick: bool) -> Result<(), Stop> {
        for step in STEPS {
            let alone = step.typed();
            self.step(step, step.command(), alone).await?;
        }
        if quick {
            for step in LONGER.iter().chain([&REAL]) {
                self.table.add_row([step.name, "left out", "-"]);
            }
            return Ok(());
        }
        for step in LONGER {
            let alone = step.typed();
            self.step(step, step.command(), alone).await?;
        }
        self.on_the_server().await
    }

    async fn on_the_server(&mut self) -> Result<(), Stop> {
        let server = self.start_server().await?;
        let mut command = REAL.command();
        command
            .env("KUBECONFIG", server.kubeconfig())
            .env("DCS_AUDIT_LOG", server.audit_log());
        let typed = REAL.typed();
        let alone =
            format!("cargo xtask cluster up && eval \"$(cargo xtask cluster env)\" && {typed}");
        self.step(REAL, command, alone).await?;
        server
            .stop()
            .map_err(|error| Stop::NotStopped(error.into()))
    }

    async fn step(&mut self, step: Step, mut command: Command, alone: String) -> Result<(), Stop> {
        eprintln!("==> {}: {}", step.name, step.typed());
        let started = now();
        let ended = process::run(&mut command, &mut self.interrupts).await;
        let name = step.name;
        let (verdict, outcome) = match ended {
            Ok(Ended::Passed) => ("passed", Ok(())),
            Ok(Ended::Failed(status)) => (
                "failed",
                Err(Stop::Failed {
                    name,
                    status,
                    alone,
                }),
            ),
            Ok(Ended::Interrupted) => ("interrupted", Err(Stop::Interrupted(name))),
            Err(source) => (
                "not run",
                Err(Stop::NotRun {
                    name,
                    source,
                    alone,
                }),
            ),
        };
        self.ended(name, verdict, started.elapsed());
        outcome
    }

    /// Waits for the server. A first signal waits with it, because a server that
    /// is half started cannot be stopped; a second one gives up.
    async fn start_server(&mut self) -> Result<Cluster, Stop> {
        eprintln!("==> {SERVER}: cargo xtask cluster up");
        let started = now();
        let mut starting = tokio::task::spawn_blocking(|| Cluster::start(&Options::new()));
        let mut signals = 0;
        let outcome = loop {
            tokio::select! {
                joined = &mut starting => break match joined {
                    Ok(outcome) => outcome.map_err(anyhow::Error::from),
                    Err(panicked) => Err(panicked.into()),
                },
                _ = self.interrupts.next() => {
                    signals += 1;
                    if signals == 2 {
                        break Err(anyhow::anyhow!("given up"));
                    }
                    eprintln!("stopping as soon as the API server can be stopped; again to give up");
                }
            }
        };
        let (verdict, outcome) = match outcome {
            _ if signals > 0 => ("interrupted", Err(Stop::Interrupted(SERVER))),
            Ok(server) => ("started", Ok(server)),
            Err(error) => ("failed", Err(Stop::NoServer(error))),
        };
        self.ended(SERVER, verdict, started.elapsed());
        outcome
    }

    fn ended(&mut self, step: &str, verdict: &str, took: Duration) {
        let took = display(took);
        eprintln!("<== {step}: {verdict} after {took}");
        match verdict {
            "passed" | "started" => self.passed += 1,
            _ => self.failed += 1,
        }
        self.table.add_row([step, verdict, &took]);
    }
}

fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["step", "result", "took"]);
    table
}

/// A duration as humantime reads it, to the tenth of a second.
fn display(took: Duration) -> String {
    let tenths = u64::try_from(took.as_millis() / 100).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(tenths.saturating_mul(100))).to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "times real work for display, and decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_as_it_is_typed() {
        let steps = STEPS.iter().chain(&LONGER).chain([&REAL]);
        let typed: Vec<_> = steps.map(Step::typed).collect();
        assert_eq!(
            typed,
            [
                "cargo fmt --all --check",
                "cargo clippy --workspace --all-targets --all-features --locked -- -D warnings",
                "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps --locked",
                "cargo test --workspace --all-features --locked",
                "RUSTFLAGS='--cfg dcs_seeded_bugs' cargo test -p dcs-core -p dcs-sim --all-features --locked --target-dir target/seeded-bugs",
                "cargo xtask sim --histories 20000 --seed 1",
                "cargo xtask sim --profile patroni --histories 5000 --seed 1",
                "cargo xtask sim --backend endpoints --histories 2000 --seed 1",
                "cargo xtask sim --backend configmap --histories 2000 --seed 2",
                "cargo xtask sim --bug all",
                "cargo test --workspace --all-features --locked -- --ignored",
            ]
        );
    }

    #[test]
    fn a_duration_is_shown_to_the_tenth_of_a_second() {
        assert_eq!(display(Duration::from_millis(61_234)), "1m 1s 200ms");
        assert_eq!(display(Duration::from_millis(99)), "0s");
    }
}
