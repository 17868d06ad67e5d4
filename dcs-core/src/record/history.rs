//! The history key: the changes of timeline.

use serde_json::{Value, json};

use super::read;
use crate::{Entry, Timestamp, Value as Found};

/// The history key: a JSON array with one line per change of timeline.
///
/// ```
/// use dcs_core::{History, HistoryLine};
/// use serde_json::json;
///
/// let mut history = History(vec![json!([1, 67_109_256, "no recovery target specified"])]);
/// assert_eq!(history.timeline(), 2);
/// history.append(HistoryLine::new(2, 67_109_632, "elected"));
/// assert_eq!(history.timeline(), 3);
/// assert_eq!(history.lines().last().unwrap().reason, "elected");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "complete: the key holds one array"
)]
pub struct History(
    /// The lines, oldest first. Patroni's are `[timeline, lsn, reason, time, leader]`.
    pub Vec<Value>,
);

/// One change of timeline: how a timeline ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryLine {
    /// The timeline that ended.
    pub timeline: u64,
    /// Where it ended, in bytes of the log.
    pub lsn: u64,
    /// Why.
    pub reason: String,
    /// When the next leader took over; lines of older members lack it.
    pub time: Option<String>,
    /// Who took over; lines of older members lack it.
    pub leader: Option<String>,
}

impl HistoryLine {
    /// A line of three items.
    #[must_use]
    pub fn new(timeline: u64, lsn: u64, reason: &str) -> Self {
        Self {
            timeline,
            lsn,
            reason: reason.to_owned(),
            time: None,
            leader: None,
        }
    }

    /// The same line, and who took over when.
    #[must_use]
    pub fn led_by(mut self, leader: &str, time: Timestamp) -> Self {
        self.leader = Some(leader.to_owned());
        self.time = Some(time.to_string());
        self
    }

    /// The line that stands there, if it has at least a timeline and a position.
    /// Lines of three, four and five items are read alike.
    fn read(line: &Value) -> Option<Self> {
        let items = line.as_array()?;
        let whole = |index: usize| u64::try_from(read::number(items.get(index)?)?).ok();
        let text = |index: usize| items.get(index).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            timeline: whole(0)?,
            lsn: whole(1)?,
            reason: text(2).unwrap_or_default(),
            time: text(3),
            leader: text(4),
        })
    }

    /// As many items as are known; a leader without a time leaves a gap.
    fn written(self) -> Value {
        let Self {
            timeline,
            lsn,
            reason,
            time,
            leader,
        } = self;
        match (time, leader) {
            (None, None) => json!([timeline, lsn, reason]),
            (Some(time), None) => json!([timeline, lsn, reason, time]),
            (time, Some(leader)) => json!([timeline, lsn, reason, time, leader]),
        }
    }
}

impl History {
    /// The lines that can be read, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = HistoryLine> {
        self.0.iter().filter_map(HistoryLine::read)
    }

    /// The timeline that is in use: 1 where there is no line, else one more than
    /// the last line says; 0 where that cannot be read, as in Patroni.
    #[must_use]
    pub fn timeline(&self) -> u64 {
        let Some(last) = self.0.last() else {
            return 1;
        };
        let ended = last.get(0).and_then(read::number);
        let ended = ended.and_then(|number| u64::try_from(number).ok());
        ended.map_or(0, |timeline| timeline.saturating_add(1))
    }

    /// The timeline that is in use, by what was found under the key: 0, which is
    /// unknown, where nothing readable is there.
    #[must_use]
    pub fn timeline_of(found: &Entry<Self>) -> u64 {
        match &found.value {
            Found::Present(history) => history.timeline(),
            Found::Absent | Found::Malformed(_) => 0,
        }
    }

    /// Adds a line as the newest.
    pub fn append(&mut self, line: HistoryLine) {
        self.0.push(line.written());
    }

    /// Keeps the newest lines, at most so many. The newest one stays whatever is
    /// asked for: without it the timeline could not be told.
    pub fn trim(&mut self, lines: usize) {
        let surplus = self.0.len().saturating_sub(lines.max(1));
        self.0.drain(..surplus);
    }

    /// Keeps the newest lines that fit into so many bytes of JSON, and at the
    /// least the newest one. Returns whether they fit.
    pub fn fit(&mut self, bytes: usize) -> bool {
        let mut size = self.size();
        let mut surplus = 0;
        while size > bytes && surplus + 1 < self.0.len() {
            // With the comma that follows it.
            size -= size_of_json(&self.0[surplus]) + 1;
            surplus += 1;
        }
        self.0.drain(..surplus);
        size <= bytes
    }

    /// The bytes that it takes as compact JSON of ASCII characters, as which
    /// stores may write it.
    #[must_use]
    pub fn size(&self) -> usize {
        let lines: usize = self.0.iter().map(size_of_json).sum();
        lines + self.0.len().saturating_sub(1) + "[]".len()
    }
}

