//! From the events of one process to its terms.

use std::collections::BTreeMap;

use super::parse::{Event, Kind, Record};
use super::place::{Fault, Note, Place, Problem};

/// One belief: from the election to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// The line of its election.
    pub(crate) place: Place,
    pub(crate) member: String,
    pub(crate) token: u128,
    pub(crate) from_ms: u64,
    /// The last instant that belief was said to reach.
    pub(crate) until_ms: u64,
    pub(crate) end: End,
}

/// How a term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// No end was said: the process was killed, or the file ends before.
    Unsaid,
    Lost(u64),
    Released(u64),
}

impl Term {
    /// The instant from which on nobody believes; never before `from_ms`.
    pub(crate) fn to_ms(&self) -> u64 {
        match self.end {
            End::Unsaid => self.until_ms,
            End::Lost(at_ms) | End::Released(at_ms) => at_ms.min(self.until_ms),
        }
    }
}

/// The terms of one file, in the order of their lines.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) terms: Vec<Term>,
    pub(crate) notes: Vec<Note>,
}

/// Follows the terms through the events of one file.
pub(crate) fn collect(record: &Record) -> Result<Run, Problem> {
    let mut collector = Collector {
        notes: record.notes.clone(),
        ..Collector::default()
    };
    for event in &record.events {
        collector.take(event).map_err(|fault| Problem::Line {
            place: event.place.clone(),
            fault,
        })?;
    }
    Ok(Run {
        terms: collector.terms,
        notes: collector.notes,
    })
}

#[derive(Debug, Default)]
struct Collector<'a> {
    terms: Vec<Term>,
    notes: Vec<Note>,
    /// For each term the last line that spoke of belief at its own instant.
    attested_ms: Vec<u64>,
    /// The newest term of each member.
    newest: BTreeMap<&'a str, usize>,
}

impl<'a> Collector<'a> {
    fn take(&mut self, event: &'a Event) -> Result<(), Fault> {
        match event.kind {
            Kind::Elected => self.elected(event),
            Kind::Renewed => self.renewed(event),
            Kind::Lost => self.ended(event, End::Lost(event.at_ms)),
            Kind::Released => self.ended(event, End::Released(event.at_ms)),
            Kind::Seen => Ok(()),
        }
    }

    fn elected(&mut self, event: &'a Event) -> Result<(), Fault> {
        let token = event.token.ok_or_else(|| lacks(event, "token"))?;
        let until_ms = event.until_ms.ok_or_else(|| lacks(event, "until_ms"))?;
        if until_ms < event.at_ms {
            let (member, at_ms) = (event.member.clone(), event.at_ms);
            return Err(Fault::EndsBeforeBegin {
                member,
                at_ms,
                until_ms,
            });
        }
        self.newest.insert(&event.member, self.terms.len());
        self.attested_ms.push(event.at_ms);
        self.terms.push(Term {
            place: event.place.clone(),
            member: event.member.clone(),
            token,
            from_ms: event.at_ms,
            until_ms,
            end: End::Unsaid,
        });
        Ok(())
    }

    fn renewed(&mut self, event: &Event) -> Result<(), Fault> {
        let index = self.open(event, self.newest(event)?)?;
        let until_ms = event.until_ms.ok_or_else(|| lacks(event, "until_ms"))?;
        let term = &mut self.terms[index];
        let (before, at_ms) = (term.until_ms, event.at_ms);
        if until_ms < before && until_ms < at_ms {
            let member = event.member.clone();
            return Err(Fault::TakenBack {
                member,
                at_ms,
                before,
                until_ms,
            });
        }
        term.until_ms = until_ms;
        if at_ms < until_ms {
            self.attested_ms[index] = self.attested_ms[index].max(at_ms);
        }
        if before <= at_ms {
            self.note(
                event,
                &format!("renewed at {at_ms}, after belief had reached {before}"),
            );
        }
        if until_ms < before {
            self.note(
                event,
                &format!("until_ms goes back from {before} to {until_ms}"),
            );
        }
        Ok(())
    }

