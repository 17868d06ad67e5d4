use super::*;
use crate::sim::clock::NodeClock;
use crate::sim::executor::Executor;

const SECOND: u64 = 1_000_000_000;
const TTL: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_secs(10);

fn rev(number: u128) -> Revision {
    Revision::new(number).expect("not zero")
}

/// Version 1 is Patroni's, process 0, who believes in it since its answer came
/// after so many seconds; version 3 that of process 1. Between them `writer`.
struct Scene {
    patronis: Patronis,
    executor: Executor,
}

fn scene(answered_after: u64, writer: Writer) -> Scene {
    let executor = Executor::new();
    let clock = NodeClock::new(&executor, 0, &mut fastrand::Rng::with_seed(1));
    let clock = OwnClock::new(clock, false);
    let mut patronis = Patronis {
        told: RETRY,
        ..Patronis::default()
    };
    patronis.comes(0, clock.clone());
    let sent = clock.read(0);
    executor.run(answered_after * SECOND, || (), |_| true);
    let answered = clock.read(answered_after * SECOND);
    for writer in [
        Writer::Nobody,
        Writer::Patroni(0, RETRY),
        writer,
        Writer::Ours(1),
    ] {
        patronis.wrote(writer);
    }
    let held = Held {
        sent,
        answered,
        ttl: TTL,
        retry_timeout: RETRY,
        revision: rev(1),
    };
    patronis.believes(0, Some(held));
    Scene { patronis, executor }
}

impl Scene {
    /// What is said of a member that took the lock as version 3, so many seconds
    /// after the start.
    fn beside(&self, at: u64) -> Vec<(usize, Option<Class>)> {
        self.executor.run(at * SECOND, || (), |_| true);
        let version = |revision: Revision| usize::try_from(revision.get()).unwrap();
        self.patronis.beside(at * SECOND, (1, 3, 3), version)
    }
}

const SAME: Writer = Writer::Patroni(0, RETRY);

#[test]
fn patroni_believes_for_the_ttl_from_the_answer_and_no_longer() {
    assert_eq!(scene(10, SAME).beside(39), [(0, None)]);
    assert_eq!(scene(10, SAME).beside(40), []);
    assert_eq!(scene(0, SAME).beside(30), []);
}

#[test]
fn an_answer_that_came_after_the_retry_timeout_is_patronis_own_fault() {
    let late = Some(Class::PatroniClock);
    assert_eq!(scene(11, SAME).beside(20), [(0, late)]);
}

#[test]
fn a_third_party_that_wrote_in_between_is_no_fault_of_the_rules() {
    let edited = Some(Class::PatroniEdited);
    assert_eq!(scene(5, Writer::Nobody).beside(20), [(0, edited)]);
}

#[test]
fn a_lock_that_was_taken_by_a_clock_that_ran_ahead_is_patronis_own_fault() {
    // Ours wrote version 0, Patroni took it too early as version 1.
    let mut scene = scene(5, SAME);
    let version = |revision: Revision| usize::try_from(revision.get()).unwrap();
    let beside = |patronis: &Patronis| patronis.beside(20 * SECOND, (1, 0, 0), version);
    scene.executor.run(20 * SECOND, || (), |_| true);
    assert_eq!(beside(&scene.patronis), [(0, None)]);
    scene.patronis.too_early.insert(1);
    assert_eq!(beside(&scene.patronis), [(0, Some(Class::PatroniClock))]);
    // Of no member that took the lock afterwards.
    assert_eq!(scene.beside(20), [(0, None)]);
}

#[test]
fn another_patroni_that_came_between_counts_only_where_its_release_is_taken() {
    let mut scene = scene(5, Writer::Patroni(7, RETRY));
    assert_eq!(scene.beside(20), [(0, None)]);
    scene.patronis.takes = true;
    let overtaken = Some(Class::PatroniBesidePatroni);
    assert_eq!(scene.beside(20), [(0, overtaken)]);
}

#[test]
fn a_retry_timeout_that_the_member_never_saw_is_told_apart() {
    let mut scene = scene(5, SAME);
    scene.patronis.told = RETRY / 2;
    let unknown = Some(Class::PatroniRetryUnknown);
    assert_eq!(scene.beside(20), [(0, unknown)]);
    scene.patronis.follows = true;
    let config = r#"{"ttl":30,"retry_timeout":10}"#.parse().ok();
    scene.patronis.sees_config(1, config.as_ref());
    assert_eq!(scene.beside(20), [(0, None)]);
}

#[test]
fn a_process_that_was_killed_believes_nothing_and_is_remembered_as_patroni() {
    let mut scene = scene(5, SAME);
    scene.patronis.killed(0);
    assert_eq!(scene.beside(20), []);
    assert!(scene.patronis.is_one(0) && !scene.patronis.is_one(1));
}

#[test]
fn a_version_counts_as_seen_released_only_directly_after_the_one_before() {
    let mut patronis = Patronis::default();
    let sees = |patronis: &mut Patronis, previous: Option<u128>, revision| {
        patronis.sees(1, previous.and_then(Revision::new), Some(rev(revision)));
    };
    sees(&mut patronis, None, 5);
    assert!(!patronis.was_seen_released(1, Some(rev(5))), "a list");
    sees(&mut patronis, Some(5), 6);
    assert!(patronis.was_seen_released(1, Some(rev(6))));
    sees(&mut patronis, Some(7), 8);
    assert!(
        !patronis.was_seen_released(1, Some(rev(8))),
        "7 was left out"
    );
    assert!(
        !patronis.was_seen_released(2, Some(rev(6))),
        "another watch"
    );
}
