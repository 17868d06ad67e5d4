//! Validated names: nothing unparsed reaches a URL, a label or a key.

use std::fmt;
use std::str::FromStr;

/// Longest scope: `S-failover` still has to fit into a DNS-1123 label.
const SCOPE_MAX: usize = 63 - "-failover".len();
/// Longest DNS-1123 subdomain (RFC 1123, section 2.1).
const SUBDOMAIN_MAX: usize = 253;
/// Suffixes that name another object of a scope; a scope that ends in one
/// would share an object with the scope before the suffix.
const RESERVED_SUFFIXES: [&str; 4] = ["-config", "-leader", "-sync", "-failover"];

/// The name of one highly available cluster: all its keys live below it.
///
/// A DNS-1123 label of 1 to 54 characters (`a-z`, `0-9`, `-`; first and last
/// alphanumeric) that does not end in `-config`, `-leader`, `-sync` or
/// `-failover`: scope `a-config` would share an object with key `config` of
/// scope `a`.
///
/// ```
/// use dcs_core::Scope;
///
/// assert!("demo".parse::<Scope>().is_ok());
/// assert!("demo-config".parse::<Scope>().is_err());
/// assert!("../secrets".parse::<Scope>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

/// The name of one participant. On Kubernetes it is the name of its Pod.
///
/// A DNS-1123 subdomain of 1 to 253 characters: labels of `a-z`, `0-9` and
/// `-`, separated by dots.
///
/// ```
/// use dcs_core::MemberName;
///
/// let name: MemberName = "demo-0".parse()?;
/// assert_eq!(name.as_str(), "demo-0");
/// assert!("demo_0".parse::<MemberName>().is_err());
/// # Ok::<(), dcs_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(String);

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not allowed: {why}")]
#[non_exhaustive]
pub struct NameError {
    /// What was to be named: `scope` or `member`.
    pub what: &'static str,
    /// The refused name, cut to 80 characters.
    pub value: String,
    /// What is allowed.
    pub why: &'static str,
}

impl Scope {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MemberName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why| Err(NameError::new("scope", text, why));
        if text.is_empty() || text.len() > SCOPE_MAX {
            return refuse("use 1 to 54 characters");
        }
        if !is_label(text) {
            return refuse(
                "use a DNS-1123 label: a-z, 0-9 and '-', first and last one a letter or digit",
            );
        }
        if RESERVED_SUFFIXES
            .iter()
            .any(|suffix| text.ends_with(suffix))
        {
            return refuse(
                "it ends in -config, -leader, -sync or -failover, which name objects of a scope; choose another ending",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for MemberName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why| Err(NameError::new("member", text, why));
        if text.is_empty() || text.len() > SUBDOMAIN_MAX {
            return refuse("use 1 to 253 characters");
        }
        if !text
            .split('.')
            .all(|label| label.len() <= 63 && is_label(label))
        {
            return refuse(
                "use a DNS-1123 subdomain: labels of a-z, 0-9 and '-' between dots, each starting and ending with a letter or digit",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NameError {
    fn new(what: &'static str, value: &str, why: &'static str) -> Self {
        Self {
            what,
            value: value.chars().take(80).collect(),
            why,
        }
    }
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let edge = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
    text.bytes().all(inner) && edge(text.as_bytes().first()) && edge(text.as_bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_scope_may_not_end_like_an_object_of_another_scope() {
        for text in ["a-config", "a-leader", "a-sync", "a-failover"] {
            let error = text.parse::<Scope>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_scope_leaves_room_for_the_longest_suffix() {
        assert!("a".repeat(54).parse::<Scope>().is_ok());
        assert!("a".repeat(55).parse::<Scope>().is_err());
    }

    #[test]
    fn a_refused_name_is_cut_in_the_message() {
        let error = "x".repeat(10_000).parse::<MemberName>().unwrap_err();
        assert!(error.to_string().len() < 300);
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_one_segment_of_a_path(text in "\\PC{0,70}") {
            if let Ok(name) = text.parse::<MemberName>() {
                prop_assert!(name.as_str().bytes().all(
                    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.'));
                prop_assert!(!name.as_str().contains(".."));
            }
        }

        #[test]
        fn each_dns_label_that_is_no_reserved_name_is_a_scope(text in "[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?") {
            let reserved = RESERVED_SUFFIXES.iter().any(|s| text.ends_with(s));
            prop_assert_eq!(text.parse::<Scope>().is_ok(), !reserved);
        }
    }
}
