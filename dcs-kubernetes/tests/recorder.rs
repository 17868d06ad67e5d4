//! Every version that the leader object ever had, as a real API server kept it.

mod support;

use dcs_core::{Change, Dcs, Outcome, Precondition, Revision};
use serde_json::Value;
use support::samples::{held, leader, released, vacant};
use support::server::{Mode, Place, address};

#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn in_endpoints_the_address_is_the_holders_in_every_revision() {
    let place = Place::open(Mode::Endpoints, 2).await;
    let before = place.admin.get(&place.admin.path("endpoints")).await;
    let before: Value = serde_json::from_str(&before).unwrap();
    let (a, b) = (&*place.handles[0], &*place.handles[1]);

    let created = commit(a, vacant(), Precondition::Absent).await;
    let acquired = contend(a, b, created).await;
    let renewed = commit(a, held("sample-0", 2), on(acquired)).await;
    let release = released("sample-0", 2, renewed);
    let free = commit(a, release, on(renewed)).await;
    let taken = commit(b, held("sample-1", 3), on(free)).await;
    let renewed = commit(b, held("sample-1", 4), on(taken)).await;
    let last = commit(a, held("sample-0", 5), on(renewed)).await;

    let first = before["metadata"]["resourceVersion"].as_str().unwrap();
    let name = &place.scope;
    let path = format!(
        "endpoints?watch=true&resourceVersion={first}&timeoutSeconds=2&fieldSelector=metadata.name%3D{name}"
    );
    let history = place.admin.get(&place.admin.path(&path)).await;
    let versions: Vec<Value> = history
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["object"].clone())
        .collect();
    let shown: Vec<_> = versions.iter().map(judge).collect();
    assert_eq!(versions.len(), 7, "a version is missing: {shown:?}");
    let newest = versions.last().unwrap()["metadata"]["resourceVersion"].as_str();
    assert_eq!(newest, Some(&*last.to_string()));
    let holders: Vec<_> = shown.iter().map(Option::as_deref).collect();
    let expected = [
        None,
        Some("sample-0"),
        Some("sample-0"),
        None,
        Some("sample-1"),
        Some("sample-1"),
        Some("sample-0"),
    ];
    assert_eq!(holders, expected);
}

/// The holder of one version, whose address must be the only one.
fn judge(version: &Value) -> Option<String> {
    let holder = version["metadata"]["annotations"]["leader"].as_str();
    let subsets = version["subsets"].as_array();
    let addresses: Vec<&str> = subsets
        .into_iter()
        .flatten()
        .flat_map(|subset| subset["addresses"].as_array().into_iter().flatten())
        .filter_map(|address| address["ip"].as_str())
        .collect();
    let own = (0..2).filter(|n| holder == Some(&format!("sample-{n}")));
    let own: Vec<String> = own.map(address).collect();
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    assert_eq!(addresses, own, "{holder:?} holds: {version:#}");
    holder.map(str::to_owned)
}

/// Both want the vacant lock; the first one gets it, the other one is told so.
async fn contend(a: &dyn Dcs, b: &dyn Dcs, vacant: Revision) -> Revision {
    let acquired = commit(a, held("sample-0", 1), on(vacant)).await;
    let late = b.write(&leader(held("sample-1", 1)), on(vacant)).await;
    assert!(late.is_conflict(), "{late:?}");
    acquired
}

const fn on(revision: Revision) -> Precondition {
    Precondition::Matches(revision)
}

async fn commit(dcs: &dyn Dcs, record: dcs_core::LeaderRecord, expected: Precondition) -> Revision {
    let change: Change = leader(record);
    match dcs.write(&change, expected).await {
        Outcome::Committed(committed) => committed.revision,
        other => panic!("expecting {expected:?}: {other:?}"),
    }
}
