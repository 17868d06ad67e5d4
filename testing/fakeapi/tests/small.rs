//! What a newcomer copies stays small.

use std::fs;

#[test]
fn the_test_of_the_example_has_at_most_forty_lines() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/controller.rs");
    let example = fs::read_to_string(path).unwrap();
    let test = example
        .lines()
        .skip_while(|line| !line.contains("#[tokio::test"));
    let count = test.take_while(|line| *line != "}").count();
    assert!((1..=40).contains(&count), "{count} lines");
}
