//! Which kind of object holds the keys.

use std::fmt;
use std::str::FromStr;

use crate::settings::Kind;

/// In which kind of object the keys of a scope live. All members of a scope
/// use the same one: two kinds are two locks.
///
/// ```
/// use dcs_kubernetes::Mode;
///
/// let mode: Mode = "configmap".parse()?;
/// assert_eq!(mode, Mode::ConfigMap);
/// assert_eq!(mode.to_string(), "configmap");
/// # Ok::<(), dcs_kubernetes::InvalidMode>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "complete: Patroni knows these two kinds of object"
)]
pub enum Mode {
    /// Endpoints, as [`EndpointsDcs`](crate::EndpointsDcs).
    Endpoints,
    /// `ConfigMaps`, as [`ConfigMapDcs`](crate::ConfigMapDcs).
    ConfigMap,
}

/// A text that names no mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no mode: use endpoints or configmap")]
#[non_exhaustive]
pub struct InvalidMode {
    /// What was given, the first 80 characters of it.
    pub text: String,
}

impl Mode {
    /// The mode as text: `endpoints` or `configmap`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::ConfigMap => "configmap",
        }
    }

    /// The one that members of this mode must not meet.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Endpoints => Self::ConfigMap,
            Self::ConfigMap => Self::Endpoints,
        }
    }
}

impl From<Mode> for Kind {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Endpoints => Self::Endpoints,
            Mode::ConfigMap => Self::ConfigMap,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        match text {
            "endpoints" => Ok(Self::Endpoints),
            "configmap" => Ok(Self::ConfigMap),
            _ => Err(InvalidMode {
                text: text.chars().take(80).collect(),
            }),
        }
    }
}
