//! The state of a long run, kept in a file between its parts.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::args::Args;
use crate::totals::Totals;

/// What was run, and what it said.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    seed: u64,
    profile: String,
    pub(crate) totals: Totals,
}

impl State {
    /// The state in the file that the arguments name, or the beginning.
    pub(crate) fn of(args: &Args) -> anyhow::Result<Self> {
        let fresh = Self {
            seed: args.seed.0,
            profile: args.swarm().name().to_owned(),
            totals: Totals::default(),
        };
        let Some(file) = &args.resume else {
            return Ok(fresh);
        };
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(fresh),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        let kept: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is not the state of a run", file.display()))?;
        ensure!(
            (kept.seed, &kept.profile) == (fresh.seed, &fresh.profile),
            "{} is of seed {} and profile {}, not of seed {} and profile {}: use another file",
            file.display(),
            kept.seed,
            kept.profile,
            fresh.seed,
            fresh.profile,
        );
        Ok(kept)
    }

    /// Writes the state as a whole or not at all.
    pub(crate) fn keep(&self, args: &Args) -> anyhow::Result<()> {
        let Some(file) = &args.resume else {
            return Ok(());
        };
        let text = serde_json::to_string_pretty(self).context("telling the state")?;
        let beside = file.with_extension("part");
        fs::write(&beside, text).with_context(|| format!("writing {}", beside.display()))?;
        fs::rename(&beside, file).with_context(|| format!("writing {}", file.display()))
    }
}
