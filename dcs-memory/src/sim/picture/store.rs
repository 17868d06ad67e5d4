//! The lane of the leader key: who stands in it, and its versions.

use std::fmt::{self, Formatter};

use super::lane::{Lasts, faults};
use super::layout::{BAR, Lane, Layout};
use super::scene::{Scene, Version};
use super::svg::{rect, text};
use super::text::{Seconds, width};
use super::view::Span;

pub(super) fn draw(f: &mut Formatter<'_>, layout: &Layout<'_>, lane: &Lane<'_>) -> fmt::Result {
    f.write_str("<g class=\"lane\" id=\"leader-key\">\n")?;
    let (view, bar) = (layout.view, lane.bar());
    for (holder, span) in holders(layout.scene) {
        let Some((x, wide)) = view.stretch(span) else {
            continue;
        };
        let Some(holder) = holder else {
            let title = format_args!("nobody holds the leader key {}", Lasts(span));
            rect(f, "vacant", (x, bar + 6.0), (wide, 2.0), title)?;
            continue;
        };
        let title = format_args!("{holder} holds the leader key {}", Lasts(span));
        rect(f, "holder", (x, bar), (wide, BAR), title)?;
        if width(holder) + 8.0 <= wide {
            text(f, "holder-name", (x + 5.0, bar + BAR - 3.5), holder)?;
        }
    }
    let mut free = f64::NEG_INFINITY;
    for version in &layout.scene.versions {
        if !view.shows(version.at) {
            continue;
        }
        let x = view.x(version.at);
        let class = match version.writer {
            Some(_) => "version",
            None => "version third-party",
        };
        rect(f, class, (x - 0.8, bar - 2.0), (1.6, BAR + 4.0), version)?;
        let number = version.revision.unwrap_or("-");
        let half = width(number) / 2.0;
        if x - half >= free {
            let class = class.replace("version", "revision");
            text(f, &class, (x, bar + BAR + 12.0), number)?;
            free = x + half + 4.0;
        }
    }
    faults(f, lane)?;
    f.write_str("</g>\n")
}

/// Who stood in the leader key from when to when, one after the other.
fn holders<'a>(scene: &Scene<'a>) -> Vec<(Option<&'a str>, Span)> {
    let mut holders: Vec<(Option<&str>, Span)> = Vec::new();
    for version in &scene.versions {
        let span = Span {
            from: version.at,
            to: scene.end,
        };
        match holders.last_mut() {
            Some((holder, _)) if *holder == version.holder => continue,
            Some((_, before)) => before.to = version.at,
            None => {}
        }
        holders.push((version.holder, span));
    }
    holders
}

impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.revision {
            Some(revision) => write!(f, "revision {revision}")?,
            None => f.write_str("deleted")?,
        }
        write!(f, " at {} s, ", Seconds(self.at))?;
        match self.holder {
            Some(holder) => write!(f, "holder {holder}, ")?,
            None => f.write_str("no holder, ")?,
        }
        match self.writer {
            Some(writer) => write!(f, "written by p{writer}"),
            None => f.write_str("written by a third party"),
        }
    }
}
