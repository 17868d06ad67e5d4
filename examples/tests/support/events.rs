//! The JSON lines of ha-loop, read as strictly as they are promised.

use serde_json::{Map, Value};

const FIELDS: [&str; 6] = ["at_ms", "member", "event", "leader", "token", "until_ms"];

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at_ms: i64,
    pub(crate) member: String,
    pub(crate) kind: String,
    pub(crate) leader: Option<String>,
    pub(crate) token: Option<u128>,
    pub(crate) until_ms: Option<i64>,
}

impl Event {
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    fn parse(line: &str) -> Self {
        let object: Map<String, Value> =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        for field in FIELDS {
            assert!(object.contains_key(field), "{field} is missing: {line}");
        }
        assert_eq!(object.len(), FIELDS.len(), "a field too many: {line}");
        let text = |field: &str| match &object[field] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            _ => panic!("{field} is neither text nor null: {line}"),
        };
        let number = |field: &str| match &object[field] {
            Value::Null => None,
            value => Some(value.as_i64().unwrap_or_else(|| panic!("{field}: {line}"))),
        };
        let event = Self {
            at_ms: number("at_ms").unwrap(),
            member: text("member").unwrap(),
            kind: text("event").unwrap(),
            leader: text("leader"),
            token: text("token").map(|token| decimal(&token)),
            until_ms: number("until_ms"),
        };
        event.assert_complete(line);
        event
    }

    /// Which fields are null depends on the event alone.
    fn assert_complete(&self, line: &str) {
        let (has_token, has_until) = match &*self.kind {
            "elected" | "renewed" => (true, true),
            "lost" | "released" => (true, false),
            "leader" | "config" | "member" => (false, false),
            _ => panic!("an event that nobody knows: {line}"),
        };
        assert_eq!(self.token.is_some(), has_token, "token: {line}");
        assert_eq!(self.until_ms.is_some(), has_until, "until_ms: {line}");
        if has_token {
            assert_eq!(self.leader.as_ref(), Some(&self.member), "leader: {line}");
        }
    }
}

/// The events of one process. The last line may be cut off by a kill.
pub(crate) fn parse(text: &str) -> Vec<Event> {
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(Event::parse).collect()
}

/// All that happened, without what only repeats it.
pub(crate) fn without_renewals(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| !event.is("renewed")).collect()
}

fn decimal(text: &str) -> u128 {
    let number: u128 = text.parse().unwrap();
    assert_eq!(number.to_string(), text, "a token is plain decimal text");
    number
}
