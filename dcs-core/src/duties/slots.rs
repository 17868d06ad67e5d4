//! Which replication slots are kept while their member is absent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Situation, Tags};
use crate::{Entry, MemberName, MemberRecord, Slots, Stamp};

/// Longest name of a slot.
const LONGEST: usize = 63;

/// The name of a member's replication slot, as Patroni makes it: in lower case,
/// `-` and `.` as `_`, any other character that is no letter of `a-z`, digit or
/// `_` as `u` and its number in four digits or more, cut to 63 characters.
///
/// ```
/// use dcs_core::duties::slot_name;
///
/// assert_eq!(slot_name("Demo-0.example"), "demo_0_example");
/// assert_eq!(slot_name("a b"), "au0032b");
/// ```
#[must_use]
pub fn slot_name(member: &str) -> String {
    let mut name = String::new();
    for c in member.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => name.push(c),
            '-' | '.' => name.push('_'),
            other => name.extend(format!("u{:04}", u32::from(other)).chars()),
        }
    }
    name.truncate(LONGEST);
    name
}

/// Remembers when the slot of each member was last wanted, so that it is kept
/// for `member_slots_ttl` after its member has gone.
///
/// The leader asks once a turn and publishes the answer as
/// [`Status::retain_slots`](crate::Status::retain_slots). A new leader begins
/// with what the last one published, and gives each of them the whole time.
/// Time is counted by a [`Clock`](crate::Clock), and also while the machine
/// sleeps; the wall clock has no part in it.
///
/// ```
/// # use std::time::Duration;
/// # use dcs_core::{Clock, Config, MemberName, Slots, Snapshot, TokioClock};
/// # use dcs_core::duties::{Retention, Situation};
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let me: MemberName = "demo-0".parse()?;
/// # let (clock, view) = (TokioClock::new(), Snapshot::default());
/// # let now = "2026-01-02T03:04:05Z".parse()?;
/// let config: Config = r#"{"member_slots_ttl": 600}"#.parse()?;
/// let situation = Situation::new(&me, &view, &config, now).leading(true);
/// let mut retention = Retention::default();
/// let slots = Slots::from_iter([("demo_0", 4_096_u64)]);
/// let kept = retention.update(&situation, clock.now(), &slots);
/// assert_eq!(kept, Some(vec!["demo_0".to_owned()]));
///
/// clock.sleep(Duration::from_secs(600)).await;
/// assert_eq!(retention.update(&situation, clock.now(), &Slots::default()), None);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Retention {
    wanted: BTreeMap<String, Stamp>,
    /// Whether it has begun with what the last leader published. Only once: what
    /// this one publishes itself is in the view for a while after it has ended.
    has_begun: bool,
}

impl Retention {
    /// Nothing is remembered: what a member that no longer leads does, since the
    /// next leader counts.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The slots to keep, sorted; `None` where there are none. `slots` are those
    /// that the leader has now.
    #[must_use]
    pub fn update(&mut self, of: &Situation<'_>, now: Stamp, slots: &Slots) -> Option<Vec<String>> {
        let settings = of.config.view();
        let permanent = settings.slots();
        let is_permanent = |name: &str| {
            let value = permanent.and_then(|slots| slots.get(name));
            value.is_some_and(is_physical)
        };
        if !std::mem::replace(&mut self.has_begun, true) {
            let status = of.view.status.get();
            let published = status.and_then(|status| status.retain_slots.clone());
            let published = published.unwrap_or_default().into_iter();
            self.wanted.extend(published.map(|name| (name, now)));
        }
        let members = members(of);
        for name in slots.by_name().keys() {
            if members.contains(name) && !is_permanent(name) {
                self.wanted.insert(name.clone(), now);
            }
        }
        self.expire(now, settings.member_slots_ttl());
        let kept: Vec<_> = self.wanted.keys().cloned().collect();
        (!kept.is_empty()).then_some(kept)
    }

    fn expire(&mut self, now: Stamp, ttl: Duration) {
        self.wanted
            .retain(|_, wanted| now.holder_elapsed_since(*wanted) < ttl);
    }
}

/// The slots of the members that are there and stream, and of this one in any case.
fn members(of: &Situation<'_>) -> Vec<String> {
    let others = of.view.members.iter();
    let others = others.filter(|(name, entry)| *name != of.me && streams(entry));
    let names = others.map(|(name, _)| name).chain([of.me]);
    names.map(MemberName::as_str).map(slot_name).collect()
}

fn streams(entry: &Entry<MemberRecord>) -> bool {
    entry
        .get()
        .is_none_or(|record| !Tags::of(record).nostream())
}

/// Whether a configured slot is one like a member's.
fn is_physical(value: &Value) -> bool {
    let of_type = value.get("type").and_then(Value::as_str);
    match value {
        Value::Object(_) => of_type.is_none_or(|kind| kind == "physical"),
        Value::Null => true,
        _ => false,
    }
}
