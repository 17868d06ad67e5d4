//! `cargo xtask check-events` on files: exit status, last line, and reasons.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn check(files: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .current_dir(folder())
        .arg("check-events")
        .args(files)
        .output()
        .expect("xtask runs")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events")
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("output is UTF-8")
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("output is UTF-8")
}

fn last_line(output: &Output) -> &str {
    stdout(output).lines().last().unwrap_or("")
}

#[track_caller]
fn is_good(files: &[&str], verdict: &str) -> Output {
    let output = check(files);
    assert_eq!(last_line(&output), verdict, "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output
}

/// A verdict was given, and it is bad.
#[track_caller]
fn is_bad(files: &[&str], verdict: &str, why: &str) -> Output {
    let output = check(files);
    assert_eq!(last_line(&output), verdict);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
    output
}

/// No verdict was given, and exactly one reason was.
#[track_caller]
fn is_refused(file: &str, why: &str) {
    let output = check(&[file]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "",
        "a file that cannot be trusted gets no verdict"
    );
    let expected = format!("error: {file}{why}\nerror: no verdict: the events cannot be trusted\n");
    assert_eq!(stderr(&output), expected);
}

#[test]
fn no_file_is_a_bad_argument() {
    let output = check(&[]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""));
}

#[test]
fn one_process_with_a_release_and_a_loss() {
    let output = is_good(&["good/one.jsonl"], "terms 2 overlap_ms 0 tokens_grow true");
    assert_eq!(stderr(&output), "");
    for text in ["released", "lost", "good/one.jsonl:1", "9007199254740993"] {
        assert!(stdout(&output).contains(text), "{}", stdout(&output));
    }
}

