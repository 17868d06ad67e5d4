//! Our own marks beside Patroni's annotations: who wrote this version, in
//! which attempt, and whether it was released on purpose.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{FencingToken, MemberName, Revision, Timestamp};

/// 128 random bits that tell one run of a process from every other one, also
/// from another process of the same member name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session(u128);

/// 128 random bits that tell one write of the leader key from every other one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt(u128);

/// What a holder publishes when it gives its term up. Unpredictable until then.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Secret(u128);

/// SHA-256 of a [`Secret`], published while the term runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReleaseHash([u8; 32]);

/// Says of one version of the leader record which attempt of which process
/// wrote it, and for how long that process may believe.
///
/// In the leader object this is the annotation `dcs.internal/claim`. Writers
/// that do not know it leave it in place, so it counts only together with what
/// they do write: see [`LeaderRecord::valid_claim`](crate::LeaderRecord::valid_claim).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claim {
    /// The process that wrote.
    pub session: Session,
    /// The write.
    pub attempt: Attempt,
    /// The member that holds, or wants to.
    #[serde(with = "as_text")]
    pub holder: MemberName,
    /// The exact ttl of this version.
    #[serde(rename = "ttl_ms", with = "as_millis")]
    pub ttl: Duration,
    /// T_CLAMP of the writer. A member whose T_WAIT is below it must not acquire.
    #[serde(rename = "clamp_ms", with = "as_millis")]
    pub clamp: Duration,
    /// The `renewTime` that was written in the same version.
    #[serde(rename = "renewTime")]
    pub renew_time: Timestamp,
    /// Hash of the secret that will release this term; new in each term.
    pub release_hash: ReleaseHash,
    /// The token of the term, from its first renewal on: before its acquiring
    /// write is answered nobody knows it. For display; nothing is judged by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<FencingToken>,
}

/// Says that the holder of revision `prev` gave its term up on purpose.
///
/// In the leader object this is the annotation `dcs.internal/released`. It
/// counts only for a record without holder whose `renewTime` equals the mark's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReleaseMark {
    /// The pre-image of the term's [`Claim::release_hash`].
    pub secret: Secret,
    /// The revision that the release replaced.
    #[serde(with = "as_text")]
    pub prev: Revision,
    /// The record's `renewTime`.
    #[serde(rename = "renewTime")]
    pub renew_time: Timestamp,
    /// Who is to follow; anyone if absent. A wish of the former holder: others
    /// may wait longer for it, and nothing is judged by it (rule Q4).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "as_optional_text"
    )]
    pub successor: Option<MemberName>,
}

impl Claim {
    /// A claim of one attempt.
    #[must_use]
    pub const fn new(
        ids: (Session, Attempt),
        holder: MemberName,
        spans: (Duration, Duration),
        renew_time: Timestamp,
        release_hash: ReleaseHash,
    ) -> Self {
        Self {
            session: ids.0,
            attempt: ids.1,
            holder,
            ttl: spans.0,
            clamp: spans.1,
            renew_time,
            release_hash,
            token: None,
        }
    }

    /// The same claim, with the token of its term.
    #[must_use]
    pub fn with_token(self, token: Option<FencingToken>) -> Self {
        Self { token, ..self }
    }
}

impl ReleaseMark {
    /// A mark that releases what stands at revision `prev`.
    #[must_use]
    pub const fn new(secret: Secret, prev: Revision, renew_time: Timestamp) -> Self {
        Self {
            secret,
            prev,
            renew_time,
            successor: None,
        }
    }

    /// The same mark, and who is to follow.
    #[must_use]
    pub fn to(self, successor: Option<MemberName>) -> Self {
        Self { successor, ..self }
    }
}

impl Session {
    pub(crate) const fn bits(self) -> u128 {
        self.0
    }
}

impl Secret {
    /// The hash that a claim publishes of this secret.
    #[must_use]
    pub fn hash(self) -> ReleaseHash {
        ReleaseHash(Sha256::digest(self.0.to_be_bytes()).into())
    }
}

macro_rules! random_bits {
    ($($name:ident),*) => {$(
        impl $name {
            /// From 128 random bits.
            #[must_use]
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = HexError;

            fn from_str(text: &str) -> Result<Self, HexError> {
                match text.len() == 32 && is_lower_hex(text) {
                    true => u128::from_str_radix(text, 16).map(Self).map_err(|_| HexError(32)),
                    false => Err(HexError(32)),
                }
            }
        }
    )*};
}
random_bits!(Session, Attempt, Secret);

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                as_text::deserialize(deserializer)
            }
        }
    )*};
}
serde_as_text!(Session, Attempt, Secret, ReleaseHash);

