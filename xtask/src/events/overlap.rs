//! How long two or more beliefs stood at once.

use std::collections::BTreeMap;

/// A half-open span of milliseconds, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span<K> {
    pub(crate) key: K,
    pub(crate) from_ms: u64,
    pub(crate) to_ms: u64,
}

/// The milliseconds in which spans of two or more distinct keys stand.
///
/// A millisecond counts once, however many stand in it.
pub(crate) fn total_ms<K: Ord + Clone>(spans: &[Span<K>]) -> u64 {
    let mut edges = Vec::with_capacity(spans.len() * 2);
    for span in spans.iter().filter(|span| span.from_ms < span.to_ms) {
        edges.push((span.from_ms, Edge::Opens, &span.key));
        edges.push((span.to_ms, Edge::Closes, &span.key));
    }
    edges.sort();

    let mut standing: BTreeMap<&K, usize> = BTreeMap::new();
    let mut total = 0;
    let mut last_ms = 0;
    for (at_ms, edge, key) in edges {
        if standing.len() >= 2 {
            total += at_ms - last_ms;
        }
        last_ms = at_ms;
        let count = standing.entry(key).or_default();
        match edge {
            Edge::Opens => *count += 1,
            Edge::Closes if *count > 1 => *count -= 1,
            Edge::Closes => drop(standing.remove(key)),
        }
    }
    total
}

/// The pairs of `spans` with distinct keys that share a millisecond, by index.
pub(crate) fn pairs<K: PartialEq>(spans: &[Span<K>]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| spans[*index].from_ms);

    let mut found = Vec::new();
    for (position, first) in order.iter().enumerate() {
        for second in &order[position + 1..] {
            let (a, b) = (&spans[*first], &spans[*second]);
            if b.from_ms >= a.to_ms {
                break;
            }
            if a.key != b.key && b.from_ms < b.to_ms {
                found.push((*first, *second));
            }
        }
    }
    found
}

/// An opening sorts first, so that a key that closes and opens at one instant
/// stays; the time between the two is nothing either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    Opens,
    Closes,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn span(key: u8, from_ms: u64, to_ms: u64) -> Span<u8> {
        Span {
            key,
            from_ms,
            to_ms,
        }
    }

    #[test]
    fn spans_that_touch_do_not_overlap() {
        let spans = [span(1, 0, 10), span(2, 10, 20)];
        assert_eq!((total_ms(&spans), pairs(&spans)), (0, vec![]));
    }

    #[test]
    fn one_shared_millisecond_counts() {
        let spans = [span(1, 0, 11), span(2, 10, 20)];
        assert_eq!((total_ms(&spans), pairs(&spans)), (1, vec![(0, 1)]));
    }

    #[test]
    fn three_at_once_count_once() {
        let spans = [span(1, 0, 10), span(2, 0, 10), span(3, 0, 10)];
        assert_eq!((total_ms(&spans), pairs(&spans).len()), (10, 3));
    }

    #[test]
    fn an_empty_span_overlaps_nothing() {
        for empty in [span(2, 5, 5), span(2, 8, 5)] {
            let spans = [span(1, 0, 10), empty];
            assert_eq!((total_ms(&spans), pairs(&spans)), (0, vec![]));
        }
    }

    #[test]
    fn spans_of_one_key_do_not_overlap_each_other() {
        let spans = [span(1, 0, 10), span(1, 5, 20)];
        assert_eq!((total_ms(&spans), pairs(&spans)), (0, vec![]));
    }

    prop_compose! {
        fn any_span()(key in 0..5_u8, from_ms in 0..150_u64, length in 0..60_u64) -> Span<u8> {
            span(key, from_ms, from_ms + length)
        }
    }

    fn stands(span: &Span<u8>, at_ms: u64) -> bool {
        span.from_ms <= at_ms && at_ms < span.to_ms
    }

    proptest! {
        #[test]
        fn the_total_is_what_counting_each_millisecond_gives(
            spans in proptest::collection::vec(any_span(), 0..12),
        ) {
            let keys_at = |at_ms| {
                let here = spans.iter().filter(move |span| stands(span, at_ms));
                here.map(|span| span.key).collect::<BTreeSet<_>>()
            };
            let counted = (0..250).filter(|at_ms| keys_at(*at_ms).len() >= 2).count();
            prop_assert_eq!(total_ms(&spans), u64::try_from(counted).unwrap());
        }

        #[test]
        fn the_pairs_are_those_that_share_a_millisecond(
            spans in proptest::collection::vec(any_span(), 0..12),
        ) {
            let mut expected = BTreeSet::new();
            for (i, a) in spans.iter().enumerate() {
                for (j, b) in spans.iter().enumerate().skip(i + 1) {
                    let shared = (0..250).any(|at_ms| stands(a, at_ms) && stands(b, at_ms));
                    if shared && a.key != b.key {
                        expected.insert((i, j));
                    }
                }
            }
            let found: BTreeSet<_> =
                pairs(&spans).into_iter().map(|(i, j)| (i.min(j), i.max(j))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
