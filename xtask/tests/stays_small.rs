//! What a newcomer reads first stays small.

use std::fs;
use std::path::Path;

fn lines(file: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join(file)).expect("the file is there");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_quickstart_has_at_most_fifty_lines() {
    assert!(lines("examples/quickstart.rs").len() <= 50);
}

#[test]
fn the_fencing_example_has_at_most_sixty_lines() {
    assert!(lines("examples/fencing.rs").len() <= 60);
}

#[test]
fn the_simulated_program_and_its_test_have_at_most_sixty_lines() {
    assert!(lines("examples/simulate-your-own.rs").len() <= 60);
}

#[test]
fn the_ha_loop_and_its_turn_have_at_most_two_hundred_lines_each() {
    assert!(lines("examples/ha_loop/member.rs").len() <= 200);
    assert!(lines("examples/ha_loop/turn.rs").len() <= 200);
}

#[test]
fn the_readme_has_at_most_160_lines_and_its_two_commands_in_the_first_forty() {
    let readme = lines("README.md");
    assert!(readme.len() <= 160);
    let commands = readme.iter().take(40).filter(|line| line.starts_with("$ "));
    assert_eq!(
        commands.collect::<Vec<_>>(),
        ["$ cargo run --example ha-loop", "$ cargo xtask test"]
    );
}
