//! The program itself: the same seed is the same history in every process.

mod support;

use std::fs;
use std::path::Path;

use support::{sim, stdout};

/// The trace of one history, from a process of its own, and the line that
/// tells its hash.
fn replayed(seed: u64, folder: &Path, name: &str) -> (Vec<u8>, String) {
    let file = folder.join(format!("{seed}.{name}"));
    let file_name = file.to_str().expect("a path of text");
    let output = sim(&["--replay", &seed.to_string(), "--trace", file_name]);
    assert!(output.status.success(), "{}", stdout(&output));
    let told = stdout(&output)
        .lines()
        .find(|line| line.contains("SHA-256"));
    let trace = fs::read(&file).expect("the trace was written");
    (trace, told.expect("a hash is told").to_owned())
}

#[test]
fn twenty_seeds_give_the_same_bytes_in_two_processes_each() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for seed in 1..=20 {
        let (once, told) = replayed(seed, folder.path(), "once");
        let (again, told_again) = replayed(seed, folder.path(), "again");
        let lines = String::from_utf8_lossy(&once).lines().count();
        assert!(lines >= 1000, "seed {seed}: {lines} lines");
        assert!(once == again, "seed {seed} differs");
        assert_eq!(told, told_again);
        println!("seed {seed}: {told}");
    }
}

#[test]
fn a_trace_has_the_requests_the_answers_the_sights_and_what_was_decided() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (trace, _) = replayed(1, folder.path(), "once");
    let trace = String::from_utf8(trace).expect("text");
    for part in [
        "writes leader",
        "committed as",
        "watch leader",
        "says Elected",
        "says Renewed",
        "believes",
        "arrives",
    ] {
        assert!(trace.contains(part), "no line with {part:?}");
    }
}

#[test]
fn a_run_ends_with_its_verdict_and_is_the_same_on_any_number_of_threads() {
    let run = |threads| {
        let output = sim(&["--histories", "12", "--seed", "3", "--threads", threads]);
        assert!(output.status.success());
        let text = stdout(&output).to_owned();
        let last = text.lines().last().expect("a last line").to_owned();
        let tables: Vec<_> = text.lines().map(str::to_owned).collect();
        assert_eq!(last, "histories 12 violations 0");
        tables[..tables.len() - 2].to_vec()
    };
    assert_eq!(run("1"), run("3"));
}

#[test]
fn a_run_goes_on_where_its_file_says_that_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("state");
    let file = file.to_str().expect("a path of text");
    let first = sim(&["--histories", "4", "--seed", "3", "--resume", file]);
    assert!(first.status.success());
    let second = sim(&["--histories", "9", "--seed", "3", "--resume", file]);
    let text = stdout(&second);
    assert!(text.contains("5 histories in"), "{text}");
    assert!(text.contains(" s in all parts\n"), "{text}");
    assert!(text.ends_with("histories 9 violations 0\n"), "{text}");
    let whole = sim(&["--histories", "9", "--seed", "3"]);
    let tables = |text: &str| {
        let end = text.find("\n\nseed").expect("tables come first");
        text[..end].to_owned()
    };
    assert_eq!(tables(text), tables(stdout(&whole)));
}

#[test]
fn the_state_of_another_run_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("state");
    let name = file.to_str().expect("a path of text");
    assert!(
        sim(&["--histories", "1", "--seed", "3", "--resume", name])
            .status
            .success()
    );
    let before = fs::read(&file).expect("the state was written");
    let other = sim(&["--histories", "2", "--seed", "4", "--resume", name]);
    assert_eq!(other.status.code(), Some(1));
    let why = String::from_utf8_lossy(&other.stderr);
    assert!(why.contains("use another file"), "{why}");
    assert_eq!(fs::read(&file).expect("still there"), before);
}
