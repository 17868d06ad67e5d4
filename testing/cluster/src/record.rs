//! Who owns a run and which processes belong to it, on disk, so that a later
//! process can clean up after a crash.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{At, Error};
use crate::files::write_private;
use crate::identity::Identity;

/// The record of one run folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Who stops the servers. `None` for a detached cluster.
    pub(crate) owner: Option<Identity>,
    /// The servers, in the order of their start.
    pub(crate) servers: Vec<Identity>,
}

impl Record {
    /// The record of a folder; `None` if it has none.
    pub(crate) fn load(folder: &Path) -> Result<Option<Self>, Error> {
        load_json(&path(folder))
    }

    pub(crate) fn save(&self, folder: &Path) -> Result<(), Error> {
        save_json(&path(folder), self)
    }
}

/// Reads a JSON file; `None` if there is none.
pub(crate) fn load_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    let text = match fs::read_to_string(path) {
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.at("read", path)?,
    };
    let parsed = serde_json::from_str(&text).map_err(|source| Error::Record {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(parsed))
}

/// Writes a JSON file in one step: a reader sees the old text or the new one.
pub(crate) fn save_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let text = serde_json::to_string(value).map_err(|source| Error::Record {
        path: path.to_owned(),
        source,
    })?;
    let draft = path.with_extension("draft");
    write_private(&draft, &text)?;
    fs::rename(&draft, path).at("write", path)
}

fn path(folder: &Path) -> PathBuf {
    folder.join("record.json")
}
