//! The headless Service of the config object. Without it the endpoints
//! controller deletes that object when it starts, since it has no Service.

use std::sync::atomic::Ordering;

use dcs_core::Precondition;
use serde_json::{Map, Value, json};

use crate::client::Call;
use crate::settings::{Collection, Kind, Object};
use crate::store::Store;

impl Store {
    /// A new config object asks for its Service anew, whatever came of the
    /// last one.
    pub(crate) async fn after_write(&self, object: Object, expected: Precondition) {
        if object == Object::Config && expected == Precondition::Absent {
            self.memory.service_settled.store(false, Ordering::Relaxed);
            self.keep_config_service().await;
        }
    }

    /// Makes the Service, unless it is there, refused, or not wanted. Whatever
    /// comes of it, the write that it follows has its own outcome.
    pub(crate) async fn keep_config_service(&self) {
        let wanted = self.settings.config_service && self.settings.kind == Kind::Endpoints;
        if !wanted || self.memory.service_settled.load(Ordering::Relaxed) {
            return;
        }
        let call = Call::create(Collection::Services, self.config_service());
        // Not in the way of the lock, which has connections of its own.
        let answer = match self.streams.attempt(&self.settings, call).await {
            Ok(answer) => answer,
            Err(failure) => {
                let error = failure.into_error();
                tracing::debug!(%error, "the Service of the config object is asked for again later");
                return;
            }
        };
        let status = answer.status;
        let settled = status.is_success() || matches!(status.as_u16(), 403 | 409 | 422);
        if settled && !status.is_success() && status.as_u16() != 409 {
            tracing::warn!(
                %status,
                service = self.settings.object_name(Object::Config),
                "the Service of the config object was refused: make it by hand, {}, or switch it off",
                Collection::Services.advice(),
            );
        }
        self.memory
            .service_settled
            .store(settled, Ordering::Relaxed);
    }

    fn config_service(&self) -> Value {
        let labels = self.settings.written_labels();
        let labels: Map<String, Value> = labels.map(|(k, v)| (k.to_owned(), v.into())).collect();
        json!({
            "metadata": {
                "namespace": self.settings.namespace.as_str(),
                "name": self.settings.object_name(Object::Config),
                "labels": labels,
            },
            "spec": {"clusterIP": "None"},
        })
    }
}
