//! Names and labels, validated before they reach a URL or a selector.

use std::fmt;
use std::str::FromStr;

/// Longest DNS-1123 label, label value, and name part of a label key.
const LABEL_MAX: usize = 63;
/// Longest prefix of a label key.
const PREFIX_MAX: usize = 253;

/// A Kubernetes namespace: a DNS-1123 label of 1 to 63 characters.
///
/// ```
/// use dcs_kubernetes::Namespace;
///
/// assert!("default".parse::<Namespace>().is_ok());
/// assert!("../secrets".parse::<Namespace>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Namespace(String);

/// Labels by which the objects of a scope are found, in the order given.
///
/// ```
/// use dcs_kubernetes::Labels;
///
/// let labels: Labels = "application=dcs,tier=db".parse()?;
/// assert_eq!(labels.to_string(), "application=dcs,tier=db");
/// assert!("application=a,b!=c".parse::<Labels>().is_err());
/// # Ok::<(), dcs_kubernetes::InvalidName>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

/// The key of a label: `name` or `prefix/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LabelKey(String);

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not allowed: {why}")]
#[non_exhaustive]
pub struct InvalidName {
    /// What was to be named.
    pub what: &'static str,
    /// The refused text, cut to 80 characters.
    pub value: String,
    /// What is allowed.
    pub why: &'static str,
}

impl Namespace {
    /// The namespace `default`.
    pub(crate) fn default_one() -> Self {
        Self("default".to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LabelKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Labels {
    /// These labels.
    ///
    /// # Errors
    /// [`InvalidName`] for the first key or value that Kubernetes would refuse.
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, InvalidName> {
        let mut labels = Self::default();
        for (key, value) in pairs {
            let key: LabelKey = key.as_ref().parse()?;
            let value = value.as_ref();
            if !is_label_value(value) {
                return Err(InvalidName::new(
                    "label value",
                    value,
                    "use at most 63 of A-Z, a-z, 0-9, '-', '_' and '.', first and last one a letter or digit",
                ));
            }
            labels.set(&key, value);
        }
        Ok(labels)
    }

    /// Key and value of each label.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// These labels over `others`, which keep their places.
    pub(crate) fn over(self, mut others: Self) -> Self {
        for (key, value) in self.0 {
            match others.0.iter_mut().find(|(known, _)| *known == key) {
                Some((_, replaced)) => *replaced = value,
                None => others.0.push((key, value)),
            }
        }
        others
    }

    /// Sets one label: what was there under the key goes, the new one comes last.
    pub(crate) fn set(&mut self, key: &LabelKey, value: &str) {
        self.0.retain(|(known, _)| *known != key.0);
        self.0.push((key.0.clone(), value.to_owned()));
    }
}

impl FromStr for Namespace {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() > LABEL_MAX || !is_dns_label(text) {
            return Err(InvalidName::new(
                "namespace",
                text,
                "use 1 to 63 of a-z, 0-9 and '-', first and last one a letter or digit",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for LabelKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (prefix, name) = match text.split_once('/') {
            Some((prefix, name)) => (Some(prefix), name),
            None => (None, text),
        };
        let prefix_fits = prefix
            .is_none_or(|prefix| prefix.len() <= PREFIX_MAX && prefix.split('.').all(is_dns_label));
        if !prefix_fits || name.is_empty() || !is_label_value(name) {
            return Err(InvalidName::new(
                "label key",
                text,
                "use name or prefix/name: the name like a label value, the prefix a DNS-1123 subdomain",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Labels {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let pairs = text
            .split(',')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                pair.split_once('=').ok_or_else(|| {
                    InvalidName::new("label", pair, "use key=value, several separated by commas")
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(pairs)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As in a label selector: `key=value,key=value`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

impl InvalidName {
    pub(crate) fn new(what: &'static str, value: &str, why: &'static str) -> Self {
        Self {
            what,
            value: value.chars().take(80).collect(),
            why,
        }
    }
}

fn is_dns_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.bytes().all(inner) && has_alphanumeric_edges(text)
}

/// An empty value is allowed.
fn is_label_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.is_empty()
        || (text.len() <= LABEL_MAX && text.bytes().all(inner) && has_alphanumeric_edges(text))
}

fn has_alphanumeric_edges(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    edge(text.as_bytes().first()) && edge(text.as_bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_that_would_alter_the_selector_is_refused() {
        for bad in [
            "a=b,c!=d", "a=b c", "a=b)", "a=b&x=y", "a", "=b", "a=b=c", "A/B/c=d", "/a=b", "a=b\n",
        ] {
            assert!(bad.parse::<Labels>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn labels_keep_their_order_and_the_last_of_a_key_wins() {
        let labels: Labels = "b=1,a=2,b=3".parse().unwrap();
        assert_eq!(labels.to_string(), "a=2,b=3");
    }

    #[test]
    fn a_key_may_have_a_prefix() {
        assert!("app.kubernetes.io/name".parse::<LabelKey>().is_ok());
    }

    proptest! {
        #[test]
        fn an_accepted_namespace_is_one_segment_of_a_path(text in "\\PC{0,70}") {
            if let Ok(name) = text.parse::<Namespace>() {
                prop_assert!(name.as_str().bytes().all(
                    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
                prop_assert!(!name.as_str().is_empty() && name.as_str().len() <= 63);
            }
        }

        #[test]
        fn an_accepted_label_value_holds_nothing_that_a_selector_reads(value in "\\PC{0,70}") {
            if let Ok(labels) = Labels::new([("k", &value)]) {
                let text = labels.to_string();
                prop_assert!(!text["k=".len()..].contains([',', '=', '!', '(', ')', ' ', '&', '%', '#', '?']));
            }
        }
    }
}
