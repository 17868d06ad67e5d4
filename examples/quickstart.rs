//! Three members, a crash, a failover, and a write refused by its old token.
//! In memory and in virtual time: `cargo run --example quickstart`.

use std::{collections::HashMap, error::Error, sync::Arc, time::Duration};

use dcs_core::election::{Elector, LeaseTiming};
use dcs_core::fencing::TokenGate;
use dcs_core::{FencingToken, TokioClock};
use dcs_memory::{MemoryStore, SeededEntropy};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(TokioClock::new());
    let store = MemoryStore::new(clock.clone());
    let [ttl, loop_wait, retry] = [15, 5, 4].map(Duration::from_secs);
    let timing = LeaseTiming::new(ttl, loop_wait, retry)?;
    let (elected, mut leaders) = mpsc::unbounded_channel();
    let mut drivers = HashMap::new();
    for (seed, name) in (0..).zip(["anna", "ben", "cleo"]) {
        let dcs = Arc::new(store.handle(&"demo".parse()?));
        let (clock, chance) = (clock.clone(), Arc::new(SeededEntropy::new(seed)));
        let builder = Elector::builder(dcs, name.parse()?, timing.clone(), clock, chance);
        let (elector, driver) = builder.build();
        drivers.insert(name, tokio::spawn(driver.run()));
        let elected = elected.clone();
        tokio::spawn(async move { elected.send((name, elector.acquire().await)) });
    }

    // What the leader writes to remembers the largest token that it has seen.
    let mut gate = TokenGate::new();
    let mut write = |who: &str, token: FencingToken| {
        let verdict = gate.admit(token).map_or("REFUSED", |()| "accepted");
        println!("{who} writes with token {token}: {verdict}");
    };
    let (first, lease) = leaders.recv().await.ok_or("nobody leads")?;
    let lease = lease?;
    write(first, lease.token());
    println!("{first} crashes; others wait {ttl:?} from when they last heard of it");
    drivers[first].abort();
    let (next, its_lease) = leaders.recv().await.ok_or("nobody leads")?;
    write(next, its_lease?.token());
    write(first, lease.token());
    Ok(())
}
