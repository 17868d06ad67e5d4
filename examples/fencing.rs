//! A leader is stopped in the middle of a write, another one leads and writes,
//! the first wakes up: its write is refused by its token. In memory and in
//! virtual time: `cargo run --example fencing`.

use std::{error::Error, sync::Arc, time::Duration};

use dcs_core::election::{Elector, LeaseTiming};
use dcs_core::fencing::{StaleToken, TokenGate};
use dcs_core::{Config, FencingToken, Key, TokioClock};
use dcs_memory::{MemoryDcs, MemoryStore, SeededEntropy};

/// What the leader writes to: its lines, and beside them the gate.
#[derive(Default)]
struct Ledger(TokenGate, Vec<&'static str>);

impl Ledger {
    fn append(&mut self, token: FencingToken, line: &'static str) -> Result<(), StaleToken> {
        self.0.admit(token)?;
        self.1.push(line);
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock = Arc::new(TokioClock::new());
    let store = MemoryStore::new(clock.clone());
    let [ttl, loop_wait, retry] = [15, 5, 4].map(Duration::from_secs);
    let timing = LeaseTiming::new(ttl, loop_wait, retry)?;
    let join = |name: &str| -> Result<(Arc<MemoryDcs>, Elector), Box<dyn Error>> {
        let dcs = Arc::new(store.handle(&"demo".parse()?));
        let (clock, chance) = (clock.clone(), Arc::new(SeededEntropy::new(1)));
        let builder = Elector::builder(dcs.clone(), name.parse()?, timing.clone(), clock, chance);
        let (elector, driver) = builder.build();
        tokio::spawn(driver.run());
        Ok((dcs, elector))
    };
    let ((way_of_anna, anna), (_, ben)) = (join("anna")?, join("ben")?);
    let mut ledger = Ledger::default();

    let first = anna.acquire().await?;
    let (token, valid) = (first.token(), first.is_valid());
    println!("anna leads with token {token}; its lease is valid: {valid}");
    println!("anna is stopped in the middle of its write");
    way_of_anna.cut_off();

    let second = ben.acquire().await?;
    ledger.append(second.token(), "by ben")?;
    second.keys().fence(Key::Config).await?;
    println!("ben leads with token {}, and writes", second.token());

    way_of_anna.heal();
    println!("anna wakes up and goes on with its write");
    let refused = ledger.append(token, "by anna").err();
    println!("the ledger: {}", refused.ok_or("it took an old token")?);
    let refused = first.keys().edit_config(|_| Some(Config::default())).await;
    println!("the store: {}", refused.err().ok_or("it was written")?);
    println!("the ledger holds {:?}", ledger.1);
    Ok(())
}
