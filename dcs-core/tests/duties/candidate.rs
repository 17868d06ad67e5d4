//! Whether a member should lead, and after whom.

use std::collections::BTreeMap;

use dcs_core::duties::{NotNow, eligibility, may_lead};
use dcs_core::election::{Eligibility, Priority};
use dcs_core::{Failover, Failsafe, History, MemberRecord, Status, SyncState, Value};
use serde_json::json;

use crate::world::{Sight, name, present, replica};

fn as_a(record: MemberRecord) -> Sight {
    Sight::of([record, replica("b")])
}

#[test]
fn a_member_that_nothing_speaks_against_may_lead() {
    assert_eq!(may_lead(&as_a(replica("a")).situation()), Ok(()));
    assert_eq!(may_lead(&Sight::of([]).situation()), Ok(()));
}

#[test]
fn a_member_does_not_lead_while_paused_or_by_its_tags() {
    let paused = as_a(replica("a")).with(r#"{"pause":"on"}"#);
    assert_eq!(may_lead(&paused.situation()), Err(NotNow::Paused));
    let tagged = as_a(replica("a").with("tags", json!({"nofailover": true})));
    assert_eq!(may_lead(&tagged.situation()), Err(NotNow::NoFailover));
}

#[test]
fn beside_patroni_nobody_leads_before_its_first_data_is_made() {
    let sight = as_a(replica("a"));
    assert_eq!(may_lead(&sight.situation().beside_patroni(true)), Ok(()));
    let early = sight.situation().beside_patroni(false);
    assert_eq!(may_lead(&early), Err(NotNow::NoData));
}

#[test]
fn a_member_whose_timeline_is_behind_the_history_does_not_lead() {
    let behind = Err(NotNow::Behind { own: 2, cluster: 3 });
    let lines = present(History(vec![json!([1, 10, ""]), json!([2, 20, ""])]));
    for (role, settings, expected) in [
        ("primary", "{}", behind.clone()),
        ("master", "{}", behind.clone()),
        ("replica", "{}", Ok(())),
        ("replica", r#"{"check_timeline":true}"#, behind),
    ] {
        let own = replica("a").with("role", role).with("timeline", 2);
        let mut sight = as_a(own).with(settings);
        sight.view.history = lines.clone();
        assert_eq!(may_lead(&sight.situation()), expected, "{role} {settings}");
    }
    let current = replica("a").with("role", "primary").with("timeline", 3);
    let mut sight = as_a(current);
    sight.view.history = lines;
    assert_eq!(may_lead(&sight.situation()), Ok(()));
}

#[test]
fn a_member_that_lags_too_far_does_not_lead() {
    let status = present(Status::at(5_000_000));
    for (own, settings, expected) in [
        (json!(5_000_000 - 1_048_576), "{}", Ok(())),
        (
            json!(5_000_000 - 1_048_577),
            "{}",
            Err(NotNow::Lags {
                lag: 1_048_577,
                allowed: 1_048_576,
            }),
        ),
        (json!(0), r#"{"maximum_lag_on_failover":5000000}"#, Ok(())),
        (
            json!(5_000_001),
            r#"{"maximum_lag_on_failover":-1}"#,
            Ok(()),
        ),
        (
            json!(5_000_000),
            r#"{"maximum_lag_on_failover":-1}"#,
            Err(NotNow::Lags {
                lag: 0,
                allowed: -1,
            }),
        ),
        (json!("unknown"), "{}", Ok(())),
    ] {
        let mut sight = as_a(replica("a").with("xlog_location", own.clone())).with(settings);
        sight.view.status = status.clone();
        assert_eq!(may_lead(&sight.situation()), expected, "{own} {settings}");
    }
}

#[test]
fn without_a_position_of_the_leader_nothing_lags() {
    let own = replica("a").with("xlog_location", 0);
    let mut sight = as_a(own).with(r#"{"maximum_lag_on_failover":-1}"#);
    assert_eq!(may_lead(&sight.situation()), Ok(()));
    sight.view.status = present(Status::at(0));
    assert_eq!(may_lead(&sight.situation()), Ok(()));
}

#[test]
fn what_a_member_says_of_itself_now_counts_more_than_the_view() {
    let mut sight = as_a(replica("a").with("xlog_location", 1));
    sight.view.status = present(Status::at(5_000_000));
    let now = replica("a").with("xlog_location", 5_000_000);
    assert!(may_lead(&sight.situation()).is_err());
    assert_eq!(may_lead(&sight.situation().with_own(&now)), Ok(()));
}

#[test]
fn in_synchronous_mode_only_who_is_in_the_sync_key_leads() {
    for (leader, standby, expected) in [
        ("b", "A", Ok(())),
        ("A", "b", Ok(())),
        ("b", "c", Err(NotNow::NotSynchronous)),
        ("", "c", Ok(())),
    ] {
        let mut sight = as_a(replica("a")).with(r#"{"synchronous_mode":"quorum"}"#);
        sight.view.sync = present(SyncState::new(leader, vec![standby.to_owned()], 0));
        assert_eq!(may_lead(&sight.situation()), expected, "{leader} {standby}");
        sight.config = dcs_core::Config::default();
        assert_eq!(may_lead(&sight.situation()), Ok(()));
    }
}

#[test]
fn an_administrator_may_force_a_member_that_is_no_standby() {
    let mut sight = as_a(replica("a")).with(r#"{"synchronous_mode":true}"#);
    sight.view.sync = present(SyncState::new("b", vec!["c".to_owned()], 0));
    sight.view.failover = present(Failover::switchover(None, Some(name("a"))));
    assert_eq!(may_lead(&sight.situation()), Ok(()));
    sight.view.failover = present(Failover::switchover(Some(name("b")), Some(name("a"))));
    assert_eq!(may_lead(&sight.situation()), Err(NotNow::NotSynchronous));
}

#[test]
fn a_failsafe_map_keeps_out_whom_it_does_not_name() {
    let mut sight = as_a(replica("a"));
    let map = |member: &str| BTreeMap::from([(member.to_owned(), "url".to_owned())]);
    sight.view.failsafe = present(Failsafe(map("b")));
    assert_eq!(may_lead(&sight.situation()), Err(NotNow::NotInFailsafe));
    sight.view.failsafe = present(Failsafe(map("a")));
    assert_eq!(may_lead(&sight.situation()), Ok(()));
    sight.view.failsafe = present(Failsafe::default());
    assert_eq!(may_lead(&sight.situation()), Ok(()));
}

fn level(level: u8) -> Eligibility {
    Eligibility::Priority(Priority::new(level).unwrap())
}

#[test]
fn those_of_the_largest_priority_go_first_and_each_step_is_a_level() {
    let of = |own: i64, other: i64| {
        let tags = |priority: i64| json!({"failover_priority": priority});
        let own = replica("a").with("tags", tags(own));
        let sight = Sight::of([own, replica("b").with("tags", tags(other))]);
        eligibility(&sight.situation())
    };
    assert_eq!(of(1, 1), level(10));
    assert_eq!(of(1, 3), level(8));
    assert_eq!(of(3, 1), level(10));
    assert_eq!(of(1, 1_000), level(0));
    assert_eq!(of(5, 0), level(10));
    assert_eq!(of(0, 1), Eligibility::Never);
}

#[test]
fn members_without_tags_leave_each_other_no_time() {
    assert_eq!(eligibility(&as_a(replica("a")).situation()), level(10));
    let stopped = replica("b").with("state", "stopped");
    let stopped = stopped.with("tags", json!({"failover_priority": 9}));
    let sight = Sight::of([replica("a"), stopped]);
    assert_eq!(
        eligibility(&sight.situation()),
        level(10),
        "it does not run"
    );
}

/// Nobody acquires beside it: it names nobody.
#[test]
fn a_failsafe_map_that_cannot_be_read_names_nobody() {
    let mut sight = Sight::of([replica("a")]);
    sight.view.failsafe.value = Value::Malformed("rubbish".to_owned());
    assert_eq!(may_lead(&sight.situation()), Err(NotNow::NotInFailsafe));
}
