//! What ha-loop makes of Pods, objects and values that it finds, and what it
//! leaves behind.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, its helpers too"
)]

mod support;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::api::{annotation, revision};
use support::cluster::{Backend, Cluster, SCOPE, timing};
use support::process::Piped;
use support::recorder::{Happened, Recorder, Version};
use support::wait::{PATIENCE, now_ms, seconds, until};

/// The same test on both kinds of objects.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod endpoints {
            $(
                #[tokio::test]
                #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
                async fn $test() {
                    super::$test(super::Backend::Endpoints).await;
                }
            )*
        }
        mod configmap {
            $(
                #[tokio::test]
                #[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
                async fn $test() {
                    super::$test(super::Backend::ConfigMap).await;
                }
            )*
        }
    };
}
on_both!(
    a_stand_in_is_made_and_removed,
    nobody_is_sent_to_a_leader_that_was_told_to_end,
    a_stand_in_that_a_killed_run_left_behind_is_adopted,
    a_pod_of_someone_else_is_refused_and_left_alone,
    a_lock_of_someone_else_is_named_and_left_alone,
    a_config_of_someone_else_is_named_and_left_alone,
    rubbish_in_the_lock_is_an_alarm_and_replaced_after_the_wait,
    rubbish_in_the_config_is_said_and_left_alone,
    a_reader_that_has_gone_ends_the_program_in_good_order,
);

async fn a_stand_in_is_made_and_removed(backend: Backend) {
    let mut cluster = Cluster::open("stand-in", backend, timing()).await;
    for signal in [Signal::TERM, Signal::INT] {
        cluster.start("demo-0");
        let pod = pod_with_status(&cluster).await;
        let labels = json!({
            "application": "dcs",
            "cluster-name": SCOPE,
            "dcs.internal/stand-in": "true",
            "role": "replica",
        });
        assert_eq!(pod["metadata"]["labels"], labels);
        cluster.signal("demo-0", signal);
        let ended = cluster.ended("demo-0").await;
        assert!(ended.status.success(), "{signal:?}: {ended:?}");
        assert_eq!(pod_of(&cluster).await, None, "{signal:?}");
    }
}