    fn ended(&mut self, event: &Event, end: End) -> Result<(), Fault> {
        let index = self.open(event, self.ending(event)?)?;
        let attested_ms = self.attested_ms[index];
        let term = &mut self.terms[index];
        term.end = end;
        let (at_ms, until_ms) = (event.at_ms, term.until_ms);
        if until_ms < at_ms {
            self.note(
                event,
                &format!("the end at {at_ms} counts as until_ms {until_ms}"),
            );
        }
        if at_ms < attested_ms {
            self.note(
                event,
                &format!("the end at {at_ms} lies before the renewal at {attested_ms}"),
            );
        }
        Ok(())
    }

    fn newest(&self, event: &Event) -> Result<usize, Fault> {
        match self.newest.get(event.member.as_str()) {
            Some(newest) => Ok(*newest),
            None => Err(Fault::NeverElected {
                event: event.kind.name(),
                member: event.member.clone(),
            }),
        }
    }

    /// The term whose end `event` says: the newest that has its token. The line may
    /// come after that of the next election.
    fn ending(&self, event: &Event) -> Result<usize, Fault> {
        let newest = self.newest(event)?;
        let is_meant = |index: &usize| {
            let term = &self.terms[*index];
            term.member == event.member && Some(term.token) == event.token
        };
        Ok((0..=newest).rev().find(is_meant).unwrap_or(newest))
    }

    /// `index`, if that term is the one of `event` and still open.
    fn open(&self, event: &Event, index: usize) -> Result<usize, Fault> {
        let kind = event.kind.name();
        let member = || event.member.clone();
        let term = &self.terms[index];
        if let Some(found) = event.token
            && found != term.token
        {
            let open = term.token;
            return Err(Fault::OtherToken {
                event: kind,
                member: member(),
                found,
                open,
            });
        }
        if term.end != End::Unsaid {
            return Err(Fault::AlreadyOver {
                event: kind,
                member: member(),
                token: term.token,
            });
        }
        if event.at_ms < term.from_ms {
            return Err(Fault::BeforeBegin {
                event: kind,
                member: member(),
                token: term.token,
                at_ms: event.at_ms,
                from_ms: term.from_ms,
            });
        }
        Ok(index)
    }

    fn note(&mut self, event: &Event, text: &str) {
        let text = format!("{} of {:?}: {text}", event.kind.name(), event.member);
        self.notes.push(Note {
            place: event.place.clone(),
            text,
        });
    }
}

