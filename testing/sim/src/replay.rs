//! One history again, with all that can be told of it.

use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stdout};
use std::path::Path;

use anyhow::Context as _;
use dcs_memory::sim::{History, Simulation};
use sha2::{Digest as _, Sha256};

use crate::args::Args;
use crate::bugs;
use crate::run::Batch;

pub(crate) fn run(args: &Args, seed: u64) -> anyhow::Result<bool> {
    bugs::plant(args.bug());
    let batch = Batch {
        seed,
        swarm: args.swarm(),
        range: 0..1,
        threads: args.threads(),
        stops: true,
        only_promises: args.bug.is_some(),
    };
    let history = batch.simulation(seed).traced().run_members();
    let mut text = history.trace.join("\n");
    text.push('\n');
    if let Some(file) = &args.trace {
        fs::write(file, &text).with_context(|| format!("writing {}", file.display()))?;
    }
    if let Some(file) = &args.html {
        write_page(&history, file)?;
    }
    let violations = u64::from(history.violation.is_some());
    let hash = hex(&Sha256::digest(text.as_bytes()));
    writeln!(
        stdout().lock(),
        "{history}trace of {} lines, SHA-256 {hash}\nhistories 1 violations {violations}",
        history.trace.len(),
    )
    .context("writing the result")?;
    Ok(violations == 0)
}

/// Draws a history.
pub(crate) fn draw(simulation: Simulation, file: &Path) -> anyhow::Result<()> {
    write_page(&simulation.traced().run_members(), file)
}

fn write_page(history: &History, file: &Path) -> anyhow::Result<()> {
    fs::write(file, history.to_html()).with_context(|| format!("writing {}", file.display()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
