//! The picture: the time axis, the names of the lanes, and the lanes.

use std::fmt::{self, Formatter};

use super::labels::BESIDE;
use super::lane;
use super::layout::{BAR, CALM, Layout};
use super::store;
use super::svg::{self, line, text, told_line};
use super::text::{Safe, Seconds, width};
use crate::sim::executor::Nanos;
use crate::sim::net::nanos;

/// Width of the names.
const NAMES: f64 = 100.0;
/// Height of a line of text above the lanes.
const LINE: f64 = 15.0;
/// Letters of a name that there is room for.
const MOST_LETTERS: usize = 10;

/// The whole picture, in a box that scrolls beneath its names and its axis.
pub(super) fn draw(f: &mut Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
    f.write_str("<div class=\"box\" tabindex=\"0\"><div class=\"grid\">\n")?;
    f.write_str("<div class=\"corner\">seconds</div>\n<div class=\"axis\">\n")?;
    axis(f, layout)?;
    f.write_str("</div>\n<div class=\"names\">\n")?;
    names(f, layout)?;
    f.write_str("</div>\n")?;
    lanes(f, layout)?;
    f.write_str("</div></div>\n")
}

fn axis(f: &mut Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
    let view = layout.view;
    let lines = if layout.violation.is_some() { 3.0 } else { 2.0 };
    let height = lines * LINE + 4.0;
    svg::begin(f, "scale", (layout.width, height), "time axis, in seconds")?;
    for at in view.ticks() {
        let x = view.x(at);
        line(f, "tick", (x, height - 4.0), (x, height))?;
        text(f, "number", (x, height - 6.0), Tick(at))?;
    }
    if let Some(at) = layout.scene.healed.filter(|at| view.shows(*at)) {
        let x = view.x(at);
        line(f, "calm", (x, height - 2.0 * LINE), (x, height))?;
        text(f, "calm", (x + BESIDE, height - LINE - 8.0), CALM)?;
    }
    if let Some(violation) = layout.violation {
        let what = violation.to_string();
        let x = view.x(nanos(violation.at));
        f.write_str("<g id=\"violation\">\n")?;
        line(f, "violation", (x, LINE), (x, height))?;
        f.write_str("</g>\n")?;
        // On its left, as a history ends there.
        let from = (x + 4.0 - width(&what)).max(4.0);
        text(f, "violation", (from, LINE - 4.0), what)?;
    }
    f.write_str("</svg>\n")
}

fn names(f: &mut Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
    svg::begin(f, "", (NAMES, layout.height), "names of the lanes")?;
    for lane in &layout.lanes {
        let y = lane.bar() + BAR - 3.0;
        let Some(process) = lane.process else {
            text(f, "name", (8.0, y), "leader key")?;
            continue;
        };
        if lane.is_first {
            line(f, "parting", (0.0, lane.top), (NAMES, lane.top))?;
            let cut: String = process.name.chars().take(MOST_LETTERS).collect();
            write!(f, "<g><title>{}</title>", Safe(process.name))?;
            text(f, "name", (8.0, y), cut)?;
            f.write_str("</g>\n")?;
        }
        let number = format_args!("p{}", process.number);
        text(f, "process", (NAMES - 8.0, y), number)?;
    }
    f.write_str("</svg>\n")
}

fn lanes(f: &mut Formatter<'_>, layout: &Layout<'_>) -> fmt::Result {
    let (view, height) = (layout.view, layout.height);
    let what = "what the processes did, a lane each";
    svg::begin(f, "chart", (layout.width, height), what)?;
    f.write_str(PATTERN)?;
    for at in view.ticks() {
        line(f, "grid-line", (view.x(at), 0.0), (view.x(at), height))?;
    }
    if let Some(at) = layout.scene.healed.filter(|at| view.shows(*at)) {
        line(f, "calm", (view.x(at), 0.0), (view.x(at), height))?;
    }
    for lane in &layout.lanes {
        if lane.is_first && lane.process.is_some() {
            line(f, "parting", (0.0, lane.top), (layout.width, lane.top))?;
        }
        match lane.process {
            Some(process) => lane::draw(f, layout, lane, process)?,
            None => store::draw(f, layout, lane)?,
        }
    }
    if let Some(violation) = layout.violation {
        let x = view.x(nanos(violation.at));
        told_line(f, "violation", (x, 0.0), (x, height), violation)?;
    }
    f.write_str("</svg>\n")
}

/// What stopped processes are hatched with.
const PATTERN: &str = "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" \
    patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
    <rect class=\"hatch-ground\" width=\"6\" height=\"6\"/>\
    <rect class=\"hatch-line\" width=\"2.5\" height=\"6\"/></pattern></defs>\n";

/// An instant on the axis: no more digits than it has.
struct Tick(Nanos);

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = Seconds(self.0).to_string();
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text.is_empty() { "0" } else { text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_on_the_axis_has_no_more_digits_than_it_needs() {
        let tick = |millis: u64| Tick(millis * 1_000_000).to_string();
        assert_eq!(tick(0), "0");
        assert_eq!(tick(120_000), "120");
        assert_eq!(tick(1_250), "1.25");
    }
}
