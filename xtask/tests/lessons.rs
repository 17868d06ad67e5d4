//! `docs/patroni-lessons.md` names tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

/// More reasons than this would be excuses.
const MOST_REASONS: usize = 12;

#[test]
fn each_lesson_names_a_test_that_exists_or_a_reason() {
    let root = root();
    let mut reasons = 0;
    for (number, row) in (1..).zip(rows()) {
        let [said, _, lesson, coverage] = &*row else {
            panic!("a row of {} columns: {row:?}", row.len());
        };
        assert_eq!(*said, number.to_string());
        assert!(!lesson.is_empty(), "{row:?}");
        if let Some(reason) = coverage.strip_prefix("cannot apply: ") {
            assert!(!reason.is_empty(), "{row:?}");
            reasons += 1;
            continue;
        }
        for test in coverage.split("; ") {
            let named = test.split_once("`: `");
            let (file, name) = named.unwrap_or_else(|| panic!("{number}: {test}"));
            let (file, name) = (file.trim_start_matches('`'), name.trim_end_matches('`'));
            let text = fs::read_to_string(root.join(file));
            let text = text.unwrap_or_else(|error| panic!("{number}: {file}: {error}"));
            assert!(text.contains(&format!("fn {name}(")), "{number}: {test}");
        }
    }
    assert!(reasons <= MOST_REASONS, "{reasons} reasons");
}

#[test]
fn there_are_fifty_five_lessons() {
    assert_eq!(rows().len(), 55);
}

/// The cells of each row below the head of the table.
fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs/patroni-lessons.md"));
    let text = text.expect("the file is there");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = |row: &str| {
        let row = row.trim_start_matches('|').trim_end_matches('|');
        row.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    rows.skip(1).map(cells).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
