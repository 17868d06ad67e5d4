//! What stands where: lanes from the top down, labels in their rows.

use super::labels::{self, BESIDE, Label, Place};
use super::scene::{Listed, Process, Scene};
use super::text::width;
use super::view::{Span, View};
use super::words::{Short, lasts};
use crate::sim::fault::Fault;
use crate::sim::judge::Violation;
use crate::sim::net::nanos;

/// Height of a row of labels.
pub(super) const ROW: f64 = 12.0;
/// Height of the bar of a lane.
pub(super) const BAR: f64 = 14.0;
/// Above the rows of labels.
const ABOVE: f64 = 5.0;
/// Below the bar, for what stands there.
const BELOW: f64 = 17.0;
/// Between the lanes of two names.
const BETWEEN: f64 = 5.0;
/// What stands at the instant at which all faults end.
pub(super) const CALM: &str = "all faults off";
/// On the right of what is drawn last.
const RIGHT: f64 = 16.0;

pub(super) struct Layout<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) view: View,
    pub(super) violation: Option<&'a Violation>,
    /// First that of the leader key.
    pub(super) lanes: Vec<Lane<'a>>,
    /// Processes that ended before what is drawn.
    pub(super) gone: u64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// One line of the picture.
pub(super) struct Lane<'a> {
    /// Whose; `None` for the leader key.
    pub(super) process: Option<&'a Process<'a>>,
    /// The lanes of one name belong together; this is the first of them.
    pub(super) is_first: bool,
    pub(super) top: f64,
    rows: u8,
    pub(super) marks: Vec<FaultMark<'a>>,
    /// Requests that went astray, and their numbers in the list.
    pub(super) astray: Vec<(usize, &'a Listed<'a>)>,
}

/// A fault as it is drawn.
pub(super) struct FaultMark<'a> {
    /// Its number in the list, from 1.
    pub(super) number: usize,
    pub(super) listed: &'a Listed<'a>,
    pub(super) label: Label,
    pub(super) place: Place,
}

impl<'a> Layout<'a> {
    pub(super) fn of(scene: &'a Scene<'a>, span: Span, violation: Option<&'a Violation>) -> Self {
        let view = View::new(span);
        let drawn = violation.filter(|violation| view.shows(nanos(violation.at)));
        let mut layout = Self {
            scene,
            view,
            violation: drawn,
            lanes: Vec::new(),
            gone: 0,
            width: view.end() + RIGHT,
            height: 0.0,
        };
        if let Some(violation) = drawn {
            layout.reaches(0.0, &violation.to_string());
        }
        if let Some(at) = scene.healed.filter(|at| view.shows(*at)) {
            layout.reaches(view.x(at), CALM);
        }
        layout.add(None, true);
        let mut name = None;
        for process in scene.by_name() {
            if process.life.to < span.from {
                layout.gone += 1;
            } else if process.life.touches(span) {
                layout.add(Some(process), name != Some(process.name));
                name = Some(process.name);
            }
        }
        layout
    }

    /// The faults that are drawn or last into what is drawn, with their numbers.
    pub(super) fn faults(&self) -> impl Iterator<Item = (usize, &'a Listed<'a>)> {
        let view = self.view.span;
        (1..).zip(&self.scene.faults).filter(move |(_, listed)| {
            let to = listed.at.saturating_add(lasts(listed.fault));
            let from = listed.at;
            view.touches(Span { from, to })
        })
    }

    /// There is room for this text beside something.
    fn reaches(&mut self, at: f64, text: &str) {
        self.width = self.width.max(at + BESIDE + width(text) + RIGHT);
    }

    fn add(&mut self, process: Option<&'a Process<'a>>, is_first: bool) {
        let number = process.map(|process| process.number);
        let happened = self.faults().filter(|(_, listed)| {
            let is_drawn = listed.happened && self.view.shows(listed.at);
            is_drawn && listed.fault.process() == number
        });
        let is_message = |listed: &Listed<'_>| matches!(listed.fault, Fault::Message { .. });
        let (astray, others): (Vec<_>, Vec<_>) =
            happened.partition(|(_, listed)| is_message(listed));
        let mut others = others;
        // A plan may come in any order.
        others.sort_by_key(|(_, listed)| listed.at);
        let labels = others.iter().map(|(number, listed)| Label {
            at: self.view.x(listed.at),
            text: format!("{number} {}", Short(listed.fault)),
            short: number.to_string(),
        });
        let labels: Vec<_> = labels.collect();
        let (places, rows) = labels::place(&labels);
        for (label, place) in labels.iter().zip(&places) {
            self.reaches(label.at, label.shown(*place));
        }
        let marks = others.into_iter().zip(labels).zip(places);
        let marks = marks.map(|(((number, listed), label), place)| FaultMark {
            number,
            listed,
            label,
            place,
        });
        let gap = if is_first { BETWEEN } else { 0.0 };
        let lane = Lane {
            process,
            is_first,
            top: self.height + gap,
            rows,
            marks: marks.collect(),
            astray,
        };
        self.height = lane.end();
        self.lanes.push(lane);
    }
}

impl Lane<'_> {
    /// The top of the bar.
    pub(super) fn bar(&self) -> f64 {
        self.top + ABOVE + f64::from(self.rows) * ROW
    }

    /// Where the lane ends.
    fn end(&self) -> f64 {
        self.bar() + BAR + BELOW
    }

    /// The middle of a row of labels.
    pub(super) fn row(&self, row: u8) -> f64 {
        self.top + ABOVE + (f64::from(row) + 0.5) * ROW - 2.0
    }
}
