//! The command line, and nothing of the work behind it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Tasks of this workspace.
///
/// Exit status: 0 as asked, 1 a check failed or the work could not be done,
/// 2 bad arguments.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Run everything that has to pass, the real API server included.
    Test {
        /// Leave out the tests that need the API server.
        #[arg(long)]
        quick: bool,
    },
    /// Simulate histories of the election: `cargo xtask sim --help`.
    ///
    /// Builds itself in release mode; with --bug, a build of its own that has
    /// bugs to plant.
    #[command(disable_help_flag = true)]
    Sim {
        /// What the simulation is told.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ARGUMENT"
        )]
        arguments: Vec<OsString>,
    },
    /// Run the tests and write docs/faults.md: which test makes which fault of
    /// the catalogue happen, and how often.
    ///
    /// Where KUBECONFIG is set the tests on the real API server run, too.
    Faults {
        /// Run no test: write the page from what the last ones left behind in
        /// `target/fault-records`, where `DCS_FAULT_RECORDS` names that folder.
        #[arg(long)]
        from_records: bool,
    },
    /// Keep a real API server for work by hand.
    Cluster(ClusterArgs),
    /// Judge the JSON lines that runs of ha-loop wrote.
    ///
    /// Several files are several processes of one cluster, on one host clock.
    /// The last line is `terms T overlap_ms O tokens_grow true|false`.
    CheckEvents {
        /// Files of JSON lines.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    pub(crate) action: ClusterAction,

    /// Run the controller manager beside the API server (not yet).
    #[arg(long, global = true)]
    pub(crate) controller_manager: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ClusterAction {
    /// Start the server and return when it is ready; may be repeated.
    Up,
    /// Print the `export` lines for a shell: eval "$(cargo xtask cluster env)".
    Env,
    /// Stop the server; nothing happens where none runs.
    Down,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
