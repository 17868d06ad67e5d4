//! Looking for a bug that was planted on purpose.

use std::io::{Write as _, stdout};

use anyhow::Context as _;

use crate::args::Args;
use crate::bugs;
use crate::progress::bar;
use crate::replay;
use crate::run::Batch;

pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let bug = args.bug().context("no bug was named")?;
    bugs::plant(Some(bug));
    let batch = Batch {
        seed: args.seed.0,
        swarm: args.swarm(),
        range: 0..args.histories,
        threads: args.threads(),
        stops: true,
        only_promises: true,
    };
    let bar = bar(args.histories);
    let (_, found) = batch.run(|| bar.inc(1));
    bar.finish_and_clear();
    let (name, profile) = (bug.name(), args.swarm().name());
    let mut out = stdout().lock();
    let Some((index, first)) = found.first_key_value() else {
        let histories = args.histories;
        writeln!(out, "bug {name} not found in {histories} histories").context("writing")?;
        return Ok(false);
    };
    if let Some(file) = &args.html {
        replay::draw(&batch.simulation(first.seed), file)?;
    }
    writeln!(
        out,
        "{} breaks {}\nfound by: {}\n{}\n    {}\nprofile {profile}\nbug {name} found after {} histories",
        name,
        bug.rule(),
        first.invariant,
        first.what,
        args.replay_command(first.seed),
        index + 1,
    )
    .context("writing the result")?;
    Ok(true)
}
