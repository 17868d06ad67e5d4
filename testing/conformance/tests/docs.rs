//! The documents say what the list of cases says.

use std::collections::BTreeSet;

use dcs_conformance::{cases, guarantee_table, guarantees};

const TABLE: &str = include_str!("../docs/guarantees.md");
const CONTRACT: &str = include_str!("../../../dcs-core/src/dcs.rs");

#[test]
fn the_table_of_guarantees_is_the_one_of_the_cases() {
    if std::env::var_os("UPDATE_GUARANTEES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guarantees.md");
        std::fs::write(path, guarantee_table()).unwrap();
        return;
    }
    assert!(
        TABLE == guarantee_table(),
        "docs/guarantees.md is out of date: UPDATE_GUARANTEES=1 cargo test -p dcs-conformance --test docs"
    );
}

#[test]
fn every_case_names_a_guarantee_and_every_guarantee_has_a_case() {
    let named: BTreeSet<_> = cases().iter().map(|case| case.guarantee).collect();
    let known: BTreeSet<_> = guarantees().iter().map(|guarantee| guarantee.id).collect();
    assert_eq!(named, known);
}

#[test]
fn no_two_cases_have_the_same_name() {
    let names: BTreeSet<_> = cases().iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases().len());
}

#[test]
fn every_guarantee_of_the_contract_has_cases() {
    let promised: Vec<_> = CONTRACT
        .split("**")
        .filter(|text| text.starts_with("G-") && text.len() < 12)
        .collect();
    assert!(promised.len() >= 5, "{promised:?}");
    for id in promised {
        assert!(guarantees().iter().any(|g| g.id == id), "{id} has no case");
    }
}
