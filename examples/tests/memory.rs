//! The story that ha-loop tells on memory, as a user runs it.

mod support;

use std::io::Read;
use std::process::Command;

use rustix::process::Signal;
use support::events::{Event, parse};
use support::judge::{Verdict, judge};
use support::process::{Ended, Piped, Process, folder, ha_loop};

/// More lines than fit into a pipe, so that a run waits for its reader.
const LONG: [&str; 2] = ["--members", "100"];

#[tokio::test]
async fn the_story_ends_by_itself_and_keeps_its_promises() {
    let run = run("story", &["--output", "json"]).await;
    assert!(run.status.success(), "{run:?}");
    assert_eq!(run.err, "");
    let events = parse(&run.out);
    let verdict = verdict(&events);
    verdict.assert_good(4);
    let configs = events.iter().filter(|event| event.is("config"));
    let by_first = configs.filter(|event| event.member == verdict.terms[0].member);
    assert!(by_first.count() >= 2, "seeded, then changed: {}", run.out);

    let [first, second, third, last] = &verdict.terms[..] else {
        panic!("{verdict}: {}", run.out);
    };
    assert!(first.end.is_none(), "it crashed without a word: {first:?}");
    assert_ne!(first.member, second.member);
    assert!(second.from_ms >= first.until_ms, "{first:?}, {second:?}");
    assert!(second.ended_by("released"), "switched over: {second:?}");
    assert_eq!(third.member, first.member, "it came back and was asked for");
    assert!(third.ended_by("released"), "stopped: {third:?}");
    assert_ne!(last.member, third.member);
    let ttl_ms = 15_000;
    for (ended, next) in [(second, third), (third, last)] {
        let gap = next.from_ms - ended.to_ms();
        assert!(gap < ttl_ms / 10, "a hand-over took {gap} ms");
    }
}

#[tokio::test]
async fn the_same_flags_tell_the_same_story() {
    let mut runs = Vec::new();
    for name in ["same-1", "same-2"] {
        let run = run(name, &["--output", "json", "--members", "5"]).await;
        let mut events = parse(&run.out);
        let began = events[0].at_ms;
        for event in &mut events {
            event.at_ms -= began;
            event.until_ms = event.until_ms.map(|until| until - began);
        }
        runs.push(events);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_first_bootstrap_takes_no_ttl_and_any_other_election_does() {
    for (flags, waits) in [(&["--bootstrap"][..], false), (&[], true)] {
        let flags = [&["--output", "json"], flags].concat();
        let events = parse(&run("bootstrap", &flags).await.out);
        let elected = &verdict(&events).terms[0];
        let waited = elected.from_ms - events[0].at_ms >= 15_000;
        assert_eq!(waited, waits, "{flags:?}: {elected:?}");
    }
}

#[tokio::test]
async fn the_duration_ends_the_story_in_virtual_time() {
    let run = run("duration", &["--output", "json", "--duration", "10s"]).await;
    assert!(run.status.success(), "{run:?}");
    let events = parse(&run.out);
    assert!(events.iter().all(|event| event.token.is_none()), "{run:?}");
    let span = events.last().unwrap().at_ms - events[0].at_ms;
    assert!(span <= 10_000, "{span} ms");
}

#[tokio::test]
async fn text_is_for_people_and_holds_no_control_characters() {
    let run = run("text", &[]).await;
    assert!(run.status.success(), "{run:?}");
    for word in [
        "elected",
        "crashes",
        "switchover",
        "released",
        "end of the story",
    ] {
        assert!(run.out.contains(word), "{word}: {}", run.out);
    }
    let is_plain = |c: char| c == '\n' || !c.is_control();
    assert!(run.out.chars().all(is_plain), "{}", run.out);
}

#[tokio::test]
async fn logs_go_to_stderr_and_hold_no_colours_in_a_file() {
    let mut command = ha_loop();
    command.args(["--output", "json"]).env("RUST_LOG", "trace");
    let run = end(command, "logs").await;
    assert!(!run.err.is_empty(), "nothing is logged at all");
    assert!(!run.err.contains('\u{1b}'), "{}", run.err);
    verdict(&parse(&run.out)).assert_good(3);
}

#[tokio::test]
async fn a_reader_that_has_gone_ends_the_program_without_a_panic() {
    let mut child = start(&LONG);
    drop(child.first_line());
    let (code, log) = child.end().await;
    assert_eq!((code, &*log), (Some(0), ""));
}

#[tokio::test]
async fn a_signal_ends_the_story_early_and_well() {
    for signal in [Signal::TERM, Signal::INT] {
        // Nobody reads on, so the program cannot come to the end before the signal.
        let mut child = start(&LONG);
        let mut rest = child.first_line();
        child.signal(signal);
        let mut text = String::new();
        rest.read_to_string(&mut text).unwrap();
        let (code, log) = child.end().await;
        assert_eq!((code, &*log), (Some(0), ""), "{signal:?}");
        assert!(text.contains("-- told to stop\n"), "{signal:?}: {text}");
        assert!(!text.contains("end of the story"), "{signal:?}: {text}");
    }
}

fn verdict(events: &[Event]) -> Verdict {
    judge([events])
}

fn start(flags: &[&str]) -> Piped {
    let mut command = ha_loop();
    command.args(flags);
    Piped::start(command)
}

async fn run(name: &str, flags: &[&str]) -> Ended {
    let mut command = ha_loop();
    command.args(flags);
    end(command, name).await
}

async fn end(command: Command, name: &str) -> Ended {
    let folder = folder(&format!("memory-{name}"));
    Process::start(command, &folder, name).end().await
}
