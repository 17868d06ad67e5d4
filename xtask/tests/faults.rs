//! `docs/faults.md` says what the tests claim: no row with a test that is not
//! there, and no claim that is not on the page.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dcs_faults::Claimed;

/// How a test claims a row.
const CLAIM: &str = "covers(";

#[test]
fn each_test_on_the_page_is_there_and_claims_its_row() {
    for claimed in on_the_page() {
        let text = fs::read_to_string(root().join(&claimed.file));
        let text = text.unwrap_or_else(|error| panic!("{claimed:?}: {error}"));
        let is_there = text.contains(&format!("fn {}(", claimed.test));
        assert!(is_there, "{claimed:?}: no such test");
        assert!(
            claims(&text).contains(&claimed.row),
            "{claimed:?}: no claim"
        );
    }
}

#[test]
fn each_claim_of_a_test_is_on_the_page() {
    let page: BTreeSet<_> = on_the_page()
        .into_iter()
        .map(|claimed| (claimed.file, claimed.row))
        .collect();
    for file in tests() {
        let text = fs::read_to_string(root().join(&file)).expect("it is read");
        for row in claims(&text) {
            let is_there = page.contains(&(file.clone(), row));
            assert!(is_there, "row {row} of {file}: run `cargo xtask faults`");
        }
    }
}

#[test]
fn no_row_of_the_catalogue_is_without_a_test() {
    let rows: BTreeSet<_> = on_the_page().iter().map(|claimed| claimed.row).collect();
    let all = dcs_faults::FAULTS.iter().map(|fault| fault.row);
    let lost: Vec<_> = all.filter(|row| !rows.contains(row)).collect();
    assert!(lost.is_empty(), "no test claims {lost:?}");
}

fn on_the_page() -> Vec<Claimed> {
    let page = fs::read_to_string(root().join("docs/faults.md"));
    Claimed::on(&page.expect("the page is there"))
}

/// The rows that are claimed in this file.
fn claims(text: &str) -> BTreeSet<u32> {
    let rest = text.split(CLAIM).skip(1);
    rest.filter_map(|rest| rest.split(')').next()?.parse().ok())
        .collect()
}

/// All files of this workspace that may hold tests, but those of the catalogue.
fn tests() -> Vec<String> {
    let mut found = Vec::new();
    for folder in [
        "dcs-core",
        "dcs-kubernetes",
        "dcs-memory",
        "examples",
        "testing",
    ] {
        find(&root().join(folder), &mut found);
    }
    let name = |path: PathBuf| {
        let path = path.strip_prefix(root()).expect("it is below").to_owned();
        path.to_str().expect("plain names").to_owned()
    };
    let names = found.into_iter().map(name);
    names
        .filter(|name| !name.starts_with("testing/faults/"))
        .collect()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("a workspace").to_owned()
}
