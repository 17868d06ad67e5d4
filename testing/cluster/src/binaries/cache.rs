//! The cache folder: a pair of servers is in it completely or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::missing;
use crate::error::{At, Error};
use crate::root::remove_folder;

/// What the names of unfinished folders begin with.
const DRAFT_PREFIX: &str = "draft-";

/// The place of one pair of servers.
#[derive(Debug)]
pub(super) struct Cache {
    parent: PathBuf,
    folder: PathBuf,
}

impl Cache {
    pub(super) fn new(parent: &Path, key: String) -> Self {
        Self {
            parent: parent.to_owned(),
            folder: parent.join(key),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder, if the pair is there.
    pub(super) fn hit(&self) -> Option<PathBuf> {
        missing(&self.folder).is_none().then(|| self.folder.clone())
    }

    /// Waits until no other process fills the cache.
    pub(super) fn lock(&self) -> Result<Filling<'_>, Error> {
        fs::create_dir_all(&self.parent).at("create", &self.parent)?;
        let path = self.parent.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .at("open", &path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("dcs-cluster: waiting for another process that fills the cache");
                file.lock().at("lock", &path)?;
            }
            Err(TryLockError::Error(error)) => Err(error).at("lock", &path)?,
        }
        Ok(Filling {
            cache: self,
            _lock: file,
        })
    }
}

/// The right to write to the cache.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    cache: &'a Cache,
    _lock: File,
}

impl Filling<'_> {
    /// Lets `fill` put a pair into a new folder and moves that to its place.
    /// If it fails, the cache is as before.
    pub(super) fn publish(
        &self,
        fill: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        self.remove_drafts()?;
        let parent = &self.cache.parent;
        let draft = tempfile::Builder::new()
            .prefix(DRAFT_PREFIX)
            .tempdir_in(parent)
            .at("create a folder in", parent)?;
        fill(draft.path())?;
        let folder = &self.cache.folder;
        remove_folder(folder)?;
        fs::rename(draft.path(), folder).at("move a pair of servers to", folder)?;
        Ok(folder.clone())
    }

    /// Removes what a killed process left: nobody else writes under the lock.
    fn remove_drafts(&self) -> Result<(), Error> {
        let parent = &self.cache.parent;
        for entry in fs::read_dir(parent).at("read", parent)? {
            let entry = entry.at("read", parent)?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(DRAFT_PREFIX) {
                remove_folder(&entry.path())?;
            }
        }
        Ok(())
    }
}
