//! The program that the library's own simulation runs: a user of an elector
//! who does all that a user may do.

use std::time::Duration;

use dcs_core::election::{BesidePatroni, Elector, Lease, LeaseTiming, Term};
use dcs_core::{Config, DcsExt, MemberName};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::executor::Nanos;
use super::failsafe;
use super::node::Node;
use super::own_key;
use super::wishes::{self, Wishes};

/// How a member of the library's own simulation behaves.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(super) struct Habits {
    pub(super) timing: LeaseTiming,
    /// Settings of every second process, if they differ.
    pub(super) other_timing: Option<LeaseTiming>,
    /// Leave what others wrote alone for as long as Patroni may believe.
    pub(super) beside_patroni: Option<BesidePatroni>,
    /// Take settings from the config key.
    pub(super) follows_config: bool,
    /// Who may lead, where members go on without the store while all agree.
    pub(super) failsafe: Option<Vec<MemberName>>,
    /// The first process asserts a first bootstrap; the others come later.
    pub(super) bootstraps: bool,
    /// How long a term is kept at the most, in milliseconds.
    pub(super) shift: u64,
    /// Until when, in real time, members have wishes of their own.
    pub(super) wishes_until: Nanos,
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
        let builder = match habits.beside_patroni {
            Some(beside) => builder.beside_patroni(beside),
            None => builder,
        };
        let builder = if habits.follows_config {
            builder.follow_config()
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
        if node.world().over().is_some() {
            node.spawn(own_key::keep(node.clone(), elector.clone()));
        }
        lead_again_and_again(node, elector, habits).await;
    }
    .boxed()
}

async fn lead_again_and_again(node: Node, elector: Elector, habits: Habits) {
    let only_leads = !habits.keeps && node.below(4) == 0;
    node.spawn(Wishes::of(&node, &habits).come_and_go(elector.clone()));
    loop {
        let short = node.below(3) == 0;
        let most = if short {
            habits.shift / 15
        } else {
            habits.shift
        };
        let shift = Duration::from_millis(10 + node.below(most));
        if only_leads {
            let led = elector.lead_one_term(|term| {
                let (node, habits) = (node.clone(), habits.clone());
                async move { work(&node, &term, &habits, shift).await }
            });
            // Whoever was stopped in the middle overruns, and is told so.
            if led.await.is_err() {
                return;
            }
        } else {
            let Ok(lease) = elector.acquire().await else {
                return;
            };
            if node.below(3) == 0 {
                write_as_leader(&node, &lease).await;
            }
            work(&node, lease.term(), &habits, shift).await;
            if end(&node, &elector, lease, &habits).await {
                continue;
            }
        }
        node.sleep(Duration::from_millis(node.below(500))).await;
    }
}

/// Gives a lease up, one way or another. Whether the next one is wanted at once.
async fn end(node: &Node, elector: &Elector, lease: Lease, habits: &Habits) -> bool {
    let way = if habits.keeps { 5 } else { node.below(6) };
    match way {
        0 => drop(lease),
        1 => lease.release().await,
        2 => lease.release_to(wishes::someone(node)).await,
        3 => {
            // A driver that has ended has given up.
            let _ = elector.step_down().await;
            drop(lease);
        }
        _ => {
            let waits = habits.keeps || node.below(2) == 0;
            let leads_again = waits && leads_again(node, elector).await;
            let most = if habits.keeps { 8_000 } else { 2_000 };
            node.sleep(Duration::from_millis(node.below(most))).await;
            drop(lease);
            if leads_again {
                // The next term may be on its way out, and is asked for.
                node.sleep(Duration::from_millis(1 + node.below(50))).await;
            }
            return leads_again;
        }
    }
    false
}

/// Waits for a while, the lease of a lost term in hand, until another term has
/// begun that nobody has asked for.
async fn leads_again(node: &Node, elector: &Elector) -> bool {
    for _ in 0..60 {
        // Also after someone else has made this member step down.
        if elector.is_leader() || elector.contend().is_err() {
            return true;
        }
        node.sleep(Duration::from_secs(1)).await;
    }
    false
}

/// Works until the term ends or the shift is over. Each piece of work is
/// checked before, takes less than the stop time, and carries the token.
async fn work(node: &Node, term: &Term, habits: &Habits, shift: Duration) {
    let clock = node.clock();
    let began = clock.now();
    let stop_time = habits.timing.stop_time();
    // Some wait for the end, which looks at the clock often; some look at it
    // when they have something to do.
    let waits = node.below(4) == 0;
    loop {
        if node.below(2) == 0 {
            // What takes no time needs no more than a look at the term.
            if term.is_valid() {
                // The resource may refuse it, if the process was stopped meanwhile.
                let _ = node.acts().reaches_resource(term.token());
            }
        } else if term.remaining().is_some_and(|left| left > stop_time) {
            let act = node.acts();
            let part = u64::try_from(stop_time.as_millis()).unwrap_or_default() / 2;
            node.sleep(Duration::from_millis(node.below(part))).await;
            let _ = act.reaches_resource(term.token());
        }
        let rest = Duration::from_millis(500 + node.below(4_000));
        if waits {
            let ended = std::pin::pin!(term.ended());
            let rested = futures_util::future::select(ended, clock.sleep(rest)).await;
            if matches!(rested, futures_util::future::Either::Left(_)) {
                return;
            }
        } else {
            clock.sleep(rest).await;
            if !term.is_valid() {
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

/// The setting in which a leader says which term wrote last.
const WROTE_LAST: &str = "dcs-memory.sim/term";

/// Writes its token into the config key, as the leader: no later term has.
async fn write_as_leader(node: &Node, lease: &Lease) {
    let token = lease.token();
    // A leader that is none any more writes nothing, and is told so.
    let _ = lease
        .keys()
        .edit_config(|config| {
            let mut config = counted(config);
            let last = config.settings().get(WROTE_LAST).and_then(Value::as_str);
            if last.is_some_and(|last| last.parse().is_ok_and(|last: u128| last > token.get())) {
                node.fail(format!(
                    "writes the config key as {token} after a later term"
                ));
            }
            let token = token.get().to_string().into();
            config.settings_mut().insert(WROTE_LAST.to_owned(), token);
            Some(config)
        })
        .await;
}

/// Raises a number in the config key now and then: no value is lost.
async fn count(node: Node) {
    let dcs = node.dcs();
    loop {
        node.sleep(Duration::from_millis(node.below(60_000))).await;
        let edited = dcs.edit_config(|config| Some(counted(config)));
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

/// The config key with the number raised by one.
fn counted(config: Option<&Config>) -> Config {
    let mut config = config.cloned().unwrap_or_default();
    let count = config.settings().get(COUNTER);
    let count = count.and_then(Value::as_u64).unwrap_or(0);
    config
        .settings_mut()
        .insert(COUNTER.to_owned(), (count + 1).into());
    config
}
