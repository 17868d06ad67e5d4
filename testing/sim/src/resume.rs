//! The state of a long run, kept in a file between its parts.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::args::Args;
use crate::hash::sha256;
use crate::run::Found;
use crate::totals::Totals;

/// So many findings are kept; more are counted.
const MOST_KEPT: usize = 50;

/// What was run, and what it said.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    seed: u64,
    store: String,
    profile: String,
    /// The SHA-256 of the program: a seed is another history in another one.
    build: String,
    /// How long all parts took together.
    pub(crate) took: Duration,
    /// The first findings of all parts.
    pub(crate) found: Vec<Found>,
    pub(crate) totals: Totals,
    /// Held as long as the run goes on: of two at once on one file, each would
    /// undo what the other one keeps.
    #[serde(skip)]
    lock: Option<File>,
}

impl State {
    /// The state in the file that the arguments name, or the beginning.
    pub(crate) fn of(args: &Args) -> anyhow::Result<Self> {
        let fresh = Self {
            seed: args.seed.0,
            store: args.backend().name().to_owned(),
            profile: args.swarm().name().to_owned(),
            build: String::new(),
            took: Duration::ZERO,
            found: Vec::new(),
            totals: Totals::default(),
            lock: None,
        };
        let Some(file) = &args.resume else {
            return Ok(fresh);
        };
        let fresh = Self {
            build: build()?,
            lock: Some(lock(file)?),
            ..fresh
        };
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(fresh),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        let kept: Self = serde_json::from_str(&text).with_context(|| {
            let file = file.display();
            format!("{file} is not the state of a run of this version: use another file")
        })?;
        kept.check(&fresh, file)?;
        Ok(Self {
            lock: fresh.lock,
            ..kept
        })
    }

    /// Whether this run may go on from it.
    fn check(&self, fresh: &Self, file: &Path) -> anyhow::Result<()> {
        let file = file.display();
        ensure!(
            (self.seed, &self.store, &self.profile) == (fresh.seed, &fresh.store, &fresh.profile),
            "{file} is of seed {}, store {} and profile {}, not of seed {}, store {} and profile {}: \
             use another file",
            self.seed,
            self.store,
            self.profile,
            fresh.seed,
            fresh.store,
            fresh.profile,
        );
        ensure!(
            self.build == fresh.build,
            "{file} is of another build of this program (SHA-256 {}, not {}), in which the same \
             seeds are other histories: go on with that build, or use another file",
            self.build,
            fresh.build,
        );
        Ok(())
    }

    pub(crate) fn add(&mut self, totals: &Totals, found: &BTreeMap<u64, Found>) {
        self.totals.add(totals);
        let room = MOST_KEPT.saturating_sub(self.found.len());
        self.found.extend(found.values().take(room).cloned());
    }

    /// Writes the state as a whole or not at all.
    pub(crate) fn keep(&self, args: &Args) -> anyhow::Result<()> {
        let Some(file) = &args.resume else {
            return Ok(());
        };
        let text = serde_json::to_string_pretty(self).context("telling the state")?;
        let beside = beside(file, "part");
        fs::write(&beside, text).with_context(|| format!("writing {}", beside.display()))?;
        fs::rename(&beside, file).with_context(|| format!("writing {}", file.display()))
    }
}

/// A file of its own for each state: an extension that is put in place of
/// another one would be the same for `run.1` and `run.2`.
fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Not of the state itself, which is another file each time it is kept.
fn lock(file: &Path) -> anyhow::Result<File> {
    let name = beside(file, "lock");
    let opened = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name);
    let lock = opened.with_context(|| format!("opening {}", name.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!(
            "another run keeps its state in {} right now: wait until it ends, or use another file",
            file.display(),
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", name.display()))
        }
    }
}

fn build() -> anyhow::Result<String> {
    let program = env::current_exe().context("finding this program")?;
    let bytes = fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
    Ok(sha256(&bytes))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn args(file: &Path) -> Args {
        let file = file.to_str().expect("a path of text");
        Args::try_parse_from(["sim", "--resume", file]).unwrap()
    }

    fn found(seeds: impl Iterator<Item = u64>) -> BTreeMap<u64, Found> {
        seeds.map(|seed| (seed, Found::panic(seed, "so"))).collect()
    }

    #[test]
    fn states_that_differ_in_their_extension_share_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let state = |name| folder.path().join(name);
        assert_eq!(beside(&state("run.1"), "part"), state("run.1.part"));
        let first = State::of(&args(&state("run.1"))).unwrap();
        let second = State::of(&args(&state("run.2"))).unwrap();
        first.keep(&args(&state("run.1"))).unwrap();
        second.keep(&args(&state("run.2"))).unwrap();
        assert!(state("run.1").exists() && state("run.2").exists());
    }

    #[test]
    fn a_state_in_use_is_refused_until_its_run_ends() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&folder.path().join("state"));
        let first = State::of(&args).unwrap();
        let refused = State::of(&args).unwrap_err().to_string();
        assert!(refused.contains("another run keeps its state"), "{refused}");
        drop(first);
        State::of(&args).unwrap();
    }

    #[test]
    fn a_kept_state_is_still_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&folder.path().join("state"));
        let first = State::of(&args).unwrap();
        first.keep(&args).unwrap();
        assert!(State::of(&args).is_err());
    }

    #[test]
    fn the_state_of_another_build_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&folder.path().join("state"));
        let mut state = State::of(&args).unwrap();
        state.build = "abc".to_owned();
        state.keep(&args).unwrap();
        drop(state);
        let refused = State::of(&args).unwrap_err().to_string();
        assert!(
            refused.contains("another build of this program (SHA-256 abc, not "),
            "{refused}"
        );
    }

    #[test]
    fn the_first_findings_and_the_time_of_all_parts_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(&folder.path().join("state"));
        let mut state = State::of(&args).unwrap();
        state.add(&Totals::panicked(), &found(0..30));
        state.took = Duration::from_secs(5);
        state.keep(&args).unwrap();
        drop(state);
        let mut state = State::of(&args).unwrap();
        assert_eq!(state.took, Duration::from_secs(5));
        state.add(&Totals::panicked(), &found(30..90));
        let seeds: Vec<_> = state.found.iter().map(|found| found.seed).collect();
        assert!(seeds.into_iter().eq(0..50));
    }
}
