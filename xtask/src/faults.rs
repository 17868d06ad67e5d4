//! `faults`: the page that says which test makes which fault happen, from what
//! the tests themselves left behind.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};

use crate::workspace;

/// The catalogue's own tests claim rows to try the claiming, and those of this
/// crate compare the page with the claims.
const TESTS: &str = "test --workspace --exclude dcs-faults --exclude xtask --all-features --locked --tests --no-fail-fast";

/// Programs that tests start, which a run of tests alone does not build.
const EXAMPLES: &str = "build --package dcs-examples --examples --all-features --locked";

pub(crate) fn run(from_records: bool) -> anyhow::Result<ExitCode> {
    let workspace = workspace::folder();
    let records = workspace.join("target/fault-records");
    if !from_records {
        run_tests(workspace, &records)?;
    }
    write_page(workspace, &records)
}

fn run_tests(workspace: &Path, records: &Path) -> anyhow::Result<()> {
    if records.exists() {
        fs::remove_dir_all(records).context("removing the records of the last run")?;
    }
    let mut build = Command::new(workspace::cargo());
    build.current_dir(workspace).args(EXAMPLES.split(' '));
    let status = build.status().context("running cargo build")?;
    if !status.success() {
        bail!("an example could not be built, so docs/faults.md stays as it is");
    }
    let mut tests = Command::new(workspace::cargo());
    tests
        .current_dir(workspace)
        .args(TESTS.split(' '))
        .env(dcs_faults::RECORDS, records)
        // The result of this command is the page, and not what tests print.
        .stdout(Stdio::from(io::stderr()));
    let has_server = env::var_os("KUBECONFIG").is_some();
    if has_server {
        tests.args(["--", "--include-ignored"]);
    } else {
        eprintln!("without KUBECONFIG: tests on the real API server are left out of the page");
    }
    let status = tests.status().context("running cargo test")?;
    if !status.success() {
        bail!("a test failed, so docs/faults.md stays as it is");
    }
    Ok(())
}

fn write_page(workspace: &Path, records: &Path) -> anyhow::Result<ExitCode> {
    let records = dcs_faults::read(records)?;
    let page = workspace.join("docs/faults.md");
    fs::write(&page, dcs_faults::table(&records)).context("writing docs/faults.md")?;
    let mut rows: Vec<_> = records.iter().map(|record| record.row).collect();
    rows.dedup();
    let all = dcs_faults::FAULTS.len();
    let mut out = io::stdout().lock();
    for (row, why) in ruled_out(&rows) {
        writeln!(out, "row {row} cannot come about: {why}").context("writing a row")?;
    }
    writeln!(
        out,
        "rows {all} covered {} tests {}",
        rows.len(),
        records.len()
    )
    .context("writing the count")?;
    Ok(ExitCode::SUCCESS)
}

/// Those of these rows whose tests show that the fault cannot come about.
fn ruled_out(rows: &[u32]) -> impl Iterator<Item = (u32, &'static str)> {
    let faults = rows.iter().filter_map(|row| dcs_faults::fault(*row));
    faults.filter_map(|fault| Some((fault.row, fault.never?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_cannot_come_about_is_told_apart_from_one_that_can() {
        let ruled_out: Vec<_> = ruled_out(&[3, 4, 5]).collect();
        assert_eq!(ruled_out, [(4, "the library sends no DELETE")]);
    }
}
