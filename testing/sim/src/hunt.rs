//! Looking for bugs that were planted on purpose.

use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stdout};

use anyhow::{Context as _, ensure};
use comfy_table::{Table, presets};

use crate::args::Args;
use crate::bugs::{self, Bug};
use crate::progress::bar;
use crate::replay;
use crate::run::{Batch, Found};

/// Looks for one bug.
pub(crate) fn one(args: &Args) -> anyhow::Result<bool> {
    let bug = args.bug().context("no bug was named")?;
    let batch = batch(args, bug);
    let found = hunt(&batch, bug);
    let name = bug.name();
    let mut out = stdout().lock();
    let Some((histories, first)) = found else {
        let histories = args.histories;
        writeln!(out, "bug {name} not found in {histories} histories").context("writing")?;
        return Ok(false);
    };
    if let Some(file) = &args.html {
        replay::draw(batch.simulation(first.seed), file)?;
    }
    writeln!(
        out,
        "{}\nbreaks: {}\nprofile: {}\nfound by: {}\n    {}\nbug {name} found after {histories} histories",
        bug.what(),
        bug.rule(),
        batch.swarm.name(),
        first.what,
        args.replay_command(first.seed),
    )
    .context("writing the result")?;
    Ok(true)
}

/// Looks for every bug, one after the other, and tells how long each took.
pub(crate) fn all(args: &Args) -> anyhow::Result<bool> {
    let mut shown = Table::new();
    shown
        .load_style(presets::NOTHING)
        .set_header(["bug", "profile", "histories", "found by"]);
    let mut page = String::from("| bug | rule | what it does | profile | histories | found by |\n");
    page.push_str("|---|---|---|---|---|---|\n");
    let (mut count, mut missed) = (0, Vec::new());
    for bug in bugs::all() {
        let batch = batch(args, bug);
        let (name, profile) = (bug.name(), batch.swarm.name());
        let found = hunt(&batch, bug);
        let (histories, by) = match &found {
            Some((histories, first)) => (histories.to_string(), first.invariant.clone()),
            None => ("-".to_owned(), "nothing".to_owned()),
        };
        let (rule, what) = (bug.rule(), bug.what());
        writeln!(
            page,
            "| `{name}` | {rule} | {what} | {profile} | {histories} | {by} |"
        )
        .context("making the table")?;
        shown.add_row([name, profile, &histories, &by]);
        count += 1;
        if found.is_none() {
            missed.push(name);
        }
    }
    bugs::plant(None);
    ensure!(
        count > 0,
        "this build has no seeded bugs: run it by `cargo xtask sim --bug all`"
    );
    if let Some(file) = &args.table {
        fs::write(file, &page).with_context(|| format!("writing {}", file.display()))?;
    }
    for name in &missed {
        eprintln!(
            "error: bug {name} not found in {} histories",
            args.histories
        );
    }
    let found = count - missed.len();
    writeln!(stdout().lock(), "{shown}\nbugs {count} found {found}")
        .context("writing the table")?;
    Ok(missed.is_empty())
}

fn batch(args: &Args, bug: Bug) -> Batch {
    Batch {
        seed: args.seed.0,
        swarm: args
            .profile
            .map_or_else(|| bug.swarm(), |profile| profile.0),
        range: 0..args.histories,
        threads: args.threads(),
        stops: true,
        only_promises: true,
    }
}

/// The first history that shows the bug, and how many it took.
fn hunt(batch: &Batch, bug: Bug) -> Option<(u64, Found)> {
    bugs::plant(Some(bug));
    let bar = bar(batch.range.end);
    let (_, mut found) = batch.run(|| bar.inc(1));
    bar.finish_and_clear();
    let (index, first) = found.pop_first()?;
    Some((index + 1, first))
}