async fn nobody_is_sent_to_a_leader_that_was_told_to_end(backend: Backend) {
    let mut cluster = Cluster::open("left", backend, timing()).await;
    let pods = Recorder::start(&cluster.api, "pods").await;
    let lock = Recorder::start(&cluster.api, backend.plural()).await;
    cluster.start_with("demo-0", &["--bootstrap"]);
    until("clients are sent to the leader", PATIENCE, async || {
        let pod = pod_of(&cluster).await?;
        (pod["metadata"]["labels"]["role"] == "primary").then_some(())
    })
    .await;
    cluster.signal("demo-0", Signal::TERM);
    let ended = cluster.ended("demo-0").await;
    assert!(ended.status.success(), "{ended:?}");
    let versions = until("the Pod is seen to be gone", PATIENCE, async || {
        let versions = pods.of("demo-0");
        let is_gone = versions.last()?.happened == Happened::Deleted;
        is_gone.then_some(versions)
    })
    .await;
    let has_stopped = |version: &&Version| {
        let status = annotation(&version.object, "status");
        status.is_some_and(|status| status.contains(r#""state":"stopped""#))
    };
    let left = versions.iter().find(has_stopped).unwrap();
    assert_eq!(left.object["metadata"]["labels"].get("role"), None);
    let versions = lock.of(backend.leader_object());
    let released = versions.last().unwrap();
    assert_eq!(annotation(&released.object, "leader"), None);
    assert!(
        left.revision < released.revision,
        "before the others may lead"
    );
}

async fn a_stand_in_that_a_killed_run_left_behind_is_adopted(backend: Backend) {
    let mut cluster = Cluster::open("adopted", backend, timing()).await;
    cluster.start("demo-0");
    let left = pod_with_status(&cluster).await;
    cluster.kill("demo-0");
    cluster.start("demo-0");
    wait_for_event(&cluster, "leader").await;
    let adopted = pod_of(&cluster).await.unwrap();
    assert_eq!(adopted["metadata"]["uid"], left["metadata"]["uid"]);
    cluster.signal("demo-0", Signal::TERM);
    let ended = cluster.ended("demo-0").await;
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(pod_of(&cluster).await, None);
}

async fn a_pod_of_someone_else_is_refused_and_left_alone(backend: Backend) {
    let mut cluster = Cluster::open("foreign-pod", backend, timing()).await;
    let foreign = json!({
        "metadata": {
            "name": "demo-0",
            // All that a member's Pod has, but nobody said that it is a stand-in.
            "labels": {"application": "dcs", "cluster-name": SCOPE},
        },
        "spec": {"containers": [{"name": "other", "image": "other"}]},
    });
    let foreign = cluster.api.create("pods", &foreign).await;
    cluster.start("demo-0");
    let ended = cluster.ended("demo-0").await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    for word in [
        "Pod demo-0",
        "no stand-in of scope demo",
        "--name or --scope",
    ] {
        assert!(ended.err.contains(word), "{word}: {}", ended.err);
    }
    assert_eq!(ended.out, "");
    assert_eq!(pod_of(&cluster).await, Some(foreign));
    assert_eq!(cluster.api.names().await, ["pods/demo-0"]);
}

async fn a_lock_of_someone_else_is_named_and_left_alone(backend: Backend) {
    let name = backend.leader_object();
    let (mut cluster, foreign) = with_an_object_of_someone_else(backend, name).await;
    cluster.start("demo-0");
    let label = format!("cluster-name={SCOPE}");
    wait_for_log(&cluster, &[name, &label, "not ours"]).await;
    let ended = cluster.ended("demo-0").await;
    assert_eq!((ended.status.code(), &*ended.out), (Some(1), ""));
    let left = cluster.api.get(backend.plural(), name).await;
    assert_eq!(left, Some(foreign));
    assert_eq!(pod_of(&cluster).await, None);
}

async fn a_config_of_someone_else_is_named_and_left_alone(backend: Backend) {
    let (mut cluster, foreign) = with_an_object_of_someone_else(backend, "demo-config").await;
    cluster.start("demo-0");
    wait_for_log(&cluster, &["demo-config", "cluster-name=demo", "not ours"]).await;
    cluster.signal("demo-0", Signal::TERM);
    let ended = cluster.ended("demo-0").await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(
        ended.out.contains("elected"),
        "the lock is another object: {}",
        ended.out
    );
    let left = cluster.api.get(backend.plural(), "demo-config").await;
    assert_eq!(left, Some(foreign));
}

/// A scope in which one object exists without the label of the scope.
async fn with_an_object_of_someone_else(backend: Backend, name: &str) -> (Cluster, Value) {
    let cluster = Cluster::open(&format!("foreign-{name}"), backend, timing()).await;
    let foreign = json!({"metadata": {
        "name": name,
        "labels": {"application": "dcs"},
        "annotations": {"of": "someone else"},
    }});
    let foreign = cluster.api.create(backend.plural(), &foreign).await;
    (cluster, foreign)
}

async fn rubbish_in_the_lock_is_an_alarm_and_replaced_after_the_wait(backend: Backend) {
    for (key, rubbish) in [("ttl", "x"), ("leader", "Not A Name")] {
        let mut cluster = Cluster::open("rubbish-lock", backend, timing()).await;
        let (plural, lock) = (backend.plural(), backend.leader_object());
        let object = labelled(lock, &json!({key: rubbish}));
        let written = revision(&cluster.api.create(plural, &object).await);
        let started_ms = now_ms();
        cluster.start("demo-0");
        wait_for_log(&cluster, &["MalformedLeader", &format!("annotation {key}")]).await;
        let limit = cluster.timing.ttl * 2;
        let elected = cluster.elected(started_ms, None, limit).await;
        let waited = elected.at_ms - started_ms;
        let ttl_ms = i64::try_from(cluster.timing.ttl.as_millis()).unwrap();
        assert!(waited >= ttl_ms, "{key}: elected after {waited} ms");
        assert!(elected.token.unwrap() > written);
        let object = cluster.api.get(plural, lock).await.unwrap();
        assert_eq!(annotation(&object, "leader"), Some("demo-0"));
        assert!(annotation(&object, "ttl").unwrap().parse::<u32>().is_ok());
        cluster.stop().await;
        cluster.verdict().assert_good(1);
    }
}

async fn rubbish_in_the_config_is_said_and_left_alone(backend: Backend) {
    let mut cluster = Cluster::open("rubbish-config", backend, timing()).await;
    let rubbish = "{ttl: 30";
    let object = labelled("demo-config", &json!({"config": rubbish}));
    cluster.api.create(backend.plural(), &object).await;
    cluster.start("demo-0");
    wait_for_log(&cluster, &["annotation config", "repair or remove it"]).await;
    wait_for_event(&cluster, "renewed").await;
    let config = async || {
        let object = cluster.api.get(backend.plural(), "demo-config").await;
        let object = object.unwrap();
        (
            annotation(&object, "config").map(str::to_owned),
            annotation(&object, "initialize").is_some(),
        )
    };
    // Its other key is written meanwhile, so the object was seen and judged.
    until("the leader writes initialize", seconds(5), async || {
        config().await.1.then_some(())
    })
    .await;
    let (config, _) = config().await;
    assert_eq!(config.as_deref(), Some(rubbish));
    cluster.stop().await;
}

async fn a_reader_that_has_gone_ends_the_program_in_good_order(backend: Backend) {
    let cluster = Cluster::open("no-reader", backend, timing()).await;
    let mut command = cluster.command("demo-0");
    command.arg("--bootstrap");
    let mut child = Piped::start(command);
    drop(child.first_line());
    let (code, log) = child.end().await;
    // That settings were adjusted is all that it has to say.
    let mut told = log.lines().filter(|line| !line.contains("adjusted"));
    assert_eq!((code, told.next()), (Some(0), None));
    assert_eq!(pod_of(&cluster).await, None);
    let lock = backend.leader_object();
    let lock = cluster.api.get(backend.plural(), lock).await;
    let holder = lock.as_ref().and_then(|lock| annotation(lock, "leader"));
    assert_eq!(holder, None, "{lock:?}");
}

fn labelled(name: &str, annotations: &Value) -> Value {
    json!({"metadata": {
        "name": name,
        "labels": {"application": "dcs", "cluster-name": SCOPE},
        "annotations": annotations,
    }})
}

async fn pod_of(cluster: &Cluster) -> Option<Value> {
    cluster.api.get("pods", "demo-0").await
}

async fn pod_with_status(cluster: &Cluster) -> Value {
    until("the member writes its record", PATIENCE, async || {
        let pod = pod_of(cluster).await?;
        annotation(&pod, "status").is_some().then_some(pod)
    })
    .await
}

/// Waits for a line on stderr that says all of these.
async fn wait_for_log(cluster: &Cluster, words: &[&str]) {
    let what = format!("a line on stderr with {words:?}");
    until(&what, cluster.timing.ttl * 3, async || {
        let log = cluster.running["demo-0"].log();
        let mut lines = log.lines();
        lines
            .any(|line| words.iter().all(|word| line.contains(word)))
            .then_some(())
    })
    .await;
}

async fn wait_for_event(cluster: &Cluster, event: &str) {
    let limit = cluster.timing.ttl * 3;
    until(event, limit, async || {
        let events = cluster.running["demo-0"].events();
        events.iter().any(|seen| seen.is(event)).then_some(())
    })
    .await;
}
