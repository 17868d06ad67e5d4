//! The folder that holds all runs of one user, and the clearing of what a
//! crashed process left in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{At, Error};
use crate::identity::Identity;
use crate::process;
use crate::record::Record;

/// What the name of every owned run folder begins with.
const RUN_PREFIX: &str = "run-";

/// The folder of all runs of this user.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    /// The folder below `parent`; it is made if need be.
    ///
    /// The name can be guessed and the parent may be open to all, so a folder
    /// that someone else has put there is refused.
    pub(crate) fn open(parent: &Path) -> Result<Self, Error> {
        let uid = rustix::process::getuid().as_raw();
        let path = parent.join(format!("dcs-cluster-{uid}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(exists) if exists.kind() == ErrorKind::AlreadyExists => {}
            other => other.at("create", &path)?,
        }
        let found = fs::symlink_metadata(&path).at("look at", &path)?;
        if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
            return Err(Error::FolderNotPrivate { path });
        }
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what crashed owners left, then makes a folder for a new run.
    ///
    /// Both happen under one lock, so nobody sees a folder without its record.
    pub(crate) fn new_run(&self) -> Result<PathBuf, Error> {
        let _lock = self.lock("runs.lock")?;
        self.reap()?;
        let folder = tempfile::Builder::new()
            .prefix(RUN_PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&self.path)
            .at("create a folder in", &self.path)?
            .keep();
        let record = Record {
            owner: Identity::of(std::process::id()),
            servers: Vec::new(),
        };
        record.save(&folder)?;
        Ok(folder)
    }

    /// A lock that holds until it is dropped or its process ends.
    pub(crate) fn lock(&self, name: &str) -> Result<File, Error> {
        let path = self.path.join(name);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .at("open", &path)?;
        file.lock().at("lock", &path)?;
        Ok(file)
    }

    fn reap(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.path).at("read", &self.path)? {
            let entry = entry.at("read", &self.path)?;
            let is_run = entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with(RUN_PREFIX));
            if is_run {
                // What cannot be cleared now must not stop a new run; the
                // next start tries again.
                let _ = reap_run(&entry.path());
            }
        }
        Ok(())
    }
}

/// Ends all processes of a record and removes its folder.
pub(crate) fn remove(folder: &Path, record: &Record) -> Result<(), Error> {
    // The API server first: without its store it would only write errors.
    for server in record.servers.iter().rev() {
        process::kill(server);
    }
    remove_folder(folder)
}

/// Removes a folder with all that is in it; it may be gone already.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(()),
        other => other.at("remove", folder),
    }
}

/// Clears one run if its owner is gone. A record that cannot be read is left
/// alone: its processes are not known, so the folder is the only trace of them.
fn reap_run(folder: &Path) -> Result<(), Error> {
    let Ok(found) = Record::load(folder) else {
        return Ok(());
    };
    let Some(record) = found else {
        // Folders and records are made under the lock that is held here, and
        // removed record first only by a removal that is under way or broke off.
        return remove_folder(folder);
    };
    let owner_is_alive = record
        .owner
        .as_ref()
        .is_none_or(Identity::is_alive_under_any_name);
    if owner_is_alive {
        return Ok(());
    }
    remove(folder, &record)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::process::Process;

    struct Fixture {
        root: Root,
        parent: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let parent = tempfile::tempdir().unwrap();
        let root = Root::open(parent.path()).unwrap();
        Fixture { root, parent }
    }

    fn sleeper(folder: &Path) -> Process {
        let arguments = ["600".to_owned()];
        Process::spawn(
            Path::new("/bin/sleep"),
            &arguments,
            &folder.join("log"),
            false,
        )
        .unwrap()
    }

    fn dead() -> Identity {
        Identity::gone(std::process::id())
    }

    #[test]
    fn a_run_of_a_dead_owner_is_cleared_with_its_processes() {
        let fixture = fixture();
        let crashed = fixture.root.new_run().unwrap();
        let server = sleeper(&crashed);
        let record = Record {
            owner: Some(dead()),
            servers: vec![server.identity().clone()],
        };
        record.save(&crashed).unwrap();

        fixture.root.new_run().unwrap();

        assert!(!server.identity().is_alive());
        assert!(!crashed.exists());
        server.end();
    }

    #[test]
    fn a_run_of_a_living_owner_is_left_alone() {
        let fixture = fixture();
        let running = fixture.root.new_run().unwrap();
        let server = sleeper(&running);
        let record = Record {
            owner: Identity::of(std::process::id()),
            servers: vec![server.identity().clone()],
        };
        record.save(&running).unwrap();

        fixture.root.new_run().unwrap();

        assert!(server.identity().is_alive());
        assert!(running.exists());
        server.end();
    }

    #[test]
    fn a_process_that_only_has_the_number_of_a_crashed_server_is_not_killed() {
        let fixture = fixture();
        let crashed = fixture.root.new_run().unwrap();
        let innocent = sleeper(fixture.parent.path());
        let record = Record {
            owner: Some(dead()),
            servers: vec![Identity::gone(innocent.identity().pid())],
        };
        record.save(&crashed).unwrap();

        fixture.root.new_run().unwrap();

        assert!(innocent.identity().is_alive());
        innocent.end();
    }

    #[test]
    fn a_run_with_an_unreadable_record_is_left_alone() {
        let fixture = fixture();
        let odd = fixture.root.new_run().unwrap();
        fs::write(odd.join("record.json"), "?").unwrap();

        fixture.root.new_run().unwrap();

        assert!(odd.exists());
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let fixture = fixture();
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(fixture.root.path(), open).unwrap();

        let refused = Root::open(fixture.parent.path());

        assert!(matches!(refused, Err(Error::FolderNotPrivate { .. })));
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(elsewhere.path(), private).unwrap();
        let uid = rustix::process::getuid().as_raw();
        let link = parent.path().join(format!("dcs-cluster-{uid}"));
        std::os::unix::fs::symlink(elsewhere.path(), link).unwrap();

        let refused = Root::open(parent.path());

        assert!(matches!(refused, Err(Error::FolderNotPrivate { .. })));
    }
}
