//! Which slots are kept, and what they are called.

use std::time::Duration;

use dcs_core::duties::{Retention, slot_name};
use dcs_core::{Slots, Stamp, Status};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{Sight, present, replica};

fn after(seconds: u64) -> Stamp {
    Stamp::from_single(Duration::from_secs(1_000 + seconds))
}

fn slots(names: &[&str]) -> Slots {
    names.iter().map(|name| (*name, 4_096_u64)).collect()
}

fn kept(retention: &mut Retention, sight: &Sight, seconds: u64, now: &[&str]) -> Vec<String> {
    let kept = retention.update(&sight.leading(), after(seconds), &slots(now));
    kept.unwrap_or_default()
}

#[test]
fn the_slot_of_a_member_that_has_gone_is_kept_for_its_time() {
    let mut retention = Retention::default();
    let settings = r#"{"member_slots_ttl":"10min"}"#;
    let both = Sight::of([replica("a"), replica("b-1")]).with(settings);
    let alone = Sight::of([replica("a")]).with(settings);
    assert_eq!(kept(&mut retention, &both, 0, &["a", "b_1"]), ["a", "b_1"]);
    assert_eq!(
        kept(&mut retention, &alone, 599, &["a", "b_1"]),
        ["a", "b_1"]
    );
    assert_eq!(kept(&mut retention, &alone, 600, &["a", "b_1"]), ["a"]);
    assert_eq!(
        kept(&mut retention, &both, 601, &["a", "b_1"]),
        ["a", "b_1"]
    );
}

#[test]
fn a_new_leader_gives_what_the_last_one_published_the_whole_time() {
    let mut retention = Retention::default();
    let mut sight = Sight::of([replica("a")]).with(r#"{"member_slots_ttl":600}"#);
    let mut status = Status::at(1);
    status.retain_slots = Some(vec!["gone".to_owned()]);
    sight.view.status = present(status);
    assert_eq!(kept(&mut retention, &sight, 0, &["a"]), ["a", "gone"]);
    assert_eq!(kept(&mut retention, &sight, 599, &["a"]), ["a", "gone"]);
    // The view shows for a while what was published, which begins no time anew.
    assert_eq!(kept(&mut retention, &sight, 600, &["a"]), ["a"]);
    assert_eq!(kept(&mut retention, &sight, 601, &["a"]), ["a"]);
}

#[test]
fn slots_of_nobody_and_permanent_ones_are_not_kept_here() {
    let mut retention = Retention::default();
    let records = [
        replica("a"),
        replica("b"),
        replica("c").with("tags", json!({"nostream": true})),
    ];
    let sight = Sight::of(records).with(r#"{"slots":{"b":{"type":"physical"},"e":null}}"#);
    let all = ["a", "b", "c", "d", "e"];
    assert_eq!(kept(&mut retention, &sight, 0, &all), ["a"]);
    let logical = Sight::of([replica("b")]).with(r#"{"slots":{"b":{"type":"logical"}}}"#);
    assert_eq!(kept(&mut retention, &logical, 0, &["b"]), ["a", "b"]);
}

#[test]
fn the_leaders_own_slot_is_kept_wherever_it_stands_among_the_members() {
    for others in [vec![], vec!["0"], vec!["b"], vec!["0", "b"]] {
        let mut retention = Retention::default();
        let sight = Sight::of(others.iter().map(|name| replica(name)));
        let all: Vec<_> = others.iter().copied().chain(["a"]).collect();
        let mut expected: Vec<_> = all.iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(kept(&mut retention, &sight, 0, &all), expected);
    }
}

#[test]
fn with_a_time_of_nothing_nothing_is_kept() {
    let mut retention = Retention::default();
    let sight = Sight::of([replica("b")]).with(r#"{"member_slots_ttl":0}"#);
    let slots = slots(&["a", "b"]);
    assert_eq!(retention.update(&sight.leading(), after(0), &slots), None);
}

#[test]
fn who_forgets_begins_anew() {
    let mut retention = Retention::default();
    let both = Sight::of([replica("b")]);
    assert_eq!(kept(&mut retention, &both, 0, &["b"]), ["b"]);
    retention.forget();
    assert_eq!(kept(&mut retention, &Sight::of([]), 1, &["b"]), [""; 0]);
}

#[test]
fn names_are_made_as_patroni_makes_them() {
    for (member, slot) in [
        ("Demo-0.example_1", "demo_0_example_1"),
        ("a b", "au0032b"),
        ("é", "u0233"),
        ("\u{1F600}", "u128512"),
    ] {
        assert_eq!(slot_name(member), slot);
    }
}

proptest! {
    #[test]
    fn a_slot_name_is_one_that_postgresql_takes(member in "\\PC{1,80}") {
        let name = slot_name(&member);
        prop_assert!((1..=63).contains(&name.len()), "{name:?}");
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        prop_assert!(name.bytes().all(allowed), "{name:?}");
        prop_assert_eq!(slot_name(&name), name.clone());
    }
}
