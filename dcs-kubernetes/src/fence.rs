//! The touch of an object: its fence, and nothing else of it.

use dcs_core::{Committed, Error, FencingToken, Key, Outcome, Precondition};

use crate::BACKEND;
use crate::client::written;
use crate::format;
use crate::settings::Object;
use crate::store::Store;

impl Store {
    /// A patch of one annotation, or a new object that has no other. The keys
    /// of one object share its fence as they share its revision.
    pub(crate) async fn fence(
        &self,
        key: &Key,
        token: FencingToken,
        expected: Precondition,
    ) -> Outcome {
        let Some(object) = Object::of(key).filter(|_| key.has_fence()) else {
            return Outcome::NotCommitted(Error::Refused {
                backend: BACKEND,
                key: key.clone(),
                why: "it has no fence: fence config, initialize, history, failover or sync"
                    .to_owned(),
            });
        };
        let annotations = vec![format::of_fence(token)];
        let sizes = &self.memory.sizes;
        if let Err(error) = sizes.check(object, key, &annotations, expected) {
            return Outcome::NotCommitted(error);
        }
        let (call, size) = self.write_call(object, annotations, None, expected);
        let mut context = self.context(&call, Some(key.clone()), Some(expected));
        context.size = size;
        let answer = self.client_for(object).attempt(&self.settings, call).await;
        match written(answer, &context) {
            Ok((revision, raw)) => {
                sizes.learn(object, &raw);
                self.after_write(object, expected).await;
                Outcome::Committed(Committed::new(revision))
            }
            Err(outcome) if outcome.is_conflict() && expected == Precondition::Absent => {
                self.why_not_created(object, outcome).await
            }
            Err(outcome) => outcome,
        }
    }
}
