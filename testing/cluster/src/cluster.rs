//! A cluster that lives as long as its value.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::binaries::{Binaries, Search};
use crate::credentials::{ADMIN, Credentials, User};
use crate::error::Error;
use crate::files::Files;
use crate::identity::Identity;
use crate::launch::{Launch, Running};
use crate::process::Server;
use crate::root::{Root, remove_folder};

/// How to start a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    binaries: Option<Binaries>,
    parent: Option<PathBuf>,
    ready_limit: Duration,
    users: Vec<User>,
}

impl Options {
    /// The defaults: servers by [`Search::from_env`], folders below the
    /// temporary folder of the system, one minute to become ready, no user but
    /// the administrator.
    #[must_use]
    pub fn new() -> Self {
        Self {
            binaries: None,
            parent: None,
            ready_limit: Duration::from_secs(60),
            users: Vec::new(),
        }
    }

    /// Starts these servers instead of searching for some.
    #[must_use]
    pub fn with_binaries(mut self, binaries: Binaries) -> Self {
        self.binaries = Some(binaries);
        self
    }

    /// Keeps the folders of all runs below this one. Runs under different
    /// parents do not see, and do not clean up, each other.
    #[must_use]
    pub fn with_parent(mut self, parent: impl Into<PathBuf>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Waits at most this long for each server to become ready.
    #[must_use]
    pub fn with_ready_limit(mut self, limit: Duration) -> Self {
        self.ready_limit = limit;
        self
    }

    /// Adds a user without rights.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    pub(crate) fn root(&self) -> Result<Root, Error> {
        let parent = self.parent.clone().unwrap_or_else(env::temp_dir);
        Root::open(&parent)
    }

    pub(crate) fn binaries(&self) -> Result<Binaries, Error> {
        match &self.binaries {
            Some(given) => Ok(given.clone()),
            None => Search::from_env().find(),
        }
    }

    pub(crate) fn launch(
        &self,
        binaries: Binaries,
        folder: PathBuf,
        owner: Option<Identity>,
    ) -> Result<Running, Error> {
        let launch = Launch {
            binaries,
            files: Files::new(folder),
            credentials: Credentials::generate(&self.users)?,
            owner,
            ready_limit: self.ready_limit,
        };
        launch.run()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// A running etcd and kube-apiserver. Dropping it stops both and removes all
/// that they wrote.
#[derive(Debug)]
pub struct Cluster {
    running: Running,
}

impl Cluster {
    /// Starts both servers on free loopback ports and waits until the API
    /// server is ready and has made the namespace `default`.
    ///
    /// It first clears what crashed processes of the same user left behind.
    /// The first start on a machine may build the servers, which takes minutes.
    ///
    /// # Errors
    ///
    /// Those of [`Search::find`]; [`Error::Exited`] or [`Error::NotReady`] with
    /// the last lines of the server's log; [`Error::Io`] for the run folder.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let binaries = options.binaries()?;
        let folder = options.root()?.new_run()?;
        let owner = Identity::of(std::process::id());
        match options.launch(binaries, folder.clone(), owner) {
            Ok(running) => Ok(Self { running }),
            Err(error) => {
                // The first error is the one to tell; the next start clears.
                let _ = remove_folder(&folder);
                Err(error)
            }
        }
    }

    /// The kubeconfig of the administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.running.files().kubeconfig()
    }

    /// The kubeconfig of a user of [`Options::with_user`].
    #[must_use]
    pub fn user_kubeconfig(&self, user: &User) -> PathBuf {
        self.running.files().user_kubeconfig(user.name())
    }

    /// The token of the administrator.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token_of(ADMIN)
    }

    /// The token of a user of [`Options::with_user`]; empty, and so good for
    /// nothing, for one who was not given there.
    #[must_use]
    pub fn user_token(&self, user: &User) -> &str {
        self.token_of(user.name())
    }

    /// The address of the API server, as `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// The certificate of the authority that signed the server's, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.running.pki.authority
    }

    /// The audit log; [`crate::audit`] reads it.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.running.files().audit_log()
    }

    /// The folder with the logs and all else that belongs to this run.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        self.running.files().folder()
    }

    /// The process ids of the servers that run, etcd first.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let servers = self.running.record().servers;
        servers.iter().map(Identity::pid).collect()
    }

    /// Stops the API server alone; all objects stay in etcd.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the record of the run cannot be written.
    pub fn stop_api_server(&mut self) -> Result<(), Error> {
        self.running.end_api()
    }

    /// Kills the API server alone, as a crash does: what it was asked stays
    /// unanswered, its connections end, and then they are refused. All objects
    /// stay in etcd.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the record of the run cannot be written.
    pub fn kill_api_server(&mut self) -> Result<(), Error> {
        self.running.kill_api()
    }

    /// Starts the API server again, on the same port and with the same tokens,
    /// and waits until it is ready. One that still runs is stopped first.
    ///
    /// # Errors
    ///
    /// [`Error::Exited`] or [`Error::NotReady`], as for [`Cluster::start`].
    pub fn restart_api_server(&mut self) -> Result<(), Error> {
        self.running.end_api()?;
        self.running.start_api()
    }

    /// Holds a server where it stands: its connections stay open and nothing
    /// is answered. A stopped one is left stopped.
    pub fn freeze(&self, server: Server) {
        if let Some(process) = self.running.process(server) {
            process.freeze();
        }
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self, server: Server) {
        if let Some(process) = self.running.process(server) {
            process.thaw();
        }
    }

    /// Stops both servers and removes the run folder, as a drop does, and
    /// tells whether that worked.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be removed.
    pub fn stop(mut self) -> Result<(), Error> {
        self.running.end_all();
        remove_folder(self.run_dir())
    }

    fn token_of(&self, name: &str) -> &str {
        self.running
            .credentials()
            .token_of(name)
            .unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.running.end_all();
        // A drop has nobody to tell; the next start clears what is left.
        let _ = remove_folder(self.run_dir());
    }
}
