//! The catalogue with its tests, as a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::catalogue::FAULTS;
use crate::record::Record;

const HEAD: &str = "\
# Faults, and the tests that make them happen

Each row is a fault that a store on Kubernetes meets, what is right to do about it, and the tests in which it comes about, with
how often it did when this page was written. A test that claims a row and never meets its fault fails. Where a row says that its
fault cannot come about, its test shows that, and the number is how often it looked.

This page is written by `cargo xtask faults`. A row without a test fails `cargo xtask test`.

| row | fault | right reaction | tests (hits) |
|---|---|---|---|
";

/// One test that the page names for a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a row and a place, for comparing"
)]
pub struct Claimed {
    /// The number in the catalogue.
    pub row: u32,
    /// The file of the test, from the workspace's folder on.
    pub file: String,
    /// The last part of the test's path: the name of its function.
    pub test: String,
}

/// The page, from what the tests left behind.
#[must_use]
pub fn table(records: &[Record]) -> String {
    let mut by_row: BTreeMap<u32, Vec<&Record>> = BTreeMap::new();
    for record in records {
        by_row.entry(record.row).or_default().push(record);
    }
    let mut page = HEAD.to_owned();
    for fault in FAULTS {
        let records = by_row.get(&fault.row).map_or(&[][..], Vec::as_slice);
        let never = fault.never.map(|why| format!("cannot come about: {why}"));
        let tests = merged(records)
            .into_iter()
            .map(|((file, test), hits)| format!("`{file}`: `{test}` ({hits})"));
        let tests: Vec<_> = never.into_iter().chain(tests).collect();
        let tests = if records.is_empty() {
            "-".to_owned()
        } else {
            tests.join("<br>")
        };
        // Writing into a String does not fail.
        let _ = writeln!(
            page,
            "| {} | {} | {} | {tests} |",
            fault.row, fault.what, fault.reaction
        );
    }
    page
}

impl Claimed {
    /// The tests that a page names.
    #[must_use]
    pub fn on(page: &str) -> Vec<Self> {
        let mut claimed = Vec::new();
        for line in page.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let (Some(Ok(row)), Some(tests)) = (cells.first().map(|row| row.parse()), cells.get(3))
            else {
                continue;
            };
            for test in tests.split("<br>") {
                let mut quoted = test.split('`').skip(1).step_by(2);
                if let (Some(file), Some(test)) = (quoted.next(), quoted.next()) {
                    claimed.push(Self {
                        row,
                        file: file.to_owned(),
                        test: test.to_owned(),
                    });
                }
            }
        }
        claimed.sort();
        claimed
    }
}

/// One function may run as several tests, once for each backend.
fn merged<'a>(records: &[&'a Record]) -> BTreeMap<(&'a str, &'a str), u64> {
    let mut merged = BTreeMap::new();
    for record in records {
        let test = record.test.rsplit("::").next().unwrap_or(&record.test);
        *merged.entry((&*record.file, test)).or_default() += record.hits;
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(row: u32, test: &str, hits: u64) -> Record {
        Record {
            row,
            file: "a/tests/b.rs".to_owned(),
            test: test.to_owned(),
            hits,
        }
    }

    #[test]
    fn a_page_names_what_its_records_claim() {
        let records = [
            record(5, "endpoints::it_holds", 2),
            record(5, "configmaps::it_holds", 3),
            record(6, "it_waits", 1),
        ];
        let page = table(&records);
        assert!(page.contains("`a/tests/b.rs`: `it_holds` (5)"), "{page}");
        let claimed = |row, test: &str| Claimed {
            row,
            file: "a/tests/b.rs".to_owned(),
            test: test.to_owned(),
        };
        assert_eq!(
            Claimed::on(&page),
            [claimed(5, "it_holds"), claimed(6, "it_waits")]
        );
    }

    #[test]
    fn a_row_that_cannot_come_about_says_why_and_which_test_shows_it() {
        let page = table(&[record(4, "nothing_is_deleted", 7)]);
        let cell = "cannot come about: the library sends no DELETE<br>`a/tests/b.rs`: `nothing_is_deleted` (7)";
        assert!(page.contains(&format!("| {cell} |")), "{page}");
        let claimed = Claimed::on(&page);
        assert_eq!(claimed.len(), 1);
        assert_eq!(
            (claimed[0].row, &*claimed[0].test),
            (4, "nothing_is_deleted")
        );
    }

    #[test]
    fn the_page_has_every_fault_of_the_catalogue() {
        let page = table(&[]);
        let rows = page.lines().filter(|line| line.ends_with("| - |")).count();
        assert_eq!(rows, FAULTS.len());
    }
}
