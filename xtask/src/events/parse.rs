//! From bytes to events: every field is checked here and nowhere else.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::place::{Fault, Note, Place, Problem};

/// How much of a malformed line an error repeats.
const EXCERPT_CHARS: usize = 120;

/// What one file says.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) events: Vec<Event>,
    pub(crate) notes: Vec<Note>,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) place: Place,
    pub(crate) at_ms: u64,
    pub(crate) member: String,
    pub(crate) kind: Kind,
    pub(crate) token: Option<u128>,
    pub(crate) until_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Elected,
    Renewed,
    Lost,
    Released,
    /// `leader`, `config` and `member` say what was seen, not what is believed.
    Seen,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Elected => "elected",
            Self::Renewed => "renewed",
            Self::Lost => "lost",
            Self::Released => "released",
            Self::Seen => "seen",
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "elected" => Ok(Self::Elected),
            "renewed" => Ok(Self::Renewed),
            "lost" => Ok(Self::Lost),
            "released" => Ok(Self::Released),
            "leader" | "config" | "member" => Ok(Self::Seen),
            _ => Err(Fault::UnknownEvent(text.to_owned())),
        }
    }
}

/// Reads a file of JSON lines.
pub(crate) fn read(path: &Path) -> Result<Record, Problem> {
    let file: Arc<Path> = Arc::from(path);
    match fs::read(path) {
        Ok(bytes) => parse(&file, &bytes),
        Err(source) => Err(Problem::Unreadable { file, source }),
    }
}

/// Parses the bytes of one file.
pub(crate) fn parse(file: &Arc<Path>, bytes: &[u8]) -> Result<Record, Problem> {
    let mut record = Record {
        events: Vec::new(),
        notes: Vec::new(),
    };
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let place = Place {
            file: Arc::clone(file),
            line: index + 1,
        };
        let (line, ended) = match line.strip_suffix(b"\n") {
            Some(line) => (line, true),
            None => (line, false),
        };
        match parse_line(line) {
            Ok(raw) => {
                let event = raw.check(place.clone());
                record
                    .events
                    .push(event.map_err(|fault| Problem::Line { place, fault })?);
            }
            Err(error) if error.is_eof() && !ended => {
                let text = format!("the last line is cut off and left out: {}", excerpt(line));
                record.notes.push(Note { place, text });
            }
            Err(error) => {
                let fault = fault_of(&error, line);
                return Err(Problem::Line { place, fault });
            }
        }
    }
    if bytes.is_empty() {
        let place = Place {
            file: Arc::clone(file),
            line: 1,
        };
        record.notes.push(Note {
            place,
            text: "the file is empty".to_owned(),
        });
    }
    Ok(record)
}

/// A line as JSON has it.
///
/// A struct would be read from an array as well, so the braces are checked first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    at_ms: u64,
    member: String,
    event: String,
    // Serde fills in an absent `Option` unless a function of ours reads it.
    #[serde(rename = "leader", deserialize_with = "present")]
    _leader: Option<String>,
    #[serde(deserialize_with = "present")]
    token: Option<String>,
    #[serde(deserialize_with = "present")]
    until_ms: Option<u64>,
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

fn parse_line(line: &[u8]) -> Result<Raw, serde_json::Error> {
    let start = line.trim_ascii_start();
    if start.first().is_some_and(|byte| *byte != b'{') {
        return Err(serde::de::Error::custom("not an object"));
    }
    serde_json::from_slice(line)
}

impl Raw {
    fn check(self, place: Place) -> Result<Event, Fault> {
        let kind = Kind::parse(&self.event)?;
        if self.member.is_empty() {
            return Err(Fault::NamelessMember);
        }
        let token = self.token.map(parse_token).transpose()?;
        let Self {
            at_ms,
            member,
            until_ms,
            ..
        } = self;
        Ok(Event {
            place,
            at_ms,
            member,
            kind,
            token,
            until_ms,
        })
    }
}

fn parse_token(token: String) -> Result<u128, Fault> {
    let bad = |token, why| Err(Fault::BadToken { token, why });
    if token.is_empty() {
        return bad(token, "is empty");
    }
    if !token.bytes().all(|byte| byte.is_ascii_digit()) {
        return bad(token, "is not a decimal number");
    }
    if token == "0" {
        return bad(token, "is zero");
    }
    if token.starts_with('0') {
        return bad(token, "has a leading zero");
    }
    match token.parse() {
        Ok(number) => Ok(number),
        Err(_) => bad(token, "does not fit into 128 bits"),
    }
}

