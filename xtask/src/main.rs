//! Tasks of this workspace: `cargo xtask --help`.
//!
//! Exit status: 0 as asked, 1 a check failed or the work could not be done,
//! 2 bad arguments. Standard output carries the result and nothing else.

use std::process::ExitCode;

use clap::Parser as _;

mod cli;
mod cluster;
mod events;
mod faults;
mod process;
mod sim;
mod test;
mod workspace;

fn main() -> ExitCode {
    let done = match cli::Cli::parse().task {
        cli::Task::Test { quick } => test::run(quick),
        cli::Task::Faults { from_records } => faults::run(from_records),
        cli::Task::Cluster(args) => cluster::run(&args),
        cli::Task::Sim { arguments } => sim::run(&arguments),
        cli::Task::CheckEvents { files } => events::check(&files),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
