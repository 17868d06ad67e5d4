//! Who believed in which term, and whether two did at once. Smaller than the
//! judge of `cargo xtask check-events`, and made apart from it.

use std::fmt;

use super::events::Event;

/// One belief: from the election to the end that was said, and never past the
/// last `until_ms`.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) member: String,
    pub(crate) token: u128,
    pub(crate) from_ms: i64,
    pub(crate) until_ms: i64,
    /// The line that said the end; none of a process that was killed.
    pub(crate) end: Option<Event>,
}

#[derive(Debug)]
pub(crate) struct Verdict {
    /// In the order of their elections.
    pub(crate) terms: Vec<Term>,
    pub(crate) overlap_ms: i64,
    pub(crate) tokens_grow: bool,
}

impl Term {
    pub(crate) fn to_ms(&self) -> i64 {
        let end = self.end.as_ref().map_or(i64::MAX, |end| end.at_ms);
        end.min(self.until_ms)
    }

    pub(crate) fn ended_by(&self, kind: &str) -> bool {
        self.end.as_ref().is_some_and(|end| end.is(kind))
    }
}

/// Judges the processes of one cluster, each with its own events.
pub(crate) fn judge<'a>(processes: impl IntoIterator<Item = &'a [Event]>) -> Verdict {
    let mut terms: Vec<Term> = processes.into_iter().flat_map(terms_of).collect();
    terms.sort_by_key(|term| (term.from_ms, term.token));
    let mut overlap_ms = 0;
    for (at, one) in terms.iter().enumerate() {
        for other in &terms[at + 1..] {
            let both = one.to_ms().min(other.to_ms()) - other.from_ms;
            overlap_ms += both.max(0);
        }
    }
    let tokens_grow = terms.is_sorted_by(|one, next| one.token < next.token);
    Verdict {
        terms,
        overlap_ms,
        tokens_grow,
    }
}

impl Verdict {
    #[track_caller]
    pub(crate) fn assert_good(&self, fewest_terms: usize) {
        let is_good = self.overlap_ms == 0 && self.tokens_grow;
        assert!(is_good, "{self}\n{:#?}", self.terms);
        assert!(
            self.terms.len() >= fewest_terms,
            "{self}, of {fewest_terms}"
        );
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "terms {} overlap_ms {} tokens_grow {}",
            self.terms.len(),
            self.overlap_ms,
            self.tokens_grow
        )
    }
}

fn terms_of(events: &[Event]) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for event in events {
        if event.is("elected") {
            terms.push(Term {
                member: event.member.clone(),
                token: event.token.unwrap(),
                from_ms: event.at_ms,
                until_ms: event.until_ms.unwrap(),
                end: None,
            });
            continue;
        }
        let Some(token) = event.token else { continue };
        let is_meant = |term: &&mut Term| term.member == event.member && term.token == token;
        let term = terms.iter_mut().rev().find(is_meant);
        let term = term.unwrap_or_else(|| panic!("nobody was elected for {event:?}"));
        assert!(term.end.is_none(), "after the end of its term: {event:?}");
        if event.is("renewed") {
            term.until_ms = event.until_ms.unwrap();
        } else {
            term.end = Some(event.clone());
        }
    }
    terms
}
