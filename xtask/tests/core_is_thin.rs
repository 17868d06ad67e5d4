//! `dcs-core` chooses no Kubernetes, no TLS and no HTTP for its users.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates that a program gets with `dcs-core`, without features, itself included.
const MOST_CRATES: usize = 40;

#[test]
fn core_brings_at_most_forty_crates() {
    let crates = crates();
    assert!(
        crates.len() <= MOST_CRATES,
        "{} crates: {crates:?}",
        crates.len()
    );
}

#[test]
fn core_brings_no_kubernetes_no_tls_and_no_http() {
    for found in crates() {
        let barred = [
            "kube", "k8s", "http", "hyper", "tls", "ring", "openssl", "tower",
        ];
        assert!(!barred.iter().any(|word| found.contains(word)), "{found}");
    }
}

fn crates() -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args([
            "tree", "--locked", "-p", "dcs-core", "-e", "normal", "--prefix", "none",
        ])
        .output()
        .expect("cargo runs");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let text = String::from_utf8(tree.stdout).expect("cargo writes UTF-8");
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
