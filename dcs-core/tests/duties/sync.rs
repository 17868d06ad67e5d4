//! Who the synchronous standbys are to be.

use dcs_core::duties::choose;
use dcs_core::{MemberRecord, Status, SyncState};
use serde_json::json;

use crate::world::{Sight, present, replica};

fn at_lsn(member: &str, lsn: u64) -> MemberRecord {
    replica(member).with("xlog_location", lsn)
}

fn tagged(member: &str, tags: serde_json::Value) -> MemberRecord {
    replica(member).with("tags", tags)
}

/// The standbys that `a` chooses, and the quorum.
fn chosen(sight: &Sight) -> (Vec<String>, u32) {
    let state = choose(&sight.leading()).unwrap();
    assert!(state.leader_matches("a"));
    let quorum = state.quorum();
    (state.sync_standby, quorum)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

const ON: &str = r#"{"synchronous_mode":true}"#;
const TWO: &str = r#"{"synchronous_mode":true,"synchronous_node_count":2}"#;
const QUORUM: &str = r#"{"synchronous_mode":"quorum","synchronous_node_count":2}"#;

#[test]
fn without_synchronous_mode_there_is_no_sync_key() {
    let sight = Sight::of([replica("a"), replica("b")]);
    assert_eq!(choose(&sight.leading()), None);
}

#[test]
fn with_nobody_to_follow_the_key_names_the_leader_alone() {
    let sight = Sight::of([replica("a")]).with(ON);
    let alone = SyncState::new("a", Vec::new(), 0);
    assert_eq!(choose(&sight.leading()), Some(alone));
}

#[test]
fn only_who_runs_streams_and_is_not_marked_can_be_one() {
    let sight = Sight::of([
        replica("a"),
        replica("b").with("state", "starting"),
        tagged("c", json!({"nosync": true})),
        replica("d").with("role", "primary"),
        replica("e").with("replication_state", "in archive recovery"),
        replica("f").with("replication_state", "streaming"),
        replica("g"),
        tagged("h", json!({"nostream": true})),
    ]);
    let sight = sight.with(r#"{"synchronous_mode":true,"synchronous_node_count":9}"#);
    assert_eq!(chosen(&sight), (names(&["f", "g"]), 0));
}

#[test]
fn the_largest_sync_priority_goes_first_then_the_furthest_ahead() {
    let sight = Sight::of([
        at_lsn("b", 10),
        at_lsn("c", 30),
        at_lsn("d", 20).with("tags", json!({"sync_priority": 2})),
        at_lsn("e", 25),
    ]);
    assert_eq!(chosen(&sight.with(TWO)), (names(&["c", "d"]), 0));
}

#[test]
fn who_is_one_stays_one_among_equals_although_another_is_ahead() {
    let mut sight = Sight::of([at_lsn("b", 10), at_lsn("c", 30)]).with(ON);
    sight.view.sync = present(SyncState::new("a", names(&["B"]), 0));
    assert_eq!(chosen(&sight).0, names(&["b"]));
}

#[test]
fn who_may_not_lead_is_one_only_if_nobody_else_is_there() {
    let never = || tagged("b", json!({"nofailover": true, "sync_priority": 9}));
    let sight = Sight::of([never(), replica("c")]);
    assert_eq!(chosen(&sight.with(ON)).0, names(&["c"]));
    assert_eq!(chosen(&Sight::of([never()]).with(ON)).0, names(&["b"]));
}

#[test]
fn who_lags_behind_the_limit_is_none() {
    let settings =
        r#"{"synchronous_mode":true,"synchronous_node_count":3,"maximum_lag_on_syncnode":100}"#;
    let mut sight = Sight::of([at_lsn("b", 900), at_lsn("c", 899), replica("d")]).with(settings);
    sight.view.status = present(Status::at(1_000));
    assert_eq!(chosen(&sight).0, names(&["b"]));
    sight.config = crate::world::config(TWO);
    assert_eq!(chosen(&sight).0, names(&["b", "c"]));
}

#[test]
fn in_quorum_mode_all_are_and_a_candidate_asks_enough_to_meet_each_commit() {
    for others in 0..6 {
        let all = ["b", "c", "d", "e", "f", "g"];
        let sight = Sight::of(all[..others].iter().map(|name| replica(name))).with(QUORUM);
        let (standbys, quorum) = chosen(&sight);
        assert_eq!(standbys.len(), others);
        // Two confirm each commit. Who leads next and those whom it has asked
        // are so many that one of the two is among them.
        let (all, asked) = (u32::try_from(others).unwrap(), quorum + 1);
        assert!(all < 2 || asked + 2 > all, "{others}: {quorum}");
        assert!(
            all < 2 || asked + 2 == all + 1,
            "no more than that: {quorum}"
        );
    }
}

#[test]
fn in_quorum_mode_who_never_leads_counts_only_where_too_few_do() {
    let never = |name: &str| tagged(name, json!({"nofailover": true}));
    let sight = Sight::of([replica("b"), replica("c"), never("d")]);
    assert_eq!(chosen(&sight.with(QUORUM)).0, names(&["b", "c"]));
    let sight = Sight::of([replica("b"), never("c"), never("d")]);
    assert_eq!(chosen(&sight.with(QUORUM)).0, names(&["b", "c"]));
}
