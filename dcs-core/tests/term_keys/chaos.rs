//! Leaders that are stopped at random, judged by every version of a key.

use std::sync::Arc;
use std::time::Duration;

use dcs_core::{
    Clock as _, Config, Dcs, Entropy as _, Entry, FencingToken, Update, Value, WatchEvent,
};
use dcs_memory::SeededEntropy;
use futures_util::{FutureExt, StreamExt};

use crate::process::Point;
use crate::world::{Member, TTL, World};

const POINTS: [Point; 5] = [
    Point::BeforeLoad,
    Point::AfterLoad,
    Point::BeforeTouch,
    Point::AfterTouch,
    Point::BeforeWrite,
];

/// Whatever is stopped and whenever it wakes up: fences never go back, and every
/// value was written under the fence of its own term.
#[tokio::test(start_paused = true)]
async fn a_value_always_stands_under_the_fence_of_the_term_that_wrote_it() {
    let mut terms = 0;
    for seed in 0..12 {
        let versions = history(seed).await;
        terms += judge(&versions, seed);
    }
    assert!(terms >= 120, "the histories had {terms} terms in all");
}

/// Every version of the config key in an hour with three members.
async fn history(seed: u64) -> Vec<Entry<Config>> {
    let world = World::new();
    let mut watch = world.store.handle(&world.scope).watch(TTL);
    assert!(
        watch.next().await.is_some(),
        "it begins before anyone writes"
    );
    let members = ["a", "b", "c"].map(|name| Arc::new(world.member(name)));
    let chance = Arc::new(SeededEntropy::new(seed));
    let mut tasks = Vec::new();
    for member in &members {
        let member = Arc::clone(member);
        let clock = Arc::clone(&world.clock);
        let chance = Arc::clone(&chance);
        tasks.push(tokio::spawn(async move {
            loop {
                let rest = || clock.sleep(Duration::from_millis(below(&chance, 9_000)));
                lead(&member, rest).await;
            }
        }));
    }
    for _ in 0..120 {
        world.pass(Duration::from_secs(below(&chance, 30))).await;
        let process = &pick(&chance, &members).process;
        match below(&chance, 3) {
            0 => process.stop(),
            1 => process.stop_at(*pick(&chance, &POINTS)),
            _ => process.go_on(),
        }
    }
    for task in tasks {
        task.abort();
    }
    let mut versions = Vec::new();
    while let Some(Some(Ok(event))) = watch.next().now_or_never() {
        match event {
            WatchEvent::Reset(whole) => assert!(whole.is_empty(), "seed {seed}: a gap"),
            WatchEvent::Changed(Update::Config(entry)) => versions.push(entry),
            WatchEvent::Changed(_) | WatchEvent::Alive => {}
        }
    }
    versions
}

fn below(chance: &SeededEntropy, limit: u64) -> u64 {
    u64::try_from(chance.bits() % u128::from(limit)).unwrap()
}

fn pick<'a, T>(chance: &SeededEntropy, items: &'a [T]) -> &'a T {
    &items[usize::try_from(below(chance, items.len() as u64)).unwrap()]
}

/// One term: writes its own token into the config key until it is told to stop.
async fn lead<F: Future>(member: &Member, mut rest: impl FnMut() -> F) {
    let lease = member.acquire().await;
    let own: Config = format!(r#"{{"by":"{}"}}"#, lease.token()).parse().unwrap();
    let keys = lease.keys();
    while keys.edit_config(|_| Some(own.clone())).await.is_ok() {
        rest().await;
    }
}

/// The number of terms that wrote.
fn judge(versions: &[Entry<Config>], seed: u64) -> usize {
    let mut newest: Option<FencingToken> = None;
    let mut terms = 0;
    let mut before = None;
    for version in versions {
        let Value::Present(fence) = version.fence else {
            panic!("seed {seed}: nobody wrote without a fence: {version:?}");
        };
        assert!(
            newest <= Some(fence),
            "seed {seed}: back from {newest:?} to {version:?}"
        );
        if newest < Some(fence) {
            terms += 1;
            assert_eq!(
                version.get(),
                before,
                "seed {seed}: a touch changed the value"
            );
        } else {
            let by = version.get().unwrap().settings()["by"]
                .as_str()
                .unwrap()
                .parse();
            assert_eq!(
                by,
                Ok(fence),
                "seed {seed}: written by another term: {version:?}"
            );
        }
        newest = Some(fence);
        before = version.get();
    }
    terms
}
