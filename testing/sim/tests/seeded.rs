//! Bugs that are planted, in a build that has them:
//! `RUSTFLAGS='--cfg dcs_seeded_bugs' cargo test -p dcs-sim --target-dir target/seeded-bugs`.

#![cfg(dcs_seeded_bugs)]

mod support;

use support::{sim, stdout};

/// Found after few histories, which matters in a debug build.
const BUG: &str = "one-identity";

/// The one command that a finding is told with.
fn replay(text: &str) -> Vec<&str> {
    let told = "replay by: cargo xtask sim ";
    let mut commands = text.lines().filter_map(|line| line.strip_prefix(told));
    let command = commands.next().expect("a command");
    assert_eq!(commands.next(), None, "{text}");
    command.split(' ').collect()
}

/// The lines of the small list: from the seed and how much is left to the command.
fn list(text: &str) -> Vec<&str> {
    let lines = text
        .lines()
        .skip_while(|line| !line.contains(" faults left after "));
    lines
        .take_while(|line| !line.starts_with("replay by: "))
        .collect()
}

#[test]
fn a_bug_is_found_with_few_faults_that_its_one_command_finds_again() {
    let found = sim(&["--bug", BUG]);
    let text = stdout(&found);
    assert_eq!(found.status.code(), Some(0), "{text}");
    assert!(list(text).len() <= 6, "{text}");
    let again = sim(&replay(text));
    assert_eq!(again.status.code(), Some(1), "{}", stdout(&again));
    assert_eq!(list(stdout(&again)), list(text));
    let seed = list(text)[0].split(',').next().expect("a seed");
    assert!(text.contains(&format!("found by: {seed}: ")), "{text}");
}

#[test]
fn the_page_of_the_documentation_has_each_bug_and_by_what_it_was_found() {
    let page = include_str!("../../../docs/seeded-bugs.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<_> = rows.map(|row| row.split(" | ").collect()).collect();
    let names = rows.iter().map(|row: &Vec<_>| row[0].trim_end_matches('`'));
    let listed = sim(&["--bug", "list"]);
    assert!(names.eq(stdout(&listed).lines()), "write it anew: {page}");
    for row in &rows {
        assert!(
            !row[6].contains("nothing") && !row[6].contains("panic"),
            "{row:?}"
        );
        assert!(
            row[5].parse::<u64>().is_ok_and(|count| count > 0),
            "{row:?}"
        );
    }
}
