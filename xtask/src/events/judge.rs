//! The verdict on all terms of all processes.

use std::fmt;

use super::overlap::{self, Span};
use super::term::Term;

#[derive(Debug)]
pub(crate) struct Verdict {
    /// In the order of their elections.
    pub(crate) terms: Vec<Term>,
    /// Pairs of terms that were believed in at once, by index.
    pub(crate) overlaps: Vec<(usize, usize)>,
    pub(crate) overlap_ms: u64,
    /// Pairs of elections whose tokens do not grow, by index, the earlier first.
    pub(crate) shrinking: Vec<(usize, usize)>,
}

impl Verdict {
    /// Judges `terms`; those of one file have to be in the order of their lines.
    pub(crate) fn on(mut terms: Vec<Term>) -> Self {
        // Within one millisecond any order may be the true one, so the one that
        // speaks for the terms is taken.
        terms.sort_by_key(|term| (term.from_ms, term.token));
        let spans: Vec<_> = terms.iter().map(span_of).collect();
        Self {
            overlaps: overlap::pairs(&spans),
            overlap_ms: overlap::total_ms(&spans),
            shrinking: shrinking(&terms),
            terms,
        }
    }

    pub(crate) fn tokens_grow(&self) -> bool {
        self.shrinking.is_empty()
    }

    /// Whether anything was proven, and nothing disproven.
    pub(crate) fn is_good(&self) -> bool {
        !self.terms.is_empty() && self.overlap_ms == 0 && self.tokens_grow()
    }

    /// What speaks against the terms, one text each.
    pub(crate) fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        if self.terms.is_empty() {
            findings.push("no term in any file: nothing is proven".to_owned());
        }
        for (earlier, later) in &self.shrinking {
            let (earlier, later) = (&self.terms[*earlier], &self.terms[*later]);
            let (first, second) = (Named(earlier), Named(later));
            findings.push(if earlier.token == later.token {
                format!("token {} was given twice: {first}, {second}", earlier.token)
            } else {
                format!("tokens do not grow: {first}, then {second}")
            });
        }
        if self.overlap_ms > 0 {
            let ms = self.overlap_ms;
            findings.push(format!(
                "two terms or more were believed in at once for {ms} ms"
            ));
        }
        findings
    }
}

/// A term as findings call it.
struct Named<'a>(&'a Term);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Term {
            place,
            member,
            token,
            from_ms,
            ..
        } = self.0;
        write!(f, "{member:?} token {token} at {from_ms} ({place})")
    }
}

fn span_of(term: &Term) -> Span<(&str, u128)> {
    Span {
        key: (&term.member, term.token),
        from_ms: term.from_ms,
        to_ms: term.to_ms(),
    }
}

/// The elections that break the growth of tokens, in an order of `terms` by
/// instant: across all members by that order, and within one process by its lines.
fn shrinking(terms: &[Term]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut highest: Option<usize> = None;
    for (index, term) in terms.iter().enumerate() {
        match highest {
            Some(before) if term.token <= terms[before].token => found.push((before, index)),
            _ => highest = Some(index),
        }
    }

    let mut lines: Vec<usize> = (0..terms.len()).collect();
    lines.sort_by_key(|index| {
        (
            &terms[*index].place.file,
            &terms[*index].member,
            terms[*index].place.line,
        )
    });
    for pair in lines.windows(2) {
        let (earlier, later) = (&terms[pair[0]], &terms[pair[1]]);
        let same_process = earlier.place.file == later.place.file && earlier.member == later.member;
        let known = found.iter().any(|(_, index)| *index == pair[1]);
        if same_process && !known && later.token <= earlier.token {
            found.push((pair[0], pair[1]));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::events::place::Place;
    use crate::events::term::End;

    /// Each term on a line of its own, in the file that is named after its process.
    fn verdict(terms: &[(&str, &str, u128, u64, u64)]) -> Verdict {
        let term = |(index, (file, member, token, from_ms, until_ms)): (
            usize,
            &(&str, &str, u128, u64, u64),
        )| Term {
            place: Place {
                file: Arc::from(Path::new(file)),
                line: index + 1,
            },
            member: (*member).to_owned(),
            token: *token,
            from_ms: *from_ms,
            until_ms: *until_ms,
            end: End::Unsaid,
        };
        Verdict::on(terms.iter().enumerate().map(term).collect())
    }

    #[test]
    fn terms_one_after_the_other_are_good() {
        let verdict = verdict(&[("f", "a", 9, 0, 10), ("g", "b", 10, 10, 20)]);
        assert!(verdict.is_good(), "{:?}", verdict.findings());
    }

    #[test]
    fn nothing_is_proven_by_no_terms() {
        let verdict = verdict(&[]);
        assert!(!verdict.is_good());
        assert_eq!(
            verdict.findings(),
            ["no term in any file: nothing is proven"]
        );
    }

    #[test]
    fn tokens_are_compared_in_the_order_of_elections_not_of_files() {
        let verdict = verdict(&[("g", "b", 10, 10, 20), ("f", "a", 9, 0, 10)]);
        assert!(verdict.is_good(), "{:?}", verdict.findings());
    }

    #[test]
    fn a_smaller_token_later_is_found() {
        let verdict = verdict(&[("f", "a", 10, 0, 10), ("g", "b", 9, 10, 20)]);
        assert_eq!(
            verdict.findings(),
            ["tokens do not grow: \"a\" token 10 at 0 (f:1), then \"b\" token 9 at 10 (g:2)"]
        );
        assert!(!verdict.is_good());
    }

    #[test]
    fn a_token_that_is_below_the_highest_is_found_behind_another() {
        let verdict = verdict(&[
            ("f", "a", 5, 0, 1),
            ("g", "b", 3, 2, 3),
            ("h", "c", 4, 4, 5),
        ]);
        assert_eq!(verdict.shrinking, [(0, 1), (0, 2)]);
    }

    #[test]
    fn a_token_given_to_two_members_is_found() {
        let verdict = verdict(&[("f", "a", 5, 0, 10), ("g", "b", 5, 10, 20)]);
        assert_eq!(
            verdict.findings(),
            ["token 5 was given twice: \"a\" token 5 at 0 (f:1), \"b\" token 5 at 10 (g:2)"]
        );
    }

    #[test]
    fn within_one_millisecond_either_order_may_be_the_true_one() {
        let verdict = verdict(&[("f", "a", 5, 10, 10), ("g", "b", 4, 10, 20)]);
        assert!(verdict.is_good(), "{:?}", verdict.findings());
    }

    #[test]
    fn one_process_elects_in_the_order_of_its_lines_even_within_a_millisecond() {
        let verdict = verdict(&[("f", "a", 5, 10, 10), ("f", "a", 4, 10, 20)]);
        assert_eq!(
            verdict.findings(),
            ["tokens do not grow: \"a\" token 5 at 10 (f:1), then \"a\" token 4 at 10 (f:2)"]
        );
    }

    #[test]
    fn two_processes_of_one_name_overlap() {
        let verdict = verdict(&[("f", "a", 5, 0, 10), ("g", "a", 6, 7, 20)]);
        assert_eq!(
            (verdict.overlap_ms, verdict.overlaps.as_slice()),
            (3, [(0, 1)].as_slice())
        );
        assert!(!verdict.is_good());
    }
}
