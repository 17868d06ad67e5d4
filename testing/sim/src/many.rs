//! A run of many histories, and what it says.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::args::Args;
use crate::progress::bar;
use crate::replay;
use crate::resume::State;
use crate::run::{Batch, Found};
use crate::small;
use crate::totals::Totals;

/// So many histories are run before the state of a run is kept.
const BLOCK: u64 = 10_000;
/// More violations than this are counted, not told.
const MOST_TOLD: usize = 5;

pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let began = now();
    let mut state = State::of(args)?;
    let (resumed, before) = (state.totals.histories, state.took);
    if resumed > 0 {
        eprintln!("going on after {resumed} histories");
    }
    let bar = bar(args.histories());
    bar.set_position(resumed);
    let mut told = 0;
    let mut is_shrunk = false;
    let mut is_drawn = false;
    while state.totals.histories < args.histories() {
        let from = state.totals.histories;
        let batch = Batch::of(args, from..args.histories().min(from + BLOCK), false);
        let (totals, found) = batch.run(|| bar.inc(1));
        state.add(&totals, &found);
        state.took = before + began.elapsed();
        // First of all: what comes now runs histories again that went wrong.
        state.keep(args)?;
        let small = |found: &Found| {
            let command = args.replay_command(found.seed);
            small::finding(&batch, found, &command)
        };
        let small = (!is_shrunk).then_some(small);
        bar.suspend(|| eprint!("{}", telling(args, &found, small)));
        is_shrunk |= found.values().any(|found| !found.panicked);
        told += found.len();
        if !is_drawn {
            is_drawn = draw(args, &batch, &state.found)?;
        }
    }
    bar.finish_and_clear();
    state.took = before + began.elapsed();
    state.keep(args)?;
    if state.found.len() > told {
        eprint!("{}", listing(args, &state));
    }
    report(args, &state, began.elapsed(), resumed)
}

/// What was found in a block; its first violation by its few faults, if `small`
/// is there.
fn telling(
    args: &Args,
    found: &BTreeMap<u64, Found>,
    small: Option<impl FnOnce(&Found) -> String>,
) -> String {
    let mut text = String::new();
    let mut small = small;
    for found in found.values().take(MOST_TOLD) {
        let Found { seed, what, .. } = found;
        // A history that panicked would panic again.
        let more = match small.take_if(|_| !found.panicked) {
            Some(small) => small(found),
            None => format!("replay by: {}\n", args.replay_command(*seed)),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "VIOLATION: seed {seed}: {what}\n{more}");
    }
    text
}

/// The findings of all parts, which were told in each part alone.
fn listing(args: &Args, state: &State) -> String {
    let mut text = String::from("violations of all parts:\n");
    for Found { seed, what, .. } in &state.found {
        let command = args.replay_command(*seed);
        // Writing to a string cannot fail.
        let _ = write!(text, "seed {seed}: {what}\n    {command}\n");
    }
    let kept = state.found.len() as u64;
    if let more @ 1.. = state.totals.violations.saturating_sub(kept) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "and {more} more");
    }
    text
}

/// Draws the first violation of all. Whether there was one.
fn draw(args: &Args, batch: &Batch, found: &[Found]) -> anyhow::Result<bool> {
    let (Some(file), Some(first)) = (&args.html, to_draw(found)) else {
        return Ok(false);
    };
    replay::draw(batch, first.seed, file)?;
    Ok(true)
}

/// A history that panicked would panic again, and there is nothing to draw.
fn to_draw(found: &[Found]) -> Option<&Found> {
    found.iter().find(|found| !found.panicked)
}

fn report(args: &Args, state: &State, took: Duration, resumed: u64) -> anyhow::Result<bool> {
    let gaps = state.totals.gaps(args.swarm());
    for gap in &gaps {
        eprintln!("error: {gap}: the run proves nothing");
    }
    let Totals {
        histories,
        violations,
        ..
    } = &state.totals;
    let ran = histories - resumed;
    let secs = took.as_secs_f64();
    let all_parts = if resumed > 0 {
        format!(", {:.1} s in all parts", state.took.as_secs_f64())
    } else {
        String::new()
    };
    writeln!(
        stdout().lock(),
        "{}\n\nseed {}, store {}, profile {}: {ran} histories in {secs:.1} s on {} threads{all_parts}\nhistories {histories} violations {violations}",
        state.totals.tables(),
        args.seed.0,
        args.backend().name(),
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn violation(seed: u64) -> Found {
        Found {
            seed,
            what: "not so".to_owned(),
            invariant: "I0".to_owned(),
            panicked: false,
        }
    }

    #[test]
    fn the_first_violation_alone_is_made_small_and_no_panic() {
        let args = Args::try_parse_from(["sim"]).unwrap();
        let found = [Found::panic(10, "so"), violation(30), violation(50)];
        let found = (0..).zip(found).collect();
        let small = |found: &Found| format!("the few faults of {}\n", found.seed);
        let text = telling(&args, &found, Some(small));
        assert_eq!(
            text,
            "VIOLATION: seed 10: panicked: so\nreplay by: cargo xtask sim --replay 10\n\
             VIOLATION: seed 30: not so\nthe few faults of 30\n\
             VIOLATION: seed 50: not so\nreplay by: cargo xtask sim --replay 50\n"
        );
    }

    #[test]
    fn the_first_violation_of_all_is_drawn_and_no_panic() {
        let found = [Found::panic(1, "so"), violation(2), violation(3)];
        assert_eq!(to_draw(&found), Some(&found[1]));
        assert_eq!(to_draw(&found[..1]), None);
    }

    #[test]
    fn a_run_that_goes_on_lists_what_its_earlier_parts_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        let file = file.to_str().expect("a path of text");
        let args = Args::try_parse_from(["sim", "--resume", file]).unwrap();
        let mut state = State::of(&args).unwrap();
        state.add(&Totals::panicked(), &BTreeMap::from([(0, violation(8))]));
        let text = listing(&args, &state);
        assert!(!text.contains("more"), "{text}");
        assert!(text.contains("seed 8: not so\n"), "{text}");
        assert!(text.contains("cargo xtask sim --replay 8\n"), "{text}");
        state.add(&Totals::panicked(), &BTreeMap::new());
        let text = listing(&args, &state);
        assert!(text.ends_with("and 1 more\n"), "{text}");
    }
}