/// What is not printable ASCII takes an escape of six bytes for each half of it.
fn size_of_json(value: &Value) -> usize {
    let text = value.to_string();
    let bytes = |c: char| match c {
        ' '..='~' => 1,
        other => 6 * other.len_utf16(),
    };
    text.chars().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn history(lines: &Value) -> History {
        History(lines.as_array().unwrap().clone())
    }

    #[test]
    fn lines_of_three_four_and_five_items_are_read() {
        let history = history(&json!([
            [1, 25, "no reason"],
            [2, "26", "by time", "2026-01-02T03:04:05+00:00"],
            [3, 27, "promoted", "2026-01-02T03:04:06+00:00", "demo-1"],
            "rubbish",
            [],
            ["x", 1, "y"],
        ]));
        let lines: Vec<_> = history.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], HistoryLine::new(1, 25, "no reason"));
        assert_eq!((lines[1].lsn, lines[1].leader.as_deref()), (26, None));
        assert!(lines[1].time.is_some());
        assert_eq!(lines[2].leader.as_deref(), Some("demo-1"));
    }

    #[test]
    fn the_timeline_follows_from_the_last_line() {
        let timelines = [
            (json!([]), 1),
            (json!([[1, 25, ""]]), 2),
            (json!([[1, 25, ""], ["7", 26, ""]]), 8),
            (json!([[1, 25, ""], []]), 0),
            (json!([[1, 25, ""], "x"]), 0),
            (json!([[-3, 25, ""]]), 0),
        ];
        for (lines, timeline) in timelines {
            assert_eq!(history(&lines).timeline(), timeline, "{lines}");
        }
        assert_eq!(History::timeline_of(&Entry::absent()), 0);
    }

    #[test]
    fn a_line_is_written_with_as_many_items_as_are_known() {
        let time = "2026-01-02T03:04:05+00:00".parse().unwrap();
        let mut written = History::default();
        written.append(HistoryLine::new(1, 2, "a"));
        written.append(HistoryLine::new(2, 3, "b").led_by("demo-0", time));
        let expected = json!([
            [1, 2, "a"],
            [2, 3, "b", "2026-01-02T03:04:05+00:00", "demo-0"]
        ]);
        assert_eq!(written, history(&expected));
    }

    #[test]
    fn a_line_that_was_read_is_written_as_it_was() {
        let lines = history(&json!([
            [1, 25, "no reason"],
            [2, 26, "by time", "2026-01-02T03:04:05+00:00"],
            [3, 27, "promoted", "2026-01-02T03:04:06+00:00", "demo-1"],
        ]));
        let mut again = History::default();
        lines.lines().for_each(|line| again.append(line));
        assert_eq!(again, lines);
    }

    #[test]
    fn the_size_is_that_of_ascii_json() {
        let history = history(&json!([[1, 2, "é\u{1F600}"]]));
        assert_eq!(history.size(), r#"[[1,2,"\u00e9\ud83d\ude00"]]"#.len());
    }

    fn lines() -> impl Strategy<Value = History> {
        let line = (any::<u32>(), any::<u32>(), "\\PC{0,12}");
        prop::collection::vec(line, 0..20).prop_map(|lines| {
            let mut history = History::default();
            for (timeline, lsn, reason) in lines {
                history.append(HistoryLine::new(timeline.into(), lsn.into(), &reason));
            }
            history
        })
    }

    proptest! {
        #[test]
        fn trimming_keeps_the_newest(history in lines(), most in 0_usize..25) {
            let mut trimmed = history.clone();
            trimmed.trim(most);
            prop_assert!(history.0.ends_with(&trimmed.0));
            prop_assert_eq!(trimmed.0.len(), history.0.len().min(most.max(1)));
            prop_assert_eq!(trimmed.timeline(), history.timeline());
        }

        #[test]
        fn fitting_drops_no_more_than_it_has_to(history in lines(), bytes in 0_usize..600) {
            let mut fitted = history.clone();
            let fits = fitted.fit(bytes);
            prop_assert!(history.0.ends_with(&fitted.0));
            prop_assert_eq!(fitted.timeline(), history.timeline());
            prop_assert_eq!(fits, fitted.size() <= bytes);
            prop_assert!(fits || fitted.0.len() <= 1);
            if fitted.0.len() < history.0.len() {
                let more = History(history.0[history.0.len() - fitted.0.len() - 1..].to_vec());
                prop_assert!(more.size() > bytes);
            }
        }
    }
}
