//! What a member leaves to Patroni's databases in a scope that it shares with them.

mod support;

use serde_json::json;
use support::api::{Api, annotation};
use support::process::{Process, folder, ha_loop_by_file};
use support::wait::{seconds, until};

/// A member of a scope in ConfigMaps, by Patroni's file.
fn start(api: &Api, test: &str, flags: &[&str]) -> Process {
    let folder = folder(&format!("beside-{test}"));
    let file = json!({
        "scope": "demo",
        "name": "demo-0",
        "kubernetes": {"namespace": api.namespace, "labels": {"application": "patroni"}},
    });
    let mut command = ha_loop_by_file(&folder, "demo-0", &file);
    command.args(flags);
    Process::start(command, &folder, "demo-0")
}

fn count(process: &Process, event: &str) -> usize {
    process.events().iter().filter(|it| it.is(event)).count()
}

/// Patroni ends a first bootstrap by taking the lock from whoever holds it.
#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_member_does_not_lead_before_patroni_has_made_the_first_data() {
    let api = Api::open().await;
    let labels = json!({"application": "patroni", "cluster-name": "demo"});
    let making = json!({"metadata": {
        "name": "demo-config", "labels": labels, "annotations": {"initialize": ""},
    }});
    api.create("configmaps", &making).await;
    let member = start(&api, "first-data", &[]);
    until("it says why it does not lead", seconds(10), async || {
        let log = member.log();
        log.contains("Patroni has not made the first data")
            .then_some(())
    })
    .await;

    let made = json!({"metadata": {"annotations": {"initialize": "7711237088394640629"}}});
    api.patch("configmaps", "demo-config", &made).await;
    // (6 s + 10 s of Patroni's retry_timeout) and the drift, and what is added.
    until("it leads", seconds(30), async || {
        (count(&member, "elected") > 0).then_some(())
    })
    .await;
}

/// Who has no database does not know which standbys have what was confirmed.
#[tokio::test]
#[ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"]
async fn a_member_without_a_database_names_no_synchronous_standbys_to_patroni() {
    let api = Api::open().await;
    let member = start(&api, "sync", &["--bootstrap"]);
    let config = until("it seeds the config", seconds(10), async || {
        let object = api.get("configmaps", "demo-config").await?;
        annotation(&object, "config").map(str::to_owned)
    })
    .await;
    let seen = count(&member, "config");
    let config = config.replacen('{', r#"{"synchronous_mode":true,"#, 1);
    let on = json!({"metadata": {"annotations": {"config": config}}});
    api.patch("configmaps", "demo-config", &on).await;
    until("it sees the mode", seconds(10), async || {
        (count(&member, "config") > seen).then_some(())
    })
    .await;
    let renewed = count(&member, "renewed");
    until("it has had two turns since", seconds(20), async || {
        (count(&member, "renewed") > renewed + 1).then_some(())
    })
    .await;
    assert_eq!(api.get("configmaps", "demo-sync").await, None);
}
