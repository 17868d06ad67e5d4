//! What three members at rest send: counted in the API server's audit log.
//!
//! `DCS_HA_ROUNDS=1 cargo test -p dcs-examples --test audit -- --ignored
//! --nocapture` counts for a whole minute and prints the table.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use dcs_cluster::audit::{self, Request};
use support::cluster::{Backend, Cluster, DEFAULT, rounds};
use support::wait::{now_ms, pass, seconds};

/// After an election members still write their roles and the first config.
const AT_REST_MS: i64 = 20_000;
/// A minute has one end of a watch, or two; a member has two watches.
const MOST_WATCHES: usize = 3;

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_scope_at_rest_costs_one_patch_in_each_loop_wait() {
    let window = if rounds().is_some() {
        seconds(60)
    } else {
        seconds(30)
    };
    let mut clusters = Vec::new();
    for backend in [Backend::Endpoints, Backend::ConfigMap] {
        let mut cluster = Cluster::open("audit", backend, DEFAULT).await;
        cluster.start_three(true).await;
        clusters.push(cluster);
    }
    let mut elected_ms = 0;
    for cluster in &clusters {
        cluster.settled().await;
        elected_ms = elected_ms.max(cluster.verdict().terms[0].from_ms);
    }
    let rest = elected_ms + AT_REST_MS - now_ms();
    let rest = u64::try_from(rest).expect("the members settled before the window was to begin");
    pass(std::time::Duration::from_millis(rest)).await;

    let before: Vec<usize> = clusters.iter().map(|c| requests(c).len()).collect();
    pass(window).await;
    for (cluster, before) in clusters.iter().zip(before) {
        let counted = count(&requests(cluster)[before..]);
        println!("{}, in {window:?} at rest:", cluster.backend.flag());
        for ((verb, what, agent), count) in &counted {
            println!("  {count:>3} {verb:<6} {what:<24} {agent}");
        }
        let leader = cluster.settled().await;
        assert_eq!(
            cluster.verdict().terms.len(),
            1,
            "somebody else was elected"
        );
        judge(cluster, &leader, counted, window.as_secs() / 5);
    }
    for cluster in &mut clusters {
        cluster.stop().await;
    }
}

/// Verb, object and user agent.
type Key = (String, String, String);
type Counts = BTreeMap<Key, usize>;

/// Renewals of the lock by the leader, watches, and nothing else.
fn judge(cluster: &Cluster, leader: &str, mut counted: Counts, renewals: u64) {
    let backend = cluster.backend;
    let agent = |name: &str| format!("ha-loop/{} ({name})", env!("CARGO_PKG_VERSION"));
    let lock = format!("{}/{}", backend.plural(), backend.leader_object());
    let patches = counted.remove(&("patch".to_owned(), lock, agent(leader)));
    let patches = u64::try_from(patches.unwrap_or_default()).unwrap();
    assert!(
        patches.abs_diff(renewals) <= 1,
        "{backend:?}: {patches} renewals instead of {renewals}"
    );
    for name in cluster.running.keys() {
        let own = |(verb, _, who): &Key| verb == "watch" && *who == agent(name);
        let watches = counted.iter().filter(|(key, _)| own(key));
        let watches: usize = watches.map(|(_, count)| count).sum();
        assert!(watches <= MOST_WATCHES, "{backend:?}: {name}: {watches}");
        counted.retain(|key, _| !own(key));
    }
    assert!(counted.is_empty(), "{backend:?}: and this: {counted:?}");
}

fn count(requests: &[Request]) -> Counts {
    let mut counts = Counts::new();
    for request in requests {
        let what = match &*request.name {
            "" => request.resource.clone(),
            name => format!("{}/{name}", request.resource),
        };
        let key = (request.verb.clone(), what, request.user_agent.clone());
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// The requests about the namespace of `cluster` so far.
fn requests(cluster: &Cluster) -> Vec<Request> {
    let log = PathBuf::from(std::env::var_os("DCS_AUDIT_LOG").expect("DCS_AUDIT_LOG is set"));
    let all = audit::requests(&log).unwrap().into_iter();
    all.filter(|request| request.namespace == cluster.api.namespace)
        .collect()
}
