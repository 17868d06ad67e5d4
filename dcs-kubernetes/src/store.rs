//! What both backends do, in the object kind that their settings name.

use std::sync::Arc;

use dcs_core::{
    Change, Clock, Committed, Entropy, Entry, Error, Key, LeaderRecord, MemberName, MemberRecord,
    Outcome, Precondition, Snapshot,
};
use serde_json::{Map, Value, json};

use crate::BACKEND;
use crate::client::{Call, Client, Context, read, written};
use crate::format::{self, Annotation, List, Object as Raw};
use crate::settings::{Collection, Object, Settings};
use crate::snapshot;

/// Times that a list is begun anew when its pages expire under it.
const LIST_TRIES: usize = 3;

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    /// Carries what is long: lists and watches. Its connections are not the
    /// ones that the lock waits for.
    pub(crate) streams: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// All objects of a collection, and the revision at which they were listed.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) revision: dcs_core::Revision,
    pub(crate) items: Vec<Raw>,
}

impl Store {
    pub(crate) async fn load(&self) -> Result<Snapshot, Error> {
        let keys = self.list(self.settings.keys());
        let pods = self.list(Collection::Pods);
        let (keys, pods) = futures_util::future::try_join(keys, pods).await?;
        snapshot::whole(&self.settings, &keys.items, &pods.items)
    }

