//! When a scope of Patroni's has its first data.

use std::time::Duration;

use dcs_core::duties::FirstData;
use dcs_core::{Clock, Entry, Initialize, Snapshot, TokioClock};

use crate::world::present;

const WAIT: Duration = Duration::from_secs(30);

fn view(initialize: Entry<Initialize>) -> Snapshot {
    let mut view = Snapshot::default();
    view.initialize = initialize;
    view
}

fn made() -> Snapshot {
    view(present(Initialize::Done("7186662553319358497".to_owned())))
}

#[tokio::test(start_paused = true)]
async fn there_is_no_data_while_the_id_is_absent_or_being_made() {
    let (clock, mut data) = (TokioClock::new(), FirstData::new(WAIT));
    assert!(!data.is_settled(&Snapshot::default(), clock.now()));
    tokio::time::advance(WAIT * 2).await;
    let making = view(present(Initialize::InProgress));
    assert!(!data.is_settled(&making, clock.now()));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_appears_leaves_patroni_the_time_to_take_the_lock() {
    let (clock, mut data) = (TokioClock::new(), FirstData::new(WAIT));
    assert!(!data.is_settled(&Snapshot::default(), clock.now()));
    // However long it was missing.
    tokio::time::advance(WAIT * 2).await;
    assert!(!data.is_settled(&made(), clock.now()));
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(!data.is_settled(&made(), clock.now()));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(data.is_settled(&made(), clock.now()));
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_the_id_is_there_waits_for_nothing_more() {
    let (clock, mut data) = (TokioClock::new(), FirstData::new(WAIT));
    assert!(data.is_settled(&made(), clock.now()));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_removed_settles_anew() {
    let (clock, mut data) = (TokioClock::new(), FirstData::new(WAIT));
    assert!(data.is_settled(&made(), clock.now()));
    assert!(!data.is_settled(&Snapshot::default(), clock.now()));
    assert!(!data.is_settled(&made(), clock.now()));
}
