//! What changes in a scope: two feeds, one of the objects and one of the Pods,
//! told as one story about keys.

mod backoff;
mod feed;
mod lines;
mod seen;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dcs_core::{Error, Revision, Update, WatchEvent, WatchStream};
use futures_core::stream::BoxStream;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};

use self::feed::{Said, feed};
use crate::client::before;
use crate::format::Object as Raw;
use crate::room::Room;
use crate::seeded::{Bug, planted};
use crate::settings::{Collection, Object};
use crate::snapshot::{self, member_update, updates};
use crate::store::Store;

/// A Pod may rest for as long as its watch lasts, and the server ends that
/// after a minute at the latest: more silence than this is a dead connection.
const POD_SILENCE: Duration = Duration::from_secs(65);

/// The watch of a scope.
pub(crate) fn stream(store: Arc<Store>, silence: Duration) -> WatchStream {
    let keys = feed(Arc::clone(&store), store.settings.keys(), silence, silence);
    let pod_silence = silence.max(POD_SILENCE);
    let pods = feed(Arc::clone(&store), Collection::Pods, pod_silence, silence);
    let keys = keys.map(|said| (Side::Keys, said));
    let pods = pods.map(|said| (Side::Pods, said));
    let begun = Story {
        store,
        feeds: Box::pin(stream::select(keys, pods)),
        told: VecDeque::new(),
        keys: Part::default(),
        pods: Part::default(),
        room: Room::default(),
        patience: None,
        goes_without: false,
        leader: None,
    };
    Box::pin(stream::unfold(begun, |mut story| async {
        let item = story.next().await?;
        Some((item, story))
    }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Keys,
    Pods,
}

struct Story {
    store: Arc<Store>,
    feeds: BoxStream<'static, (Side, Said)>,
    told: VecDeque<Result<WatchEvent, Error>>,
    keys: Part,
    pods: Part,
    /// What the Pods leave.
    room: Room,
    /// How long the list of Pods is still waited for, once the keys are known.
    patience: Option<BoxFuture<'static, ()>>,
    /// Whether it took longer. Who leads does not wait for who else is there.
    goes_without: bool,
    /// The revision of the leader object, while every version since was seen
    /// and the object was never away.
    leader: Option<Revision>,
}

/// What one feed has said so far, as far as it takes to begin anew: a list of
/// one feed makes a whole only with what the other one knows.
#[derive(Debug, Default)]
struct Part {
    listed: bool,
    /// By name.
    objects: BTreeMap<String, Raw>,
}

impl Story {
    async fn next(&mut self) -> Option<Result<WatchEvent, Error>> {
        loop {
            if let Some(item) = self.told.pop_front() {
                return Some(item);
            }
            let next = self.feeds.next();
            let next = match &mut self.patience {
                Some(patience) => before(patience, next).await,
                None => Some(next.await),
            };
            match next {
                Some(said) => {
                    let (side, said) = said?;
                    self.take(side, said);
                }
                None => self.go_without(),
            }
        }
    }

    fn go_without(&mut self) {
        self.patience = None;
        self.goes_without = true;
        let whole = self.whole();
        self.told.push_back(whole);
    }

    fn take(&mut self, side: Side, said: Said) {
        match said {
            Said::Listed(mut objects) => {
                objects.retain(|raw| self.store.settings.is_in_group(raw));
                self.begin(side, objects);
            }
            Said::Put {
                object,
                revision,
                continues,
            } => self.put(side, object, revision, continues),
            Said::Gone { object, revision } => self.gone(side, &object, revision),
            // The Pods' watch says nothing about the leader's.
            Said::Alive if side == Side::Keys && self.begun() => {
                self.told.push_back(Ok(WatchEvent::Alive));
            }
            Said::Alive => {}
            Said::Failed(error) => self.told.push_back(Err(error)),
        }
    }

    fn put(&mut self, side: Side, mut object: Raw, revision: Revision, continues: bool) {
        if !self.store.settings.is_in_group(&object) {
            self.gone(side, &object, revision);
            return;
        }
        if side == Side::Keys {
            let keys = self.store.settings.keys();
            self.store.learn_sizes(keys, std::slice::from_ref(&object));
        }
        if side == Side::Pods {
            self.forget(Side::Pods, &object);
            self.room.take_in(&mut object);
        }
        self.tell(side, &object, revision, Some(continues));
        self.part(side).put(object);
    }

    /// What was never of this group is not gone from it.
    fn gone(&mut self, side: Side, object: &Raw, revision: Revision) {
        let known = self.part(side).find(&object.metadata.name).is_some();
        if known || self.store.settings.is_in_group(object) {
            self.forget(side, object);
            self.tell(side, object, revision, None);
        }
    }

    fn forget(&mut self, side: Side, object: &Raw) {
        let known = self.part(side).remove(object);
        if let Some(pod) = known.filter(|_| side == Side::Pods) {
            self.room.leave(&pod);
        }
    }

    /// A list. One of the keys begins everything anew. One of the Pods that
    /// comes later is told as what differs: it says nothing about the keys, and
    /// of a member's key only the newest value counts.
    fn begin(&mut self, side: Side, objects: Vec<Raw>) {
        let began = self.begun();
        let named = |raw: Raw| (raw.metadata.name.clone(), raw);
        let part = Part {
            listed: true,
            objects: objects.into_iter().map(named).collect(),
        };
        let old = std::mem::replace(self.part(side), part);
        if side == Side::Keys && began && planted(Bug::GapIgnored) {
            let objects: Vec<_> = self.keys.objects.values().cloned().collect();
            for raw in objects {
                if let Ok(revision) = raw.revision() {
                    self.tell(side, &raw, revision, Some(true));
                }
            }
            return;
        }
        if side == Side::Pods {
            self.room = Room::beside(self.pods.objects.values());
            self.patience = None;
        }
        if side == Side::Pods && began && old.listed {
            let updates = self.pods.since(&old);
            self.push(updates);
            return;
        }
        if side == Side::Keys {
            let name = self.store.settings.object_name(Object::Leader);
            let leader = self.keys.find(&name);
            self.leader = leader.and_then(|raw| raw.revision().ok());
        }
        if self.begun() {
            let whole = self.whole();
            self.told.push_back(whole);
        } else if side == Side::Keys && self.patience.is_none() {
            let wait = self.store.settings.attempt_timeout;
            self.patience = Some(self.store.clock.sleep(wait));
        }
    }

    fn whole(&self) -> Result<WatchEvent, Error> {
        let settings = &self.store.settings;
        let (keys, pods) = (self.keys.objects.values(), self.pods.objects.values());
        let whole = snapshot::whole(settings, keys, pods);
        whole.map(|mut whole| {
            whole.members_unknown = !self.pods.listed;
            WatchEvent::Reset(Box::new(whole))
        })
    }

    /// One version: `continues` says whether it follows the one seen before it;
    /// `None` that the object is gone.
    fn tell(&mut self, side: Side, raw: &Raw, revision: Revision, continues: Option<bool>) {
        let present = continues.is_some();
        if side == Side::Pods {
            let update = member_update(raw, revision, present);
            self.push(update);
            return;
        }
        let Some(object) = self.store.settings.object_named(&raw.metadata.name) else {
            return;
        };
        let mut previous = None;
        if object == Object::Leader {
            previous = self.leader.filter(|_| continues == Some(true));
            self.leader = present.then_some(revision);
        }
        let raw = present.then_some(raw);
        self.push(updates(object, raw, revision, previous));
    }

    /// Before the first whole, changes are part of what it will be made of.
    fn push(&mut self, updates: impl IntoIterator<Item = Update>) {
        if self.begun() {
            let changes = updates.into_iter().map(WatchEvent::Changed).map(Ok);
            self.told.extend(changes);
        }
    }

    const fn begun(&self) -> bool {
        self.keys.listed && (self.pods.listed || self.goes_without)
    }

    const fn part(&mut self, side: Side) -> &mut Part {
        match side {
            Side::Keys => &mut self.keys,
            Side::Pods => &mut self.pods,
        }
    }
}

impl Part {
    fn find(&self, name: &str) -> Option<&Raw> {
        self.objects.get(name)
    }

    fn put(&mut self, object: Raw) {
        self.objects.insert(object.metadata.name.clone(), object);
    }

    fn remove(&mut self, object: &Raw) -> Option<Raw> {
        self.objects.remove(&object.metadata.name)
    }

    /// What these Pods say that the `old` ones did not.
    fn since(&self, old: &Self) -> Vec<Update> {
        let gone = old
            .objects
            .values()
            .filter(|pod| self.find(&pod.metadata.name).is_none());
        let gone = gone.filter_map(|pod| member_update(pod, pod.revision().ok()?, false));
        let now = self.objects.values().filter_map(|pod| {
            let revision = pod.revision().ok()?;
            let known = old
                .find(&pod.metadata.name)
                .and_then(|old| old.revision().ok());
            let update = member_update(pod, revision, true);
            update.filter(|_| known != Some(revision))
        });
        gone.chain(now).collect()
    }
}
