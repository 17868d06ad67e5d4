//! What every reader of a scope shares: the newest view, kept by one watch.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{Snapshot, WatchEvent};

/// The newest view of a scope. Reading it costs no request.
///
/// It is fed by one watch, in order. It may lag behind the store, and is
/// `None` until the watch has begun and the members are known: for display,
/// routing and wake-ups, never for a decision that a write does not check again.
/// Where a watch that is begun anew does not know the members yet, those that
/// were known before stay, and `members_unknown` is set until it does.
#[derive(Clone, Debug)]
pub struct ClusterView(watch::Receiver<Option<Arc<Snapshot>>>);

/// The writing end of a [`ClusterView`].
#[derive(Debug)]
pub struct ClusterFeed(watch::Sender<Option<Arc<Snapshot>>>);

impl ClusterView {
    /// The newest view, or `None` before the watch has begun.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Snapshot>> {
        self.0.borrow().clone()
    }

    /// Waits until the view changes, and returns the newest one. Changes that
    /// come faster than they are asked for are merged. `None` once the feed has
    /// ended.
    ///
    /// # Cancel safety
    /// A dropped future loses nothing: the next call returns at once if the view
    /// has changed meanwhile.
    pub async fn changed(&mut self) -> Option<Arc<Snapshot>> {
        loop {
            self.0.changed().await.ok()?;
            let latest = self.0.borrow_and_update().clone();
            if latest.is_some() {
                return latest;
            }
        }
    }

    /// Waits until `wanted` holds, also if it does so already. `None` once the
    /// feed has ended.
    ///
    /// # Cancel safety
    /// A dropped future leaves nothing behind.
    pub async fn wait_for(
        &mut self,
        mut wanted: impl FnMut(&Snapshot) -> bool,
    ) -> Option<Arc<Snapshot>> {
        let found = self
            .0
            .wait_for(|view| view.as_deref().is_some_and(&mut wanted))
            .await;
        found.ok()?.clone()
    }
}

impl ClusterFeed {
    /// A feed and the view that it feeds.
    #[must_use]
    pub fn new() -> (Self, ClusterView) {
        let (feed, view) = watch::channel(None);
        (Self(feed), ClusterView(view))
    }

    /// How many members the newest view shows.
    pub(crate) fn members(&self) -> usize {
        self.0
            .borrow()
            .as_ref()
            .map_or(0, |view| view.members.len())
    }

    /// Takes one item of a watch in.
    pub fn apply(&self, event: WatchEvent) {
        match event {
            WatchEvent::Reset(snapshot) if snapshot.members_unknown => self.keep_members(*snapshot),
            WatchEvent::Reset(snapshot) => {
                self.0.send_replace(Some(Arc::from(snapshot)));
            }
            WatchEvent::Changed(update) => self.0.send_modify(|view| {
                if let Some(view) = view {
                    Arc::make_mut(view).apply(update);
                }
            }),
            WatchEvent::Alive => {}
        }
    }

    /// Whoever looks at a view for the members must not take unknown ones for
    /// none: those of the view before it stay, and without one there is none yet.
    fn keep_members(&self, mut snapshot: Snapshot) {
        self.0.send_if_modified(|view| {
            let Some(before) = view else {
                return false;
            };
            snapshot.members.clone_from(&before.members);
            *view = Some(Arc::new(snapshot));
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Entry, Revision, Update};

    fn config(revision: u128, text: &str) -> Update {
        let config: Config = text.parse().unwrap();
        Update::Config(Entry::present(Revision::new(revision).unwrap(), config))
    }

    #[test]
    fn a_view_is_empty_until_the_watch_has_begun() {
        let (feed, view) = ClusterFeed::new();
        feed.apply(WatchEvent::Changed(config(1, "{}")));
        assert!(view.latest().is_none());
    }

    #[test]
    fn a_change_after_the_first_read_is_in_the_view() {
        let (feed, view) = ClusterFeed::new();
        feed.apply(WatchEvent::Reset(Box::default()));
        feed.apply(WatchEvent::Changed(config(1, r#"{"ttl":30}"#)));
        assert_eq!(view.latest().unwrap().config.revision, Revision::new(1));
    }

    #[test]
    fn a_reset_drops_what_is_no_longer_there() {
        let (feed, view) = ClusterFeed::new();
        feed.apply(WatchEvent::Reset(Box::default()));
        feed.apply(WatchEvent::Changed(config(1, "{}")));
        feed.apply(WatchEvent::Reset(Box::default()));
        assert!(view.latest().unwrap().is_empty());
    }

    fn without_members(revision: u128) -> WatchEvent {
        let mut snapshot = Box::<Snapshot>::default();
        snapshot.apply(config(revision, "{}"));
        snapshot.members_unknown = true;
        WatchEvent::Reset(snapshot)
    }

    #[test]
    fn a_view_begins_when_its_members_are_known() {
        let (feed, view) = ClusterFeed::new();
        feed.apply(without_members(1));
        feed.apply(WatchEvent::Changed(config(2, "{}")));
        assert!(view.latest().is_none());
        feed.apply(WatchEvent::Reset(Box::default()));
        assert!(view.latest().is_some());
    }

    #[test]
    fn members_stay_in_a_view_until_others_are_known() {
        let (feed, view) = ClusterFeed::new();
        let mut whole = Box::<Snapshot>::default();
        let member = ("demo-0".parse().unwrap(), Entry::absent());
        whole.members.extend([member]);
        feed.apply(WatchEvent::Reset(whole));
        feed.apply(without_members(3));
        let latest = view.latest().unwrap();
        assert_eq!(latest.config.revision, Revision::new(3));
        assert_eq!(latest.members.len(), 1);
        assert!(latest.members_unknown);
    }

    #[tokio::test]
    async fn waiting_ends_at_once_if_the_view_is_as_wanted_already() {
        let (feed, mut view) = ClusterFeed::new();
        feed.apply(WatchEvent::Reset(Box::default()));
        assert!(view.wait_for(Snapshot::is_empty).await.is_some());
    }
}