fn lacks(event: &Event, field: &'static str) -> Fault {
    Fault::Lacks {
        event: event.kind.name(),
        member: event.member.clone(),
        field,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::events::parse;

    /// Lines as `at member event token until`, where `-` is null.
    fn run(lines: &str) -> Result<Run, Problem> {
        let text = |field: &str| (field != "-").then(|| field.to_owned());
        let line = |line: &str| {
            let [at_ms, member, event, token, until_ms] = line
                .split_whitespace()
                .collect::<Vec<_>>()
                .try_into()
                .unwrap();
            let object = serde_json::json!({
                "at_ms": at_ms.parse::<u64>().unwrap(),
                "member": member,
                "event": event,
                "leader": null,
                "token": text(token),
                "until_ms": text(until_ms).map(|until| until.parse::<u64>().unwrap()),
            });
            format!("{object}\n")
        };
        let json: String = lines.split('|').map(line).collect();
        collect(&parse::parse(&Arc::from(Path::new("f")), json.as_bytes())?)
    }

    fn spans(lines: &str) -> Vec<(u64, u64)> {
        run(lines)
            .unwrap()
            .terms
            .iter()
            .map(|term| (term.from_ms, term.to_ms()))
            .collect()
    }

    fn fault(lines: &str) -> String {
        run(lines).unwrap_err().to_string()
    }

    fn notes(lines: &str) -> Vec<String> {
        run(lines)
            .unwrap()
            .notes
            .iter()
            .map(Note::to_string)
            .collect()
    }

    #[test]
    fn belief_ends_where_its_end_was_said() {
        assert_eq!(
            spans("10 a elected 1 30|20 a renewed 1 40|25 a lost 1 -"),
            [(10, 25)]
        );
        assert_eq!(spans("10 a elected 1 30|10 a released 1 -"), [(10, 10)]);
    }

    #[test]
    fn belief_without_an_end_reaches_the_last_until() {
        assert_eq!(spans("10 a elected 1 30|20 a renewed 1 40"), [(10, 40)]);
    }

    #[test]
    fn an_end_never_reaches_past_until() {
        let lines = "10 a elected 1 30|35 a lost 1 -";
        assert_eq!(spans(lines), [(10, 30)]);
        assert_eq!(
            notes(lines),
            ["f:2: lost of \"a\": the end at 35 counts as until_ms 30"]
        );
    }

    #[test]
    fn an_end_may_lie_before_the_lines_above_it() {
        let lines = "10 a elected 1 30|28 a leader - -|25 a lost 1 -";
        assert_eq!(spans(lines), [(10, 25)]);
        assert!(notes(lines).is_empty());
    }

    #[test]
    fn an_end_may_be_written_after_the_next_election() {
        let lines = "10 a elected 1 30|28 a elected 2 50|25 a lost 1 -|45 a lost - -";
        assert_eq!(spans(lines), [(10, 25), (28, 45)]);
        assert_eq!(
            fault("10 a elected 1 30|28 a elected 2 50|25 b elected 3 60|26 b lost 1 -"),
            "f:4: lost of \"b\" has token 1, but its term is 3",
        );
    }

    #[test]
    fn an_end_before_the_last_renewal_is_a_note() {
        let lines = "10 a elected 1 30|20 a renewed 1 40|18 a released 1 -";
        assert_eq!(spans(lines), [(10, 18)]);
        assert_eq!(
            notes(lines),
            ["f:3: released of \"a\": the end at 18 lies before the renewal at 20"]
        );
    }

    #[test]
    fn a_member_that_was_killed_and_came_back_has_two_terms() {
        assert_eq!(
            spans("10 a elected 1 30|20 a elected 2 50"),
            [(10, 30), (20, 50)]
        );
    }

    #[test]
    fn members_of_one_file_have_their_own_terms() {
        let lines = "10 a elected 1 30|12 b elected 2 32|14 a lost 1 -|16 b released - -";
        assert_eq!(spans(lines), [(10, 14), (12, 16)]);
    }

    #[test]
    fn a_shorter_until_counts_unless_it_takes_belief_back() {
        let lines = "10 a elected 1 50|20 a renewed 1 30";
        assert_eq!(spans(lines), [(10, 30)]);
        assert_eq!(
            notes(lines),
            ["f:2: renewed of \"a\": until_ms goes back from 50 to 30"]
        );
        assert_eq!(
            fault("10 a elected 1 50|20 a renewed 1 19"),
            "f:2: renewed of \"a\" takes until_ms back from 50 to 19, before its own at_ms 20",
        );
    }

    #[test]
    fn a_late_renewal_leaves_no_gap() {
        let lines = "10 a elected 1 30|35 a renewed 1 50";
        assert_eq!(spans(lines), [(10, 50)]);
        assert_eq!(
            notes(lines),
            ["f:2: renewed of \"a\": renewed at 35, after belief had reached 30"]
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (lines, said) in [
            ("10 a elected - 30", "f:1: elected of \"a\" has no token"),
            ("10 a elected 1 -", "f:1: elected of \"a\" has no until_ms"),
            (
                "10 a elected 1 9",
                "f:1: elected of \"a\" until_ms 9, before it began at_ms 10",
            ),
            (
                "10 a elected 1 30|20 a renewed 1 -",
                "f:2: renewed of \"a\" has no until_ms",
            ),
            (
                "10 a elected 1 30|20 b renewed 1 40",
                "f:2: renewed of \"b\", who was never elected before it in this file",
            ),
            (
                "10 a elected 1 30|20 a renewed 2 40",
                "f:2: renewed of \"a\" has token 2, but its term is 1",
            ),
            (
                "10 a elected 1 30|20 a lost 2 -",
                "f:2: lost of \"a\" has token 2, but its term is 1",
            ),
            (
                "10 a elected 1 30|20 a lost 1 -|21 a released 1 -",
                "f:3: released of \"a\", whose term 1 is already over",
            ),
            (
                "10 a elected 1 30|20 a lost 1 -|21 a renewed 1 40",
                "f:3: renewed of \"a\", whose term 1 is already over",
            ),
            (
                "10 a elected 1 30|9 a lost 1 -",
                "f:2: lost of \"a\" at_ms 9, before its term 1 began at 10",
            ),
            (
                "10 a elected 1 30|9 a renewed 1 40",
                "f:2: renewed of \"a\" at_ms 9, before its term 1 began at 10",
            ),
        ] {
            assert_eq!(fault(lines), said, "{lines}");
        }
    }
}
