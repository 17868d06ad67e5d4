//! Shapes. Colours and strokes come from the style of the page, by class.

use std::fmt::{Display, Formatter, Result};

use super::text::Safe;

/// A place in a picture, from the left and from the top, in pixels.
pub(super) type Point = (f64, f64);

/// A rectangle by its place and its size, with what is shown above the pointer.
pub(super) fn rect(
    f: &mut Formatter<'_>,
    class: &str,
    (x, y): Point,
    (width, height): Point,
    title: impl Display,
) -> Result {
    write!(
        f,
        r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}">"#
    )?;
    writeln!(f, "<title>{}</title></rect>", Safe(title))
}

pub(super) fn line(f: &mut Formatter<'_>, class: &str, from: Point, to: Point) -> Result {
    writeln!(
        f,
        r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
        from.0, from.1, to.0, to.1
    )
}

/// A line with what is shown above the pointer.
pub(super) fn told_line(
    f: &mut Formatter<'_>,
    class: &str,
    from: Point,
    to: Point,
    title: impl Display,
) -> Result {
    write!(
        f,
        r#"<line class="{class}" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}">"#,
        from.0, from.1, to.0, to.1
    )?;
    writeln!(f, "<title>{}</title></line>", Safe(title))
}

pub(super) fn circle(
    f: &mut Formatter<'_>,
    class: &str,
    (x, y): Point,
    title: impl Display,
) -> Result {
    write!(
        f,
        r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="2.6">"#
    )?;
    writeln!(f, "<title>{}</title></circle>", Safe(title))
}

pub(super) fn cross(
    f: &mut Formatter<'_>,
    class: &str,
    (x, y): Point,
    title: impl Display,
) -> Result {
    let (left, top) = (x - 2.5, y - 2.5);
    write!(
        f,
        r#"<path class="{class}" d="M{left:.1} {top:.1}l5 5m0 -5l-5 5">"#
    )?;
    writeln!(f, "<title>{}</title></path>", Safe(title))
}

pub(super) fn text(
    f: &mut Formatter<'_>,
    class: &str,
    (x, y): Point,
    text: impl Display,
) -> Result {
    writeln!(
        f,
        r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{}</text>"#,
        Safe(text)
    )
}

/// Begins a picture; `what` says to those who cannot see it what it is.
pub(super) fn begin(f: &mut Formatter<'_>, class: &str, size: Point, what: &str) -> Result {
    let (width, height) = size;
    writeln!(
        f,
        r#"<svg class="{class}" width="{width:.0}" height="{height:.0}" role="img" aria-label="{}">"#,
        Safe(what)
    )
}
