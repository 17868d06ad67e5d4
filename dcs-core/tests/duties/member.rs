//! A member's own record, kept as it should be.

use std::collections::BTreeMap;
use std::sync::Arc;

use dcs_core::duties::{MemberKeeper, Routing};
use dcs_core::{Dcs, Entry, MemberRecord, Snapshot};
use dcs_memory::MemoryDcs;

use crate::world::{World, name, replica};

struct Kept {
    world: World,
    dcs: Arc<MemoryDcs>,
    keeper: MemberKeeper,
}

impl Kept {
    fn new() -> Self {
        let world = World::new();
        let dcs = Arc::new(world.store.handle(&world.scope));
        let keeper = MemberKeeper::new(Arc::<MemoryDcs>::clone(&dcs));
        Self { world, dcs, keeper }
    }

    async fn keep(&mut self, view: &Snapshot, record: &MemberRecord) -> bool {
        self.keeper.keep(view, record).await.unwrap()
    }

    /// Over what stands in the store now.
    async fn keep_now(&mut self, record: &MemberRecord) -> bool {
        self.keep(&self.world.now(), record).await
    }
}

fn routed(record: &MemberRecord, to: &str) -> MemberRecord {
    record.clone().routed(Routing::Role(to.to_owned()))
}

/// The view, with these labels at the member `a`.
fn labelled(view: &Snapshot, value: &str) -> Snapshot {
    let mut view = view.clone();
    let entry = view.members.get_mut(&name("a")).unwrap();
    let labels = BTreeMap::from([("role".to_owned(), value.to_owned())]);
    let record = entry.get().unwrap().clone().with_labels(labels);
    *entry = Entry::present(entry.revision.unwrap(), record);
    view
}

#[tokio::test(start_paused = true)]
async fn a_record_is_written_once_and_again_when_it_changes() {
    let mut kept = Kept::new();
    let record = replica("a");
    assert!(kept.keep_now(&record).await);
    assert!(!kept.keep_now(&record).await);
    assert!(kept.keep_now(&record.clone().with("role", "primary")).await);
    assert!(kept.keep_now(&record).await);
    assert_eq!(kept.world.now().members[&name("a")].get(), Some(&record));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_stands_there_from_before_is_not_written() {
    let mut kept = Kept::new();
    kept.dcs
        .put_member(&replica("a"))
        .await
        .into_result()
        .unwrap();
    assert!(!kept.keep_now(&replica("a")).await);
}

#[tokio::test(start_paused = true)]
async fn a_view_that_lags_causes_no_second_write() {
    let mut kept = Kept::new();
    let before = kept.world.now();
    assert!(kept.keep(&before, &replica("a")).await);
    assert!(!kept.keep(&before, &replica("a")).await);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_goes_back_is_written_although_the_view_still_shows_it() {
    let mut kept = Kept::new();
    assert!(kept.keep_now(&replica("a")).await);
    let old_view = kept.world.now();
    assert!(
        kept.keep(&old_view, &replica("a").with("role", "primary"))
            .await
    );
    assert!(kept.keep(&old_view, &replica("a")).await);
    let stands = kept.world.now().members[&name("a")].clone();
    assert_eq!(stands.get(), Some(&replica("a")));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_others_changed_or_removed_is_written_again() {
    let mut kept = Kept::new();
    assert!(kept.keep_now(&replica("a")).await);
    let foreign = replica("a").with("state", "stopped");
    kept.dcs.put_member(&foreign).await.into_result().unwrap();
    assert!(kept.keep_now(&replica("a")).await);
    kept.dcs
        .delete_member(&name("a"))
        .await
        .into_result()
        .unwrap();
    // A view without it may be older than the write, until one has shown it.
    let gone = kept.world.now();
    assert!(!kept.keep(&gone, &replica("a")).await);
    kept.dcs
        .put_member(&replica("a"))
        .await
        .into_result()
        .unwrap();
    assert!(!kept.keep_now(&replica("a")).await);
    assert!(kept.keep(&gone, &replica("a")).await);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_failed_is_tried_again() {
    let mut kept = Kept::new();
    kept.dcs.lose_next_request();
    let view = kept.world.now();
    assert!(kept.keeper.keep(&view, &replica("a")).await.is_err());
    assert!(kept.keep(&view, &replica("a")).await);
    kept.dcs.lose_next_answer();
    let changed = replica("a").with("role", "primary");
    assert!(kept.keeper.keep(&view, &changed).await.is_err());
    assert!(!kept.keep_now(&changed).await, "it was applied");
}

#[tokio::test(start_paused = true)]
async fn another_route_is_written_although_the_record_is_the_same() {
    let mut kept = Kept::new();
    let record = replica("a");
    kept.dcs.put_member(&record).await.into_result().unwrap();
    assert!(
        kept.keep_now(&routed(&record, "replica")).await,
        "once at the start"
    );
    assert!(!kept.keep_now(&routed(&record, "replica")).await);
    let leads = record.clone().routed(Routing::Leader);
    assert!(kept.keep_now(&leads).await);
    assert!(!kept.keep_now(&leads).await);
}

#[tokio::test(start_paused = true)]
async fn labels_that_others_change_are_written_again_once() {
    let mut kept = Kept::new();
    let record = routed(&replica("a"), "replica");
    assert!(kept.keep_now(&record).await);
    let settled = labelled(&kept.world.now(), "replica");
    assert!(!kept.keep(&settled, &record).await);
    let drifted = labelled(&kept.world.now(), "primary");
    assert!(kept.keep(&drifted, &record).await);
    let stubborn = labelled(&kept.world.now(), "primary");
    assert!(
        !kept.keep(&stubborn, &record).await,
        "what was found then counts"
    );
}

#[tokio::test(start_paused = true)]
async fn labels_are_nothing_to_a_record_that_says_nothing_of_them() {
    let mut kept = Kept::new();
    assert!(kept.keep_now(&replica("a")).await);
    let settled = labelled(&kept.world.now(), "replica");
    assert!(!kept.keep(&settled, &replica("a")).await);
    let drifted = labelled(&kept.world.now(), "primary");
    assert!(!kept.keep(&drifted, &replica("a")).await);
}
