//! What requests make of objects and of their revisions.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use dcs_fakeapi::FakeApi;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Pod};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};

use crate::support::{LEASES, MAPS, ask, map, read, revision};

fn made<K: serde::de::DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

fn code(error: kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("no status: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_created_is_read_back_with_what_the_server_added() {
    let fake = FakeApi::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    let map = made(json!({"metadata": {"name": "a"}, "data": {"k": "v"}}));
    let created = maps.create(&PostParams::default(), &map).await.unwrap();
    assert_eq!(maps.get("a").await.unwrap(), created);
    let metadata = created.metadata;
    assert_eq!(metadata.resource_version.as_deref(), Some("2"));
    assert_eq!(metadata.namespace.as_deref(), Some("default"));
    assert_eq!(metadata.uid.map(|uid| uid.len()), Some(36));
    let time = metadata.creation_timestamp.unwrap().0;
    assert_eq!(time.to_string(), "2026-01-01T00:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_brings_the_same_names_and_uids() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let fake = FakeApi::new();
        let body = json!({"metadata": {"generateName": "g-"}});
        let (_, object) = ask(&fake, ("POST", MAPS), &body).await;
        let (name, uid) = (&object["metadata"]["name"], &object["metadata"]["uid"]);
        assert!(name.as_str().unwrap().starts_with("g-"));
        seen.push((name.clone(), uid.clone()));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(start_paused = true)]
async fn what_exists_is_not_created_again() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let (code, status) = ask(&fake, ("POST", MAPS), &json!({"metadata": {"name": "a"}})).await;
    assert_eq!((code, &status["reason"]), (409, &json!("AlreadyExists")));
    assert_eq!(status["message"], "configmaps \"a\" already exists");
    assert_eq!(fake.revision(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_not_there_takes_no_objects() {
    let fake = FakeApi::new();
    let maps = "/api/v1/namespaces/elsewhere/configmaps";
    let body = json!({"metadata": {"name": "a"}});
    let (code, status) = ask(&fake, ("POST", maps), &body).await;
    assert_eq!(
        (code, &status["details"]["kind"]),
        (404, &json!("namespaces"))
    );
    fake.add_namespace("elsewhere");
    assert_eq!(ask(&fake, ("POST", maps), &body).await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_ends_takes_no_new_objects() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let gone = ask(
        &fake,
        ("DELETE", "/api/v1/namespaces/default"),
        &Value::Null,
    )
    .await;
    assert_eq!(gone.1["status"]["phase"], "Terminating");
    let (code, status) = ask(&fake, ("POST", MAPS), &json!({"metadata": {"name": "b"}})).await;
    assert_eq!(code, 403);
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        "NamespaceTerminating"
    );
    let patch = json!({"metadata": {"labels": {"x": "2"}}});
    let changed = ask(&fake, ("PATCH", &format!("{MAPS}/a")), &patch).await;
    assert_eq!(changed.0, 200, "what is there can still be changed");
}

#[tokio::test(start_paused = true)]
async fn a_patch_on_a_revision_that_was_replaced_conflicts() {
    let fake = FakeApi::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    let stale = map(&fake, "a", "1").await;
    support::label(&fake, "a", "2").await;
    let patch = json!({"metadata": {"resourceVersion": stale.to_string(), "labels": {"x": "3"}}});
    for patch in [Patch::Merge(&patch), Patch::Strategic(&patch)] {
        let error = maps
            .patch("a", &PatchParams::default(), &patch)
            .await
            .unwrap_err();
        assert_eq!(code(error), 409);
    }
    assert_eq!(fake.revision(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_patch_with_another_uid_is_invalid_and_a_put_with_one_conflicts() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let body = json!({"metadata": {"name": "a", "uid": "other"}});
    let path = format!("{MAPS}/a");
    assert_eq!(ask(&fake, ("PATCH", &path), &body).await.0, 422);
    assert_eq!(ask(&fake, ("PUT", &path), &body).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_leaves_the_revision_alone() {
    let fake = FakeApi::new();
    let first = map(&fake, "a", "1").await;
    assert_eq!(support::label(&fake, "a", "1").await, first);
    let (code, same) = ask(&fake, ("PATCH", &format!("{MAPS}/a")), &json!({})).await;
    assert_eq!((code, revision(&same)), (200, first));
    assert_eq!(fake.revision(), first);
    assert!(!fake.requests().last().unwrap().applied);
    assert_eq!(support::label(&fake, "a", "2").await, first + 1);
}

#[tokio::test(start_paused = true)]
async fn a_put_of_what_is_not_there_creates_endpoints_and_leases_and_nothing_else() {
    let fake = FakeApi::new();
    let body = json!({"metadata": {"name": "a", "resourceVersion": "7"}});
    let endpoints = "/api/v1/namespaces/default/endpoints";
    for (place, wanted) in [(MAPS, 404), (endpoints, 201), (LEASES, 201)] {
        let (code, _) = ask(&fake, ("PUT", &format!("{place}/a")), &body).await;
        assert_eq!(code, wanted, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_without_a_revision_overwrites_all_but_leases() {
    let fake = FakeApi::new();
    let leases: Api<Lease> = Api::default_namespaced(fake.client());
    let lease: Lease = made(json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": "m"}}));
    leases.create(&PostParams::default(), &lease).await.unwrap();
    let error = leases
        .replace("a", &PostParams::default(), &lease)
        .await
        .unwrap_err();
    assert_eq!(code(error), 422);
    map(&fake, "a", "1").await;
    let body = json!({"metadata": {"name": "a"}});
    assert_eq!(
        ask(&fake, ("PUT", &format!("{MAPS}/a")), &body).await.0,
        200
    );
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_removes_with_null() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let patch = json!({"metadata": {"labels": {"x": null}, "annotations": {"b": "c"}}});
    let (_, object) = ask(&fake, ("PATCH", &format!("{MAPS}/a")), &patch).await;
    assert_eq!(object["metadata"].get("labels"), None);
    assert_eq!(object["metadata"]["annotations"], json!({"b": "c"}));
}

#[tokio::test(start_paused = true)]
async fn a_strategic_patch_of_subsets_replaces_them() {
    let fake = FakeApi::new();
    let endpoints: Api<Endpoints> = Api::default_namespaced(fake.client());
    let subset = |ip: &str| json!([{"addresses": [{"ip": ip}], "ports": [{"port": 5432}]}]);
    let first: Endpoints = made(json!({"metadata": {"name": "a"}, "subsets": subset("192.0.2.1")}));
    endpoints
        .create(&PostParams::default(), &first)
        .await
        .unwrap();
    let patch = json!({"subsets": subset("192.0.2.2")});
    let patched = endpoints
        .patch("a", &PatchParams::default(), &Patch::Strategic(&patch))
        .await
        .unwrap();
    let subsets = patched.subsets.unwrap();
    assert_eq!(subsets.len(), 1);
    assert_eq!(subsets[0].addresses.as_ref().unwrap()[0].ip, "192.0.2.2");
    let ports = subsets[0].ports.as_ref().unwrap();
    assert_eq!(ports[0].protocol.as_deref(), Some("TCP"), "filled in");
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_and_an_apply_are_refused_and_named() {
    let fake = FakeApi::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    map(&fake, "a", "1").await;
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let apply = Patch::Apply(&object);
    let refused = maps.patch("a", &PatchParams::apply("me"), &apply).await;
    assert_eq!(code(refused.unwrap_err()), 415);
    for media in ["json-patch+json", "apply-patch+yaml"] {
        let media = format!("application/{media}");
        let request = http::Request::patch(format!("{MAPS}/a")).header("content-type", &media);
        let request = request.body(b"[]".to_vec()).unwrap();
        let status = fake
            .client()
            .request::<Value>(request)
            .await
            .unwrap_err()
            .to_string();
        assert!(status.contains(&format!("and no {media}")), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_minds_its_preconditions() {
    let fake = FakeApi::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    let first = map(&fake, "a", "1").await;
    let wanting = |revision: u64| DeleteParams {
        preconditions: Some(Preconditions {
            resource_version: Some(revision.to_string()),
            uid: None,
        }),
        ..DeleteParams::default()
    };
    let error = maps.delete("a", &wanting(first + 7)).await.unwrap_err();
    assert_eq!(code(error), 409);
    assert!(maps.delete("a", &wanting(first)).await.unwrap().is_right());
    assert_eq!(code(maps.get("a").await.unwrap_err()), 404);
}

#[tokio::test(start_paused = true)]
async fn an_object_with_finalizers_stays_until_the_last_is_gone() {
    let fake = FakeApi::new();
    let body = json!({"metadata": {"name": "a", "finalizers": ["example.com/x"]}});
    ask(&fake, ("POST", MAPS), &body).await;
    let path = format!("{MAPS}/a");
    let (_, marked) = ask(&fake, ("DELETE", &path), &Value::Null).await;
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let before = fake.revision();
    assert_eq!(ask(&fake, ("DELETE", &path), &Value::Null).await.0, 200);
    assert_eq!(fake.revision(), before, "it is marked once");
    let more = json!({"metadata": {"finalizers": ["example.com/x", "example.com/y"]}});
    assert_eq!(ask(&fake, ("PATCH", &path), &more).await.0, 422);
    let none = json!({"metadata": {"finalizers": null}});
    assert_eq!(ask(&fake, ("PATCH", &path), &none).await.0, 200);
    assert_eq!(read(&fake, &path).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_service_takes_the_endpoints_of_its_name_along() {
    let fake = FakeApi::new();
    let (services, endpoints) = (
        MAPS.replace("configmaps", "services"),
        MAPS.replace("configmaps", "endpoints"),
    );
    let service = json!({"metadata": {"name": "a"}, "spec": {"clusterIP": "None"}});
    ask(&fake, ("POST", &services), &service).await;
    for name in ["a", "b"] {
        let body = json!({"metadata": {"name": name}});
        ask(&fake, ("POST", &endpoints), &body).await;
    }
    ask(&fake, ("DELETE", &format!("{services}/a")), &Value::Null).await;
    assert!(fake.object("endpoints", "default", "a").is_none());
    assert!(fake.object("endpoints", "default", "b").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_marked_and_then_gone_with_a_revision_each() {
    let fake = FakeApi::new();
    let pods: Api<Pod> = Api::default_namespaced(fake.client());
    let pod: Pod = made(json!({
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }));
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let before = fake.revision();
    pods.delete("a", &DeleteParams::default()).await.unwrap();
    assert_eq!(fake.revision(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_pod_is_written_through_its_own_path() {
    let fake = FakeApi::new();
    let pods: Api<Pod> = Api::default_namespaced(fake.client());
    let pod: Pod = made(json!({
        "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }));
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let patch = json!({"status": {"podIP": "192.0.2.7"}});
    let patch = Patch::Strategic(&patch);
    let params = PatchParams::default();
    let ignored = pods.patch("a", &params, &patch).await.unwrap();
    assert_eq!(ignored.status.unwrap().pod_ip, None);
    let written = pods.patch_status("a", &params, &patch).await.unwrap();
    assert_eq!(written.status.unwrap().pod_ip.as_deref(), Some("192.0.2.7"));
    assert_eq!(written.metadata.generation, Some(1));
}

#[tokio::test(start_paused = true)]
async fn the_generation_follows_the_spec_alone() {
    let fake = FakeApi::new();
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    let slice = json!({"metadata": {"name": "a"}, "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"]}]});
    ask(&fake, ("POST", slices), &slice).await;
    let path = format!("{slices}/a");
    let annotated = json!({"metadata": {"annotations": {"a": "b"}}});
    let (_, object) = ask(&fake, ("PATCH", &path), &annotated).await;
    assert_eq!(object["metadata"]["generation"], 1);
    let moved = json!({"endpoints": [{"addresses": ["192.0.2.2"]}]});
    let (_, object) = ask(&fake, ("PATCH", &path), &moved).await;
    assert_eq!(object["metadata"]["generation"], 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_invalid_is_refused_with_its_cause() {
    let fake = FakeApi::new();
    let invalid = [
        (json!({"name": "A_b"}), "FieldValueInvalid", "metadata.name"),
        (json!({}), "FieldValueRequired", "metadata.name"),
        (
            json!({"name": "a", "labels": {"x": "b c"}}),
            "FieldValueInvalid",
            "metadata.labels",
        ),
        (
            json!({"name": "a", "annotations": {"b c": ""}}),
            "FieldValueInvalid",
            "metadata.annotations",
        ),
        (
            json!({"name": "a", "annotations": {"b": "y".repeat(262_144)}}),
            "FieldValueTooLong",
            "metadata.annotations",
        ),
    ];
    for (metadata, reason, field) in invalid {
        let (code, status) = ask(&fake, ("POST", MAPS), &json!({"metadata": metadata})).await;
        let cause = &status["details"]["causes"][0];
        assert_eq!(
            (code, &cause["reason"], &cause["field"]),
            (422, &json!(reason), &json!(field))
        );
    }
    let fits = json!({"metadata": {"name": "a", "annotations": {"b": "y".repeat(262_143)}}});
    assert_eq!(ask(&fake, ("POST", MAPS), &fits).await.0, 201);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_three_mebibytes_is_too_large() {
    let fake = FakeApi::new();
    let body = json!({"metadata": {"name": "a"}, "data": {"k": "y".repeat(3 << 20)}});
    let (code, status) = ask(&fake, ("POST", MAPS), &body).await;
    assert_eq!(
        (code, &status["reason"]),
        (413, &json!("RequestEntityTooLarge"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_is_refused_and_named() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    let (code, status) = ask(&fake, ("DELETE", MAPS), &Value::Null).await;
    assert_eq!(code, 501);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .starts_with("dcs-fakeapi does not do")
    );
    let dry = format!("{MAPS}?dryRun=All");
    let body = json!({"metadata": {"name": "b"}});
    assert_eq!(ask(&fake, ("POST", &dry), &body).await.0, 501);
}

#[tokio::test(start_paused = true)]
async fn time_is_that_of_the_runtime() {
    let fake = FakeApi::new();
    map(&fake, "a", "1").await;
    tokio::time::advance(std::time::Duration::from_secs(90)).await;
    map(&fake, "b", "1").await;
    let object = fake.object("configmaps", "default", "b").unwrap();
    assert_eq!(
        object["metadata"]["creationTimestamp"],
        "2026-01-01T00:01:30Z"
    );
    assert_eq!(fake.requests()[1].at.as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_put_there_is_as_one_that_was_created() {
    let fake = FakeApi::new();
    let map = json!({"metadata": {"name": "a"}, "data": {"k": "v"}});
    assert_eq!(fake.put_object("configmaps", "default", map), Some(2));
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    let mut found = maps.get("a").await.unwrap();
    assert_eq!(found.metadata.uid.as_ref().map(String::len), Some(36));
    assert!(found.metadata.creation_timestamp.is_some());

    // Changed, it is the next version of the same object.
    let mut again = fake.object("configmaps", "default", "a").unwrap();
    again["data"]["k"] = "w".into();
    assert_eq!(fake.put_object("configmaps", "default", again), Some(3));
    found.data = Some([("k".to_owned(), "w".to_owned())].into());
    found.metadata.resource_version = Some("3".to_owned());
    assert_eq!(maps.get("a").await.unwrap(), found);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_object_of_a_kind_is_not_put_there() {
    let fake = FakeApi::new();
    let nameless = json!({"metadata": {}});
    assert_eq!(fake.put_object("configmaps", "default", nameless), None);
    let named = || json!({"metadata": {"name": "a"}});
    assert_eq!(fake.put_object("nodes", "default", named()), None);
    let mut wrong = named();
    wrong["data"] = 1.into();
    assert_eq!(fake.put_object("configmaps", "default", wrong), None);
    assert_eq!(fake.revision(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_log_says_how_long_each_answer_was() {
    let fake = FakeApi::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(fake.client());
    let text = maps.get("a").await.unwrap_err().to_string();
    let answered = fake.requests()[0].answered.unwrap();
    assert!(answered > 100, "a Status object that says {text}");
    let watch = maps.watch(&kube::api::WatchParams::default(), "0").await;
    drop(watch.unwrap());
    assert_eq!(fake.requests()[1].answered, None);
}
