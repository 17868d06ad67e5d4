//! What the documentation says of usual settings, computed and tried.

use std::pin::pin;
use std::time::Duration;

use dcs_core::election::{EventKind, LeaseTiming, TimingError};
use futures_util::future::{Either, select};

use crate::support::{World, ms, s, told};

/// ttl, `loop_wait`, `retry_timeout`, and a word on them.
const USUAL: [(u64, u64, u64, &str); 7] = [
    (60, 10, 10, ""),
    (30, 10, 10, " (Patroni's)"),
    (30, 8, 8, ""),
    (20, 10, 10, " (adjusted)"),
    (20, 5, 5, ""),
    (15, 5, 4, ""),
    (6, 2, 1, ""),
];

fn usual() -> impl Iterator<Item = LeaseTiming> {
    USUAL
        .into_iter()
        .map(|(ttl, loop_wait, retry, _)| LeaseTiming::new(s(ttl), s(loop_wait), s(retry)).unwrap())
}

fn seconds(time: Duration) -> String {
    let millis = format!("{:.3}", time.as_secs_f64());
    let short = millis.trim_end_matches('0').trim_end_matches('.');
    format!("{short} s")
}

/// A row of the table in the documentation of `LeaseTiming`.
fn row(index: usize, timing: &LeaseTiming) -> String {
    let (ttl, loop_wait, retry, word) = USUAL[index];
    let best = timing.challenger_wait() - timing.loop_wait();
    let columns = [
        format!("{ttl} s, {loop_wait} s, {retry} s{word}"),
        format!(
            "{}, {}",
            seconds(timing.loop_wait()),
            seconds(timing.retry_timeout())
        ),
        seconds(timing.holder_span()),
        seconds(timing.outage_survived()),
        format!("{} to {}", seconds(best), seconds(timing.challenger_wait())),
        seconds(timing.loop_wait()),
    ];
    format!("/// | {} |", columns.join(" | "))
}

#[test]
fn the_table_in_the_documentation_is_what_the_settings_give() {
    let source = include_str!("../../src/election/timing.rs");
    let documented: Vec<_> = source
        .lines()
        .filter(|line| line.strip_prefix("/// | ").is_some_and(is_figure))
        .collect();
    let computed: Vec<_> = usual()
        .enumerate()
        .map(|(index, timing)| row(index, &timing))
        .collect();
    let all = computed.join("\n");
    assert_eq!(documented, computed, "it should be\n{all}");
}

fn is_figure(row: &str) -> bool {
    row.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether the work of a leader has to stop for an outage of this length that
/// begins so long before a renewal is due. Each request hangs until it is given up.
async fn is_demoted_by(outage: Duration, before: Duration, timing: &LeaseTiming) -> bool {
    let world = World::new();
    let a = world.join("a", timing.clone(), |builder| builder);
    a.dcs.set_deadline(timing.ttl());
    let lease = a.elector.acquire().await.unwrap();
    world.pass(timing.loop_wait() * 5 - before).await;
    a.dcs.cut_off();
    let healed = async {
        world.pass(outage).await;
        a.dcs.heal();
        world.pass(timing.ttl() * 2).await;
    };
    let (ended, healed) = (pin!(lease.ended()), pin!(healed));
    let demoted = matches!(select(ended, healed).await, Either::Left(_));
    a.crash();
    demoted
}

#[tokio::test(start_paused = true)]
async fn an_outage_as_long_as_documented_demotes_nobody_whenever_it_begins() {
    for timing in usual() {
        let survived = timing.outage_survived() - ms(5);
        for before in [ms(1), timing.loop_wait() / 2, timing.loop_wait() - ms(1)] {
            for shorter in 0..12 {
                let outage = survived - timing.attempt_timeout() * shorter / 6;
                let demoted = is_demoted_by(outage, before, &timing).await;
                assert!(
                    !demoted,
                    "{outage:?}, {before:?} before a renewal: {timing:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_until_the_work_has_to_stop_demotes_the_leader() {
    for timing in usual() {
        let outage = timing.holder_span() - timing.stop_time() - timing.loop_wait() + ms(5);
        assert!(is_demoted_by(outage, ms(1), &timing).await, "{timing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_leader_comes_as_long_after_a_crash_as_documented() {
    for timing in usual() {
        for (before, wait) in [
            (ms(1), timing.challenger_wait() - timing.loop_wait()),
            (timing.loop_wait() - ms(1), timing.challenger_wait()),
        ] {
            let world = World::new();
            let (a, b) = (
                world.join("a", timing.clone(), |builder| builder),
                world.join("b", timing.clone(), |builder| builder),
            );
            let lease = a.elector.acquire().await.unwrap();
            b.elector.contend().unwrap();
            world.pass(timing.loop_wait() * 5 - before).await;
            a.crash();
            let crashed_at = world.elapsed();
            let _next = b.elector.acquire().await.unwrap();
            let took = world.elapsed() - crashed_at;
            // One other member: a stagger of 40 ms.
            assert!(took.abs_diff(wait) <= ms(45), "{took:?} and not {wait:?}");
            assert!(!lease.is_valid());
            b.crash();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_successor_costs_as_long_as_documented() {
    for timing in usual() {
        let world = World::new();
        let (a, b) = (
            world.join("a", timing.clone(), |builder| builder),
            world.join("b", timing.clone(), |builder| builder),
        );
        let lease = a.elector.acquire().await.unwrap();
        b.elector.contend().unwrap();
        world.pass(ms(100)).await;
        lease.release_to("nobody".parse().unwrap()).await;
        let released_at = world.elapsed();
        let _next = b.elector.acquire().await.unwrap();
        let took = world.elapsed() - released_at;
        assert!(took.abs_diff(timing.loop_wait()) <= ms(5), "{took:?}");
        a.crash();
        b.crash();
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_were_adjusted_are_told_from_the_beginning() {
    let world = World::new();
    let timing = LeaseTiming::new(s(20), s(10), s(10)).unwrap();
    let a = world.join("a", timing, |builder| builder);
    let mut events = a.elector.events();
    world.pass(ms(1)).await;
    let told = told(&mut events);
    let adjusted = |kind: &EventKind| {
        matches!(kind, EventKind::Adjusted(adjusted)
            if adjusted.setting == "loop_wait" && adjusted.asked == s(10))
    };
    assert!(told.iter().any(adjusted), "{told:?}");
}

#[test]
fn what_is_unsafe_is_an_error_and_what_costs_availability_is_adjusted() {
    let timing = LeaseTiming::new(s(20), s(10), s(10)).unwrap();
    let used = (timing.loop_wait(), timing.retry_timeout());
    assert_eq!(used, (ms(1_603), s(10)));
    let unsafe_wait = timing.with_clamp_and_wait(s(20), s(19));
    assert!(matches!(
        unsafe_wait,
        Err(TimingError::WaitBelowClamp { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_ttl_is_exact_to_the_millisecond_inside_and_whole_seconds_rounded_up_in_the_record() {
    let world = World::new();
    let timing = LeaseTiming::new(ms(14_500), s(5), s(4)).unwrap();
    let a = world.join("a", timing, |builder| builder);
    let lease = a.elector.acquire().await.unwrap();
    // 14,500 ms * 990 / 1,010, rounded down.
    assert_eq!(lease.remaining(), Some(ms(14_212)));
    let snapshot = world.store.snapshot(&world.scope);
    let record = snapshot.leader.get().unwrap();
    assert_eq!(record.ttl, Some(s(15)));
    assert_eq!(record.claim.as_ref().unwrap().ttl, ms(14_500));
}
