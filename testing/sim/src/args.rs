//! The command line, and nothing of the work behind it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::thread;
use std::time::SystemTime;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum};
use dcs_kubernetes::Mode;
use dcs_memory::sim::Swarm;

use crate::bugs::Bug;

/// So many histories are run if nobody says otherwise.
const HISTORIES: u64 = 1000;
/// The rarest bugs that can be planted need some thousands; none of them is to
/// be missed for want of histories.
const TO_FIND_A_BUG: u64 = 20_000;

/// Simulate histories of the production election: three to seven members,
/// 600 virtual seconds of faults, then a calm in which someone has to lead.
///
/// The last line is `histories N violations V`; with --bug it is
/// `bug NAME found after K histories` or `bug NAME not found in N histories`.
#[derive(Clone, Debug, Parser)]
#[command(name = "sim", bin_name = "cargo xtask sim", version = None)]
pub(crate) struct Args {
    /// How many histories: by default 1000, and to find a bug at most 20000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    histories: Option<u64>,

    /// Where all chance comes from; `clock` takes the time.
    #[arg(long, default_value = "1", value_name = "SEED")]
    pub(crate) seed: Seed,

    /// The store under the members. By default `memory`, or what a bug asks for.
    #[arg(long, value_enum)]
    backend: Option<Backend>,

    /// What goes wrong how often. By default `mixed`, or what a bug asks for.
    #[arg(long, value_enum, value_name = "PROFILE")]
    pub(crate) profile: Option<Profile>,

    /// Plant this bug in the election, and look for it; `list` names all of
    /// them, `all` looks for one after the other.
    #[arg(long, value_name = "NAME|list|all")]
    pub(crate) bug: Option<String>,

    /// Write the table of all bugs, as Markdown: with `--bug all` alone.
    #[arg(long, value_name = "FILE", requires = "bug")]
    pub(crate) table: Option<PathBuf>,

    /// Run the history of this one seed again, as a violation names it, and make
    /// what is broken in it small.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["histories", "seed"])]
    pub(crate) replay: Option<u64>,

    /// Draw the history that is replayed, or the first violation of all; not
    /// one that panicked.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write every event of the history that is replayed, a line each.
    #[arg(long, value_name = "FILE", requires = "replay")]
    pub(crate) trace: Option<PathBuf>,

    /// Keep the state of a long run in this file, and go on from it, with the
    /// same build only. Beside it is a file that ends in `.lock`: one run at a
    /// time.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["replay", "bug"])]
    pub(crate) resume: Option<PathBuf>,

    /// Histories to run at once; by default as many as there are processors.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    ListBugs,
    HuntAll,
    Hunt,
    Replay(u64),
    Many,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Memory,
    Endpoints,
    Configmap,
}

impl Backend {
    /// The mode of the Kubernetes backend that it is, if it is one.
    pub(crate) const fn mode(self) -> Option<Mode> {
        match self {
            Self::Memory => None,
            Self::Endpoints => Some(Mode::Endpoints),
            Self::Configmap => Some(Mode::ConfigMap),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Endpoints => "endpoints",
            Self::Configmap => "configmap",
        }
    }
}

/// The seed of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u64);

/// A [`Swarm`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Profile(pub(crate) Swarm);

impl Args {
    /// The same, if it makes sense as a whole.
    pub(crate) fn checked(self) -> Result<Self, clap::Error> {
        let refuse = |kind, what: String| Err(Self::command().error(kind, what));
        if self.backend() != Backend::Memory && self.swarm() == Swarm::Patroni {
            let what = "`--profile patroni` is for `--backend memory` alone: its Patroni knows no other store";
            return refuse(ErrorKind::ArgumentConflict, what.to_owned());
        }
        let named = self.bug.as_deref();
        if let Some(name) = named.filter(|name| !["list", "all"].contains(name))
            && Bug::named(name).is_none()
        {
            let what = format!("no seeded bug is called {name:?}: `--bug list` names them");
            return refuse(ErrorKind::InvalidValue, what);
        }
        if let Some(bug) = self.bug().filter(|bug| !self.can_meet(*bug)) {
            let (name, backend) = (bug.name(), self.backend().name());
            let what = format!(
                "the bug {name} is not met over `--backend {backend}`: leave the backend out"
            );
            return refuse(ErrorKind::ArgumentConflict, what);
        }
        match self.ignored() {
            Some(what) => refuse(ErrorKind::ArgumentConflict, what.to_owned()),
            None => Ok(self),
        }
    }

