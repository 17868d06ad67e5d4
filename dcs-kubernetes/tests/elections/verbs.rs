//! What the library asks for, of all that a Role can grant.

use std::collections::{BTreeMap, BTreeSet};

use dcs_conformance::cases;
use dcs_fakeapi::FakeApi;
use dcs_faults::covers;

use crate::cluster::{TAKE_OVER, in_both_modes};
use crate::support::fake::FakeServer;
use crate::support::server::Mode;

type Rights = BTreeMap<String, BTreeSet<String>>;

/// What the Role of the README grants, by resource.
fn granted() -> Rights {
    let readme = include_str!("../../README.md");
    let lists = |name: &'static str| {
        let lines = readme.lines().filter_map(move |line| line.split_once(name));
        lines.map(|(_, rest)| rest.split([',', '[', ']', '#']).map(str::trim))
    };
    let mut granted = Rights::new();
    for (resources, verbs) in lists(" resources: [").zip(lists(" verbs: [")) {
        let verbs: BTreeSet<_> = verbs.map(str::to_owned).collect();
        for resource in resources {
            // One of the two, by the mode.
            let resource = resource.strip_prefix("or ").unwrap_or(resource);
            granted.insert(resource.to_owned(), verbs.clone());
        }
    }
    granted
}

/// How many requests members sent, none of which the Role refuses.
fn looked_at(fake: &FakeApi, granted: &Rights) -> u64 {
    let mut requests = fake.requests();
    requests.retain(|asked| asked.client != "admin");
    for asked in &requests {
        let verb = asked.verb.unwrap().to_string();
        let may = granted
            .get(asked.kind)
            .is_some_and(|verbs| verbs.contains(&verb));
        assert!(may, "{verb} {}", asked.uri);
        assert_ne!(asked.method, "DELETE");
    }
    u64::try_from(requests.len()).unwrap()
}

#[test]
fn the_whole_suite_and_elections_to_their_end_delete_nothing() {
    let deletion = covers(4);
    let granted = granted();
    assert!(
        granted
            .values()
            .flatten()
            .all(|verb| !verb.contains("delete"))
    );
    for mode in [Mode::Endpoints, Mode::ConfigMaps] {
        for case in cases() {
            let fake = FakeApi::new();
            case.check(FakeServer::on(fake.clone(), mode));
            deletion.hit_times(looked_at(&fake, &granted));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(in_both_modes(3, async |cluster| {
        cluster.kill(0);
        let next = cluster.replaced_within(0, TAKE_OVER).await;
        cluster.members[next].elector.step_down().await.unwrap();
        cluster.pass(TAKE_OVER).await;
        deletion.hit_times(looked_at(&cluster.fake, &granted));
    }));
}
