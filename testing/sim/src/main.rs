//! Histories of the election by the thousand: `cargo xtask sim --help`.
//!
//! Exit status: 0 as asked, 1 a check failed or the work could not be done,
//! 2 bad arguments. Standard output carries the result and nothing else.

mod args;
mod bugs;
mod caught;
mod hash;
mod hunt;
mod kubernetes;
mod many;
mod progress;
mod replay;
mod resume;
mod run;
mod small;
mod totals;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Work};

fn main() -> ExitCode {
    let args = match Args::parse().checked() {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let done = match args.work() {
        Work::ListBugs => bugs::list(),
        Work::HuntAll => hunt::all(&args),
        Work::Hunt => hunt::one(&args),
        Work::Replay(seed) => replay::run(&args, seed),
        Work::Many => many::run(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
