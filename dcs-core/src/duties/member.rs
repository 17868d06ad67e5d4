//! A member's own record, kept as it should be.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Dcs, Entry, MemberRecord, Revision, Snapshot, WriteError};

/// Writes a member's own record where the store has another one, and no more
/// often than that.
///
/// What it wrote may not be in the view yet, which lags: it waits for it. How
/// clients are routed is not part of the record, so it is written again when
/// that changes, and when others change the labels that it was found with.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::sync::Arc;
/// # use dcs_core::{Dcs, MemberRecord, TokioClock};
/// # use dcs_core::duties::{MemberKeeper, Routing};
/// # let store = dcs_memory::MemoryStore::new(Arc::new(TokioClock::new()));
/// # let dcs = Arc::new(store.handle(&"demo".parse()?));
/// let mut keeper = MemberKeeper::new(dcs.clone());
/// let record = MemberRecord::new("demo-0".parse()?, serde_json::Map::new())
///     .with("state", "running")
///     .with("role", "replica");
/// let record = record.clone().routed(Routing::of(&record, false));
/// assert!(keeper.keep(&dcs.load().await?, &record).await?);
/// assert!(!keeper.keep(&dcs.load().await?, &record).await?, "it stands there");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct MemberKeeper {
    dcs: Arc<dyn Dcs>,
    put: Option<Put>,
}

/// The last record that was written.
#[derive(Debug)]
struct Put {
    record: MemberRecord,
    at: Revision,
    /// The labels that it was found with; absent until the view has shown it.
    labels: Option<BTreeMap<String, String>>,
}

impl MemberKeeper {
    /// A keeper that has not written anything.
    #[must_use]
    pub fn new(dcs: Arc<dyn Dcs>) -> Self {
        Self { dcs, put: None }
    }

    /// Writes `record` unless the view shows it, or was fed by nothing newer
    /// than the last write of it. Returns whether it was written.
    ///
    /// # Errors
    /// [`WriteError`] where the store fails: call it again in the next turn.
    ///
    /// # Cancel safety
    /// If the future is dropped the record may still be written. The next call
    /// writes it again unless the view shows it.
    pub async fn keep(
        &mut self,
        view: &Snapshot,
        record: &MemberRecord,
    ) -> Result<bool, WriteError> {
        if self.stands(view.members.get(record.name()), record) {
            return Ok(false);
        }
        // Until it is answered nobody knows what stands there.
        self.put = None;
        let at = self.dcs.put_member(record).await.into_result()?;
        self.put = Some(Put {
            record: record.clone(),
            at,
            labels: None,
        });
        Ok(true)
    }

    fn stands(&mut self, stored: Option<&Entry<MemberRecord>>, record: &MemberRecord) -> bool {
        let shown = stored.and_then(Entry::get);
        let Some(put) = self.put.as_mut() else {
            // What was there before tells nothing of how clients are routed.
            return record.routing().is_none() && shown == Some(record);
        };
        if put.record != *record || put.record.routing() != record.routing() {
            return false;
        }
        let is_older = stored.and_then(|entry| entry.revision) < Some(put.at);
        if is_older && put.labels.is_none() {
            return true;
        }
        let Some(shown) = shown.filter(|shown| *shown == record) else {
            return false;
        };
        let labels = put.labels.get_or_insert_with(|| shown.labels().clone());
        record.routing().is_none() || labels == shown.labels()
    }
}