#[test]
fn a_leader_that_was_killed_is_believed_in_up_to_its_until() {
    let files = [
        "good/killed-a.jsonl",
        "good/killed-b.jsonl",
        "good/killed-a-again.jsonl",
    ];
    let output = is_good(&files, "terms 3 overlap_ms 0 tokens_grow true");
    assert!(stderr(&output).contains("good/killed-a.jsonl:4: the last line is cut off"));
    assert!(
        stdout(&output).contains("at until_ms, no end said"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn an_end_that_was_written_late_counts_from_its_instant() {
    is_good(
        &["good/late-end-a.jsonl", "good/late-end-b.jsonl"],
        "terms 2 overlap_ms 0 tokens_grow true",
    );
}

#[test]
fn tokens_beyond_64_bits_compare_as_numbers() {
    is_good(
        &["good/huge-tokens.jsonl"],
        "terms 3 overlap_ms 0 tokens_grow true",
    );
}

#[test]
fn several_members_of_one_process() {
    is_good(
        &["good/members.jsonl"],
        "terms 2 overlap_ms 0 tokens_grow true",
    );
}

#[test]
fn a_shorter_ttl_in_the_config_shortens_belief() {
    let output = is_good(
        &["good/shorter-ttl.jsonl"],
        "terms 2 overlap_ms 0 tokens_grow true",
    );
    let note =
        "note: good/shorter-ttl.jsonl:3: renewed of \"a\": until_ms goes back from 16000 to 9000\n";
    assert_eq!(stderr(&output), note);
}

#[test]
fn an_empty_file_beside_others_is_a_note() {
    let output = is_good(
        &["good/one.jsonl", "bad/empty.jsonl"],
        "terms 2 overlap_ms 0 tokens_grow true",
    );
    assert_eq!(
        stderr(&output),
        "note: bad/empty.jsonl:1: the file is empty\n"
    );
}

#[test]
fn two_leaders_at_once_are_counted_and_named() {
    let verdict = "terms 2 overlap_ms 250 tokens_grow true";
    let output = is_bad(
        &["bad/overlap-a.jsonl", "bad/overlap-b.jsonl"],
        verdict,
        "for 250 ms",
    );
    let row = ["a token 5", "b token 6", "10750", "11000", "250"];
    let named = stdout(&output)
        .lines()
        .any(|line| row.iter().all(|text| line.contains(text)));
    assert!(named, "{}", stdout(&output));
}

#[test]
fn two_processes_of_one_name_are_two_leaders() {
    let files = ["bad/overlap-a.jsonl", "bad/overlap-a-again.jsonl"];
    is_bad(
        &files,
        "terms 2 overlap_ms 1000 tokens_grow true",
        "for 1000 ms",
    );
}

#[test]
fn the_order_of_files_does_not_matter() {
    let verdict = "terms 2 overlap_ms 250 tokens_grow true";
    is_bad(
        &["bad/overlap-b.jsonl", "bad/overlap-a.jsonl"],
        verdict,
        "for 250 ms",
    );
}

#[test]
fn tokens_that_grow_as_text_only_do_not_grow() {
    let verdict = "terms 2 overlap_ms 0 tokens_grow false";
    let why = "tokens do not grow: \"a\" token 10 at 1000 (bad/shrinking-tokens.jsonl:1), \
               then \"a\" token 9 at 20000 (bad/shrinking-tokens.jsonl:3)";
    is_bad(&["bad/shrinking-tokens.jsonl"], verdict, why);
}

#[test]
fn a_token_given_to_two_members_is_named() {
    let verdict = "terms 2 overlap_ms 0 tokens_grow false";
    is_bad(
        &["bad/same-token.jsonl"],
        verdict,
        "token 5 was given twice: \"a\" token 5 at 1000",
    );
}

#[test]
fn a_file_that_is_given_twice_is_found_by_its_tokens() {
    let verdict = "terms 2 overlap_ms 0 tokens_grow false";
    is_bad(
        &["bad/overlap-a.jsonl", "bad/overlap-a.jsonl"],
        verdict,
        "token 5 was given twice",
    );
}

#[test]
fn no_terms_prove_nothing() {
    let verdict = "terms 0 overlap_ms 0 tokens_grow true";
    for file in ["bad/empty.jsonl", "bad/no-terms.jsonl"] {
        is_bad(&[file], verdict, "no term in any file: nothing is proven");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    is_refused(
        "bad/nowhere.jsonl",
        ": cannot be read: No such file or directory (os error 2)",
    );
}

#[test]
fn one_bad_file_among_good_ones_leaves_no_verdict() {
    let output = check(&["good/one.jsonl", "bad/token-zero.jsonl"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""));
}

#[test]
fn malformed_lines_are_refused_for_their_reason() {
    for (file, why) in [
        ("bad/blank-line.jsonl", ":2: the line is empty"),
        (
            "bad/missing-field.jsonl",
            ":1: no event: missing field `leader`, in column 74: {\"at_ms\":1000,\"member\":\"a\",\"event\":\"elected\",\"token\":\"5\",\"until_ms\":16000}",
        ),
        (
            "bad/cut-inside.jsonl",
            ":1: no event: EOF while parsing a string, in column 33: {\"at_ms\":1000,\"member\":\"a\",\"event",
        ),
        (
            "bad/cut-with-newline.jsonl",
            ":2: no event: EOF while parsing a string, in column 33: {\"at_ms\":2000,\"member\":\"a\",\"event",
        ),
        (
            "bad/unknown-event.jsonl",
            ":2: event \"promoted\" is unknown",
        ),
        ("bad/nameless.jsonl", ":1: member is an empty text"),
        ("bad/token-zero.jsonl", ":1: token \"0\" is zero"),
        (
            "bad/token-leading-zero.jsonl",
            ":1: token \"007\" has a leading zero",
        ),
        (
            "bad/token-letters.jsonl",
            ":1: token \"5a\" is not a decimal number",
        ),
    ] {
        is_refused(file, why);
    }
}

#[test]
fn contradictions_are_refused_for_their_reason() {
    for (file, why) in [
        (
            "bad/elected-without-until.jsonl",
            ":1: elected of \"a\" has no until_ms",
        ),
        (
            "bad/elected-without-token.jsonl",
            ":1: elected of \"a\" has no token",
        ),
        (
            "bad/elected-after-until.jsonl",
            ":1: elected of \"a\" until_ms 900, before it began at_ms 1000",
        ),
        (
            "bad/renewed-never-elected.jsonl",
            ":2: renewed of \"b\", who was never elected before it in this file",
        ),
        (
            "bad/lost-never-elected.jsonl",
            ":1: lost of \"a\", who was never elected before it in this file",
        ),
        (
            "bad/renewed-other-token.jsonl",
            ":2: renewed of \"a\" has token 6, but its term is 5",
        ),
        (
            "bad/renewed-after-end.jsonl",
            ":3: renewed of \"a\", whose term 5 is already over",
        ),
        (
            "bad/renewed-takes-back.jsonl",
            ":2: renewed of \"a\" takes until_ms back from 16000 to 5000, before its own at_ms 6000",
        ),
        (
            "bad/ended-twice.jsonl",
            ":3: released of \"a\", whose term 5 is already over",
        ),
        (
            "bad/end-before-begin.jsonl",
            ":2: lost of \"a\" at_ms 999, before its term 5 began at 1000",
        ),
    ] {
        is_refused(file, why);
    }
}

#[test]
fn every_file_of_the_folder_is_used() {
    let tests = include_str!("check_events.rs");
    for kind in ["good", "bad"] {
        for entry in folder().join(kind).read_dir().unwrap() {
            let name = format!(
                "{kind}/{}",
                entry.unwrap().file_name().into_string().unwrap()
            );
            assert!(
                tests.contains(&format!("\"{name}\"")),
                "{name} is in no test"
            );
        }
    }
}
