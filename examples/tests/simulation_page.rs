//! docs/simulation.md shows what the example really prints.

#[expect(dead_code, reason = "its `main` prints what is looked at here")]
#[path = "../simulate-your-own.rs"]
mod example;

const PAGE: &str = include_str!("../../docs/simulation.md");

#[test]
fn the_page_shows_what_the_example_prints_and_draws() {
    let report = example::report().unwrap_or_else(|error| panic!("{error}"));
    assert!(
        PAGE.contains(&format!("```text\n{report}```")),
        "docs/simulation.md shows something else than:\n{report}"
    );
    let drawn = std::fs::read_to_string(std::env::temp_dir().join("simulate-your-own.html"));
    assert!(
        drawn.is_ok_and(|drawn| drawn == include_str!("../../docs/simulate-your-own.html")),
        "run the example, and put the page that it draws into docs"
    );
}

#[test]
fn the_page_shows_the_program_as_it_is() {
    let source = include_str!("../simulate-your-own.rs");
    let begin = source.find("use std").expect("the program");
    let end = source.find("fn run").expect("what runs it");
    assert!(PAGE.contains(source[begin..end].trim_end()));
}
