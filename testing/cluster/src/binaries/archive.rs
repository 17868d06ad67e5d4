//! Taking the two servers, and nothing else, out of an archive.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::read::GzDecoder;
use tar::{Archive, Entry, EntryType};

use super::{NAMES, missing};
use crate::error::Error;

/// Unpacks the pair from a gzipped tar file into `folder`.
///
/// Only regular files are taken whose last name is that of a server, and they
/// are written under that name: no path, link or mode in the archive counts.
pub(super) fn unpack(url: &str, archive: &[u8], folder: &Path) -> Result<(), Error> {
    try_unpack(archive, folder).map_err(|source| Error::ArchiveUnreadable {
        url: url.to_owned(),
        source,
    })?;
    match missing(folder) {
        None => Ok(()),
        Some(missing) => Err(Error::ArchiveLacks {
            url: url.to_owned(),
            missing,
        }),
    }
}

fn try_unpack(archive: &[u8], folder: &Path) -> io::Result<()> {
    let mut archive = Archive::new(GzDecoder::new(archive));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if let Some(name) = server_in(&entry)? {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o755)
                .open(folder.join(name))?;
            io::copy(&mut entry, &mut file)?;
        }
    }
    Ok(())
}

fn server_in<R: io::Read>(entry: &Entry<'_, R>) -> io::Result<Option<&'static str>> {
    let path = entry.path()?;
    let is_this = |name: &&str| {
        path.file_name()
            .is_some_and(|last| last == OsStr::new(name))
    };
    let name = NAMES.into_iter().find(is_this);
    Ok(name.filter(|_| entry.header().entry_type() == EntryType::Regular))
}
