//! A highly available program over a distributed configuration store.
//!
//! `cargo run --example ha-loop` tells a story on memory and ends by itself;
//! `--backend endpoints` or `configmap` takes part in a real cluster.

mod args;
mod config_file;
mod member;
mod on_kubernetes;
mod on_memory;
mod report;
mod stand_in;
mod store;
mod turn;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches};
use dcs_core::{MemberName, MemberRecord, NameError};
use dcs_kubernetes::{BuildError, PatroniFile};
use serde_json::Map;
use tokio::signal::unix::{SignalKind, signal};

use args::{Args, Backend, Refused};
use report::Report;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The version of Patroni whose ways these are: it reads that of other members.
const SPEAKS: &str = "4.1.5";

fn main() -> ExitCode {
    let given = Args::command().get_matches();
    let args = Args::from_arg_matches(&given).unwrap_or_else(|error| error.exit());
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let asked = args.with_file(&given).and_then(|args| {
        let timing = args.timing()?;
        Ok((args, timing))
    });
    let (args, timing) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("error: {}", report::causes(error.as_ref()));
            return ExitCode::from(2);
        }
    };
    for adjusted in timing.adjustments() {
        tracing::warn!(
            ?adjusted,
            "adjusted, so that a healthy leader outlives an outage of retry_timeout"
        );
    }
    let report = Report::new(args.output);
    let on_memory = args.backend == Backend::Memory;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(on_memory)
        .build();
    let told = report.clone();
    let ran = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            match args.backend {
                Backend::Memory => on_memory::run(&args, timing, report).await,
                _ => on_kubernetes::run(&args, timing, report).await,
            }
        })
    });
    match ran.and_then(|()| told.is_whole().context("writing to stdout")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", report::causes(error.as_ref()));
            if is_argument(&error) {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Whether the arguments, or what stands in the file, were bad.
fn is_argument(error: &anyhow::Error) -> bool {
    let of_settings = |error: &BuildError| {
        use BuildError::{CaCert, Context, Name, PodIp, Ports};
        matches!(
            error,
            PodIp { .. } | Name(_) | Ports { .. } | Context { .. } | CaCert { .. }
        )
    };
    error.downcast_ref().is_some_and(of_settings)
        || error.downcast_ref().is_some_and(Refused::is_argument)
        || error.downcast_ref::<NameError>().is_some()
}

/// What a member says of itself as a follower that runs: in the words of Patroni,
/// and of this version of it where it may look.
fn says(name: MemberName, address: &str, file: Option<&PatroniFile>) -> MemberRecord {
    let version = if file.is_some() { SPEAKS } else { VERSION };
    let mut says = MemberRecord::new(name, Map::new())
        .with("conn_url", format!("postgres://{address}/postgres"));
    if let Some(api) = file.and_then(|file| file.api_address.as_ref()) {
        says = says.with("api_url", format!("http://{api}/patroni"));
    }
    says = says
        .with("state", "running")
        .with("role", "replica")
        .with("version", version);
    let Some(file) = file else { return says };
    let mut tags = file.tags.clone();
    // There is no database here. Without the tag Patroni's leader keeps a slot for
    // this member that nobody reads from, and all of its log from then on.
    tags.entry("nostream").or_insert(true.into());
    says.with("tags", tags).with("dcs_version", VERSION)
}

/// Completes on SIGINT and on SIGTERM.
async fn signalled() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return tracing::error!("signals cannot be waited for, so this ends at once");
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
