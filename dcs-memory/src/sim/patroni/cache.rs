//! Patroni's copy of the objects, which a list fills and a watch keeps.

use std::time::Duration;

use dcs_core::{Config, Dcs, Entry, LeaderRecord, Revision, Update, WatchEvent, WatchStream};
use futures_util::{FutureExt, StreamExt};

use super::lock::{Lock, Patch};
use crate::sim::node::Node;

/// Patroni does not look whether a watch is alive.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// What is known of the leader object and the config object.
pub(super) struct Cache {
    node: Node,
    watch: WatchStream,
    is_filled: bool,
    leader: Entry<LeaderRecord>,
    config: Option<Config>,
    is_woken: bool,
}

/// The leader object, as one cycle goes by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) revision: Option<Revision>,
    pub(super) record: LeaderRecord,
    pub(super) lock: Lock,
}

impl Cache {
    pub(super) fn new(node: &Node) -> Self {
        Self {
            watch: node.dcs().watch(NEVER),
            node: node.clone(),
            is_filled: false,
            leader: Entry::absent(),
            config: None,
            is_woken: false,
        }
    }

    /// Lists everything again.
    pub(super) fn begin_anew(&mut self) {
        self.watch = self.node.dcs().watch(NEVER);
        self.is_filled = false;
    }

    pub(super) fn seen(&self) -> Seen {
        let record = self.leader.get().cloned().unwrap_or_default();
        Seen {
            revision: self.leader.revision,
            lock: Lock::of(&record),
            record,
        }
    }

    pub(super) fn lock(&self) -> Lock {
        self.leader.get().map(Lock::of).unwrap_or_default()
    }

    pub(super) const fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// A write of its own was applied: what it made is known at once.
    pub(super) fn wrote(&mut self, revision: Revision, patch: &Patch) {
        if self.leader.revision < Some(revision) {
            let found = self.leader.get().cloned().unwrap_or_default();
            self.leader = Entry::present(revision, patch.record(&found));
        }
    }

    /// Takes in what has arrived.
    pub(super) fn drain(&mut self) {
        while let Some(Some(event)) = self.watch.next().now_or_never() {
            self.takes_in(event);
        }
    }

    /// Waits until everything was listed once, and takes in what has arrived.
    pub(super) async fn filled(&mut self) {
        self.drain();
        while !self.is_filled {
            match self.watch.next().await {
                Some(event) => self.takes_in(event),
                None => std::future::pending().await,
            }
        }
        self.is_woken = false;
    }

    /// Waits until a change wakes the loop.
    pub(super) async fn wakes(&mut self) {
        while !std::mem::take(&mut self.is_woken) {
            match self.watch.next().await {
                Some(event) => self.takes_in(event),
                None => std::future::pending().await,
            }
        }
    }

    fn takes_in(&mut self, event: Result<WatchEvent, dcs_core::Error>) {
        match event {
            // What a list shows wakes nobody.
            Ok(WatchEvent::Reset(all)) => {
                self.leader = all.leader.clone();
                self.config = all.config.get().cloned();
                self.is_filled = true;
            }
            Ok(WatchEvent::Changed(Update::Leader(update))) => {
                let is_new = match update.entry.revision {
                    Some(revision) => self.leader.revision < Some(revision),
                    None => self.leader.revision <= update.previous,
                };
                if is_new {
                    let before = self.lock().leader;
                    self.leader = update.entry;
                    let holder = self.lock().leader;
                    let is_mine = holder.as_ref() == Some(self.node.name());
                    self.is_woken |= holder != before || !is_mine;
                }
            }
            Ok(WatchEvent::Changed(Update::Config(entry))) => {
                let before = std::mem::replace(&mut self.config, entry.get().cloned());
                self.is_woken |= before.is_some() && before != self.config;
            }
            _ => {}
        }
    }
}
