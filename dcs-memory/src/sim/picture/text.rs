//! Text as it stands in the page.

use std::fmt::{self, Write};

use crate::sim::executor::Nanos;

/// A text that means nothing to a browser: neither a tag nor the end of an
/// attribute.
pub(super) struct Safe<T>(pub(super) T);

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl<T: fmt::Display> fmt::Display for Safe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        match c {
            '&' => self.0.write_str("&amp;"),
            '<' => self.0.write_str("&lt;"),
            '>' => self.0.write_str("&gt;"),
            '"' => self.0.write_str("&quot;"),
            '\'' => self.0.write_str("&#39;"),
            '\n' | '\t' => self.0.write_char(c),
            // Not allowed in a page, not even escaped.
            _ if c.is_control() => self.0.write_char(char::REPLACEMENT_CHARACTER),
            _ => self.0.write_char(c),
        }
    }
}

/// An instant or a span, in seconds, rounded to milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) Nanos);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.saturating_add(500_000) / 1_000_000;
        write!(f, "{}.{:03}", millis / 1_000, millis % 1_000)
    }
}

/// A count and what it counts.
pub(super) struct Count(pub(super) u64, pub(super) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{end}", self.0, self.1)
    }
}

/// How wide a text is in the picture, in pixels: its letters are of one width.
pub(super) fn width(text: &str) -> f64 {
    const LETTER: f64 = 6.1;
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)) * LETTER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_a_tag_or_an_attribute_is_escaped() {
        let text = Safe("</svg><script>\"&'\u{0}").to_string();
        assert_eq!(text, "&lt;/svg&gt;&lt;script&gt;&quot;&amp;&#39;\u{fffd}");
    }

    #[test]
    fn seconds_are_rounded_to_milliseconds() {
        assert_eq!(Seconds(12_034_499_999).to_string(), "12.034");
        assert_eq!(Seconds(999_500_000).to_string(), "1.000");
    }
}
