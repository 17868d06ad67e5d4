//! The result, as text, JSON or YAML.

use std::io::Write as _;

use anyhow::Context as _;
use dcs_core::{Config, Error, Failover, Key, Snapshot};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::Output;
use crate::listing::{self, Listing};
use crate::table;

/// The columns of a line of the history, as patronictl calls them.
pub(crate) const HISTORY: [&str; 5] = ["TL", "LSN", "Reason", "Timestamp", "New Leader"];

impl Output {
    pub(crate) fn listing(self, listing: &Listing) -> anyhow::Result<String> {
        match self {
            Self::Table => Ok(table::listing(listing)),
            _ => self.value(listing),
        }
    }

    /// The history, a line an object. A line that is shorter than five has nulls.
    pub(crate) fn history(self, snapshot: &Snapshot) -> anyhow::Result<String> {
        let history = snapshot.history.readable(Key::History)?;
        let lines = history.map_or(&[][..], |history| &history.0);
        let lines: Vec<Value> = lines.iter().map(history_line).collect();
        match self {
            Self::Table => Ok(table::history(&lines)),
            _ => self.value(&lines),
        }
    }

    /// A request to hand over, as it now stands.
    pub(crate) fn request(self, asked: &Failover) -> anyhow::Result<String> {
        let asked = listing::request(asked);
        match self {
            Self::Table => Ok(table::request(&asked)),
            _ => self.value(&asked),
        }
    }

    /// One of many: in JSON a line, in YAML a document.
    pub(crate) fn drawn(self, listing: &Listing) -> anyhow::Result<String> {
        Ok(match self {
            Self::Table => self.listing(listing)?,
            Self::Json => serde_json::to_string(listing).context("writing JSON")?,
            Self::Yaml => format!("---\n{}", self.listing(listing)?),
        })
    }

    /// The configuration, in YAML its settings by name as patronictl prints them.
    pub(crate) fn config(self, snapshot: &Snapshot) -> anyhow::Result<String> {
        let config = snapshot.config.readable(Key::Config)?;
        let config = config.ok_or_else(no_config)?;
        self.settings(config)
    }

    pub(crate) fn settings(self, config: &Config) -> anyhow::Result<String> {
        let settings = Value::Object(config.settings().clone());
        match self {
            Self::Json => self.value(&settings),
            Self::Table | Self::Yaml => Self::Yaml.value(&sorted(settings)),
        }
    }

    fn value(self, value: &impl Serialize) -> anyhow::Result<String> {
        match self {
            Self::Yaml => serde_saphyr::to_string(value).context("writing YAML"),
            _ => serde_json::to_string_pretty(value).context("writing JSON"),
        }
    }
}

/// Writes the result to stdout, whole and with one line end.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    write(text).context("writing to stdout")
}

/// As [`print`], and whether there still is a reader.
pub(crate) fn print_unless_gone(text: &str) -> anyhow::Result<bool> {
    match write(text) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("writing to stdout"),
    }
}

/// Ends once nobody reads stdout any more, also where nothing is written
/// meanwhile. What is no pipe has no reader that goes.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) async fn reader_gone() {
    use std::os::fd::AsFd as _;
    use tokio::io::Interest;
    use tokio::net::unix::pipe::Sender;

    let stdout = std::io::stdout().as_fd().try_clone_to_owned();
    // Only looked at, and so left as it is: a write may still have to wait.
    if let Ok(stdout) = stdout.and_then(Sender::from_owned_fd_unchecked)
        && stdout.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Elsewhere the next thing that is written tells.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) async fn reader_gone() {
    std::future::pending::<()>().await;
}

fn write(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end_matches('\n'))?;
    stdout.flush()
}

/// An error with its causes in one line, each said once.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            let colon = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{colon}{cause}");
        }
    }
    text
}

/// A config is made by the first leader, never by a change of it.
pub(crate) fn no_config() -> Error {
    Error::Missing {
        what: "the config key".to_owned(),
        advice: "the first leader writes it",
    }
}

fn history_line(line: &Value) -> Value {
    let items = line.as_array().map_or(&[][..], Vec::as_slice);
    let columns = HISTORY.iter().enumerate();
    let columns = columns.map(|(at, name)| {
        let item = items.get(at).cloned().unwrap_or(Value::Null);
        ((*name).to_owned(), item)
    });
    json!(columns.collect::<Map<_, _>>())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            let fields = fields.into_iter().map(|(key, value)| (key, sorted(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
