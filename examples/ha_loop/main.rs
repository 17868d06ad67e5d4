//! A highly available program over a distributed configuration store.
//!
//! `cargo run --example ha-loop` tells a story on memory and ends by itself;
//! `--backend endpoints` or `configmap` takes part in a real cluster.

mod args;
mod member;
mod on_kubernetes;
mod on_memory;
mod report;
mod stand_in;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use dcs_core::NameError;
use dcs_kubernetes::BuildError;
use tokio::signal::unix::{SignalKind, signal};

use args::{Args, Backend, Refused};
use report::Report;

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let timing = match args.timing() {
        Ok(timing) => timing,
        Err(error) => {
            eprintln!("error: {error}");
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
            let is_argument = matches!(error.downcast_ref(), Some(BuildError::PodIp { .. }))
                || matches!(error.downcast_ref(), Some(Refused::NoPodIp))
                || error.downcast_ref::<NameError>().is_some();
            if is_argument {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
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
