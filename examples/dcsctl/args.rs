//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use dcs_core::{MemberName, Scope, Timestamp};
use dcs_kubernetes::{Group, LabelKey, Mode, Namespace};
use serde_json::Value;

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
    /// Asks the leader to hand over, now or later.
    Switchover(Switchover),
    /// Asks for a leader, whoever leads now or nobody.
    Failover {
        /// Who is to lead.
        #[arg(long)]
        candidate: MemberName,
    },
    /// Switches everything off that happens by itself.
    Pause,
    /// Switches it on again.
    Resume,
    /// Shows what `list` does, each time that it changes, until a signal.
    Watch,
}

/// A request to hand over.
#[derive(Debug, clap::Args)]
pub(crate) struct Switchover {
    /// Only if this member leads; the present leader by default.
    #[arg(long)]
    pub(crate) leader: Option<MemberName>,
    /// Who is to lead next; anyone by default.
    #[arg(long)]
    pub(crate) candidate: Option<MemberName>,
    /// Not before this instant, such as 2026-12-24T10:00:00+00:00; now by default.
    #[arg(long)]
    pub(crate) scheduled: Option<Timestamp>,
}

/// What to do with the dynamic configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows it.
    Show {
        #[command(flatten)]
        files: Files,
    },
    /// Changes it in an editor: `VISUAL`, `EDITOR`, or vi.
    Edit,
    /// Changes single settings.
    Set {
        /// `KEY=VALUE`, the value in YAML: `ttl=30`, `postgresql.parameters.work_mem=4MB`;
        /// `KEY=null` removes.
        #[arg(required = true)]
        assignments: Vec<Assignment>,
    },
}

/// One setting of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    /// Its name, below the names of the maps that it stands in.
    pub(crate) path: Vec<String>,
    /// Null removes it.
    pub(crate) value: Value,
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
            _ => &[],
        }
    }
}

impl Assignment {
    /// The setting that switches everything off that happens by itself.
    pub(crate) fn pause(value: Value) -> Self {
        Self {
            path: vec!["pause".to_owned()],
            value,
        }
    }
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("use KEY=VALUE")?;
        let path: Vec<_> = key.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err("name a setting before the =, its maps before it with dots".to_owned());
        }
        let value = if value.is_empty() { "null" } else { value };
        let value = serde_saphyr::from_str(value)
            .map_err(|error| format!("{value:?} is no YAML value: {error}"))?;
        Ok(Self { path, value })
    }
}
