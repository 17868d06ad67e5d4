//! The page about the settings has a row for each of them, in their order.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

use std::path::Path;

use dcs_kubernetes::{KubernetesSettings, PatroniFile};

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    std::fs::read_to_string(path).unwrap()
}

/// The first and the third cell of each row below this heading.
fn rows(heading: &str) -> Vec<(String, String)> {
    let page = page();
    let (_, section) = page.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let name = cells[1].split('`').nth(1).unwrap();
        (name.to_owned(), cells[3].to_owned())
    });
    cells.collect()
}

#[test]
fn the_table_has_every_setting_and_no_other() {
    let written: Vec<_> = rows("## The section `kubernetes`")
        .into_iter()
        .map(|row| row.0)
        .collect();
    let known: Vec<_> = KubernetesSettings::names()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(written, known);
}

#[test]
fn every_variable_is_named_after_its_setting_or_on_the_page() {
    for (name, variables) in KubernetesSettings::names() {
        let prefixed = format!("PATRONI_KUBERNETES_{}", name.to_uppercase());
        assert_eq!(variables[0], prefixed);
        for other in &variables[1..] {
            assert!(page().contains(&format!("`{other}`")), "{other}");
        }
    }
}

#[test]
fn a_default_of_the_table_that_is_a_value_is_one_that_the_setting_takes() {
    let rows = rows("## The section `kubernetes`").into_iter();
    let values = rows.filter_map(|(name, default)| {
        let value = default.strip_prefix('`')?.strip_suffix('`')?;
        (!value.contains('`')).then(|| format!("{name}: {value}"))
    });
    let values: Vec<_> = values.collect();
    assert_eq!(values.len(), 8, "{values:?}");
    for value in values {
        KubernetesSettings::from_yaml(&value).unwrap();
    }
}

#[test]
fn the_settings_of_the_file_are_read_under_the_names_of_the_page() {
    for (name, _) in rows("## The rest of the file") {
        let wrong = match name.as_str() {
            "tags" => "7",
            "bootstrap.dcs" => "[]",
            _ => "{}",
        };
        let yaml = match name.split_once('.') {
            Some((above, below)) => format!("{above}: {{{below}: {wrong}}}"),
            None => format!("{name}: {wrong}"),
        };
        let error = PatroniFile::parse(&yaml).unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("{name} is")),
            "{error}"
        );
    }
}
