//! What third parties do to the leader record.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcs_core::{Change, Dcs, Entry, LeaderRecord, Precondition, ReleaseMark};
use dcs_memory::sim::{Edit, Fault, Node};

use crate::support::{at, elector, notes, quiet, seconds, texts};

type Seen = Arc<Mutex<Vec<Entry<LeaderRecord>>>>;

/// When the third party comes: a former term is released by then.
const AT: u64 = 54;

/// The record directly before and directly after an edit, and all before that.
struct Edited {
    past: Vec<Entry<LeaderRecord>>,
    before: Entry<LeaderRecord>,
    after: Entry<LeaderRecord>,
}

impl Edited {
    fn record(&self) -> &LeaderRecord {
        self.after.get().unwrap()
    }

    /// What stood there, changed by hand.
    fn expected(&self, change: impl FnOnce(&mut LeaderRecord)) -> LeaderRecord {
        let mut record = self.before.get().unwrap().clone();
        change(&mut record);
        record
    }

    fn mark(&self) -> &ReleaseMark {
        self.record().released.as_ref().unwrap()
    }

    fn released(&self) -> &LeaderRecord {
        let records = self.past.iter().filter_map(Entry::get);
        let mut released = records.filter(|record| record.released.is_some());
        released.next().unwrap()
    }
}

fn edited(edit: Edit) -> Edited {
    let seen = Seen::default();
    let looks = Arc::clone(&seen);
    let program = move |node: Node| leads_twice(node, Arc::clone(&looks));
    let history = quiet(1).plan(vec![at(AT, Fault::Edit(edit))]).run(program);
    let hit = history.hits.values().any(|(_, hit)| *hit == 1);
    assert!(hit, "{:?}", history.hits);
    let instants: Vec<_> = notes(&history).iter().map(|note| note.at).collect();
    let seen = seen.lock().unwrap().clone();
    // An answer of this instant may be of the one before.
    let after = instants.iter().position(|at| *at > 54.05).unwrap();
    let before = instants.iter().rposition(|at| *at < 54.0).unwrap();
    assert!(after <= before + 2);
    Edited {
        before: seen[before].clone(),
        after: seen[after].clone(),
        past: seen[..before].to_vec(),
    }
}

/// Leads, releases, and leads again, while it looks at the record all the time.
async fn leads_twice(node: Node, seen: Seen) {
    let reader = node.clone();
    node.spawn(async move {
        loop {
            let leader = reader.dcs().load_leader().await.unwrap();
            seen.lock().unwrap().push(leader);
            reader.note("read");
            reader.sleep(Duration::from_millis(50)).await;
        }
    });
    let elector = elector(&node);
    let first = elector.acquire().await.unwrap();
    node.sleep(seconds(12)).await;
    first.release().await;
    // Long enough for the release to be read.
    node.sleep(Duration::from_millis(400)).await;
    while let Ok(lease) = elector.acquire().await {
        lease.ended().await;
    }
}

#[test]
fn deleted_it_is_absent() {
    let history =
        quiet(1)
            .plan(vec![at(20, Fault::Edit(Edit::Delete))])
            .run(|node: Node| async move {
                let record = LeaderRecord::default();
                let write = Change::Leader(Box::new(record.into()));
                let dcs = node.dcs();
                let created = dcs.write(&write, Precondition::Absent).await;
                assert!(created.into_result().is_ok());
                for _ in 0..2 {
                    let leader = dcs.load_leader().await.unwrap();
                    node.note(leader == Entry::absent());
                    node.sleep(seconds(30)).await;
                }
            });
    assert_eq!(texts(&history), ["false", "true"]);
}

#[test]
fn wiped_it_has_no_holder_and_the_rest_of_it() {
    let edited = edited(Edit::Wipe);
    let expected = edited.expected(|record| record.holder = None);
    assert_eq!(*edited.record(), expected);
}

#[test]
fn bumped_it_is_the_same_at_another_revision() {
    let edited = edited(Edit::Bump);
    assert_eq!(*edited.record(), edited.expected(|_| ()));
    assert!(edited.after.revision > edited.before.revision);
}

#[test]
fn rolled_back_it_is_an_earlier_version_at_a_new_revision() {
    let edited = edited(Edit::RollBack { versions: 2 });
    let mut past = edited.past.iter().rev();
    let second = past.find(|entry| entry.revision < edited.before.revision);
    let third = past.find(|entry| entry.revision < second.unwrap().revision);
    assert_eq!(edited.after.value, third.unwrap().value);
    assert!(edited.after.revision > edited.before.revision);
}

#[test]
fn a_forged_release_names_the_version_before_and_has_another_secret() {
    let edited = edited(Edit::ForgeRelease);
    assert_eq!(edited.record().holder, None);
    assert_eq!(Some(edited.mark().prev), edited.before.revision);
    let hash = edited.record().claim.as_ref().unwrap().release_hash;
    assert_ne!(edited.mark().secret.hash(), hash);
}

#[test]
fn a_replayed_mark_is_the_last_release_once_more() {
    let edited = edited(Edit::ReplayMark);
    assert_eq!(edited.record(), edited.released());
}

#[test]
fn a_replayed_release_comes_directly_after_the_term_that_it_ended() {
    let mark = edited(Edit::ReplayMark);
    let release = edited(Edit::ReplayRelease);
    assert_eq!(release.record(), release.released());
    let (one, two) = (
        mark.after.revision.unwrap(),
        release.after.revision.unwrap(),
    );
    assert_eq!(one.get() + 1, two.get(), "one version more");
}

#[test]
fn another_ttl_is_written() {
    let edited = edited(Edit::Ttl { seconds: 3600 });
    let expected = edited.expected(|record| record.ttl = Some(seconds(3600)));
    assert_eq!(*edited.record(), expected);
}

#[test]
fn another_holder_is_written() {
    let edited = edited(Edit::Stranger);
    let stranger = "m99".parse().ok();
    let expected = edited.expected(|record| record.holder = stranger);
    assert_eq!(*edited.record(), expected);
}

#[test]
fn renewed_by_other_rules_it_has_another_time_and_the_old_claim() {
    let edited = edited(Edit::Renew);
    let renewed = edited.record().renew_time;
    assert!(renewed > edited.before.get().unwrap().renew_time);
    let expected = edited.expected(|record| record.renew_time = renewed);
    assert_eq!(*edited.record(), expected);
    assert_eq!(edited.record().valid_claim(), None);
}
