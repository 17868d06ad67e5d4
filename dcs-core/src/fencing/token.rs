//! The text of a fencing token, for storing it beside the data.

use std::borrow::Cow;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{FencingToken, Revision};

/// There is no token in a text: not in what was stored, and not in the revision
/// of a store whose revisions are no numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{value:?} gives no fencing token: use a positive decimal number without leading zeros, below 2^128, as a term's token is written"
)]
#[non_exhaustive]
pub struct TokenUnavailable {
    /// The refused text, cut to 80 characters.
    pub value: String,
}

/// Reads the text that `Display` writes: a positive decimal number.
impl FromStr for FencingToken {
    type Err = TokenUnavailable;

    fn from_str(text: &str) -> Result<Self, TokenUnavailable> {
        let revision: Result<Revision, _> = text.parse();
        revision
            .map(Self::new)
            .map_err(|error| TokenUnavailable { value: error.value })
    }
}

/// As text: JSON numbers lose digits beyond 2^53 in many readers.
impl Serialize for FencingToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FencingToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_that_is_no_positive_plain_number_gives_no_token() {
        for bad in ["", "0", "07", "-7", "+7", "7.0", "abc", " 7", "1e3"] {
            let refused = bad.parse::<FencingToken>().unwrap_err();
            assert_eq!(refused.value, bad);
            let stored = serde_json::to_string(bad).unwrap();
            assert!(
                serde_json::from_str::<FencingToken>(&stored).is_err(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_json_number_is_no_token() {
        assert!(serde_json::from_str::<FencingToken>("7").is_err());
    }

    #[test]
    fn a_refused_text_is_named_in_at_most_eighty_characters() {
        let refused = "x".repeat(1_000).parse::<FencingToken>().unwrap_err();
        assert_eq!(refused.value.len(), 80);
        assert!(refused.to_string().contains("xxx\" gives no fencing token"));
    }

    proptest! {
        #[test]
        fn a_token_survives_its_text_and_its_json(number in 1_u128..) {
            let token = FencingToken::from_number(number).unwrap();
            prop_assert_eq!(token.to_string(), number.to_string());
            prop_assert_eq!(token.to_string().parse::<FencingToken>(), Ok(token));
            let json = serde_json::to_string(&token).unwrap();
            prop_assert_eq!(serde_json::from_str::<FencingToken>(&json).unwrap(), token);
        }

        #[test]
        fn tokens_are_ordered_as_their_revisions(a in 1_u128.., b in 1_u128..) {
            let [left, right] = [a, b].map(|number| FencingToken::new(Revision::new(number).unwrap()));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }
    }
}
