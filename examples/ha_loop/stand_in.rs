//! Stand-ins for the Pods that a cluster would run the members in: a member key
//! is an annotation of a Pod, so outside a cluster there has to be one.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use dcs_core::{MemberName, Scope};
use dcs_kubernetes::Namespace;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use serde_json::json;

/// Tells our stand-ins from Pods of anyone else.
const MARK: &str = "dcs.internal/stand-in";

/// A Pod that nothing runs, made for one member and removed with it.
pub(crate) struct StandIn {
    pods: Api<Pod>,
    name: MemberName,
    uid: Option<String>,
}

impl StandIn {
    /// Makes the Pod, or adopts the one that a killed run has left behind.
    pub(crate) async fn make(
        client: kube::Client,
        namespace: &Namespace,
        scope: &Scope,
        labels: BTreeMap<String, String>,
        name: &MemberName,
    ) -> anyhow::Result<Self> {
        let pods: Api<Pod> = Api::namespaced(client, namespace.as_str());
        let mut all = labels;
        all.insert(MARK.to_owned(), "true".to_owned());
        let pod = serde_json::from_value(json!({
            "metadata": { "name": name.as_str(), "labels": all },
            // No node takes it, so no node pulls the image.
            "spec": {
                "containers": [{ "name": "stand-in", "image": "stand-in" }],
                "nodeSelector": { MARK: "never" },
            },
        }))
        .context("a Pod of the stand-in's shape")?;
        let made = match pods.create(&PostParams::default(), &pod).await {
            Ok(made) => made,
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let there = pods
                    .get(name.as_str())
                    .await
                    .context("reading the Pod that exists")?;
                let labels = there.metadata.labels.clone().unwrap_or_default();
                if !all
                    .iter()
                    .all(|(key, value)| labels.get(key) == Some(value))
                {
                    bail!(
                        "Pod {name} exists and is no stand-in of scope {scope}: choose another --name or --scope"
                    );
                }
                there
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("creating the stand-in Pod {name} in namespace {namespace}")
                });
            }
        };
        Ok(Self {
            pods,
            name: name.clone(),
            uid: made.metadata.uid,
        })
    }

    /// Removes the Pod, unless someone has replaced it meanwhile.
    pub(crate) async fn remove(self) {
        let preconditions = self.uid.map(|uid| Preconditions {
            uid: Some(uid),
            resource_version: None,
        });
        let now = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions,
            ..DeleteParams::default()
        };
        match self.pods.delete(self.name.as_str(), &now).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => tracing::warn!(pod = %self.name, %error, "the stand-in was not removed"),
        }
    }
}
