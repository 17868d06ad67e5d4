//! The parameters of a request.

use crate::select::Selector;
use crate::status::{Cause, Refusal};

/// The text after the question mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// Which versions a read may answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// The newest there is.
    Newest,
    /// Whatever the cache has.
    Any,
    /// At least this one.
    NotOlderThan(u64),
    /// This one.
    Exact(u64),
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(key), decoded(value))
                })
                .collect(),
        )
    }

    pub(crate) fn get(&self, key: &str) -> &str {
        let found = self.0.iter().find(|(own, _)| own == key);
        found.map_or("", |(_, value)| value)
    }

    /// Anything but a no is a yes.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        let found = self.0.iter().find(|(own, _)| own == key);
        found
            .is_some_and(|(_, value)| !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"))
    }

    pub(crate) fn number(&self, key: &str) -> Result<u64, Refusal> {
        match self.get(key) {
            "" => Ok(0),
            text => match text.parse::<i64>() {
                Ok(number) => Ok(u64::try_from(number).unwrap_or(0)),
                Err(_) => Err(Refusal::bad_request(format!(
                    "strconv.ParseInt: parsing {text:?}: invalid syntax"
                ))),
            },
        }
    }

    pub(crate) fn selector(&self) -> Result<Selector, Refusal> {
        Selector::parse(self.get("labelSelector"), self.get("fieldSelector"))
    }

    /// The revision that is asked for; `None` where none is.
    pub(crate) fn revision(&self) -> Result<Option<u64>, String> {
        match self.get("resourceVersion") {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                format!(
                    "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
                )
            }),
        }
    }

    /// # Errors
    /// 422 where the parameters of a list contradict each other.
    pub(crate) fn check_list(&self) -> Result<(), Refusal> {
        let wanted = self.get("resourceVersionMatch");
        let field = "resourceVersionMatch";
        if !self.get("sendInitialEvents").is_empty() {
            let why = "sendInitialEvents is forbidden for list";
            return Err(Refusal::invalid_options(&[Cause::forbidden(
                "sendInitialEvents",
                why,
            )]));
        }
        if !wanted.is_empty() {
            let mut causes = Vec::new();
            if self.get("resourceVersion").is_empty() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                causes.push(Cause::forbidden(field, why));
            }
            if !self.get("continue").is_empty() {
                let why = "resourceVersionMatch is forbidden when continue is provided";
                causes.push(Cause::forbidden(field, why));
            }
            if wanted == "Exact" && self.get("resourceVersion") == "0" {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                causes.push(Cause::forbidden(field, why));
            }
            if !matches!(wanted, "Exact" | "NotOlderThan") {
                causes.push(Cause::unsupported(
                    field,
                    wanted,
                    "\"Exact\", \"NotOlderThan\", \"\"",
                ));
            }
            if !causes.is_empty() {
                return Err(Refusal::invalid_options(&causes));
            }
        }
        Ok(())
    }

    /// How fresh a list has to be.
    pub(crate) fn freshness(&self, limit: u64) -> Result<Freshness, Refusal> {
        let wanted = self.get("resourceVersionMatch");
        let revision = self
            .revision()
            .map_err(|why| Refusal::bad_request(format!("invalid resource version: {why}")))?;
        Ok(match (revision, wanted) {
            (None, _) => Freshness::Newest,
            (Some(0), _) => Freshness::Any,
            (Some(revision), "Exact") => Freshness::Exact(revision),
            // An old rule: a page at a revision is a page of that revision.
            (Some(revision), "") if limit > 0 => Freshness::Exact(revision),
            (Some(revision), _) => Freshness::NotOlderThan(revision),
        })
    }

    /// What is asked of a write, and would change what it does.
    pub(crate) fn refuse_unsupported(&self) -> Result<(), Refusal> {
        if !self.get("dryRun").is_empty() {
            return Err(Refusal::unsupported("dry runs"));
        }
        if self.get("fieldValidation") == "Strict" {
            return Err(Refusal::unsupported("strict field validation"));
        }
        Ok(())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
