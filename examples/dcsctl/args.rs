//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use dcs_core::Scope;
use dcs_kubernetes::{Group, LabelKey, Mode, Namespace};

/// Looks at a cluster of members whose keys live in Kubernetes, and asks things
/// of it. Exit status: 0 done, 1 not done, 2 bad arguments. The result is on
/// stdout, everything else on stderr.
#[derive(Debug, Parser)]
#[command(name = "dcsctl", version)]
pub(crate) struct Args {
    /// The namespace of the objects and Pods.
    #[arg(long, global = true, default_value = "default")]
    pub(crate) namespace: Namespace,
    /// The name of the cluster of members; the only one of the namespace by default.
    #[arg(long, global = true)]
    pub(crate) scope: Option<Scope>,
    /// The kind of object that holds the keys, `endpoints` or `configmap`; found by itself by default.
    #[arg(long, global = true)]
    pub(crate) mode: Option<Mode>,
    /// The group of a Citus cluster.
    #[arg(long, global = true)]
    pub(crate) group: Option<Group>,
    /// The key of the label whose value is the scope; `cluster-name` by default.
    #[arg(long, global = true)]
    pub(crate) scope_label: Option<LabelKey>,
    /// How to print the result.
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows who leads, the members, and every key.
    List {
        #[command(flatten)]
        files: Files,
    },
    /// Shows the changes of timeline.
    History {
        #[command(flatten)]
        files: Files,
    },
    /// Shows or changes the dynamic configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with the dynamic configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows it.
    Show {
        #[command(flatten)]
        files: Files,
    },
}

/// Where to read from instead of a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    /// Reads saved lists of objects and Pods (JSON, as the API or `kubectl get -o json`
    /// gives them), without a server.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) from_file: Vec<PathBuf>,
}

/// How to print the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
    Yaml,
}

impl Command {
    /// The files to read instead of a server; none means a server.
    pub(crate) fn files(&self) -> &[PathBuf] {
        match self {
            Self::List { files }
            | Self::History { files }
            | Self::Config(ConfigCommand::Show { files }) => &files.from_file,
        }
    }
}
