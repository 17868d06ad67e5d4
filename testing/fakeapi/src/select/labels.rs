//! labelSelector: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.

use serde_json::Value;

use super::lexer::{is_identifier, words};
use crate::object::{label_value, qualified_name};

#[derive(Clone, Debug, Default)]
pub(super) struct Labels(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    /// True of an absent label too.
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Labels {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let words = words(text);
        let mut parser = Parser { words: &words };
        let mut requirements = Vec::new();
        if words.is_empty() {
            return Ok(Self::default());
        }
        loop {
            requirements.push(parser.requirement()?);
            match parser.next() {
                "" => return Ok(Self(requirements)),
                "," => {
                    let next = parser.peek();
                    if !is_identifier(next) && next != "!" {
                        return Err(format!("found '{next}', expected: identifier after ','"));
                    }
                }
                other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    pub(super) fn matches(&self, labels: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let label = labels.get(&requirement.key).and_then(Value::as_str);
            requirement.test.holds(label)
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Test {
    fn holds(&self, label: Option<&str>) -> bool {
        let number = || label.and_then(|label| label.parse::<i64>().ok());
        match self {
            Self::Exists => label.is_some(),
            Self::Absent => label.is_none(),
            Self::In(values) => {
                label.is_some_and(|label| values.iter().any(|value| value == label))
            }
            Self::NotIn(values) => {
                label.is_none_or(|label| values.iter().all(|value| value != label))
            }
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &'a str {
        self.words.first().copied().unwrap_or_default()
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek();
        self.words = self.words.get(1..).unwrap_or_default();
        word
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        if self.peek() == "!" {
            self.next();
            let key = self.key()?;
            return Ok(Requirement {
                key,
                test: Test::Absent,
            });
        }
        let key = self.key()?;
        if matches!(self.peek(), "" | ",") {
            return Ok(Requirement {
                key,
                test: Test::Exists,
            });
        }
        let test = match self.next() {
            "=" | "==" => Test::In(vec![self.value(&key)?]),
            "!=" => Test::NotIn(vec![self.value(&key)?]),
            "in" => Test::In(self.values(&key)?),
            "notin" => Test::NotIn(self.values(&key)?),
            ">" => Test::Above(self.number(&key)?),
            "<" => Test::Below(self.number(&key)?),
            other => {
                return Err(format!(
                    "unable to parse requirement: found '{other}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        };
        Ok(Requirement { key, test })
    }

    fn key(&mut self) -> Result<String, String> {
        let word = self.next();
        if !is_identifier(word) {
            return Err(format!(
                "found '{word}', expected: !, identifier, or 'end of string'"
            ));
        }
        match qualified_name(word) {
            None => Ok(word.to_owned()),
            Some(why) => Err(format!(
                "unable to parse requirement: <nil>: Invalid value: {word:?}: {why}"
            )),
        }
    }

    /// The value after a sign; it may be empty.
    fn value(&mut self, key: &str) -> Result<String, String> {
        if matches!(self.peek(), "" | ",") {
            return Ok(String::new());
        }
        let word = self.next();
        if !is_identifier(word) {
            return Err(format!(
                "unable to parse requirement: found '{word}', expected: identifier"
            ));
        }
        checked(key, word)
    }

    fn number(&mut self, key: &str) -> Result<i64, String> {
        let value = self.value(key)?;
        value.parse().map_err(|_| {
            format!("unable to parse requirement: values[0][{key}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer")
        })
    }

    fn values(&mut self, key: &str) -> Result<Vec<String>, String> {
        let word = self.next();
        if word != "(" {
            return Err(format!(
                "unable to parse requirement: found '{word}' expected: '('"
            ));
        }
        let mut values = Vec::new();
        let mut after_value = false;
        loop {
            match self.next() {
                ")" => {
                    if !after_value {
                        values.push(String::new());
                    }
                    return Ok(values);
                }
                "," => {
                    if !after_value {
                        values.push(String::new());
                    }
                    after_value = false;
                }
                word if is_identifier(word) && !after_value => {
                    values.push(checked(key, word)?);
                    after_value = true;
                }
                word => {
                    return Err(format!(
                        "unable to parse requirement: found '{word}', expected: ',', ')' or identifier"
                    ));
                }
            }
        }
    }
}

fn checked(key: &str, value: &str) -> Result<String, String> {
    match label_value(value) {
        None => Ok(value.to_owned()),
        Some(why) => Err(format!(
            "unable to parse requirement: values[0][{key}]: Invalid value: {value:?}: {why}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matching(selector: &str) -> Vec<&'static str> {
        let objects = [
            ("none", json!(null)),
            ("a1", json!({"a": "1"})),
            ("a2", json!({"a": "2"})),
            ("a1b", json!({"a": "1", "b": "x"})),
            ("empty", json!({"a": ""})),
        ];
        let labels = Labels::parse(selector).unwrap();
        let matching = objects.iter().filter(|(_, object)| labels.matches(object));
        matching.map(|(name, _)| *name).collect()
    }

    #[test]
    fn each_operator_selects_what_it_says() {
        for (selector, names) in [
            ("", vec!["none", "a1", "a2", "a1b", "empty"]),
            ("a", vec!["a1", "a2", "a1b", "empty"]),
            ("!a", vec!["none"]),
            ("a=1", vec!["a1", "a1b"]),
            ("a==2", vec!["a2"]),
            ("a!=1", vec!["none", "a2", "empty"]),
            ("a in (1,2)", vec!["a1", "a2", "a1b"]),
            ("a in (1,)", vec!["a1", "a1b", "empty"]),
            ("a notin (1)", vec!["none", "a2", "empty"]),
            ("a=", vec!["empty"]),
            ("a>1", vec!["a2"]),
            ("a<2", vec!["a1", "a1b"]),
            (" a = 1 , !b ", vec!["a1"]),
            ("a=1,b in (x)", vec!["a1b"]),
        ] {
            assert_eq!(matching(selector), names, "{selector}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_the_words_of_the_real_server() {
        for (selector, why) in [
            ("a=,", "found '', expected: identifier after ','"),
            (
                "a in b",
                "unable to parse requirement: found 'b' expected: '('",
            ),
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            (
                "=x",
                "found '=', expected: !, identifier, or 'end of string'",
            ),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            ("!a!b", "found '!', expected: ',' or 'end of string'"),
            (
                "a!b",
                "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt",
            ),
        ] {
            assert_eq!(Labels::parse(selector).unwrap_err(), why, "{selector}");
        }
        assert!(Labels::parse("_x=c").is_err());
        assert!(Labels::parse("a=-x").is_err());
    }
}
