//! From instants to pixels.

use std::time::Duration;

use crate::sim::executor::Nanos;

/// The narrowest picture, in pixels: a short stretch is drawn larger.
const NARROWEST: f64 = 1_200.0;
/// Pixels a second, from a long stretch to a short one.
const SCALES: (f64, f64) = (6.0, 1_000.0);
/// Space before the first instant.
const LEFT: f64 = 10.0;
/// How far apart marks of the time axis are at least, in pixels.
const APART: f64 = 60.0;
/// What those marks may be apart, in milliseconds.
const STEPS: [u64; 13] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000,
];

/// From when to when; the end may be the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Nanos,
    pub(super) to: Nanos,
}

/// The stretch of time that is drawn, and how large.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) span: Span,
    per_second: f64,
}

impl Span {
    pub(super) const fn lasts(self) -> Nanos {
        self.to.saturating_sub(self.from)
    }

    pub(super) const fn touches(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

impl View {
    pub(super) fn new(span: Span) -> Self {
        let (least, most) = SCALES;
        // Of no time at all it is infinite, and so the most.
        let per_second = (NARROWEST / seconds(span.lasts())).clamp(least, most);
        Self { span, per_second }
    }

    /// Where an instant is; what is not drawn is at the nearest end.
    pub(super) fn x(&self, at: Nanos) -> f64 {
        let at = at.clamp(self.span.from, self.span.to);
        LEFT + seconds(at - self.span.from) * self.per_second
    }

    pub(super) fn end(&self) -> f64 {
        self.x(self.span.to)
    }

    pub(super) const fn shows(&self, at: Nanos) -> bool {
        self.span.from <= at && at <= self.span.to
    }

    /// Where the part of a span that is drawn begins and how wide it is, if
    /// any of it is. What is short is wide enough to be seen.
    pub(super) fn stretch(&self, span: Span) -> Option<(f64, f64)> {
        let from = self.x(span.from);
        self.span
            .touches(span)
            .then(|| (from, (self.x(span.to) - from).max(1.0)))
    }

    /// The instants that the time axis names.
    pub(super) fn ticks(&self) -> impl Iterator<Item = Nanos> {
        let step = self.step();
        let first = self.span.from.div_ceil(step);
        (first..=self.span.to / step).map(move |tick| tick * step)
    }

    fn step(&self) -> Nanos {
        let is_wide = |step: &Nanos| seconds(*step) * self.per_second >= APART;
        let steps = STEPS.iter().map(|millis| millis * 1_000_000);
        steps.clone().find(is_wide).unwrap_or(10_000_000_000)
    }
}

fn seconds(nanos: Nanos) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    fn view(from: Nanos, to: Nanos) -> View {
        View::new(Span {
            from: from * SECOND,
            to: to * SECOND,
        })
    }

    fn is(pixels: f64, expected: f64) -> bool {
        (pixels - expected).abs() < 1e-6
    }

    #[test]
    fn a_long_history_has_six_pixels_a_second_and_a_short_one_fills_the_width() {
        assert!(is(view(0, 740).end(), LEFT + 4_440.0));
        assert!(is(view(0, 60).end(), LEFT + NARROWEST));
        assert!(is(view(100, 160).x(130 * SECOND), LEFT + NARROWEST / 2.0));
    }

    #[test]
    fn a_stretch_of_no_time_at_all_can_be_drawn() {
        let view = view(5, 5);
        assert!(is(view.end(), LEFT));
        assert_eq!(view.ticks().collect::<Vec<_>>(), [5 * SECOND]);
    }

    #[test]
    fn what_is_partly_drawn_is_cut_at_the_end_and_what_is_outside_is_left_out() {
        let view = view(100, 160);
        let span = |from, to| Span {
            from: from * SECOND,
            to: to * SECOND,
        };
        let (from, width) = view.stretch(span(40, 130)).unwrap();
        assert!(is(from, LEFT) && is(width, NARROWEST / 2.0));
        assert_eq!(view.stretch(span(40, 99)), None);
        assert_eq!(view.stretch(span(161, 170)), None);
    }

    #[test]
    fn what_is_short_is_still_seen() {
        let at = 3 * SECOND;
        let (_, width) = view(0, 740).stretch(Span { from: at, to: at }).unwrap();
        assert!(is(width, 1.0));
    }

    #[test]
    fn the_marks_of_the_axis_are_round_and_far_enough_apart() {
        let seconds = |view: View| view.ticks().map(|at| at / SECOND).collect::<Vec<_>>();
        assert_eq!(seconds(view(0, 740))[..3], [0, 10, 20]);
        assert_eq!(seconds(view(101, 161))[..3], [105, 110, 115]);
        assert_eq!(seconds(view(7, 19)), (7..=19).collect::<Vec<_>>());
    }
}
