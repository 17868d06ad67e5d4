//! docs/simulation.md knows every fault and every invariant by its name.

use dcs_memory::sim::{Class, Invariant};

const PAGE: &str = include_str!("../../../docs/simulation.md");

#[test]
fn the_page_names_every_kind_of_fault() {
    for class in Class::ALL {
        assert!(PAGE.contains(class.name()), "{}", class.name());
    }
}

#[test]
fn the_page_names_every_invariant() {
    let all = [
        Invariant::OneBeliever,
        Invariant::OneActs,
        Invariant::NoStaleEffect,
        Invariant::TrueOutcomes,
        Invariant::NoLostUpdate,
        Invariant::SessionOrder,
        Invariant::TokensGrow,
        Invariant::Liveness,
        Invariant::EndIsEnd,
        Invariant::LeftAlone,
        Invariant::BesidePatroni,
        Invariant::Covered,
        Invariant::Shown,
        Invariant::TimeGoesOn,
        Invariant::Own,
    ];
    for invariant in all {
        let name = format!("`{}`", invariant.name());
        assert!(PAGE.contains(&name), "{name}");
    }
}
