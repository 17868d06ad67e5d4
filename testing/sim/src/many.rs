//! A run of many histories, and what it says.

use std::collections::BTreeMap;
use std::io::{Write as _, stdout};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::args::Args;
use crate::progress::bar;
use crate::replay;
use crate::resume::State;
use crate::run::{Batch, Found};
use crate::totals::Totals;

/// So many histories are run before the state of a run is kept.
const BLOCK: u64 = 10_000;
/// More violations than this are counted, not told.
const MOST_TOLD: usize = 5;

pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let began = now();
    let seed = args.seed.0;
    let mut state = State::of(args)?;
    let resumed = state.totals.histories;
    if resumed > 0 {
        eprintln!("going on after {resumed} histories");
    }
    let bar = bar(args.histories);
    bar.set_position(resumed);
    while state.totals.histories < args.histories {
        let from = state.totals.histories;
        let batch = Batch {
            seed,
            swarm: args.swarm(),
            range: from..args.histories.min(from + BLOCK),
            threads: args.threads(),
            stops: false,
            only_promises: false,
        };
        let (totals, found) = batch.run(|| bar.inc(1));
        state.totals.add(&totals);
        bar.suspend(|| tell(args, &found));
        if let (Some(file), Some(first)) = (&args.html, found.values().next()) {
            replay::draw(batch.simulation(first.seed), file)?;
        }
        state.keep(args)?;
    }
    bar.finish_and_clear();
    report(args, &state.totals, began.elapsed(), resumed)
}

fn tell(args: &Args, found: &BTreeMap<u64, Found>) {
    for found in found.values().take(MOST_TOLD) {
        let command = args.replay_command(found.seed);
        eprintln!("VIOLATION: {}\n    {command}", found.what);
    }
}

fn report(args: &Args, totals: &Totals, took: Duration, resumed: u64) -> anyhow::Result<bool> {
    let gaps = totals.gaps(args.swarm());
    for gap in &gaps {
        eprintln!("error: {gap}: the run proves nothing");
    }
    let Totals {
        histories,
        violations,
        ..
    } = totals;
    let ran = histories - resumed;
    let secs = took.as_secs_f64();
    writeln!(
        stdout().lock(),
        "{}\n\nseed {}, profile {}: {ran} histories in {secs:.1} s on {} threads\nhistories {histories} violations {violations}",
        totals.tables(),
        args.seed.0,
        args.swarm().name(),
        args.threads(),
    )
    .context("writing the result")?;
    Ok(*violations == 0 && gaps.is_empty())
}

#[expect(
    clippy::disallowed_methods,
    reason = "times real work for display, and decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}