fn fault_of(error: &serde_json::Error, line: &[u8]) -> Fault {
    if line.trim_ascii().is_empty() {
        return Fault::Blank;
    }
    let said = error.to_string();
    // Serde's own line number is always 1 here and would mislead.
    let what = said
        .rsplit_once(" at line ")
        .map_or(said.as_str(), |(what, _)| what);
    Fault::Malformed {
        what: what.to_owned(),
        column: error.column().max(1),
        text: excerpt(line),
    }
}

fn excerpt(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"at_ms":1,"member":"a","event":"elected","leader":null,"token":"7","until_ms":9}"#;

    fn said(text: &str) -> String {
        match parse(&Arc::from(Path::new("f")), text.as_bytes()) {
            Ok(record) => format!("{} events, notes {:?}", record.events.len(), record.notes),
            Err(problem) => problem.to_string(),
        }
    }

    #[test]
    fn a_line_becomes_an_event() {
        let record = parse(&Arc::from(Path::new("f")), GOOD.as_bytes()).unwrap();
        let [event] = record.events.as_slice() else {
            panic!("{record:?}")
        };
        assert_eq!(
            (event.at_ms, event.token, event.until_ms),
            (1, Some(7), Some(9))
        );
        assert_eq!((event.member.as_str(), event.kind), ("a", Kind::Elected));
    }

    #[test]
    fn every_field_has_to_be_there() {
        for field in ["at_ms", "member", "event", "leader", "token", "until_ms"] {
            let mut object: serde_json::Value = serde_json::from_str(GOOD).unwrap();
            object.as_object_mut().unwrap().remove(field);
            let said = said(&format!("{object}\n"));
            assert!(
                said.contains(&format!("f:1: no event: missing field `{field}`")),
                "{said}"
            );
        }
    }

    #[test]
    fn a_field_that_nobody_knows_is_refused() {
        let said = said(&GOOD.replace("until_ms", "until"));
        assert!(said.contains("unknown field `until`"), "{said}");
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        let said = said(&GOOD.replace("\"at_ms\":1", "\"at_ms\":1,\"at_ms\":2"));
        assert!(said.contains("duplicate field `at_ms`"), "{said}");
    }

    #[test]
    fn an_array_is_no_object() {
        let said = said("[1,\"a\",\"elected\",null,\"7\",9]\n");
        assert!(said.contains("not an object"), "{said}");
    }

    #[test]
    fn every_cut_of_the_last_line_is_tolerated() {
        for cut in 1..GOOD.len() {
            let said = said(&format!("{GOOD}\n{}", &GOOD[..cut]));
            assert!(said.starts_with("1 events"), "{cut}: {said}");
            assert!(said.contains("cut off"), "{cut}: {said}");
        }
    }

    #[test]
    fn a_cut_inside_a_character_is_tolerated() {
        let line = GOOD.replace("\"a\"", "\"\u{e9}\"");
        let cut = line.find('\u{e9}').unwrap() + 1;
        let record = parse(&Arc::from(Path::new("f")), &line.as_bytes()[..cut]).unwrap();
        assert_eq!((record.events.len(), record.notes.len()), (0, 1));
    }

    #[test]
    fn a_cut_line_with_its_newline_is_refused() {
        let said = said(&format!("{GOOD}\n{}\n", &GOOD[..20]));
        assert!(
            said.starts_with("f:2: no event: EOF while parsing"),
            "{said}"
        );
    }

    #[test]
    fn rubbish_without_a_newline_is_not_a_cut() {
        let said = said("{\"at_ms\":1,}");
        assert!(said.starts_with("f:1: no event:"), "{said}");
    }

    #[test]
    fn tokens_are_decimal_text_above_zero() {
        let with = |token: &str| said(&GOOD.replace("\"7\"", token));
        for (token, why) in [
            ("\"0\"", "token \"0\" is zero"),
            ("\"007\"", "token \"007\" has a leading zero"),
            ("\"00\"", "token \"00\" has a leading zero"),
            ("\"\"", "token \"\" is empty"),
            ("\"+7\"", "token \"+7\" is not a decimal number"),
            ("\"0x7\"", "token \"0x7\" is not a decimal number"),
            ("\" 7\"", "token \" 7\" is not a decimal number"),
            (
                "\"340282366920938463463374607431768211456\"",
                "does not fit into 128 bits",
            ),
            ("7", "invalid type: integer `7`, expected a string"),
        ] {
            let said = with(token);
            assert!(said.contains(why), "{token}: {said}");
        }
        assert_eq!(
            with("\"340282366920938463463374607431768211455\""),
            "1 events, notes []"
        );
    }

    #[test]
    fn a_long_line_is_not_repeated_in_full() {
        let said = said(&"x".repeat(10_000));
        assert!(said.len() < 300, "{said}");
    }
}
