//! What both backends do, in the object kind that their settings name.

use std::sync::Arc;

use dcs_core::{
    Change, Clock, Committed, Entropy, Entry, Error, Key, LeaderRecord, Outcome, Precondition,
    Snapshot,
};
use serde_json::{Map, Value, json};

use crate::BACKEND;
use crate::client::{Answer, Call, Client, Context, Failure, PAGE, read, written};
use crate::format::{self, Annotation, List, Object as Raw};
use crate::memory::Memory;
use crate::room::Room;
use crate::seeded::{Bug, planted};
use crate::settings::{Collection, Object, Settings};
use crate::snapshot;

/// Times that a list is begun anew when its pages expire under it.
const LIST_TRIES: usize = 3;

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) settings: Settings,
    /// Carries the lock, and nothing else: a webhook that hangs on Pods, or a
    /// list that does, costs the lock no connection.
    pub(crate) client: Client,
    /// Carries all else: lists, watches, and the writes of other objects.
    pub(crate) streams: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) memory: Memory,
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
        let revision = snapshot::revision(&raw)?;
        self.memory.sizes.learn(Object::Leader, &raw);
        Ok(snapshot::at(revision, format::leader(&raw)))
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
        let Some(object) = Object::of(&key) else {
            return refuse("this backend does not know the key".to_owned());
        };
        let sizes = &self.memory.sizes;
        if let Err(error) = sizes.check(object, &key, &annotations, expected) {
            return Outcome::NotCommitted(error);
        }
        let subsets = match change {
            Change::Leader(write) => self.subsets(write, expected),
            _ => Ok(None),
        };
        let subsets = match subsets {
            Ok(subsets) => subsets,
            Err(why) => return refuse(why),
        };
        let (call, size) = self.write_call(object, annotations, subsets, expected);
        let mut context = self.context(&call, Some(key), Some(expected));
        context.size = size;
        let answer = self.client_for(object).attempt(&self.settings, call).await;
        match written(answer, &context) {
            Ok((revision, raw)) => {
                sizes.learn(object, &raw);
                if object == Object::Leader {
                    self.saw_addresses(revision, &raw);
                    return Outcome::Committed(Committed::leader(revision, format::leader(&raw)));
                }
                self.after_write(object, expected).await;
                Outcome::Committed(Committed::new(revision))
            }
            Err(outcome) if outcome.is_conflict() && creates_beside_leader(change, expected) => {
                self.why_not_created(object, outcome).await
            }
            Err(outcome) => outcome,
        }
    }

    /// Whose connections the requests of this object go by.
    pub(crate) const fn client_for(&self, object: Object) -> &Client {
        match object {
            Object::Leader => &self.client,
            Object::Config | Object::Failover | Object::Sync => &self.streams,
        }
    }

    /// Every object of a collection that carries the labels, page by page.
    pub(crate) async fn list(&self, collection: Collection) -> Result<Listed, Error> {
        let is_of_pods = collection == Collection::Pods;
        let first = if is_of_pods { self.memory.page() } else { PAGE };
        let (mut tries, mut page) = (0, first);
        let mut items = Vec::new();
        let mut room = Room::default();
        let mut next: Option<String> = None;
        loop {
            let call = Call::list(&self.settings, collection, page, next.as_deref());
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
                room = Room::default();
                continue;
            }
            if page > 1 && answer.as_ref().is_ok_and(Answer::is_too_long) {
                page /= 2;
                continue;
            }
            if is_of_pods && is_late(&answer) {
                self.memory.page_was_too_long(page);
            }
            let list: List = read(answer, &context)?.ok_or_else(|| not_found(&context))?;
            let mut found = list.items.unwrap_or_default();
            if is_of_pods {
                for pod in &mut found {
                    room.take_in(pod);
                }
            } else {
                found.retain(|raw| self.settings.object_named(&raw.metadata.name).is_some());
            }
            items.append(&mut found);
            let rest = list.metadata.next.filter(|next| !next.is_empty());
            if rest.is_some() && rest == next {
                // A cache on the way that does not tell pages apart.
                let source = "a page of a list names itself as the next one".into();
                let backend = BACKEND;
                return Err(Error::Backend { backend, source });
            }
            next = rest;
            if next.is_none() {
                if is_of_pods {
                    self.memory.page_was_well(page);
                }
                self.learn_sizes(collection, &items);
                let revision = list.metadata.resource_version.parse();
                let revision =
                    revision.map_err(|error: dcs_core::RevisionError| Error::Backend {
                        backend: BACKEND,
                        source: error.into(),
                    })?;
                return Ok(Listed { revision, items });
            }
        }
    }

    /// What is seen of the scope's objects, whoever wrote them.
    pub(crate) fn learn_sizes(&self, collection: Collection, items: &[Raw]) {
        for raw in items.iter().filter(|_| collection != Collection::Pods) {
            if let Some(object) = self.settings.object_named(&raw.metadata.name) {
                self.memory.sizes.learn(object, raw);
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
        let client = self.client_for(object);
        let answer = client.attempt(&self.settings, call).await;
        let found = read::<Raw>(answer, &context).ok().flatten();
        match found.map(|raw| self.check_ours(self.settings.keys(), &raw)) {
            Some(Err(foreign)) => Outcome::NotCommitted(foreign),
            _ => outcome,
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
        let labels = self.settings.written_labels();
        let labels: Map<String, Value> = labels.map(|(k, v)| (k.to_owned(), v.into())).collect();
        let name = self.settings.object_name(object);
        let mut metadata = json!({
            "namespace": self.settings.namespace.as_str(),
            "name": name,
            "labels": labels,
            "annotations": annotations,
        });
        let guard = expected
            .revision()
            .filter(|_| !planted(Bug::UnguardedPatch));
        if let Some(revision) = guard {
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
        // The answer to a write of the lock shows the addresses that stand there.
        let shows = object == Object::Leader && self.settings.address.is_some();
        let call = if shows { call.whole() } else { call };
        (call, size)
    }

    /// An object with the right name may belong to someone else.
    pub(crate) fn check_ours(&self, collection: Collection, raw: &Raw) -> Result<(), Error> {
        let lacks = |(key, value): &(&str, String)| raw.label(key) != Some(value);
        let Some((key, value)) = self.settings.written_labels().find(lacks) else {
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

/// Whether an answer did not come whole within its deadline, be it for its length.
const fn is_late(answer: &Result<Answer, Failure>) -> bool {
    match answer {
        Ok(answer) => answer.body.is_err(),
        Err(Failure::Timeout(_)) => true,
        Err(_) => false,
    }
}

fn not_found(context: &Context) -> Error {
    Error::Missing {
        what: context.object.clone(),
        advice: "create the namespace, or name another one",
    }
}
