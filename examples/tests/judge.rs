//! The judge of these tests, on lines made by hand.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use support::events::parse;
use support::judge::judge;

/// Lines as `at member event token until`, where `-` is null.
fn verdict(lines: &str) -> String {
    let line = |line: &str| {
        let [at, member, event, token, until] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let until = until.replace('-', "null");
        format!(
            r#"{{"at_ms":{at},"member":"{member}","event":"{event}","leader":"{member}","token":"{token}","until_ms":{until}}}"#
        ) + "\n"
    };
    let text: String = lines.split('|').map(line).collect();
    judge([&parse(&text)[..]]).to_string()
}

#[test]
fn belief_after_a_kill_reaches_the_last_until() {
    let lines = "10 a elected 1 30|20 a renewed 1 40|38 b elected 2 60";
    assert_eq!(verdict(lines), "terms 2 overlap_ms 2 tokens_grow true");
}

#[test]
fn belief_ends_where_its_end_was_said() {
    let lines = "10 a elected 1 30|20 a lost 1 -|20 b elected 2 40";
    assert_eq!(verdict(lines), "terms 2 overlap_ms 0 tokens_grow true");
    let lines = "10 a elected 2 30|20 a released 2 -|20 b elected 2 40";
    assert_eq!(verdict(lines), "terms 2 overlap_ms 0 tokens_grow false");
}

#[test]
fn an_end_that_is_said_too_late_does_not_lengthen_belief() {
    let lines = "10 a elected 1 30|35 a lost 1 -|31 b elected 2 50";
    assert_eq!(verdict(lines), "terms 2 overlap_ms 0 tokens_grow true");
}
