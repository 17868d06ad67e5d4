//! The program that the library's own simulation runs: a user of an elector
//! who does all that a user may do.

use std::time::Duration;

use dcs_core::election::{Elector, Lease, LeaseTiming};
use dcs_core::{DcsExt, MemberName};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::failsafe;
use super::node::Node;

/// How a member of the library's own simulation behaves.
#[derive(Clone, Debug)]
pub(super) struct Habits {
    pub(super) timing: LeaseTiming,
    /// Settings of every second process, if they differ.
    pub(super) other_timing: Option<LeaseTiming>,
    /// Who may lead, where members go on without the store while all agree.
    pub(super) failsafe: Option<Vec<MemberName>>,
    /// The first process asserts a first bootstrap; the others come later.
    pub(super) bootstraps: bool,
    /// How long a term is kept at the most, in milliseconds.
    pub(super) shift: u64,
    /// Keep leases that are over until another term is there to be taken.
    pub(super) keeps: bool,
    /// Count something in the config key.
    pub(super) counts: bool,
}

/// Who does not bootstrap comes so much later.
const LATER: Duration = Duration::from_secs(20);

pub(super) fn member(node: Node, habits: Habits) -> BoxFuture<'static, ()> {
    async move {
        let mut habits = habits;
        if let Some(other) = habits
            .other_timing
            .take()
            .filter(|_| node.process() % 2 == 1)
        {
            habits.timing = other;
        }
        let builder = node.builder(habits.timing.clone());
        let builder = if habits.failsafe.is_some() {
            builder.failsafe()
        } else {
            builder
        };
        let elector = if habits.bootstraps && node.process() == 0 {
            node.run(builder.assert_first_bootstrap())
        } else {
            if habits.bootstraps {
                node.sleep(LATER).await;
            }
            node.run(builder)
        };
        if let Some(members) = habits.failsafe.clone() {
            node.spawn(failsafe::answer(node.clone(), elector.clone()));
            node.spawn(failsafe::ask(node.clone(), elector.clone(), members));
        }
        if habits.counts {
            let counter = node.clone();
            node.spawn(count(counter));
        }
        lead_again_and_again(node, elector, habits).await;
    }
    .boxed()
}

async fn lead_again_and_again(node: Node, elector: Elector, habits: Habits) {
    loop {
        let Ok(lease) = elector.acquire().await else {
            return;
        };
        let short = node.below(3) == 0;
        let most = if short {
            habits.shift / 15
        } else {
            habits.shift
        };
        work(
            &node,
            &lease,
            &habits,
            Duration::from_millis(10 + node.below(most)),
        )
        .await;
        let next = if habits.keeps { 3 } else { node.below(4) };
        match next {
            0 => drop(lease),
            1 => lease.release().await,
            2 => {
                // A driver that has ended has given up.
                let _ = elector.step_down().await;
                drop(lease);
            }
            _ => {
                let waits = habits.keeps || node.below(2) == 0;
                let leads_again = waits && leads_again(&node, &elector).await;
                let most = if habits.keeps { 8_000 } else { 2_000 };
                node.sleep(Duration::from_millis(node.below(most))).await;
                drop(lease);
                if leads_again {
                    // The next term may be on its way out, and is asked for.
                    node.sleep(Duration::from_millis(1 + node.below(50))).await;
                    continue;
                }
            }
        }
        node.sleep(Duration::from_millis(node.below(500))).await;
    }
}

/// Waits for a while, the lease of a lost term in hand, until another term has
/// begun that nobody has asked for.
async fn leads_again(node: &Node, elector: &Elector) -> bool {
    for _ in 0..60 {
        if elector.is_leader() {
            return true;
        }
        node.sleep(Duration::from_secs(1)).await;
    }
    false
}

/// Works until the lease ends or the shift is over. Each piece of work is
/// checked before, takes less than the stop time, and carries the token.
async fn work(node: &Node, lease: &Lease, habits: &Habits, shift: Duration) {
    let clock = node.clock();
    let began = clock.now();
    let stop_time = habits.timing.stop_time();
    // Some wait for the end, which looks at the clock often; some look at it
    // when they have something to do.
    let waits = node.below(4) == 0;
    loop {
        if node.below(2) == 0 {
            // What takes no time needs no more than a look at the lease.
            if lease.is_valid() {
                // The resource may refuse it, if the process was stopped meanwhile.
                let _ = node.acts().reaches_resource(lease.token());
            }
        } else if lease.remaining().is_some_and(|left| left > stop_time) {
            let act = node.acts();
            let part = u64::try_from(stop_time.as_millis()).unwrap_or_default() / 2;
            node.sleep(Duration::from_millis(node.below(part))).await;
            let _ = act.reaches_resource(lease.token());
        }
        let rest = Duration::from_millis(500 + node.below(4_000));
        if waits {
            let ended = std::pin::pin!(lease.ended());
            let rested = futures_util::future::select(ended, clock.sleep(rest)).await;
            if matches!(rested, futures_util::future::Either::Left(_)) {
                return;
            }
        } else {
            clock.sleep(rest).await;
            if !lease.is_valid() {
                return;
            }
        }
        if clock.now().holder_elapsed_since(began) >= shift {
            return;
        }
    }
}

/// The setting that [`count`] counts in. The judge looks at it, so programs
/// under test must not come upon it.
pub(super) const COUNTER: &str = "dcs-memory.sim/count";

/// Raises a number in the config key now and then: no value is lost.
async fn count(node: Node) {
    let dcs = node.dcs();
    loop {
        node.sleep(Duration::from_millis(node.below(60_000))).await;
        let edited = dcs.edit_config(|config| {
            let mut config = config.cloned().unwrap_or_default();
            let count = config.settings().get(COUNTER);
            let count = count.and_then(serde_json::Value::as_u64).unwrap_or(0);
            config
                .settings_mut()
                .insert(COUNTER.to_owned(), (count + 1).into());
            Some(config)
        });
        let Ok(Some(written)) = edited.await else {
            continue;
        };
        if let Ok(snapshot) = dcs.load().await
            && snapshot.config.revision < Some(written)
        {
            node.fail("does not read what it wrote");
        }
    }
}
