//! What is the same, and what may differ.

use std::fmt;

use serde_json::{Map, Value};

use super::server::{Heard, Wire};

/// All that may differ, and why. Nothing of it is a status, a reason, a
/// conflict, a revision or an event.
pub(crate) const CLASSES: &[(&str, &str)] = &[
    (
        "message",
        "the sentence for people is worded in another way",
    ),
    (
        "causes",
        "the real server lists some causes twice, and some that follow from others",
    ),
    (
        "empty list",
        "a list that is empty is printed as null or as []",
    ),
];

/// Something that is not the same on both servers.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) class: &'static str,
    pub(crate) seed: u64,
    pub(crate) what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] seed {}: {}", self.class, self.seed, self.what)
    }
}

/// What differs between two answers to one request.
pub(crate) fn answers(seed: u64, wire: &Wire, fake: &Heard, real: &Heard) -> Vec<Difference> {
    let mut found = Vec::new();
    let is_generated = String::from_utf8_lossy(&wire.body).contains("generateName");
    let mut differ = |class, what: String| {
        let body = String::from_utf8_lossy(&wire.body[..wire.body.len().min(400)]);
        let (method, uri) = (wire.method, &wire.uri);
        let media = wire.content_type.unwrap_or_default();
        let what = format!("{method} {uri} {media} {body}\n    {what}");
        found.push(Difference { class, seed, what });
    };
    let pair = |field: &str| format!("fake {} real {}", fake.body[field], real.body[field]);
    if fake.code != real.code {
        differ(
            "status",
            format!(
                "fake {} {} real {} {}",
                fake.code, fake.body["message"], real.code, real.body["message"]
            ),
        );
        return found;
    }
    if fake.moved != real.moved {
        differ(
            "revision",
            format!("moved: fake {} real {}", fake.moved, real.moved),
        );
    }
    if real.body["kind"] == "Status" {
        if fake.body["reason"] != real.body["reason"] {
            differ("reason", pair("reason"));
        }
        if fake.body["message"] != real.body["message"] {
            let (fake, real) = (plain(fake), plain(real));
            if fake != real {
                differ("message", format!("fake {fake}\n    real {real}"));
            }
        }
        let without = |heard: &Heard| {
            let mut details = heard.body["details"].clone();
            if let Some(details) = details.as_object_mut() {
                details.remove("causes");
                details.remove("uid");
                if is_generated {
                    details.remove("name");
                }
            }
            details
        };
        if without(fake) != without(real) {
            differ("details", pair("details"));
        } else if heads(&fake.body["details"]["causes"]) != heads(&real.body["details"]["causes"]) {
            differ("causes", pair("details"));
        }
        return found;
    }
    let (fake, real) = (neutral(&fake.body), neutral(&real.body));
    if let Some(what) = first_difference(&fake, &real, "") {
        differ(content_class(&what), what);
    }
    found
}

/// What differs between two watches.
pub(crate) fn events(seed: u64, uri: &str, fake: &[Value], real: &[Value]) -> Vec<Difference> {
    let head = |line: &Value| {
        let metadata = &line["object"]["metadata"];
        let name = metadata.get("generateName").unwrap_or(&metadata["name"]);
        format!("{} {name}", line["type"])
    };
    let heads = |lines: &[Value]| lines.iter().map(head).collect::<Vec<_>>().join(", ");
    let differ = |class, what| Difference { class, seed, what };
    if heads(fake) != heads(real) {
        let what = format!("{uri}\n    fake {}\n    real {}", heads(fake), heads(real));
        return vec![differ("events", what)];
    }
    let mut found = Vec::new();
    for (fake, real) in fake.iter().zip(real) {
        let (fake, real) = (neutral(&fake["object"]), neutral(&real["object"]));
        if let Some(what) = first_difference(&fake, &real, "") {
            let class = match content_class(&what) {
                "content" => "content of events",
                soft => soft,
            };
            found.push(differ(class, format!("{uri}\n    {what}")));
        }
    }
    found
}

fn content_class(what: &str) -> &'static str {
    if what.ends_with("fake null real []") {
        "empty list"
    } else {
        "content"
    }
}

/// A message without what is of one server alone: uids, revisions and names
/// that it made up.
fn plain(heard: &Heard) -> String {
    let text = heard.body["message"].as_str().unwrap_or_default();
    let name = heard.body["details"]["name"]
        .as_str()
        .filter(|name| name.len() > 5);
    let text = name.map_or_else(|| text.to_owned(), |name| text.replace(name, "NAME"));
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let words = words.map(|word| {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_uid = bare.len() == 36 && bare.matches('-').count() == 4;
        let is_number = bare.len() < 8 && bare.parse::<u64>().is_ok();
        if is_uid || is_number {
            format!("#{}", &word[bare.len()..])
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

fn heads(causes: &Value) -> Vec<String> {
    let causes = causes.as_array().into_iter().flatten();
    let mut heads: Vec<_> = causes
        .map(|cause| format!("{} {}", cause["reason"], cause["field"]))
        .collect();
    heads.sort();
    heads.dedup();
    heads
}

/// An object without what each server makes up.
fn neutral(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                let made_up = matches!(
                    key.as_str(),
                    "managedFields" | "uid" | "creationTimestamp" | "continue" | "resourceVersion"
                );
                let set = matches!(key.as_str(), "deletionTimestamp");
                if set {
                    kept.insert(key.clone(), "set".into());
                } else if !made_up {
                    kept.insert(key.clone(), neutral(value));
                }
            }
            if fields.contains_key("generateName") {
                kept.remove("name");
            }
            kept.into()
        }
        Value::Array(items) => items.iter().map(neutral).collect(),
        other => other.clone(),
    }
}

fn first_difference(fake: &Value, real: &Value, path: &str) -> Option<String> {
    match (fake, real) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys {
                let none = Value::Null;
                let (x, y) = (a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none));
                if let Some(found) = first_difference(x, y, &format!("{path}.{key}")) {
                    return Some(found);
                }
                if a.contains_key(key) != b.contains_key(key) {
                    return Some(format!("{path}.{key}: only one has it: fake {x} real {y}"));
                }
            }
            None
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(at, (a, b))| first_difference(a, b, &format!("{path}[{at}]")))
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: fake {a} real {b}")),
    }
}
