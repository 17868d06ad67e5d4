//! Looks at a cluster of members, and asks things of it.
//!
//! `cargo run --example dcsctl -- list` shows the only scope of the namespace;
//! `list --from-file FILE...` shows one from saved lists, without a server.

mod args;
mod listing;
mod output;
mod server;
mod source;
mod table;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use args::{Args, Command, ConfigCommand};
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
    let source = Source::of(args);
    match &args.command {
        Command::List { .. } => {
            let saved = source.read(args).await?;
            output::print(&args.output.listing(&Listing::of(&saved))?)
        }
        Command::History { .. } => {
            let saved = source.read(args).await?;
            output::print(&args.output.history(saved.snapshot())?)
        }
        Command::Config(ConfigCommand::Show { .. }) => {
            let saved = source.read(args).await?;
            output::print(&args.output.config(saved.snapshot())?)
        }
    }
}
