//! The group of a Citus cluster that a scope is.

use std::fmt;
use std::str::FromStr;

/// The number of a group: the scopes `demo-0`, `demo-1` ... of one Citus
/// cluster share a scope and have a group each, which is part of their
/// objects' names and a label on all of them, `citus-group`.
///
/// Written as Patroni does: `0`, or digits without a leading zero.
///
/// ```
/// use dcs_kubernetes::Group;
///
/// let group: Group = "12".parse()?;
/// assert_eq!(group.get(), 12);
/// assert!("012".parse::<Group>().is_err());
/// # Ok::<(), dcs_kubernetes::InvalidGroup>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(u32);

impl Group {
    /// The key of the label that says which group an object belongs to.
    pub const LABEL: &'static str = "citus-group";

    /// The group of this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no group: write 0, or a number of at most {max} without a sign and without leading zeros",
    max = u32::MAX
)]
#[non_exhaustive]
pub struct InvalidGroup {
    /// What was given, the first 80 characters of it.
    pub text: String,
}

impl FromStr for Group {
    type Err = InvalidGroup;

    fn from_str(text: &str) -> Result<Self, InvalidGroup> {
        let parsed = text.parse().ok().map(Self);
        let same = parsed.filter(|group| group.to_string() == text);
        same.ok_or_else(|| InvalidGroup {
            text: text.chars().take(80).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_number_in_its_one_spelling() {
        for good in ["0", "7", "4294967295"] {
            assert_eq!(good.parse::<Group>().unwrap().to_string(), good);
        }
        for bad in ["", "00", "01", "+1", "-1", " 1", "1a", "4294967296"] {
            assert!(bad.parse::<Group>().is_err(), "{bad:?}");
        }
    }
}
