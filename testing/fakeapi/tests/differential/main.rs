//! The same random requests to the fake and to a real API server: the same
//! status, the same reason, the same effect on revisions, the same events.
//!
//! `DCS_DIFFERENTIAL=10000` sets the number of sequences, 500 unless it is set;
//! `DCS_DIFFERENTIAL_SEED=7` runs the one of that seed alone, and prints it;
//! `DCS_DIFFERENTIAL_SHOW=9` shows so many of the differences that are listed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bodies;
mod chance;
mod compare;
mod generate;
mod requests;
mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt as _, stream};

use self::compare::{CLASSES, Difference};
use self::server::Server;

/// Sequences at a time.
const AT_ONCE: usize = 24;

#[test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
fn the_fake_answers_as_the_real_server_does() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let seeds: Vec<u64> = match number("DCS_DIFFERENTIAL_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("DCS_DIFFERENTIAL").unwrap_or(500)).collect(),
    };
    let real = Server::real().await;
    let found: Arc<Mutex<BTreeMap<&str, Vec<Difference>>>> = Arc::default();
    let verbose = seeds.len() == 1;
    let count = seeds.len();
    stream::iter(seeds)
        .for_each_concurrent(AT_ONCE, |seed| {
            let (real, found) = (real.clone(), Arc::clone(&found));
            async move {
                for difference in generate::run(seed, &real, verbose).await {
                    let mut found = found.lock().unwrap();
                    found.entry(difference.class).or_default().push(difference);
                }
            }
        })
        .await;
    let found = found.lock().unwrap();
    let mut unlisted = Vec::new();
    println!("{count} sequences");
    for (class, differences) in &*found {
        let listed = CLASSES.iter().find(|(listed, _)| listed == class);
        let why = listed.map_or("NOT LISTED", |(_, why)| why);
        println!("{:6}  {class}: {why}", differences.len());
        if let Some(shown) = number("DCS_DIFFERENTIAL_SHOW").filter(|_| listed.is_some()) {
            for difference in differences.iter().take(shown.try_into().unwrap()) {
                println!("{difference:.1200}");
            }
        }
        if listed.is_none() {
            unlisted.extend(differences.iter().take(12));
        }
    }
    for difference in &unlisted {
        println!("{difference:.1200}");
    }
    assert!(
        unlisted.is_empty(),
        "differences that are not listed, see above"
    );
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text:?} is no number")),
    )
}
