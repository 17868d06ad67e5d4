//! Where the labels of marks go, so that none hides another.

use super::text::width;

/// Between a mark and its label.
pub(super) const BESIDE: f64 = 6.0;
/// What a label takes beside its letters: to its mark, and to the next one.
const GAP: f64 = BESIDE + 8.0;
/// So many rows of labels does a lane have at the most.
const MOST_ROWS: usize = 4;

/// A mark and what to write beside it.
pub(super) struct Label {
    /// Where the mark is, in pixels.
    pub(super) at: f64,
    pub(super) text: String,
    /// What to write where there is no room for all of it.
    pub(super) short: String,
}

/// Where a mark goes, and its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Counted from the top; without meaning where nothing is shown.
    pub(super) row: u8,
    pub(super) shown: Shown,
}

/// How much of a label there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    All,
    Short,
    Nothing,
}

impl Label {
    /// As much of it as there is room for.
    pub(super) fn shown(&self, place: Place) -> &str {
        match place.shown {
            Shown::All => &self.text,
            Shown::Short => &self.short,
            Shown::Nothing => "",
        }
    }
}

/// Places labels, which have to come in the order of time. Also says how many
/// rows it took.
pub(super) fn place(labels: &[Label]) -> (Vec<Place>, u8) {
    let mut rows = Rows {
        taken: [f64::NEG_INFINITY; MOST_ROWS],
        last: None,
    };
    let mut places: Vec<Place> = Vec::new();
    for (index, label) in labels.iter().enumerate() {
        let row = rows.take_one(label).or_else(|| {
            // Where it is crowded, numbers have to do.
            let before = rows.last?;
            rows.shorten(&labels[before], label).then(|| {
                places[before].shown = Shown::Short;
                rows.take_one(label)
            })?
        });
        let shown = row.map_or(Shown::Nothing, |_| Shown::All);
        let row = row.unwrap_or(0);
        if usize::from(row) == MOST_ROWS - 1 {
            rows.last = Some(index);
        }
        places.push(Place { row, shown });
    }
    let shown = places.iter().filter(|place| place.shown != Shown::Nothing);
    let count = shown.map(|place| place.row + 1).max();
    (places, count.unwrap_or(0))
}

/// The rows of a lane while they fill.
struct Rows {
    /// To where each is taken.
    taken: [f64; MOST_ROWS],
    /// The label that the lowest ends with, if it can be shortened.
    last: Option<usize>,
}

impl Rows {
    /// The highest row with room, which is then taken. A stem leads from the
    /// mark down to its bar, so it must be below all that is in the way.
    fn take_one(&mut self, label: &Label) -> Option<u8> {
        let last = self.taken.iter().rposition(|taken| *taken > label.at);
        let row = last.map_or(0, |row| row + 1);
        *self.taken.get_mut(row)? = label.at + width(&label.text) + GAP;
        u8::try_from(row).ok()
    }

    /// Leaves of a label in the lowest row only its number, if that makes room
    /// for another one.
    fn shorten(&mut self, before: &Label, label: &Label) -> bool {
        let to = before.at + width(&before.short) + GAP;
        let makes_room = to <= label.at;
        if makes_room {
            self.taken[MOST_ROWS - 1] = to;
            self.last = None;
        }
        makes_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(at: &[f64]) -> (Vec<(u8, Shown)>, u8) {
        let labels: Vec<_> = at
            .iter()
            .map(|at| Label {
                at: *at,
                text: "12 stopped".to_owned(),
                short: "12".to_owned(),
            })
            .collect();
        let (places, rows) = place(&labels);
        let places = places.iter().map(|place| (place.row, place.shown));
        (places.collect(), rows)
    }

    #[test]
    fn marks_that_are_far_apart_share_a_row() {
        assert_eq!(
            places(&[10.0, 200.0]),
            (vec![(0, Shown::All), (0, Shown::All)], 1)
        );
    }

    #[test]
    fn marks_that_are_close_get_rows_of_their_own() {
        let (places, rows) = places(&[10.0, 20.0, 30.0]);
        assert_eq!(rows, 3);
        assert_eq!(places, [(0, Shown::All), (1, Shown::All), (2, Shown::All)]);
    }

    #[test]
    fn no_stem_crosses_a_label() {
        // The third one has room beside the first one, but above the second.
        let (places, _) = places(&[10.0, 60.0, 110.0]);
        assert_eq!(places[1].0, 1);
        assert_eq!(places[2].0, 2);
    }

    #[test]
    fn where_all_rows_are_taken_nothing_is_written_over_what_is_there() {
        let (places, rows) = places(&[10.0, 11.0, 12.0, 13.0, 14.0]);
        assert_eq!(rows, 4);
        assert_eq!(places[4].1, Shown::Nothing);
    }

    #[test]
    fn where_it_is_crowded_labels_become_numbers_and_make_room() {
        let (places, _) = places(&[10.0, 20.0, 30.0, 40.0, 50.0, 80.0]);
        assert_eq!(places[3], (3, Shown::Short));
        assert_eq!(places[4].1, Shown::Nothing);
        assert_eq!(places[5], (3, Shown::All));
    }

    #[test]
    fn a_label_stays_whole_where_its_number_would_not_make_room_either() {
        let (places, _) = places(&[10.0, 20.0, 30.0, 40.0, 50.0]);
        assert_eq!(places[3].1, Shown::All);
    }

    #[test]
    fn a_lane_without_marks_takes_no_row() {
        assert_eq!(places(&[]), (vec![], 0));
    }
}