    pub(crate) async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        let name = self.settings.object_name(Object::Leader);
        let call = Call::get(self.settings.keys(), name);
        let context = self.context(&call, None, None);
        let answer = self.client.attempt(&self.settings, call).await;
        let Some(raw) = read::<Raw>(answer, &context)? else {
            return Ok(Entry::absent());
        };
        self.check_ours(self.settings.keys(), &raw)?;
        Ok(snapshot::at(
            snapshot::revision(&raw)?,
            format::leader(&raw),
        ))
    }

    pub(crate) async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let key = change.key();
        let refuse = |why| {
            Outcome::NotCommitted(Error::Refused {
                backend: BACKEND,
                key: key.clone(),
                why,
            })
        };
        let annotations = match format::of_change(change) {
            Ok(annotations) => annotations,
            Err(why) => return refuse(why),
        };
        let subsets = match self.subsets(change) {
            Ok(subsets) => subsets,
            Err(why) => return refuse(why),
        };
        let Some(object) = Object::of(&key) else {
            return refuse("this backend does not know the key".to_owned());
        };
        let (call, size) = self.write_call(object, annotations, subsets, expected);
        let mut context = self.context(&call, Some(key), Some(expected));
        context.size = size;
        let answer = self.client.attempt(&self.settings, call).await;
        match written(answer, &context) {
            Ok((revision, raw)) => Outcome::Committed(match change {
                Change::Leader(_) => Committed::leader(revision, format::leader(&raw)),
                _ => Committed::new(revision),
            }),
            Err(outcome) if outcome.is_conflict() && creates_beside_leader(change, expected) => {
                self.why_not_created(object, outcome).await
            }
            Err(outcome) => outcome,
        }
    }

    pub(crate) async fn put_member(&self, record: &MemberRecord) -> Outcome {
        match format::member_status(record) {
            Ok(status) => self.patch_member(record.name(), Some(status)).await,
            Err(why) => Outcome::NotCommitted(Error::Refused {
                backend: BACKEND,
                key: Key::Member(record.name().clone()),
                why,
            }),
        }
    }

    /// The patch is the same whether the key was there or not, so that is read first.
    pub(crate) async fn delete_member(&self, name: &MemberName) -> Outcome {
        if let Err(outcome) = self.check_own(name) {
            return outcome;
        }
        let call = Call::get(Collection::Pods, name.to_string());
        let context = self.context(&call, Some(Key::Member(name.clone())), None);
        let answer = self.client.attempt(&self.settings, call).await;
        let pod = match read::<Raw>(answer, &context) {
            Ok(pod) => pod,
            Err(error) => return Outcome::NotCommitted(error),
        };
        let there = pod.is_some_and(|pod| pod.annotation(format::name::STATUS).is_some());
        if there {
            return self.patch_member(name, None).await;
        }
        Outcome::NotCommitted(Error::Missing {
            what: format!("the key {}", Key::Member(name.clone())),
            advice: "there is nothing to remove",
        })
    }

    /// Every object of a collection that carries the labels, page by page.
    pub(crate) async fn list(&self, collection: Collection) -> Result<Listed, Error> {
        let mut tries = 0;
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let call = Call::list(&self.settings, collection, next.as_deref());
            let context = self.context(&call, None, None);
            let answer = self.streams.attempt(&self.settings, call).await;
            // The rest of the list is gone: a part of it must not pass for the whole.
            let expired = answer
                .as_ref()
                .is_ok_and(|answer| answer.status.as_u16() == 410);
            if expired && next.is_some() && tries < LIST_TRIES {
                tries += 1;
                next = None;
                items.clear();
                continue;
            }
            let page: List = read(answer, &context)?.ok_or_else(|| not_found(&context))?;
            items.extend(page.items.unwrap_or_default());
            next = page.metadata.next.filter(|next| !next.is_empty());
            if next.is_none() {
                let revision = page.metadata.resource_version.parse();
                let revision =
                    revision.map_err(|error: dcs_core::RevisionError| Error::Backend {
                        backend: BACKEND,
                        source: error.into(),
                    })?;
                return Ok(Listed { revision, items });
            }
        }
    }

    pub(crate) fn context(
        &self,
        call: &Call,
        key: Option<Key>,
        expected: Option<Precondition>,
    ) -> Context {
        Context {
            verb: call.verb(),
            collection: call.collection,
            object: self.settings.describe(call.collection, &call.name),
            key,
            expected,
            size: 0,
        }
    }

    /// An object that exists although no list shows it belongs to someone else.
    /// The leader's is read back by the election itself.
    pub(crate) async fn why_not_created(&self, object: Object, outcome: Outcome) -> Outcome {
        let call = Call::get(self.settings.keys(), self.settings.object_name(object));
        let context = self.context(&call, None, None);
        let answer = self.client.attempt(&self.settings, call).await;
        let found = read::<Raw>(answer, &context).ok().flatten();
        match found.map(|raw| self.check_ours(self.settings.keys(), &raw)) {
            Some(Err(foreign)) => Outcome::NotCommitted(foreign),
            _ => outcome,
        }
    }

    async fn patch_member(&self, name: &MemberName, status: Option<String>) -> Outcome {
        if let Err(outcome) = self.check_own(name) {
            return outcome;
        }
        let size = status.as_ref().map_or(0, String::len);
        let body = json!({"metadata": {
            "namespace": self.settings.namespace.as_str(),
            "name": name.as_str(),
            "annotations": {(format::name::STATUS): status},
        }});
        let call = Call::patch(Collection::Pods, name.to_string(), body);
        let mut context = self.context(&call, Some(Key::Member(name.clone())), None);
        context.size = size;
        let answer = self.client.attempt(&self.settings, call).await;
        match written(answer, &context) {
            Ok((revision, pod)) => {
                if let Err(error) = self.check_ours(Collection::Pods, &pod) {
                    tracing::warn!(%error, "nobody will see this member");
                }
                Outcome::Committed(Committed::new(revision))
            }
            Err(outcome) => outcome,
        }
    }

    /// The request of one write, and how many bytes of annotations it carries.
    pub(crate) fn write_call(
        &self,
        object: Object,
        annotations: Vec<Annotation>,
        subsets: Option<Value>,
        expected: Precondition,
    ) -> (Call, usize) {
        let size = annotations
            .iter()
            .map(|(key, value)| key.len() + value.as_ref().map_or(0, String::len))
            .sum();
        // In a patch a null removes; a new object has nothing to remove.
        let creates = expected == Precondition::Absent;
        let annotations: Map<String, Value> = annotations
            .into_iter()
            .filter(|(_, value)| value.is_some() || !creates)
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let labels = self.settings.labels.iter();
        let labels: Map<String, Value> = labels.map(|(k, v)| (k.to_owned(), v.into())).collect();
        let name = self.settings.object_name(object);
        let mut metadata = json!({
            "namespace": self.settings.namespace.as_str(),
            "name": name,
            "labels": labels,
            "annotations": annotations,
        });
        if let Precondition::Matches(revision) = expected {
            metadata["resourceVersion"] = revision.to_string().into();
        }
        let mut body = json!({"metadata": metadata});
        if let Some(subsets) = subsets {
            body["subsets"] = subsets;
        }
        let keys = self.settings.keys();
        let call = match expected {
            Precondition::Absent => Call::create(keys, body),
            Precondition::Matches(_) => Call::patch(keys, name, body),
        };
        (call, size)
    }

    /// The addresses that go with a write of the lock.
    fn subsets(&self, change: &Change) -> Result<Option<Value>, String> {
        let Change::Leader(write) = change else {
            return Ok(None);
        };
        let holder = write.record.holder.as_ref();
        let subsets = self.settings.subsets(holder);
        let own = self.settings.member.as_ref();
        if subsets.is_some() && holder.is_some() && holder != own {
            return Err(format!(
                "the address that goes with the lock is {}'s, not {}'s: write through the holder's own handle",
                own.map_or("nobody", |own| own.as_str()),
                holder.map_or("nobody", |holder| holder.as_str()),
            ));
        }
        Ok(subsets)
    }

    #[expect(clippy::result_large_err, reason = "an outcome is returned by value")]
    fn check_own(&self, name: &MemberName) -> Result<(), Outcome> {
        if self.settings.member.as_ref() == Some(name) {
            return Ok(());
        }
        Err(Outcome::NotCommitted(Error::Refused {
            backend: BACKEND,
            key: Key::Member(name.clone()),
            why: "a member's key is written through its own handle only".to_owned(),
        }))
    }

    /// An object with the right name may belong to someone else.
    fn check_ours(&self, collection: Collection, raw: &Raw) -> Result<(), Error> {
        let lacks = |(key, value): &(&str, &str)| raw.label(key) != Some(value);
        let Some((key, value)) = self.settings.labels.iter().find(lacks) else {
            return Ok(());
        };
        Err(Error::Foreign {
            object: self.settings.describe(collection, &raw.metadata.name),
            why: format!("it lacks the label {key}={value}"),
        })
    }
}

fn creates_beside_leader(change: &Change, expected: Precondition) -> bool {
    expected == Precondition::Absent && !matches!(change, Change::Leader(_))
}

fn not_found(context: &Context) -> Error {
    Error::Missing {
        what: context.object.clone(),
        advice: "create the namespace, or name another one",
    }
}
