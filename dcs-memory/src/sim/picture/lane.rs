//! The lane of one process.

use std::fmt::{self, Formatter};

use super::labels::{BESIDE, Shown};
use super::layout::{BAR, FaultMark, Lane, Layout};
use super::scene::{Belief, Process, Write};
use super::svg::{circle, cross, line, rect, text, told_line};
use super::text::{Safe, Seconds, width};
use super::view::Span;
use crate::sim::trace::{Answered, Wrote};

/// From the top of the bar to the middle of what stands below it.
const WRITES: f64 = BAR + 9.0;

pub(super) fn draw(
    f: &mut Formatter<'_>,
    layout: &Layout<'_>,
    lane: &Lane<'_>,
    process: &Process<'_>,
) -> fmt::Result {
    writeln!(f, r#"<g class="lane" id="process-{}">"#, process.number)?;
    life(f, layout, lane, process)?;
    for belief in &process.beliefs {
        believes(f, layout, lane, process, belief)?;
    }
    let (view, bar) = (layout.view, lane.bar());
    for span in &process.stopped.all {
        if let Some((x, wide)) = view.stretch(*span) {
            let title = format_args!("{} stands still {}", Who(process), Lasts(*span));
            rect(f, "stopped", (x, bar - 2.0), (wide, BAR + 4.0), title)?;
        }
    }
    for span in &process.cut.all {
        if let Some((x, wide)) = view.stretch(*span) {
            let title = format_args!("{} is cut off {}", Who(process), Lasts(*span));
            rect(f, "cut", (x, bar + BAR + 1.0), (wide, 3.0), title)?;
        }
    }
    for (number, listed) in &lane.astray {
        let x = view.x(listed.at);
        let title = format_args!(
            "{number}: at {} s {} of {}",
            Seconds(listed.at),
            listed.fault,
            process.name
        );
        let (from, to) = (bar + WRITES - 3.0, bar + WRITES + 5.0);
        told_line(f, "astray", (x, from), (x, to), title)?;
    }
    for write in process.writes.iter().filter(|write| view.shows(write.at)) {
        sent(f, (view.x(write.at), bar + WRITES), process, write)?;
    }
    faults(f, lane)?;
    f.write_str("</g>\n")
}

fn life(
    f: &mut Formatter<'_>,
    layout: &Layout<'_>,
    lane: &Lane<'_>,
    process: &Process<'_>,
) -> fmt::Result {
    let (view, bar) = (layout.view, lane.bar());
    let Some((x, wide)) = view.stretch(process.life) else {
        return Ok(());
    };
    let title = format_args!("{} runs {}", Who(process), Lasts(process.life));
    rect(f, "life", (x, bar), (wide, BAR), title)?;
    if process.is_killed && view.shows(process.life.to) {
        let x = view.x(process.life.to);
        line(f, "killed", (x, bar - 2.0), (x, bar + BAR + 2.0))?;
    }
    Ok(())
}

fn believes(
    f: &mut Formatter<'_>,
    layout: &Layout<'_>,
    lane: &Lane<'_>,
    process: &Process<'_>,
    belief: &Belief<'_>,
) -> fmt::Result {
    let Some((x, wide)) = layout.view.stretch(belief.span) else {
        return Ok(());
    };
    let token = match belief.token {
        Some(token) => format!("token {token}"),
        None => "no term".to_owned(),
    };
    let how = belief.how.unwrap_or("not told how it ended");
    let title = format_args!(
        "{} believes, {token}, {}; {how}",
        Who(process),
        Lasts(belief.span)
    );
    rect(f, "belief", (x, lane.bar()), (wide, BAR), title)?;
    let number = token.trim_start_matches("token ");
    let fits = [token.as_str(), number].into_iter();
    if let Some(fits) = fits.clone().find(|text| width(text) + 6.0 <= wide) {
        text(f, "token", (x + 3.0, lane.bar() + BAR - 3.5), fits)?;
    }
    Ok(())
}

/// A lease write, by how it was answered.
fn sent(
    f: &mut Formatter<'_>,
    (x, y): (f64, f64),
    process: &Process<'_>,
    write: &Write<'_>,
) -> fmt::Result {
    let what = match write.wrote {
        Wrote::Holder => "a lease write",
        Wrote::Release => "a release",
        Wrote::Vacancy => "a record without a holder",
    };
    let answer = match &write.answer {
        Some((at, Answered::Committed(revision))) => {
            format!("committed as {revision}, told at {} s", Seconds(*at))
        }
        Some((at, Answered::Not(why))) => {
            format!("not committed, told at {} s: {why}", Seconds(*at))
        }
        Some((at, Answered::Unknown)) => format!("unknown, given up at {} s", Seconds(*at)),
        None => "no answer came while it waited".to_owned(),
    };
    let title = format_args!(
        "{} sends {what} at {} s (request {}): {answer}",
        Who(process),
        Seconds(write.at),
        write.request
    );
    let class = match &write.answer {
        Some((_, Answered::Committed(_))) => "write committed",
        Some((_, Answered::Not(_))) => return cross(f, "write refused", (x, y), title),
        Some((_, Answered::Unknown)) | None => "write unknown",
    };
    match write.wrote {
        Wrote::Holder => circle(f, class, (x, y), title),
        _ => rect(f, class, (x - 2.4, y - 2.4), (4.8, 4.8), title),
    }
}

/// The faults of a lane: a mark each, and beside it as much as there is room for.
pub(super) fn faults(f: &mut Formatter<'_>, lane: &Lane<'_>) -> fmt::Result {
    for mark in &lane.marks {
        let x = mark.label.at;
        let y = match mark.place.shown {
            Shown::Nothing => lane.bar(),
            Shown::All | Shown::Short => lane.row(mark.place.row),
        };
        line(f, "stem", (x, y), (x, lane.bar()))?;
        fault(f, (x, y), mark)?;
    }
    Ok(())
}

fn fault(f: &mut Formatter<'_>, (x, y): (f64, f64), mark: &FaultMark<'_>) -> fmt::Result {
    let FaultMark { number, listed, .. } = mark;
    let at = Seconds(listed.at);
    let what = Safe(listed.fault);
    writeln!(
        f,
        r##"<a id="mark-{number}" href="#fault-{number}"><title>{number}: at {at} s {what}</title>"##
    )?;
    writeln!(
        f,
        r#"<path class="fault" d="M{x:.1} {:.1}l4 4l-4 4l-4 -4z"/>"#,
        y - 4.0
    )?;
    let label = mark.label.shown(mark.place);
    if !label.is_empty() {
        text(f, "label", (x + BESIDE, y + 3.5), label)?;
    }
    f.write_str("</a>\n")
}

/// A process as it is told of.
struct Who<'a>(&'a Process<'a>);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "p{} ({})", self.0.number, self.0.name)
    }
}

/// From when to when, and how long that is.
pub(super) struct Lasts(pub(super) Span);

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Span { from, to } = self.0;
        let lasts = Seconds(self.0.lasts());
        write!(
            f,
            "from {} s to {} s ({lasts} s)",
            Seconds(from),
            Seconds(to)
        )
    }
}
