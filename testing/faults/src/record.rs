//! What tests leave behind for the table.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The variable that names the folder which records are kept in. Without it
/// nothing is kept.
pub const RECORDS: &str = "DCS_FAULT_RECORDS";

/// One row as one test has met it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// The number in the catalogue.
    pub row: u32,
    /// The file of the test, from the workspace's folder on.
    pub file: String,
    /// The path of the test in its file.
    pub test: String,
    /// How often the fault came about.
    pub hits: u64,
}

/// Records that cannot be kept or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Check that the folder of the records exists and can be written.
    #[error("the record at {} cannot be reached", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Remove the folder and run the tests again.
    #[error("{} holds no record", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
}

impl Record {
    /// Keeps the record where [`RECORDS`] says, in place of the one that an
    /// earlier run of the test has left.
    pub(crate) fn keep(&self) -> Result<(), RecordError> {
        match std::env::var_os(RECORDS) {
            Some(folder) => self.keep_in(Path::new(&folder)),
            None => Ok(()),
        }
    }

    fn keep_in(&self, folder: &Path) -> Result<(), RecordError> {
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let name = format!(
            "{}.{}.{}.json",
            self.row,
            plain(&self.file),
            plain(&self.test)
        );
        let path = folder.join(name);
        let io = |source| RecordError::Io {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(folder).map_err(io)?;
        let text = serde_json::to_vec(self).map_err(|source| RecordError::Format {
            path: path.clone(),
            source,
        })?;
        fs::write(&path, text).map_err(io)
    }
}

/// All records of a folder, by row, file and test.
///
/// # Errors
/// [`RecordError`] where one cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Record>, RecordError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        |source| RecordError::Io { path, source }
    };
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let path = entry.map_err(io(folder))?.path();
        let text = fs::read(&path).map_err(io(&path))?;
        let record = serde_json::from_slice(&text);
        records.push(record.map_err(|source| RecordError::Format { path, source })?);
    }
    records.sort();
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(row: u32, hits: u64) -> Record {
        Record {
            row,
            file: "a/tests/b.rs".to_owned(),
            test: "it_holds".to_owned(),
            hits,
        }
    }

    #[test]
    fn a_later_run_replaces_the_record_of_an_earlier_one() {
        let folder = tempfile::tempdir().expect("a folder");
        for kept in [record(7, 1), record(7, 3), record(5, 2)] {
            kept.keep_in(folder.path()).expect("it is kept");
        }
        let found = read(folder.path()).expect("they are read");
        assert_eq!(found, [record(5, 2), record(7, 3)]);
    }

    #[test]
    fn what_is_no_record_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("7.json"), "{}").expect("it is written");
        let error = read(folder.path()).expect_err("it is no record");
        assert!(error.to_string().contains("7.json"), "{error}");
    }
}
