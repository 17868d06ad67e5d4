//! What saved lists are read as: which scope, in which mode, by which labels.

use dcs_kubernetes::{Mode, Saved, SavedError, Selection};
use serde_json::{Value, json};

fn object(kind: &str, name: &str, labels: &Value, annotations: &Value) -> Value {
    json!({"kind": kind, "metadata": {
        "name": name, "resourceVersion": "7", "labels": labels, "annotations": annotations,
    }})
}

fn labels() -> Value {
    json!({"application": "dcs", "cluster-name": "demo"})
}

fn list(items: &[Value]) -> Value {
    json!({"kind": "List", "items": items})
}

fn lock(kind: &str, name: &str) -> Value {
    object(
        kind,
        name,
        &labels(),
        &json!({"leader": "demo-0", "ttl": "30"}),
    )
}

fn of(mode: Option<Mode>) -> Selection {
    let mut selection = Selection::default();
    selection.mode = mode;
    selection
}

#[test]
fn a_list_of_several_kinds_and_single_objects_are_read() {
    let service = object("Service", "demo", &labels(), &json!({}));
    let pod = object(
        "Pod",
        "demo-0",
        &labels(),
        &json!({"status": "{\"state\":\"running\"}"}),
    );
    let lists = [list(&[service, lock("Endpoints", "demo")]), pod];
    let saved = Saved::read(&lists, &Selection::default()).unwrap();
    assert_eq!(saved.snapshot().holder().unwrap().as_str(), "demo-0");
    let member = saved.snapshot().members.values().next().unwrap();
    assert_eq!(member.get().unwrap().state(), Some("running"));
}

#[test]
fn the_endpoints_of_a_service_are_no_lock() {
    let note = json!({"endpoints.kubernetes.io/last-change-trigger-time": "now"});
    let service = object("Endpoints", "demo", &labels(), &note);
    let lists = [list(&[service, lock("ConfigMap", "demo-leader")])];
    let saved = Saved::read(&lists, &Selection::default()).unwrap();
    assert_eq!(saved.mode(), Mode::ConfigMap);
}

#[test]
fn a_config_alone_tells_the_mode() {
    let config = object(
        "ConfigMap",
        "demo-config",
        &labels(),
        &json!({"config": "{}"}),
    );
    let saved = Saved::read(&[config], &Selection::default()).unwrap();
    assert_eq!(saved.mode(), Mode::ConfigMap);
    assert!(saved.snapshot().leader.revision.is_none());
}

#[test]
fn both_modes_are_refused_until_one_is_chosen() {
    let lists = [list(&[
        lock("Endpoints", "demo"),
        lock("ConfigMap", "demo-leader"),
    ])];
    let error = Saved::read(&lists, &of(None)).unwrap_err();
    assert!(matches!(error, SavedError::BothModes { .. }), "{error}");
    for mode in [Mode::Endpoints, Mode::ConfigMap] {
        assert_eq!(Saved::read(&lists, &of(Some(mode))).unwrap().mode(), mode);
    }
}

#[test]
fn the_labels_are_those_that_all_objects_and_pods_have() {
    let mut chart = labels();
    chart["chart"] = json!("demo-1.0");
    let lock = object("Endpoints", "demo", &chart, &json!({"leader": "demo-0"}));
    let mut of_pod = labels();
    of_pod["role"] = json!("primary");
    let pod = object("Pod", "demo-0", &of_pod, &json!({}));
    let saved = Saved::read(&[list(&[lock, pod])], &Selection::default()).unwrap();
    assert_eq!(
        saved.labels().to_string(),
        "application=dcs,cluster-name=demo"
    );
}

#[test]
fn several_scopes_are_refused_by_name_and_none_is_said() {
    let other = json!({"cluster-name": "other"});
    let other = object("Endpoints", "other", &other, &json!({"leader": "a"}));
    let lists = [list(&[lock("Endpoints", "demo"), other])];
    let error = Saved::read(&lists, &Selection::default()).unwrap_err();
    assert!(error.to_string().contains("demo, other"), "{error}");
    let mut selection = Selection::default();
    selection.scope = Some("other".parse().unwrap());
    assert_eq!(
        Saved::read(&lists, &selection).unwrap().scope().as_str(),
        "other"
    );
    selection.scope = Some("third".parse().unwrap());
    let error = Saved::read(&lists, &selection).unwrap_err();
    assert!(error.to_string().contains("no scope third"), "{error}");
}

#[test]
fn what_is_no_list_of_objects_is_refused_with_its_kind() {
    for (value, said) in [
        (json!({"kind": "Secret", "data": {}}), "Secret"),
        (json!({"kind": "SecretList", "items": []}), "SecretList"),
        (json!([1, 2]), "without kind"),
        (json!({"kind": 7}), "without kind"),
    ] {
        let error = Saved::read(&[value], &Selection::default()).unwrap_err();
        assert!(matches!(error, SavedError::NotAList { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    let nothing = json!({"kind": "EndpointsList", "items": null});
    let error = Saved::read(&[nothing], &Selection::default()).unwrap_err();
    assert!(matches!(error, SavedError::NoScope { .. }), "{error}");
    let broken = json!({"kind": "PodList", "items": [{"metadata": 7}]});
    let error = Saved::read(&[broken], &Selection::default()).unwrap_err();
    assert!(matches!(error, SavedError::Object { .. }), "{error}");
}
