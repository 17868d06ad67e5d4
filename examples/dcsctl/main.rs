//! Looks at a cluster of members, and asks things of it.
//!
//! `cargo run --example dcsctl -- list` shows the only scope of the namespace;
//! `list --from-file FILE...` shows one from saved lists, without a server.

mod args;
mod config;
mod failover;
mod listing;
mod output;
mod server;
mod source;
mod table;
mod watch;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use serde_json::Value;

use args::{Args, Assignment, Command, ConfigCommand};
use listing::Listing;
use source::Source;

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(run(&args)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", output::causes(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let text = match &args.command {
        Command::List { .. } => {
            let saved = Source::of(args).read(args).await?;
            let listing = Listing::of(saved.scope(), saved.mode(), saved.snapshot());
            args.output.listing(&listing)
        }
        Command::History { .. } => {
            let saved = Source::of(args).read(args).await?;
            args.output.history(saved.snapshot())
        }
        Command::Config(ConfigCommand::Show { .. }) => {
            let saved = Source::of(args).read(args).await?;
            args.output.config(saved.snapshot())
        }
        Command::Config(ConfigCommand::Edit) => config::edit(args).await,
        Command::Config(ConfigCommand::Set { assignments }) => config::set(args, assignments).await,
        Command::Pause => config::set(args, &[Assignment::pause(true.into())]).await,
        Command::Resume => config::set(args, &[Assignment::pause(Value::Null)]).await,
        Command::Switchover(asked) => failover::switchover(args, asked).await,
        Command::Failover { candidate } => failover::failover(args, candidate).await,
        Command::Watch => return watch::watch(args).await,
    };
    output::print(&text?)
}
