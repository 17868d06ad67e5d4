//! A member's own key: an annotation of its Pod, and the labels beside it.

use std::sync::atomic::Ordering;

use dcs_core::{Committed, Error, Key, MemberName, MemberRecord, Outcome};
use serde_json::{Map, Value, json};

use crate::BACKEND;
use crate::client::{Call, read, written};
use crate::format::{self, Object as Raw, STATUS_MAX};
use crate::own_pod::OwnPod;
use crate::settings::Collection;
use crate::store::Store;

/// One patch of the own Pod.
struct Patch {
    status: Option<String>,
    /// The labels to set and to remove; `None` leaves all as they are.
    labels: Option<Map<String, Value>>,
}

impl Store {
    pub(crate) async fn put_member(&self, record: &MemberRecord) -> Outcome {
        let name = record.name();
        let patch = match self.member_patch(record) {
            Ok(patch) => patch,
            Err(error) => return Outcome::NotCommitted(error),
        };
        let labelled = patch.labels.is_some();
        let outcome = self.patch_member(name, patch).await;
        // Also where nobody knows whether they stand there now.
        if labelled && !matches!(outcome, Outcome::NotCommitted(_)) {
            self.memory.labelled.store(true, Ordering::Relaxed);
        }
        if matches!(outcome, Outcome::Committed(_)) {
            self.keep_config_service().await;
        }
        outcome
    }

    /// The patch is the same whether the key was there or not, so that is read
    /// first. Labels that this handle wrote go with the key: nobody is to be
    /// sent to a member that is no longer one.
    pub(crate) async fn delete_member(&self, name: &MemberName) -> Outcome {
        if let Err(error) = self.check_own(name) {
            return Outcome::NotCommitted(error);
        }
        let call = Call::get(Collection::Pods, name.to_string());
        let context = self.context(&call, Some(Key::Member(name.clone())), None);
        let answer = self.streams.attempt(&self.settings, call).await;
        let pod = match read::<Raw>(answer, &context) {
            Ok(pod) => pod,
            Err(error) => return Outcome::NotCommitted(error),
        };
        let there = pod.is_some_and(|pod| pod.annotation(format::name::STATUS).is_some());
        if !there {
            return Outcome::NotCommitted(Error::Missing {
                what: format!("the key {}", Key::Member(name.clone())),
                advice: "there is nothing to remove",
            });
        }
        let labelled = self.memory.labelled.load(Ordering::Relaxed);
        let patch = Patch {
            status: None,
            labels: labelled.then(|| self.settings.role_labels.removed()),
        };
        self.patch_member(name, patch).await
    }

    fn member_patch(&self, record: &MemberRecord) -> Result<Patch, Error> {
        let key = || Key::Member(record.name().clone());
        let refused = |why| Error::Refused {
            backend: BACKEND,
            key: key(),
            why,
        };
        self.check_own(record.name())?;
        let status = format::member_status(record).map_err(refused)?;
        if status.len() > STATUS_MAX {
            return Err(Error::TooLarge {
                key: key(),
                limit: STATUS_MAX,
                actual: status.len(),
            });
        }
        let labels = &self.settings.role_labels;
        let labels = record
            .routing()
            .map(|routing| labels.on_pod(routing, record.state()));
        Ok(Patch {
            status: Some(status),
            labels: labels.transpose().map_err(refused)?,
        })
    }

    async fn patch_member(&self, name: &MemberName, patch: Patch) -> Outcome {
        let size = patch.status.as_ref().map_or(0, String::len);
        let mut metadata = json!({
            "namespace": self.settings.namespace.as_str(),
            "name": name.as_str(),
        });
        if let Some(labels) = patch.labels {
            metadata["labels"] = labels.into();
        }
        metadata["annotations"] = json!({(format::name::STATUS): patch.status});
        let body = json!({"metadata": metadata});
        let call = Call::patch(Collection::Pods, name.to_string(), body);
        // The address of the leader says which Pod it is, and on which node.
        let shows = self.settings.address.is_some();
        let call = if shows { call.whole() } else { call };
        let mut context = self.context(&call, Some(Key::Member(name.clone())), None);
        context.size = size;
        let answer = self.streams.attempt(&self.settings, call).await;
        match written(answer, &context) {
            Ok((revision, pod)) => {
                if let Err(error) = self.check_ours(Collection::Pods, &pod) {
                    tracing::warn!(%error, "nobody will see this member");
                }
                if let Some(own) = OwnPod::of(&pod) {
                    self.memory.saw_own_pod(own);
                }
                Outcome::Committed(Committed::new(revision))
            }
            Err(outcome) => outcome,
        }
    }

    fn check_own(&self, name: &MemberName) -> Result<(), Error> {
        if self.settings.member.as_ref() == Some(name) {
            return Ok(());
        }
        Err(Error::Refused {
            backend: BACKEND,
            key: Key::Member(name.clone()),
            why: "a member's key is written through its own handle only".to_owned(),
        })
    }
}
