//! A cluster for hand work, which outlives the command that started it.
//!
//! There is at most one for each user. It is never cleared as the leftover of
//! a crash: it runs until [`down`].

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cluster::Options;
use crate::credentials::{ADMIN, PROBE};
use crate::error::{At, Error};
use crate::files::Files;
use crate::identity::Identity;
use crate::launch::Running;
use crate::probe::ApiProbe;
use crate::process;
use crate::record::{Record, load_json, save_json};
use crate::root::{Root, remove_folder};

/// The detached cluster of this user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    folder: PathBuf,
    url: String,
    authority: String,
    token: String,
    probe_token: String,
    servers: Vec<Identity>,
}

impl State {
    /// The kubeconfig of the administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.files().kubeconfig()
    }

    /// The audit log; [`crate::audit`] reads it.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.files().audit_log()
    }

    /// The folder with the logs and all else that belongs to the cluster.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.folder
    }

    /// The address of the API server, as `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token of the administrator.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The certificate of the authority that signed the server's, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The process ids of the servers, etcd first.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.servers.iter().map(Identity::pid).collect()
    }

    fn of(running: &Running) -> Self {
        let token_of = |name| running.credentials().token_of(name).unwrap_or_default();
        Self {
            folder: running.files().folder().to_owned(),
            url: running.url.clone(),
            authority: running.pki.authority.clone(),
            token: token_of(ADMIN).to_owned(),
            probe_token: token_of(PROBE).to_owned(),
            servers: running.record().servers,
        }
    }

    fn files(&self) -> Files {
        Files::new(self.folder.clone())
    }

    /// Whether both processes run and the API server answers as it should.
    fn is_healthy(&self) -> bool {
        let probe = ApiProbe::new(&self.url, &self.authority, &self.probe_token);
        self.servers.iter().all(Identity::is_alive)
            && probe.is_ok_and(|probe| probe.is_ready().is_ok())
    }
}

/// Starts the detached cluster, or gives the one that runs. One that is not
/// healthy is removed first, with all its objects.
///
/// # Errors
///
/// Those of [`crate::Cluster::start`].
pub fn up(options: &Options) -> Result<State, Error> {
    let root = options.root()?;
    let _lock = root.lock("detached.lock")?;
    if let Some(state) = healthy(&root)? {
        return Ok(state);
    }
    let binaries = options.binaries()?;
    remove(&root)?;
    let folder = folder(&root);
    let mut builder = DirBuilder::new();
    builder.mode(0o700).create(&folder).at("create", &folder)?;
    let started = options
        .launch(binaries, folder.clone(), None)
        .and_then(|running| {
            let state = State::of(&running);
            save_json(&state_file(&folder), &state)?;
            running.detach();
            Ok(state)
        });
    if started.is_err() {
        // The first error is the one to tell; the next start removes the rest.
        let _ = remove_folder(&folder);
    }
    started
}

/// The detached cluster, if one is healthy.
///
/// # Errors
///
/// [`Error::Record`] if what [`up`] wrote cannot be read; [`Error::Io`] and
/// [`Error::FolderNotPrivate`] for the folder it stands in.
pub fn state(options: &Options) -> Result<Option<State>, Error> {
    healthy(&options.root()?)
}

/// Stops the detached cluster and removes all that it wrote. Tells whether
/// there was one, healthy or not.
///
/// # Errors
///
/// [`Error::Record`] if it is not known which processes belong to it;
/// [`Error::Io`] if its folder cannot be removed.
pub fn down(options: &Options) -> Result<bool, Error> {
    let root = options.root()?;
    let _lock = root.lock("detached.lock")?;
    remove(&root)
}

fn healthy(root: &Root) -> Result<Option<State>, Error> {
    let state: Option<State> = load_json(&state_file(&folder(root)))?;
    Ok(state.filter(State::is_healthy))
}

fn remove(root: &Root) -> Result<bool, Error> {
    let folder = folder(root);
    // The record is there as soon as a process is, the state only at the end.
    if let Some(record) = Record::load(&folder)? {
        for server in record.servers.iter().rev() {
            process::end(server);
        }
    }
    let existed = folder.exists();
    remove_folder(&folder)?;
    Ok(existed)
}

fn folder(root: &Root) -> PathBuf {
    root.path().join("detached")
}

fn state_file(folder: &Path) -> PathBuf {
    folder.join("state.json")
}