    /// What would have no effect with this value of `--bug`, and why.
    fn ignored(&self) -> Option<&'static str> {
        let bug = self.bug.as_deref();
        let is_one = bug.is_none_or(|name| !["list", "all"].contains(&name));
        if self.table.is_some() && bug != Some("all") {
            Some("`--table` is the table of all bugs: use it with `--bug all`")
        } else if self.html.is_some() && !is_one {
            Some("`--html` draws one history: use it with `--bug NAME`, not with `list` or `all`")
        } else if self.replay.is_some() && !is_one {
            Some("`--replay` runs one history: use it with `--bug NAME`, not with `list` or `all`")
        } else {
            None
        }
    }

    /// How many histories there are at most.
    pub(crate) fn histories(&self) -> u64 {
        let or_else = if self.bug.is_some() {
            TO_FIND_A_BUG
        } else {
            HISTORIES
        };
        self.histories.unwrap_or(or_else)
    }

    /// The same, to look for this bug.
    pub(crate) fn to_find(&self, bug: Bug) -> Self {
        Self {
            bug: Some(bug.name().to_owned()),
            ..self.clone()
        }
    }

    pub(crate) fn work(&self) -> Work {
        match (self.bug.as_deref(), self.replay) {
            (Some("list"), _) => Work::ListBugs,
            (Some("all"), _) => Work::HuntAll,
            (_, Some(seed)) => Work::Replay(seed),
            (Some(_), None) => Work::Hunt,
            (None, None) => Work::Many,
        }
    }

    pub(crate) fn bug(&self) -> Option<Bug> {
        self.bug.as_deref().and_then(Bug::named)
    }

    /// Whether to look at what is promised alone, and not at the steps of the
    /// proof: a bug that breaks only those shows nowhere else.
    pub(crate) fn only_promises(&self) -> bool {
        self.bug().is_some_and(|bug| !bug.is_in_the_proof_alone())
    }

    pub(crate) fn swarm(&self) -> Swarm {
        let asked = self.profile.map(|profile| profile.0);
        let of_bug = self.bug().map(Bug::swarm);
        asked.or(of_bug).unwrap_or_default()
    }

    pub(crate) fn backend(&self) -> Backend {
        let of_bug = || match self.bug() {
            Some(bug) if bug.is_of_kubernetes() => Backend::Endpoints,
            _ => Backend::Memory,
        };
        self.backend.unwrap_or_else(of_bug)
    }

    /// Whether this bug can be met at all in the histories that are asked for.
    pub(crate) fn can_meet(&self, bug: Bug) -> bool {
        match self.backend {
            None => true,
            Some(Backend::Memory) => !bug.is_of_kubernetes(),
            Some(_) => !bug.is_of_memory(),
        }
    }

    pub(crate) fn threads(&self) -> NonZeroUsize {
        let all = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(all)
    }

    /// The command that replays one history of this run.
    pub(crate) fn replay_command(&self, seed: u64) -> String {
        let mut command = format!("cargo xtask sim --replay {seed}");
        if self.swarm() != Swarm::Mixed {
            command = format!("{command} --profile {}", self.swarm().name());
        }
        if self.backend() != Backend::Memory {
            let name = self.backend().name();
            command = format!("{command} --backend {name}");
        }
        if let Some(bug) = &self.bug {
            command = format!("{command} --bug {bug}");
        }
        command
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "clock" {
            return Ok(Self(from_clock()));
        }
        let number = text.parse();
        number
            .map(Self)
            .map_err(|_| "use a number from 0 to 2^64 - 1, or `clock`".to_owned())
    }
}

impl ValueEnum for Profile {
    fn value_variants<'a>() -> &'a [Self] {
        const { &profiles() }
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}

const fn profiles() -> [Profile; Swarm::ALL.len()] {
    let mut all = [Profile(Swarm::Mixed); Swarm::ALL.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] = Profile(Swarm::ALL[index]);
        index += 1;
    }
    all
}

#[expect(
    clippy::disallowed_methods,
    reason = "asked for by name, and printed, so that the run can be repeated"
)]
fn from_clock() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanos = since.unwrap_or_default().as_nanos();
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split(' ')).and_then(Args::checked)
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn patroni_over_a_store_that_it_does_not_know_is_a_bad_argument() {
        let error = parsed("sim --backend endpoints --profile patroni").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--backend memory"), "{error}");
        assert!(parsed("sim --backend endpoints --profile hostile").is_ok());
    }

    #[test]
    fn a_bug_that_nobody_knows_is_a_bad_argument() {
        let error = parsed("sim --bug no-such-bug").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("no-such-bug"), "{error}");
    }

    #[test]
    fn what_would_have_no_effect_is_a_bad_argument() {
        for line in [
            "sim --table t.md",
            "sim --table t.md --bug list",
            "sim --html p.html --bug all",
            "sim --html p.html --bug list",
            "sim --replay 7 --bug all",
            "sim --replay 7 --bug list",
            "sim --replay 7 --histories 5",
            "sim --replay 7 --seed 5",
        ] {
            let error = parsed(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
            let flag = line.split(' ').nth(1).unwrap();
            assert!(error.to_string().contains(flag), "{line}: {error}");
        }
    }

    #[test]
    fn what_has_an_effect_is_no_bad_argument() {
        for line in [
            "sim --table t.md --bug all",
            "sim --html p.html",
            "sim --html p.html --replay 7",
            "sim --replay 7 --profile hostile",
            "sim --bug list",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_bug_gets_more_histories_than_a_run_if_nobody_says_how_many() {
        let histories = |line| parsed(line).unwrap().histories();
        assert_eq!(histories("sim"), 1000);
        assert_eq!(histories("sim --bug all"), 20_000);
        assert_eq!(histories("sim --bug all --histories 3"), 3);
        assert_eq!(histories("sim --histories 3"), 3);
    }

    #[test]
    fn the_replay_command_says_all_that_matters() {
        let args = parsed("sim --profile hostile --histories 5").unwrap();
        assert_eq!(
            args.replay_command(7),
            "cargo xtask sim --replay 7 --profile hostile"
        );
        let args = parsed("sim --backend configmap").unwrap();
        assert_eq!(
            args.replay_command(7),
            "cargo xtask sim --replay 7 --backend configmap"
        );
    }
}
