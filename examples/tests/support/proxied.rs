//! A cluster whose leader reaches the API server through a proxy, and its
//! followers directly.

use std::path::PathBuf;

use dcs_cluster::Kubeconfig;
use dcs_cluster::proxy::Proxy;

use super::cluster::{Backend, Cluster, Timing};
use super::events::Event;
use super::table::print_belief;
use super::wait::{PATIENCE, millis, poll};

/// Who leads at first, behind the proxy.
const LEADER: &str = "demo-0";
/// What a take-over may take beyond the ttl, for requests and a busy machine.
const SLACK_MS: i64 = 2_000;

/// Three members, one of them behind a proxy.
pub(crate) struct Proxied {
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Proxy,
}

impl Proxied {
    /// Waits until the member behind the proxy leads and the others follow it.
    pub(crate) async fn start(test: &str, backend: Backend, timing: Timing) -> Self {
        let mut cluster = Cluster::open(test, backend, timing).await;
        let kubeconfig = std::env::var_os("KUBECONFIG").expect("KUBECONFIG is set");
        let direct = Kubeconfig::read(&PathBuf::from(kubeconfig)).unwrap();
        let proxy = Proxy::start(direct.server()).await.unwrap();
        let proxied = cluster.folder.join("kubeconfig");
        direct.write_pointed_at(proxy.address(), &proxied).unwrap();
        let mut command = cluster.command(LEADER);
        command.arg("--bootstrap").env("KUBECONFIG", proxied);
        cluster.start_command(LEADER, command);
        cluster.elected(0, None, PATIENCE).await;
        for name in ["demo-1", "demo-2"] {
            cluster.start(name);
        }
        assert_eq!(cluster.settled().await, LEADER);
        assert!(proxy.counts().requests.passed > 0, "it was passed by");
        Self { cluster, proxy }
    }

    /// Waits for an event of the leader's process.
    pub(crate) async fn leader_said(&self, what: &str, is_meant: impl Fn(&Event) -> bool) -> Event {
        let limit = self.cluster.timing.ttl * 2;
        let events = || self.cluster.running[LEADER].events();
        let said = poll(limit, async || events().into_iter().find(&is_meant)).await;
        said.unwrap_or_else(|| panic!("not within {limit:?}: {what}: {:#?}", events()))
    }

    /// Waits for the election of a follower, in time after `from_ms`, the
    /// instant from which nothing of the leader can have arrived. The leader
    /// has to have ended its term before, and to say so while it is cut off:
    /// as lost, or as released where it stopped its work in time for the end.
    pub(crate) async fn replaced(&self, from_ms: i64) {
        let ttl = self.cluster.timing.ttl;
        let next = self.cluster.elected(from_ms, Some(LEADER), ttl * 2).await;
        let took = next.at_ms - from_ms;
        assert!(
            took <= millis(ttl) + SLACK_MS,
            "{LEADER} was replaced after {took} ms"
        );
        let is_end = |event: &Event| event.is("lost") || event.is("released");
        let end = self.leader_said("the end of its term", is_end).await;
        let verdict = self.cluster.verdict();
        assert!(end.at_ms <= next.at_ms, "{verdict}: {end:?}, {next:?}");
    }

    /// Heals the connection, waits until all agree on the new leader, ends all
    /// and judges: one term of the leader, one of a follower, none at once.
    pub(crate) async fn judge(mut self, what: &str) {
        self.proxy.heal().await.unwrap();
        assert_ne!(self.cluster.settled().await, LEADER);
        self.cluster.stop().await;
        let verdict = self.cluster.verdict();
        if let [first, next, ..] = &verdict.terms[..] {
            let without_ms = next.from_ms - first.to_ms();
            let backend = self.cluster.backend.flag();
            print_belief(what, backend, verdict.overlap_ms, without_ms);
        }
        self.cluster.print_judge();
        verdict.assert_good(2);
        let [first, _] = &verdict.terms[..] else {
            panic!("more than the two terms: {:#?}", verdict.terms);
        };
        assert_eq!(first.member, LEADER);
    }
}
