//! The line that a term leaves in the history.

use super::Situation;
use crate::{Entry, History, HistoryLine, Timestamp, Value};

/// What stands in a line of a term that was elected and promoted no database.
const REASON: &str = "elected";

/// The line that the leader of a term adds to the history, which it has led
/// since this instant. `None` in a scope whose members tell positions of a
/// database (`xlog_location`): its timelines are the history, and are written
/// by who promotes it. `None`, too, where the history cannot be read.
///
/// The line says which timeline ended, the reason `elected`, when, and who leads.
///
/// ```
/// use dcs_core::duties::{Situation, line_of_term};
/// use dcs_core::{Config, MemberName, Snapshot};
///
/// let me: MemberName = "demo-0".parse()?;
/// let (view, config) = (Snapshot::default(), Config::default());
/// let now = "2026-01-02T03:04:05Z".parse()?;
/// let line = line_of_term(&Situation::new(&me, &view, &config, now), now).unwrap();
/// assert_eq!((line.timeline, line.leader.as_deref()), (1, Some("demo-0")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn line_of_term(of: &Situation<'_>, since: Timestamp) -> Option<HistoryLine> {
    let records = of.view.members.values().filter_map(Entry::get);
    let has_database = |record: &crate::MemberRecord| record.data().contains_key("xlog_location");
    if records.chain(of.own).any(has_database) {
        return None;
    }
    if matches!(of.view.history.value, Value::Malformed(_)) {
        return None;
    }
    let ended = History::timeline_of(&of.view.history).max(1);
    Some(HistoryLine::new(ended, 0, REASON).led_by(of.me.as_str(), since))
}

/// The history with this line as its newest, shortened to so many lines; `None`
/// where it is the newest already. The line counts on from what stands there now.
pub(super) fn with_line(
    now: Option<&History>,
    line: &HistoryLine,
    most: Option<usize>,
) -> Option<History> {
    let mut next = now.cloned().unwrap_or_default();
    let newest = next.lines().next_back();
    let is_same = |newest: HistoryLine| {
        (newest.time, newest.leader) == (line.time.clone(), line.leader.clone())
    };
    if newest.is_some_and(is_same) {
        return None;
    }
    let timeline = next.timeline().max(1);
    next.append(HistoryLine {
        timeline,
        ..line.clone()
    });
    if let Some(most) = most {
        next.trim(most);
    }
    Some(next)
}
