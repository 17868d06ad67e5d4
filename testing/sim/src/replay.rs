//! One history again, with all that can be told of it.

use std::fs;
use std::io::{Write as _, stdout};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use dcs_memory::sim::{History, Shrink, Simulation};

use crate::args::Args;
use crate::bugs;
use crate::caught::caught;
use crate::hash::sha256;
use crate::run::Batch;
use crate::small;

pub(crate) fn run(args: &Args, seed: u64) -> anyhow::Result<bool> {
    bugs::plant(args.bug());
    let batch = Batch::of(args, 0..1, true);
    let history = traced(batch.simulation(seed), seed)?;
    let mut text = history.trace.join("\n");
    text.push('\n');
    if let Some(file) = &args.trace {
        fs::write(file, &text).with_context(|| format!("writing {}", file.display()))?;
    }
    if let Some(file) = &args.html {
        write_page(&history, file)?;
    }
    let violations = u64::from(history.violation.is_some());
    let hash = sha256(text.as_bytes());
    let command = args.replay_command(seed);
    let small = match &history.violation {
        Some(_) => caught(|| small::history_of(&history, &command, Shrink::run_members))
            .unwrap_or_else(|why| format!("not made small: that panicked: {why}\n")),
        None => String::new(),
    };
    writeln!(
        stdout().lock(),
        "{history}{small}trace of {} lines, SHA-256 {hash}\nhistories 1 violations {violations}",
        history.trace.len(),
    )
    .context("writing the result")?;
    Ok(violations == 0)
}

/// Draws the history of a seed.
pub(crate) fn draw(batch: &Batch, seed: u64, file: &Path) -> anyhow::Result<()> {
    write_page(&traced(batch.simulation(seed), seed)?, file)
}

fn traced(simulation: Simulation, seed: u64) -> anyhow::Result<History> {
    let history = caught(|| simulation.traced().run_members());
    history.map_err(|why| anyhow!("the history of seed {seed} panicked: {why}"))
}

fn write_page(history: &History, file: &Path) -> anyhow::Result<()> {
    let page = caught(|| history.to_html());
    let page = page.map_err(|why| {
        let seed = history.seed;
        anyhow!("drawing the history of seed {seed} panicked: {why}")
    })?;
    fs::write(file, page).with_context(|| format!("writing {}", file.display()))
}
