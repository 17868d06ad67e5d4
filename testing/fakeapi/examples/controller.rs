//! A controller and the test of it: create, conflict, watch, injected 500.
//!
//! The controller counts its runs in an annotation. `cargo test` runs the test.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams, PostParams};

/// Adds one to the annotation, on the version that it read.
async fn count(maps: &Api<ConfigMap>, map: &ConfigMap) -> kube::Result<ConfigMap> {
    let runs = map
        .metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get("runs")?.parse().ok());
    let patch = serde_json::json!({"metadata": {
        "resourceVersion": map.metadata.resource_version,
        "annotations": {"runs": (runs.unwrap_or(0) + 1).to_string()},
    }});
    let name = map.metadata.name.as_deref().unwrap_or_default();
    maps.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> kube::Result<()> {
    let fake = dcs_fakeapi::FakeApi::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    let map = ConfigMap {
        metadata: kube::core::ObjectMeta {
            name: Some("a".into()),
            ..Default::default()
        },
        ..Default::default()
    };
    let map = maps.create(&PostParams::default(), &map).await?;
    println!("{:?}", count(&maps, &map).await?.metadata.annotations);
    Ok(())
}

#[cfg(test)]
mod tests {
    use dcs_fakeapi::{Action, FakeApi, On, Reply, Verb};
    use futures_util::TryStreamExt as _;
    use kube::api::{WatchEvent, WatchParams};

    use super::*;

    fn code<T>(result: kube::Result<T>) -> u16 {
        match result.err().unwrap() {
            kube::Error::Api(status) => status.code,
            other => panic!("{other}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn runs_are_counted_once_each() {
        let fake = FakeApi::new();
        let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
        let mut map = ConfigMap::default();
        map.metadata.name = Some("a".into());
        let map = maps.create(&PostParams::default(), &map).await.unwrap();
        // The second run on the same version conflicts.
        count(&maps, &map).await.unwrap();
        assert_eq!(code(count(&maps, &map).await), 409);
        // A 500 after the commit: the run counts although the answer says no.
        let after = Action::AnswerAfter(Reply::internal_error());
        fake.fault(On::any().verb(Verb::Patch).once(), after);
        let map = maps.get("a").await.unwrap();
        assert_eq!(code(count(&maps, &map).await), 500);
        // A watch shows both, in five seconds of virtual time.
        let params = WatchParams::default().timeout(5).disable_bookmarks();
        let from = "2"; // the revision of the creation
        let events = maps
            .watch(&params, from)
            .await
            .unwrap()
            .try_collect::<Vec<_>>()
            .await
            .unwrap();
        let runs = |event: &WatchEvent<ConfigMap>| match event {
            WatchEvent::Modified(map) => map.metadata.annotations.as_ref().unwrap()["runs"].clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(events.iter().map(runs).collect::<Vec<_>>(), ["1", "2"]);
    }
}
