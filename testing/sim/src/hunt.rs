//! Looking for bugs that were planted on purpose.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stdout};

use anyhow::{Context as _, bail, ensure};
use comfy_table::{Table, presets};

use crate::args::Args;
use crate::bugs::{self, Bug};
use crate::progress::bar;
use crate::replay;
use crate::run::{Batch, Found};
use crate::small;

/// What stands above the table of `--table`.
const HEAD: &str = include_str!("seeded-bugs-head.md");

/// Looks for one bug.
pub(crate) fn one(args: &Args) -> anyhow::Result<bool> {
    let bug = args.bug().context("no bug was named")?;
    let batch = Batch::of(args, 0..args.histories(), true);
    let outcome = hunt(&batch, bug);
    let name = bug.name();
    let (histories, first) = match outcome {
        Outcome::Found(histories, first) => (histories, first),
        Outcome::Panicked(first) => bail!(panicked(args, name, &first)),
        Outcome::Missed => {
            let histories = args.histories();
            writeln!(
                stdout().lock(),
                "bug {name} not found in {histories} histories"
            )
            .context("writing")?;
            return Ok(false);
        }
    };
    if let Some(file) = &args.html {
        replay::draw(&batch, first.seed, file)?;
    }
    writeln!(
        stdout().lock(),
        "{}\nbreaks: {}\nstore: {}\nprofile: {}\nfound by: seed {}: {}\n{}bug {name} found after {histories} histories",
        bug.what(),
        bug.rule(),
        batch.backend.name(),
        batch.swarm.name(),
        first.seed,
        first.what,
        small::finding(&batch, &first, &args.replay_command(first.seed)),
    )
    .context("writing the result")?;
    Ok(true)
}

/// Looks for every bug, one after the other, and tells how long each took.
pub(crate) fn all(args: &Args) -> anyhow::Result<bool> {
    let mut shown = Table::new();
    shown.load_style(presets::NOTHING).set_header([
        "bug",
        "store",
        "profile",
        "histories",
        "found by",
    ]);
    let mut page = HEAD.to_owned();
    let (mut count, mut failures) = (0, Vec::new());
    for bug in bugs::all().filter(|bug| args.can_meet(*bug)) {
        let args = args.to_find(bug);
        let batch = Batch::of(&args, 0..args.histories(), true);
        let (name, profile) = (bug.name(), batch.swarm.name());
        let store = batch.backend.name();
        let (histories, by) = match hunt(&batch, bug) {
            Outcome::Found(histories, first) => (histories.to_string(), first.invariant),
            Outcome::Panicked(first) => {
                failures.push(panicked(&args, name, &first));
                ("-".to_owned(), "nothing: panicked".to_owned())
            }
            Outcome::Missed => {
                let histories = args.histories();
                failures.push(format!("bug {name} not found in {histories} histories"));
                ("-".to_owned(), "nothing".to_owned())
            }
        };
        let (rule, what) = (bug.rule(), bug.what());
        writeln!(
            page,
            "| `{name}` | {rule} | {what} | {store} | {profile} | {histories} | {by} |"
        )
        .context("making the table")?;
        shown.add_row([name, store, profile, &histories, &by]);
        count += 1;
    }
    bugs::plant(None);
    ensure!(
        count > 0,
        "this build has no seeded bugs: run it by `cargo xtask sim --bug all`"
    );
    if let Some(file) = &args.table {
        fs::write(file, &page).with_context(|| format!("writing {}", file.display()))?;
    }
    for failure in &failures {
        eprintln!("error: {failure}");
    }
    let found = count - failures.len();
    writeln!(stdout().lock(), "{shown}\nbugs {count} found {found}")
        .context("writing the table")?;
    Ok(failures.is_empty())
}

/// How the search for a bug ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// After so many histories, by this one.
    Found(u64, Found),
    /// Before it was found. A panic says nothing of whether the judge sees the bug.
    Panicked(Found),
    Missed,
}

impl Outcome {
    /// By what comes first of what was found.
    fn of(mut found: BTreeMap<u64, Found>) -> Self {
        match found.pop_first() {
            Some((_, first)) if first.panicked => Self::Panicked(first),
            Some((index, first)) => Self::Found(index + 1, first),
            None => Self::Missed,
        }
    }
}

fn hunt(batch: &Batch, bug: Bug) -> Outcome {
    bugs::plant(Some(bug));
    let bar = bar(batch.range.end);
    let (_, found) = batch.run(|| bar.inc(1));
    bar.finish_and_clear();
    Outcome::of(found)
}

fn panicked(args: &Args, name: &str, first: &Found) -> String {
    let Found { seed, what, .. } = first;
    let command = args.replay_command(*seed);
    format!("bug {name} not found: the history of seed {seed} {what}\n    {command}")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_panic_is_no_finding() {
        let panic = Found::panic(7, "so");
        let found = BTreeMap::from([(2, panic.clone())]);
        assert_eq!(Outcome::of(found), Outcome::Panicked(panic));
    }

    #[test]
    fn a_violation_is_found_after_the_histories_up_to_its_own() {
        let violation = Found {
            panicked: false,
            ..Found::panic(7, "so")
        };
        let found = BTreeMap::from([(2, violation.clone()), (4, Found::panic(9, "so"))]);
        assert_eq!(Outcome::of(found), Outcome::Found(3, violation));
        assert_eq!(Outcome::of(BTreeMap::new()), Outcome::Missed);
    }

    #[test]
    fn a_panic_is_told_with_its_seed_and_how_to_see_it_again() {
        let mut args = Args::try_parse_from(["sim"]).unwrap();
        args.bug = Some("some-bug".to_owned());
        assert_eq!(
            panicked(&args, "some-bug", &Found::panic(7, "so")),
            "bug some-bug not found: the history of seed 7 panicked: so\n    \
             cargo xtask sim --replay 7 --bug some-bug"
        );
    }
}
