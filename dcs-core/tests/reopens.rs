//! When watches are begun anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::election::{Elector, LeaseTiming};
use dcs_core::{
    Capabilities, Clock, Config, Entry, Error, MemberName, MockDcs, Outcome, Revision, Scope,
    TokioClock, Update, WatchEvent,
};
use dcs_memory::SeededEntropy;
use futures_util::stream::{iter, once, pending};
use futures_util::{FutureExt as _, StreamExt as _};

const SECOND: Duration = Duration::from_secs(1);

/// A store whose watches show a config key of theirs after three seconds, and
/// how long after that each of them was begun.
fn store(clock: &Arc<TokioClock>, opened: &Arc<Mutex<Vec<Duration>>>) -> MockDcs {
    let mut dcs = MockDcs::new();
    let scope: Scope = "demo".parse().unwrap();
    dcs.expect_scope().return_const(scope);
    dcs.expect_capabilities()
        .return_const(Capabilities::default());
    let gone = || Error::Timeout {
        backend: "mock",
        after: SECOND,
    };
    dcs.expect_write()
        .returning(move |_, _| Outcome::Unknown(gone()));
    dcs.expect_load_leader().returning(move || Err(gone()));
    let (clock, opened) = (Arc::clone(clock), Arc::clone(opened));
    let (start, edit) = (clock.now(), 3 * SECOND);
    dcs.expect_watch().returning(move |_| {
        let after = clock.now().holder_elapsed_since(start);
        opened.lock().unwrap().extend(after.checked_sub(edit));
        let shown = clock.sleep(edit.saturating_sub(after));
        let config: Config = r#"{"loop_wait": 2}"#.parse().unwrap();
        let config = Entry::present(Revision::new(5).unwrap(), config);
        let edited = shown.map(|()| Ok(WatchEvent::Changed(Update::Config(config))));
        iter([Ok(WatchEvent::Reset(Box::default()))])
            .chain(once(edited))
            .chain(pending())
            .boxed()
    });
    dcs
}

#[tokio::test(start_paused = true)]
async fn members_that_an_edit_of_the_config_makes_watch_anew_do_so_within_a_second_and_not_at_once()
{
    let clock = Arc::new(TokioClock::new());
    let opened = Arc::new(Mutex::new(Vec::new()));
    let mut electors = Vec::new();
    for number in 0..100 {
        let me: MemberName = format!("demo-{number}").parse().unwrap();
        let timing = LeaseTiming::new(30 * SECOND, 10 * SECOND, 8 * SECOND).unwrap();
        let builder = Elector::builder(
            Arc::new(store(&clock, &opened)),
            me,
            timing,
            Arc::<TokioClock>::clone(&clock),
            Arc::new(SeededEntropy::new(number)),
        );
        let (elector, driver) = builder.follow_config().build();
        electors.push((elector, tokio::spawn(driver.run())));
    }
    clock.sleep(6 * SECOND).await;
    let mut opened = opened.lock().unwrap();
    opened.sort_unstable();
    assert_eq!(opened.len(), 100, "{opened:?}");
    assert!(opened[99] <= SECOND, "{opened:?}");
    let tenth = SECOND / 10;
    let most = opened.iter().map(|first| {
        opened
            .iter()
            .filter(|at| (*first..*first + tenth).contains(at))
            .count()
    });
    assert!(most.max().unwrap() < 30, "{opened:?}");
}
