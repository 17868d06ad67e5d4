//! `check-events`: judges the JSON lines of ha-loop runs.
//!
//! A line is one object with the fields `at_ms`, `member`, `event`, `leader`,
//! `token` and `until_ms`, each there, if only as null. A **term** opens with
//! `elected` and is believed in from there to the end that its member said, and
//! never past the last `until_ms` that it was given; that instant itself is
//! outside. A killed process says no end: its belief reaches `until_ms`.
//!
//! Where the lines leave room, the judge decides:
//!
//! * `renewed`, `lost` and `released` may leave the token out (null); they then
//!   mean the term that is open. A token that is there has to be that term's.
//! * `until_ms` may go back, because a smaller ttl in the config key shortens
//!   belief. The last one counts. It may not go back to before its own `at_ms`:
//!   that takes back belief that was already acted on.
//! * The end of a term may be written after the next election; the token tells.
//! * `elected` while a term of that member is open in the same file is a process
//!   that was killed and came back: the old term reaches its `until_ms`.
//! * An end after `until_ms`, an end before the last renewal's line and a renewal
//!   after `until_ms` are notes: a process that was stopped writes late. A late
//!   renewal is counted as belief without a gap, which can only add overlap.
//! * Elections within one millisecond may have happened in either order; those of
//!   one member in one file happened in the order of their lines.
//! * The last line of a file may be cut off if it lacks its newline.
//! * An empty file is a note. No term in any file is a failure: nothing is proven.
//! * A file that cannot be trusted gets no verdict at all, only errors.

mod judge;
mod overlap;
mod parse;
mod place;
mod report;
mod term;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use self::judge::Verdict;

/// Judges `files` as processes of one cluster and prints the verdict.
pub(crate) fn check(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut terms = Vec::new();
    let mut trusted = true;
    for path in files {
        match parse::read(path).and_then(|record| term::collect(&record)) {
            Ok(run) => {
                for note in &run.notes {
                    eprintln!("note: {note}");
                }
                terms.extend(run.terms);
            }
            Err(problem) => {
                trusted = false;
                eprintln!("error: {problem}");
            }
        }
    }
    if !trusted {
        eprintln!("error: no verdict: the events cannot be trusted");
        return Ok(ExitCode::FAILURE);
    }

    let verdict = Verdict::on(terms);
    for finding in verdict.findings() {
        eprintln!("error: {finding}");
    }
    let mut out = io::stdout().lock();
    write!(out, "{}", report::render(&verdict))
        .and_then(|()| out.flush())
        .context("writing the verdict")?;
    Ok(if verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
