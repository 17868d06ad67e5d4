//! Every version of every object of a collection, as a raw watch shows them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::{Clock, SystemClock};
use futures::{TryStreamExt, pin_mut};
use http::Request;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::api::{Api, revision};
use super::wait::{PATIENCE, until};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Added,
    Modified,
    Deleted,
}

/// One version of an object, or its end.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) happened: Happened,
    pub(crate) revision: u128,
    pub(crate) object: Value,
    /// When it was seen, since the recorder began.
    pub(crate) at: Duration,
}

/// Watches until it is dropped.
pub(crate) struct Recorder {
    versions: Arc<Mutex<Vec<Version>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Records `collection`, in which nothing is yet.
    pub(crate) async fn start(api: &Api, collection: &'static str) -> Self {
        assert!(api.list(collection).await.is_empty(), "{collection}");
        Self::start_beside(api, collection).await
    }

    /// Records what becomes of `collection` from now on.
    pub(crate) async fn start_beside(api: &Api, collection: &'static str) -> Self {
        let request = Request::get(api.path(collection)).body(Vec::new()).unwrap();
        let list: Value = api.client.request(request).await.unwrap();
        let versions = Arc::default();
        let recording = record(
            api.clone(),
            collection,
            revision(&list),
            Arc::clone(&versions),
        );
        Self {
            versions,
            task: tokio::spawn(recording),
        }
    }

    /// The versions of the object of this name, in their order.
    pub(crate) fn of(&self, name: &str) -> Vec<Version> {
        let versions = self.versions.lock().unwrap();
        let is_of = |version: &&Version| version.object["metadata"]["name"] == name;
        versions.iter().filter(is_of).cloned().collect()
    }

    /// The names of all objects that ever were.
    pub(crate) fn names(&self) -> Vec<String> {
        let versions = self.versions.lock().unwrap();
        let name = |version: &Version| version.object["metadata"]["name"].as_str().unwrap().into();
        let mut names: Vec<String> = versions.iter().map(name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Waits until all versions up to this one are recorded.
    pub(crate) async fn reach(&self, last: u128) {
        until("the recorder saw the last version", PATIENCE, async || {
            assert!(!self.task.is_finished(), "the recorder has stopped");
            let versions = self.versions.lock().unwrap();
            versions.iter().any(|v| v.revision >= last).then_some(())
        })
        .await;
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches on from the last version where the server ends a watch.
async fn record(api: Api, collection: &str, mut last: u128, versions: Arc<Mutex<Vec<Version>>>) {
    let clock = SystemClock::new();
    let began = clock.now();
    loop {
        let path = format!("{collection}?watch=true&resourceVersion={last}");
        let request = Request::get(api.path(&path)).body(Vec::new()).unwrap();
        let events = api.client.request_events::<Value>(request).await.unwrap();
        pin_mut!(events);
        while let Ok(Some(event)) = events.try_next().await {
            let (happened, object) = match event {
                WatchEvent::Added(object) => (Happened::Added, object),
                WatchEvent::Modified(object) => (Happened::Modified, object),
                WatchEvent::Deleted(object) => (Happened::Deleted, object),
                other => panic!("a gap in the record: {other:?}"),
            };
            last = revision(&object);
            versions.lock().unwrap().push(Version {
                happened,
                revision: last,
                object,
                at: clock.now().challenger_elapsed_since(began),
            });
        }
    }
}