macro_rules! debug_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
debug_as_text!(Session, Attempt, ReleaseHash);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Display for ReleaseHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ReleaseHash {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        if text.len() != 64 || !is_lower_hex(text) {
            return Err(HexError(64));
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| HexError(64))?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| HexError(64))?;
        }
        Ok(Self(bytes))
    }
}

/// A text is not the expected number of lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use {0} lower-case hexadecimal digits")]
#[non_exhaustive]
pub struct HexError(usize);

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

pub(crate) mod as_text {
    use std::borrow::Cow;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        <Cow<'de, str>>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

mod as_optional_text {
    use std::borrow::Cow;
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
        let value = text.map(|text| text.parse()).transpose();
        value.map_err(de::Error::custom)
    }
}

mod as_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim() -> Claim {
        Claim::new(
            (Session::from_bits(1), Attempt::from_bits(2)),
            "demo-0".parse().unwrap(),
            (Duration::from_millis(14_500), Duration::from_secs(30)),
            "2026-01-02T03:04:05+00:00".parse().unwrap(),
            Secret::from_bits(3).hash(),
        )
    }

    #[test]
    fn a_claim_with_a_token_says_it_last_and_comes_back_with_it() {
        let token = FencingToken::from_number(1 << 80);
        let claim = claim().with_token(token);
        let json = serde_json::to_string(&claim).unwrap();
        assert!(
            json.ends_with(r#","token":"1208925819614629174706176"}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Claim>(&json).unwrap(), claim);
    }

    #[test]
    fn a_claim_without_a_token_says_nothing_of_one() {
        let json = serde_json::to_string(&claim()).unwrap();
        assert!(!json.contains("token"), "{json}");
    }

    /// As a reader of an older version meets the token.
    #[test]
    fn a_claim_is_read_without_what_is_not_known_of_it() {
        let json = serde_json::to_string(&claim()).unwrap();
        let later = json.replace('}', r#","later":["x"]}"#);
        assert_eq!(serde_json::from_str::<Claim>(&later).unwrap(), claim());
    }

    #[test]
    fn a_claim_is_written_as_one_flat_json_object() {
        let claim = claim();
        let json = serde_json::to_string(&claim).unwrap();
        assert!(json.starts_with(
            r#"{"session":"00000000000000000000000000000001","attempt":"00000000000000000000000000000002","holder":"demo-0","ttl_ms":14500,"clamp_ms":30000,"renewTime":"2026-01-02T03:04:05+00:00","release_hash":""#
        ), "{json}");
        assert_eq!(serde_json::from_str::<Claim>(&json).unwrap(), claim);
    }

    fn mark() -> ReleaseMark {
        let prev = Revision::new(7).unwrap();
        let renew_time = "2026-01-02T03:04:05+00:00".parse().unwrap();
        ReleaseMark::new(Secret::from_bits(3), prev, renew_time)
    }

    #[test]
    fn a_mark_without_a_successor_says_nothing_of_one() {
        let json = serde_json::to_string(&mark()).unwrap();
        assert_eq!(
            json,
            r#"{"secret":"00000000000000000000000000000003","prev":"7","renewTime":"2026-01-02T03:04:05+00:00"}"#
        );
        assert_eq!(serde_json::from_str::<ReleaseMark>(&json).unwrap(), mark());
    }

    #[test]
    fn a_mark_with_a_successor_comes_back_with_it() {
        let mark = mark().to(Some("demo-1".parse().unwrap()));
        let json = serde_json::to_string(&mark).unwrap();
        assert!(json.ends_with(r#","successor":"demo-1"}"#), "{json}");
        assert_eq!(serde_json::from_str::<ReleaseMark>(&json).unwrap(), mark);
    }

    /// As a reader of an older version meets the successor.
    #[test]
    fn a_mark_is_read_without_what_is_not_known_of_it() {
        let json = serde_json::to_string(&mark()).unwrap();
        let later = json.replace('}', r#","later":["x"]}"#);
        assert_eq!(serde_json::from_str::<ReleaseMark>(&later).unwrap(), mark());
    }

    #[test]
    fn a_successor_that_is_no_member_name_makes_the_mark_unreadable() {
        let json = serde_json::to_string(&mark()).unwrap();
        let spoiled = json.replace('}', r#","successor":"../x"}"#);
        let error = serde_json::from_str::<ReleaseMark>(&spoiled).unwrap_err();
        assert!(error.to_string().contains("../x"), "{error}");
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Secret::from_bits(0xfeed)), "Secret(..)");
    }

    proptest! {
        #[test]
        fn random_bits_survive_their_text(bits: u128) {
            prop_assert_eq!(Session::from_bits(bits).to_string().parse(), Ok(Session::from_bits(bits)));
            let hash = Secret::from_bits(bits).hash();
            prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,70}") {
            let _ = text.parse::<Session>();
            let _ = text.parse::<ReleaseHash>();
            let _ = serde_json::from_str::<Claim>(&text);
        }
    }
}
