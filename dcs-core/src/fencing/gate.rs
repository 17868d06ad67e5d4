//! The comparison that a resource makes.

use serde::{Deserialize, Serialize};

use crate::FencingToken;

/// The largest fencing token that a resource has seen, and the refusal of every
/// smaller one.
///
/// An equal token is of the same term and passes. Keep the gate where the data
/// is, and change both in one transaction or under one lock. By `serde` it is
/// the newest token as text, or null.
///
/// ```
/// use dcs_core::fencing::TokenGate;
///
/// let mut gate = TokenGate::new();
/// gate.admit("7".parse()?)?;
/// let stored = serde_json::to_string(&gate)?;
/// assert_eq!(stored, r#""7""#);
///
/// let mut gate: TokenGate = serde_json::from_str(&stored)?;
/// assert!(gate.admit("6".parse()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenGate {
    newest: Option<FencingToken>,
}

/// A token is smaller than one that the resource has seen: whoever sent it does
/// not lead any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "token {token} is older than {newest}, which was seen here already: its leader has been replaced; stop, and acquire the lease anew"
)]
#[non_exhaustive]
pub struct StaleToken {
    /// The token that was refused.
    pub token: FencingToken,
    /// The largest one that was seen.
    pub newest: FencingToken,
}

impl TokenGate {
    /// A gate that has seen no token, and lets the first one pass.
    #[must_use]
    pub const fn new() -> Self {
        Self { newest: None }
    }

    /// A gate that has seen this token: what was stored beside the data.
    #[must_use]
    pub const fn after(newest: FencingToken) -> Self {
        Self {
            newest: Some(newest),
        }
    }

    /// The largest token that has passed: what to store beside the data.
    #[must_use]
    pub const fn newest(&self) -> Option<FencingToken> {
        self.newest
    }

    /// Lets a token pass that is no smaller than the largest one seen, and
    /// remembers it. A refused one changes nothing.
    ///
    /// # Errors
    /// [`StaleToken`] where a larger one was seen: refuse the write too.
    pub fn admit(&mut self, token: FencingToken) -> Result<(), StaleToken> {
        match self.newest {
            Some(newest) if token < newest => Err(StaleToken { token, newest }),
            _ => {
                self.newest = Some(token);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Revision;
    use proptest::prelude::*;

    fn token(number: u128) -> FencingToken {
        FencingToken::new(Revision::new(number).unwrap())
    }

    #[test]
    fn a_gate_can_be_a_constant_with_and_without_a_token() {
        const FRESH: TokenGate = TokenGate::new();
        const USED: TokenGate = match FencingToken::from_number(7) {
            Some(token) => TokenGate::after(token),
            None => FRESH,
        };
        assert_eq!(FRESH.newest(), None);
        assert_eq!(USED.newest(), Some(token(7)));
    }

    #[test]
    fn a_refusal_names_both_tokens_and_what_to_do() {
        let refused = TokenGate::after(token(10)).admit(token(9)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "token 9 is older than 10, which was seen here already: its leader has been replaced; stop, and acquire the lease anew"
        );
    }

    #[test]
    fn a_stored_gate_goes_on_where_it_was() {
        for gate in [TokenGate::new(), TokenGate::after(token(u128::MAX))] {
            let stored = serde_json::to_string(&gate).unwrap();
            assert_eq!(serde_json::from_str::<TokenGate>(&stored).unwrap(), gate);
        }
    }

    proptest! {
        #[test]
        fn a_token_passes_exactly_if_none_larger_was_seen(
            numbers in prop::collection::vec(prop_oneof![1_u128..20, 1_u128..], 0..40)
        ) {
            let mut gate = TokenGate::new();
            let mut largest = None;
            for number in numbers {
                let verdict = gate.admit(token(number));
                match largest {
                    Some(seen) if number < seen => {
                        let refusal = StaleToken { token: token(number), newest: token(seen) };
                        prop_assert_eq!(verdict, Err(refusal));
                    }
                    _ => {
                        prop_assert_eq!(verdict, Ok(()));
                        largest = Some(number);
                    }
                }
                prop_assert_eq!(gate.newest(), largest.map(token));
            }
        }
    }
}
