//! The program itself, and what it printed.

use std::process::{Command, Output};

pub(crate) fn sim(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcs-sim"));
    command.args(arguments).output().expect("the program runs")
}

pub(crate) fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("text")
}
