//! Which setting is wrong, and what is allowed.

use std::path::PathBuf;

/// A setting that cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value:?}: {why}")]
#[non_exhaustive]
pub struct SettingError {
    /// Where it stands: a path in the file, or a variable.
    pub setting: String,
    /// What was given, the first 80 characters of it.
    pub value: String,
    /// What is allowed.
    pub why: String,
}

/// Why a file with settings could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Name a file that is there and may be read.
    #[error("the settings in {} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Correct the YAML.
    #[error("the settings are no YAML object")]
    Yaml(#[source] dcs_core::BoxError),
    /// Correct the setting.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl SettingError {
    pub(super) fn new(setting: String, value: &str, why: String) -> Self {
        Self {
            setting,
            value: value.chars().take(80).collect(),
            why,
        }
    }
}

impl From<serde_saphyr::Error> for FileError {
    fn from(error: serde_saphyr::Error) -> Self {
        Self::Yaml(error.into())
    }
}
